"""The commands of enabled plugins, without importing or searching for plugins: a cached index in the workspace."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from crmcore.config import FILE_NAME, find_workspace
from crmcore.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

INDEX = ".crm-index.json"


def enabled_commands(given_folder: str | None) -> dict[str, tuple[str, str]]:
    """Return name → (help, target) of the enabled plugins' commands; {} outside a workspace."""
    folder = find_workspace(given_folder)
    try:
        enabled = tomllib.loads((folder / FILE_NAME).read_text(encoding="utf-8-sig"))["plugins"]["enabled"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(enabled, list) or not enabled:
        return {}
    entries = _cached(folder, enabled)
    if entries is None:
        entries = _searched(folder, enabled)
    return {e["name"]: (e["help"], e["target"]) for e in entries}


def _cached(folder: Path, enabled: list[str]) -> list[dict[str, str]] | None:
    from importlib.util import find_spec
    from pathlib import Path

    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["enabled"] != enabled:
            return None
        for package, stamp in index["manifests"].items():
            spec = find_spec(package)
            path = (
                Path(spec.submodule_search_locations[0]) / "plugin.json"
                if spec and spec.submodule_search_locations
                else None
            )
            if path is None or path.stat().st_mtime_ns != stamp:
                return None
        entries: list[dict[str, str]] = index["commands"]
    except (OSError, ValueError, KeyError, TypeError, ImportError):
        return None
    return entries


def _searched(folder: Path, enabled: list[str]) -> list[dict[str, str]]:
    """Look for the plugins; what is found is kept only if all are there: one may come back."""
    from crmcore.errors import PluginError
    from crmcore.plugins.discovery import installed

    entries: list[dict[str, str]] = []
    manifests: dict[str, int] = {}
    known = installed()
    complete = True
    for name in enabled:
        try:
            manifest = known[name].manifest()
        except (KeyError, TypeError, PluginError):
            complete = False
            continue
        entries += [dict(command) for command in manifest.commands]
        path = manifest.folder / "plugin.json" if manifest.folder else None
        if path is not None and path.exists():
            manifests[manifest.package] = path.stat().st_mtime_ns
    if complete:
        _store(folder, {"enabled": enabled, "manifests": manifests, "commands": entries})
    return entries


def _store(folder: Path, index: dict[str, Any]) -> None:
    try:
        write_atomically(folder / INDEX, json.dumps(index).encode())
    except OSError:
        return  # a read-only workspace is searched each time
