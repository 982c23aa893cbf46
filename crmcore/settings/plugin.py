"""A plugin's settings: what crm.toml says, checked against the plugin's schema, defaults filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.config import FILE_NAME, MEMORY, Config
from crmcore.settings.validation import check_once, with_defaults

if TYPE_CHECKING:
    from crmcore.plugins.manifest import Manifest


def plugin_settings(config: Config, manifest: Manifest) -> dict[str, Any]:
    """Return the effective settings; BadConfig names file, key, value and what is allowed."""
    given = config.plugin_settings(manifest.name)
    schema = manifest.settings_schema
    if given:
        check_once(config.folder / MEMORY, given, schema, FILE_NAME, f"plugins.{manifest.name}")
    return with_defaults(schema, given)
