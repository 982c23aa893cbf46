"""Settings from the environment: `CRM_PLUGIN_<NAME>__<KEY>`, which counts more than crm.toml."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.keys import Path, known_paths, schema_at, with_value
from crmcore.builtin.administration.settings.words import read_words
from crmcore.config import FILE_NAME, MEMORY
from crmcore.errors import BadConfig
from crmcore.i18n import _
from crmcore.settings.validation import check, check_once
from crmcore.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmcore.config import Config
    from crmcore.plugins.manifest import Manifest


def variable_of(plugin: str, path: Path) -> str:
    """Return the variable of a key: capitals, two underscores before each part of the key."""
    return "__".join([f"CRM_PLUGIN_{plugin}", *(re.sub(r"\W", "_", part) for part in path)]).upper()


def given_variables(config: Config, manifest: Manifest) -> dict[str, Path]:
    """Return the variables that are set for a plugin's keys, in order; tables before what they hold."""
    return {name: path for name, path in _variables(config, manifest).items() if name in os.environ}


def _variables(config: Config, manifest: Manifest) -> dict[str, Path]:
    paths = known_paths(manifest.settings_schema, config.plugin_settings(manifest.name))
    return {variable_of(manifest.name, path): path for path in paths}


def unknown_variables(config: Config, manifest: Manifest) -> list[str]:
    """Say which variables are meant for this plugin and name none of its keys."""
    known = _variables(config, manifest)
    start = variable_of(manifest.name, ("",))
    sentences = []
    for name in sorted(set(os.environ) - set(known)):
        if name.startswith(start):
            near = get_close_matches(name, known, n=1)
            hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
            message = _(
                "the variable {name} of the environment names no setting of {plugin!r}{hint}; correct it"
            )
            sentences.append(printable(message.format(name=name, plugin=manifest.name, hint=hint)))
    return sentences


def overridden(
    config: Config, manifest: Manifest, warn: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Return what crm.toml and the environment say of a plugin, checked; BadConfig names the file or the variable."""
    for sentence in unknown_variables(config, manifest) if warn else ():
        warn(sentence)  # type: ignore[misc]  # there is none without it
    schema, prefix = manifest.settings_schema, f"plugins.{manifest.name}"
    steps = [(FILE_NAME, config.plugin_settings(manifest.name))]
    for name, path in given_variables(config, manifest).items():
        value = read_words(os.environ[name], schema_at(schema, path), name)
        steps.append((name, with_value(steps[-1][1], path, value)))
    try:
        check_once(config.folder / MEMORY, steps[-1][1], schema, FILE_NAME, prefix)
    except BadConfig:
        for label, values in steps:  # the first one that is wrong is the one to name
            check(values, schema, label, prefix)
        raise
    return steps[-1][1]
