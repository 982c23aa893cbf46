"""A plugin's settings: what crm.toml says, checked against the plugin's schema, defaults filled in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from crmcore.config import FILE_NAME, MEMORY, Config
from crmcore.settings.validation import check_once, with_defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmcore.plugins.manifest import Manifest


def plugin_settings(
    config: Config, manifest: Manifest, warn: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Return the effective settings; BadConfig names file or variable, key, value and what is allowed.

    `warn` is told of variables of the environment that are meant for this plugin and name none of its keys.
    """
    given = config.plugin_settings(manifest.name)
    schema = manifest.settings_schema
    start = f"CRM_PLUGIN_{manifest.name.upper()}__"
    if any(name.startswith(start) for name in os.environ):
        from crmcore.builtin.administration.settings.environment import overridden

        given = overridden(config, manifest, warn)
    elif given:
        check_once(config.folder / MEMORY, given, schema, FILE_NAME, f"plugins.{manifest.name}")
    return with_defaults(schema, given)
