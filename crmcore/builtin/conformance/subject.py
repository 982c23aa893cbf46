"""The plugin that is checked, as its process sees it; what several checks need is made once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.findings import NotRun, said
from crmcore.errors import PluginError
from crmcore.i18n import _
from crmcore.plugins.discovery import Installed, get_installed, installed

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.manifest import Manifest

ACTOR = "checker"
"""The administrator of the companies that are made here."""
BIG_SOURCE = 1_000_000
_MOST_FILES = 5_000


class Subject:
    """A plugin with what is known of it; parts raise NotRun where a check before has failed on them."""

    def __init__(self, name: str, folder: Path, failed: Iterable[str] = (), postgres: str = "") -> None:
        """Look at nothing yet. folder: room for companies; postgres: URL of a server that may be used freely, or ""."""
        self.name = name
        self.folder = folder
        self.failed = set(failed)
        self.postgres = postgres
        self.now = datetime.now(UTC)
        self.kept: dict[str, Any] = {}
        """What a check leaves for a later one."""

    def need(self, *checks: str) -> None:
        """Raise NotRun where one of these checks has failed."""
        for check in checks:
            if check in self.failed:
                raise NotRun(_("the check {name!r} failed").format(name=check))

    @cached_property
    def installed(self) -> Installed:
        """What its distribution says."""
        return get_installed(self.name)

    @cached_property
    def manifest(self) -> Manifest:
        """Its manifest; NotRun where it cannot be read."""
        self.need("manifest")
        try:
            return self.installed.manifest()
        except PluginError as error:
            raise NotRun(str(error)) from None

    @property
    def package(self) -> str:
        """Its top-level package or module."""
        return self.installed.package

    @cached_property
    def prefix(self) -> str:
        """What the names of its tables begin with."""
        return f"{self.manifest.table_prefix}_"

    @cached_property
    def root(self) -> Path | None:
        """The folder of its package; None for a plain module."""
        from crmcore.plugins.manifest import package_folder

        return package_folder(self.package)

    @cached_property
    def sources(self) -> dict[str, str]:
        """Its Python files: path inside the package → text; NotRun for one that cannot be read."""
        texts = {}
        for path in self._source_files():
            shown = path.relative_to(self.root).as_posix() if self.root else path.name
            if path.stat().st_size > BIG_SOURCE:
                raise NotRun(_("{file} is too long to be read").format(file=shown))
            try:
                texts[shown] = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise NotRun(_("{file} cannot be read: {error}").format(file=shown, error=error)) from None
        return texts

    def _source_files(self) -> list[Path]:
        if self.root:
            return self.files("*.py")
        from importlib.util import find_spec

        spec = find_spec(self.package)
        return [Path(spec.origin)] if spec and spec.origin and spec.origin.endswith(".py") else []

    def files(self, pattern: str) -> list[Path]:
        """Return the files of its package of a pattern, by path."""
        found = sorted(p for p in self.root.rglob(pattern) if p.is_file()) if self.root else []
        return found[:_MOST_FILES]

    # -- other plugins ---------------------------------------------------------------------------------------

    @cached_property
    def required(self) -> list[str]:
        """The plugins that it requires, and what those require, each after what it needs; NotRun if one is not here."""
        order: list[str] = []

        def visit(name: str, trail: tuple[str, ...]) -> None:
            if name not in known:
                raise NotRun(_("it requires {name!r}, which is not installed here").format(name=name))
            if name not in trail and name not in order:
                for other in names_of(known[name].manifest().requires):
                    visit(other, (*trail, name))
                order.append(name)

        known = installed()
        for name in names_of(self.manifest.requires):
            visit(name, (self.name,))
        return [name for name in order if name != self.name]

    # -- its code --------------------------------------------------------------------------------------------

    @cached_property
    def hosted(self) -> Hosted:
        """The imported plugin; NotRun where it cannot be imported. The check of the hooks raises what the import raises."""
        from crmcore.builtin.conformance.loading import load

        self.need("hooks")
        try:
            return load(self)
        except NotRun:
            raise
        except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
            raise NotRun(said(error)) from None

    def specs(self, hook: str) -> list[Any]:
        """Return what it registers with a hook."""
        from crmcore.plugins.host import call_registration

        return call_registration(self.hosted, hook) if hook in self.hosted.functions else []

    @cached_property
    def tables(self) -> dict[str, Any]:
        """Its tables: name → TableSpec."""
        return {str(spec.table.__tablename__): spec for spec in self.specs("models")}

    # -- companies -------------------------------------------------------------------------------------------

    @contextmanager
    def company(self, name: str) -> Iterator[App]:
        """Make a company, with the plugins enabled that this one requires; its clock stands still."""
        app = self.made_company(name)
        try:
            yield app
        finally:
            app.close()

    def made_company(self, name: str) -> App:
        """Make a company as `company` does; the caller closes it."""
        from crmcore.builtin.lifecycle.enabling import enable
        from crmcore.workspace import make_workspace

        app = make_workspace(self.folder / name, None, ACTOR, lambda: self.now)
        app.on_warning = lambda _message: None
        if self.required:
            enable(app, self.required, ACTOR)
        return app


def names_of(requires: Iterable[str]) -> list[str]:
    """Return the names of required plugins, without their ranges of versions."""
    return [found[0] for entry in requires if (found := re.match(r"[a-z][a-z0-9_]*", str(entry)))]
