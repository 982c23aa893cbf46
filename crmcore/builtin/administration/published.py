"""Where the published schemas lie: inside the packages; `schemas/` of the repository mirrors them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.config import SCHEMAS
from crmcore.plugins.discovery import installed
from crmcore.plugins.host import BUILTINS
from crmcore.plugins.manifest import package_folder

if TYPE_CHECKING:
    from pathlib import Path


def published_schemas() -> dict[str, Path]:
    """Return file name → file: the core's under their own names, a plugin's as `<plugin>.<name>.schema.json`."""
    found = {path.name: path for path in sorted(SCHEMAS.glob("*.schema.json"))}
    packages = {name: f"crmcore.builtin.{name}" for name in BUILTINS}
    packages.update({plugin.name: plugin.package for plugin in installed().values()})
    for name, package in packages.items():
        folder = package_folder(package)
        if folder is not None:
            for path in [*folder.glob("*.schema.json"), *folder.glob("schemas/*.schema.json")]:
                found[f"{name}.{path.name}"] = path
    return dict(sorted(found.items()))
