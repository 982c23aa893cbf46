"""Plugins that live for one test, installed as pip would have done it."""

from __future__ import annotations

import importlib
import json
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

Files = Mapping[str, str]
"""Name in the package → text."""


@dataclass
class TestPlugin:
    """A plugin as if pip had installed it: a package or module, and its dist-info."""

    __test__ = False

    name: str
    site: Path
    version: str
    module: str | None
    distribution: str

    @property
    def package(self) -> str:
        """Name of its import package."""
        return f"crmcore_{self.name}"

    @property
    def folder(self) -> Path:
        """Its package; of a plain module the folder that holds it."""
        return self.site / self.package if self.module else self.site

    @property
    def entry(self) -> str:
        """Name of the module with its hooks."""
        return f"{self.package}.{self.module}" if self.module else self.package

    @property
    def info(self) -> Path:
        """Folder of its metadata."""
        return self.site / f"{self.distribution.replace('-', '_')}-{self.version}.dist-info"

    def write(self, files: Files) -> None:
        """Write files into the package and record their hashes, as an upgrade does."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self._describe()

    def code(self, text: str) -> None:
        """Replace the module of the hooks."""
        self.write({f"{self.entry.split('.')[-1]}.py": text})

    def _describe(self) -> None:
        self.info.mkdir(parents=True, exist_ok=True)
        self.info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {self.distribution}\nVersion: {self.version}\n", encoding="utf-8"
        )
        self.info.joinpath("entry_points.txt").write_text(
            f"[crmcore.plugins]\n{self.name} = {self.entry}\n", encoding="utf-8"
        )
        lines = []
        for path in sorted(self.site.rglob("*")):
            if path.is_file() and path.name != "RECORD" and "__pycache__" not in path.parts:
                digest = urlsafe_b64encode(sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
                lines.append(
                    f"{path.relative_to(self.site).as_posix()},sha256={digest},{path.stat().st_size}"
                )
        self.info.joinpath("RECORD").write_text("\n".join(lines) + "\n", encoding="utf-8")
        importlib.invalidate_caches()

    @property
    def imported(self) -> bool:
        """Whether any of its modules is imported in this process."""
        return any(name.split(".")[0] == self.package for name in sys.modules)

    def forget(self) -> None:
        """Take its modules and tables out of this process, as if it had just started."""
        from crmcore.db.base import metadata
        from crmcore.i18n import locale_dir

        for name in [n for n in sys.modules if n.split(".")[0] == self.package]:
            for value in list(vars(sys.modules.pop(name)).values()):
                table = getattr(value, "__table__", None)
                if table is not None and getattr(value, "__module__", "").split(".")[0] == self.package:
                    metadata.remove(table)
        locale_dir.cache_clear()
        importlib.invalidate_caches()

    def uninstall(self) -> None:
        """Remove it from the disk and from this process."""
        self.forget()
        rmtree(self.site)
        importlib.invalidate_caches()


PluginInstaller = Callable[..., TestPlugin]
"""(name, code, manifest, version, module, files, distribution) → TestPlugin."""


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginInstaller]:
    """Install plugins that are gone after the test.

    name: of the entry point; the package is `crmcore_<name>`. code: the module with the hooks. manifest: plugin.json.
    module: name of that module in the package; None = the plugin is one plain module. files: more files of the package.
    """
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made: list[TestPlugin] = []

    def install(  # noqa: PLR0913, PLR0917  (what a wheel may hold, mostly left out)
        name: str,
        code: str,
        manifest: Mapping[str, Any] | str | None = None,
        version: str = "1.0",
        module: str | None = "plugin",
        files: Files | None = None,
        distribution: str | None = None,
    ) -> TestPlugin:
        site = tmp_path / f"site{len(made)}"
        plugin = TestPlugin(
            name, site, version, module, distribution or f"crmcore-{name.replace('_', '-')}-test"
        )
        made.append(plugin)
        contents = {f"{plugin.entry.split('.')[-1]}.py": code, **(files or {})}
        if module:
            contents["__init__.py"] = ""
        if manifest is not None:
            contents["plugin.json"] = manifest if isinstance(manifest, str) else json.dumps(manifest)
        plugin.write(contents)
        monkeypatch.syspath_prepend(str(site))
        return plugin

    yield install
    for plugin in made:
        plugin.forget()
