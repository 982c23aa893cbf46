"""A schema of crm.toml for editors, beside it: the core's keys and those of the plugins that are enabled."""

from __future__ import annotations

import json
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.keys import is_secret
from crmcore.builtin.administration.settings.secrecy import REFERENCE
from crmcore.config import SCHEMAS, load_config
from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import set_language, translate
from crmcore.plugins.discovery import installed
from crmcore.plugins.host import BUILTINS
from crmcore.plugins.manifest import Manifest, read_manifest
from crmcore.settings.validation import load_schema

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.config import Config

NAME = ".crm-schema.json"
"""Named by the first line of a new crm.toml, `#:schema ./.crm-schema.json`, which many editors follow."""


def write_editor_schema(folder: Path) -> None:
    """Write the schema into a workspace, where it can be written and differs; texts are in the company's language."""
    with suppress(
        Exception
    ):  # it is a help for editors; whatever a plugin's schema is made of, the work goes on
        config = load_config(folder)
        text = json.dumps(copy_context().run(editor_schema, config), ensure_ascii=False).encode()
        path = folder / NAME
        if not path.exists() or path.read_bytes() != text:
            write_atomically(path, text)


def editor_schema(config: Config) -> dict[str, Any]:
    """Return the schema of crm.toml with the settings of the built-in and the enabled plugins."""
    set_language(config.data["company"]["language"])
    schema: dict[str, Any] = _for_editors(load_schema(SCHEMAS / "crm_toml.schema.json"), "#", "crmcore")
    known = schema["properties"]["plugins"]["properties"]
    for manifest in _manifests(config):
        with suppress(CrmError):
            settings = manifest.settings_schema
            if settings.get("properties"):
                place = f"#/properties/plugins/properties/{manifest.name}"
                known[manifest.name] = _for_editors(settings, place, manifest.package.split(".")[0])
    return schema


def _manifests(config: Config) -> list[Manifest]:
    found = [read_manifest(name, f"crmcore.builtin.{name}") for name in BUILTINS]
    there = installed()
    for name in config.enabled:
        with suppress(CrmError):
            if name in there:
                found.append(there[name].manifest())
    return found


def _for_editors(node: Any, place: str, package: str) -> Any:
    """Return a schema that stands at a place of another one, in the user's language, without what is ours alone."""
    if isinstance(node, list):
        return [_for_editors(part, place, package) for part in node]
    if not isinstance(node, dict):
        return node
    if is_secret(node):
        texts = {key: node[key] for key in ("title", "description") if key in node}
        places = {
            name: {"type": "string", "pattern": sub["pattern"]}
            for name, sub in REFERENCE["properties"].items()
        }
        node = {**texts, **REFERENCE, "properties": places, "x-secret": None}
    kept = {key: part for key, part in node.items() if not key.startswith(("x-", "$schema", "$id"))}
    return {key: _part(key, part, place, package) for key, part in kept.items()}


def _part(key: str, part: Any, place: str, package: str) -> Any:
    if isinstance(part, str) and key in {"title", "description"}:
        return translate(package, part)
    if isinstance(part, str) and key == "$ref":
        return place + part.removeprefix("#") if part.startswith("#") else part
    return _for_editors(part, place, package)
