"""What each distribution has published, as it is now and as its snapshots hold it.

A snapshot is one JSON file per distribution and part, `crmcore.hooks.json`: the version that it was taken of, and the
names, sorted, each on lines of its own.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from packaging.version import Version

from crmcore import facts, hookspecs
from tools.contract import describe, schemas
from tools.contract.difference import Difference
from tools.contract.names import compare_facts, compare_hooks, compare_names
from tools.workspace import ROOT, Distribution, distributions

FOLDER = ROOT / "tests" / "contract" / "snapshots"
COMPARE: dict[str, Callable[[Any, Any], Iterator[Difference]]] = {
    "api": compare_names,
    "testing": compare_names,
    "hooks": compare_hooks,
    "facts": compare_facts,
    "schemas": schemas.compare_schemas,
}


@dataclass(frozen=True)
class Part:
    """One part of what a distribution has published: `api`, `testing`, `hooks`, `facts` or `schemas`."""

    distribution: str
    name: str
    version: str
    names: Mapping[str, Any]

    @property
    def title(self) -> str:
        """How its names are introduced."""
        package = "crmcore" if self.distribution == "crmcore" else f"crmcore_{self.distribution}"
        return f"{package}.{self.name}" if self.name in {"api", "testing"} else self.distribution

    @property
    def file_name(self) -> str:
        """The name of its snapshot."""
        return f"{self.distribution}.{self.name}.json"

    @property
    def text(self) -> str:
        """The contents of its snapshot."""
        contents = {"version": self.version, self.name: self.names}
        return json.dumps(contents, indent=1, ensure_ascii=False, sort_keys=False) + "\n"

    def differences(self, snapshot: Mapping[str, Any]) -> list[Difference]:
        """Compare it with its snapshot; without one all is new."""
        return list(COMPARE[self.name](snapshot.get(self.name, {}), self.names))


def step(version: str) -> tuple[int, ...]:
    """Return what must grow before anything may break: 0.x in the time before 1.0, the first number after it."""
    release = Version(version).release
    return (0, *release[1:2]) if release[0] == 0 else release[:1]


def present() -> Iterator[Part]:
    """Describe every distribution of this checkout as it is now."""
    for distribution in distributions():
        name = "crmcore" if distribution.folder == ROOT else distribution.folder.name
        project = tomllib.loads((distribution.folder / "pyproject.toml").read_text(encoding="utf-8"))
        for part, names in _parts(distribution):
            yield Part(name, part, project["project"]["version"], names)


def _parts(distribution: Distribution) -> Iterator[tuple[str, Mapping[str, Any]]]:
    package = distribution.package
    if (package / "api.py").exists():
        yield "api", describe.module_names(import_module(f"{package.name}.api"))
    if distribution.folder == ROOT:
        yield "testing", describe.module_names(import_module("crmcore.testing"))
        yield "hooks", describe.hooks(hookspecs)
        yield "facts", {fact: list(columns) for fact, columns in sorted(facts.FACTS.items())}
    if files := dict(sorted(_schema_files(distribution))):
        read = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}
        yield "schemas", {name: schemas.describe(schema) for name, schema in read.items()}


def _schema_files(distribution: Distribution) -> Iterator[tuple[str, Path]]:
    """Give the published schemas: the package's, `schemas/` below it, the core's built-ins under their names."""
    package = distribution.package
    for path in [*package.glob("*.schema.json"), *package.glob("schemas/*.schema.json")]:
        yield path.name, path
    for path in package.glob("builtin/*/**/*.schema.json"):
        yield f"{path.relative_to(package).parts[1]}.{path.name}", path


def snapshot(folder: Path, file_name: str) -> dict[str, Any]:
    """Read a snapshot; {} if there is none."""
    path = folder / file_name
    if not path.exists():
        return {}
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def lost(folder: Path, parts: list[Part]) -> Iterator[Part]:
    """Give what has a snapshot and is not there at all any more, as parts without names."""
    versions = {part.distribution: part.version for part in parts}
    known = {part.file_name for part in parts}
    for path in sorted(folder.glob("*.json")):
        distribution, name, _json = path.name.split(".")
        if path.name not in known:
            yield Part(distribution, name, versions.get(distribution, "0"), {})
