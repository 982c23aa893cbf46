"""A plugin's manifest, `plugin.json` in its package: read as a file, without importing the package."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crmcore.errors import BadConfig, PluginError
from crmcore.i18n import _

_FILES = ("settings", "card_fields")


@dataclass(frozen=True)
class Manifest:
    """What a plugin says of itself; absent keys have their defaults."""

    name: str
    package: str
    folder: Path | None
    values: dict[str, Any]

    @property
    def title(self) -> str:
        """What people call it (English)."""
        return str(self.values.get("title", self.name))

    @property
    def api(self) -> str:
        """The range of core versions that it works with."""
        return str(self.values.get("api", ">=0.1,<1"))

    @property
    def requires(self) -> tuple[str, ...]:
        """Plugins that must be enabled too."""
        return tuple(self.requirements)

    @property
    def requirements(self) -> dict[str, str]:
        """Plugin that must be enabled too → range of its versions; empty = any."""
        words = [re.split(r"(?=[^a-z0-9_])", entry, maxsplit=1) for entry in self.values.get("requires", ())]
        return {name: "".join(rest).strip() for name, *rest in words}

    @property
    def table_prefix(self) -> str:
        """What its tables' names begin with."""
        return str(self.values.get("table_prefix", self.name))

    @property
    def commands(self) -> tuple[dict[str, str], ...]:
        """Its commands: name, help, target (`module:attribute`)."""
        return tuple(self.values.get("commands", ()))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Names of the permissions that it adds."""
        return tuple(self.permission_titles)

    @property
    def permission_titles(self) -> dict[str, str]:
        """Name → what the permission allows (English)."""
        return {p["name"]: p["title"] for p in self.values.get("permissions", ())}

    @cached_property
    def settings_schema(self) -> dict[str, Any]:
        """The JSON Schema of its settings; without one, no settings are known."""
        return self._schema("settings") or {"type": "object", "properties": {}, "additionalProperties": False}

    @cached_property
    def card_fields(self) -> dict[str, Any]:
        """The fields that it adds to the customer card: name → schema, as in customer_card.schema.json."""
        properties: dict[str, Any] = self._schema("card_fields").get("properties", {})
        return properties

    @property
    def hookspecs(self) -> str:
        """The module of its own that declares hooks for those who require it; empty = it declares none."""
        return str(self.values.get("hookspecs", ""))

    def _schema(self, key: str) -> dict[str, Any]:
        """Read the JSON Schema that a key of the manifest names, or that has the key's name; {} without one."""
        name = str(self.values.get(key, f"{key}.schema.json"))
        if self.folder is None or (key not in self.values and not (self.folder / name).exists()):
            return {}
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise _unreadable(self.name, path, _("it lies outside the package"))
        try:
            schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _unreadable(self.name, path, error) from None
        if not isinstance(schema, dict):
            raise _unreadable(self.name, path, _("it is not a JSON object"))
        return schema

    @property
    def migrations(self) -> Path | None:
        """The folder of its migrations, if it has one."""
        if self.folder is None:
            return None
        folder = self.folder / str(self.values.get("migrations", "migrations"))
        return folder if folder.is_dir() or "migrations" in self.values else None


def package_folder(package: str) -> Path | None:
    """Find a package's folder without importing it; None for a plain module."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def read_manifest(name: str, package: str) -> Manifest:
    """Read and check a plugin's manifest; defaults if it has none."""
    folder = package_folder(package)
    path = folder / "plugin.json" if folder else None
    if path is None or not path.exists():
        return Manifest(name, package, folder, {})
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(name, path, error) from None
    manifest = Manifest(name, package, folder, values)
    if not _usable(values):
        check_manifest(manifest)  # the schema says it best
        raise _unreadable(name, path, _("it is not a manifest"))
    return manifest


def _unreadable(name: str, path: Path, error: object) -> PluginError:
    return PluginError(
        _("plugin {plugin!r}: {file} cannot be read: {error}").format(plugin=name, file=path, error=error)
    )


def _usable(values: Any) -> bool:
    """Look at types only: every command reads manifests, and loading the validator takes longer than all the rest."""
    if not isinstance(values, dict):
        return False
    texts = ("title", "description", "api", "table_prefix", "migrations", *_FILES, "hookspecs")
    lists = {"requires": (), "commands": ("name", "help", "target"), "permissions": ("name", "title")}
    return all(isinstance(values.get(key, ""), str) for key in texts) and all(
        isinstance(values.get(key, []), list) and all(_is_item(item, names) for item in values.get(key, []))
        for key, names in lists.items()
    )


def _is_item(item: Any, names: tuple[str, ...]) -> bool:
    if not names:
        return isinstance(item, str)
    roles = item.get("roles", []) if isinstance(item, dict) else None
    return isinstance(roles, list) and all(isinstance(text, str) for text in (*map(item.get, names), *roles))


def check_manifest(manifest: Manifest) -> None:
    """Raise PluginError if the manifest breaks `schemas/plugin.schema.json`, or its settings schema is none."""
    from jsonschema import Draft202012Validator, SchemaError

    from crmcore.config import SCHEMAS
    from crmcore.settings.validation import check, load_schema

    try:
        check(manifest.values, load_schema(SCHEMAS / "plugin.schema.json"), f"{manifest.package}/plugin.json")
        Draft202012Validator.check_schema(manifest.settings_schema)
    except BadConfig as error:
        raise PluginError(str(error)) from None
    except SchemaError as error:
        path = str(manifest.values.get("settings", "settings.schema.json"))
        raise _unreadable(manifest.name, Path(manifest.package, path), error.message) from None
