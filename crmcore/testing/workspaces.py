"""Workspaces with exactly the plugins named, closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from crmcore.testing.clocks import START, StandingClock
from crmcore.testing.command_line import ACTOR, CommandLine
from crmcore.testing.templates import Templates

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.clock import Clock


AppMaker = Callable[..., "App"]
"""(plugins, database="sqlite", settings="", standing_clock=True, fill=None) → App."""


@pytest.fixture
def make_app(
    tmp_path: Path, request: pytest.FixtureRequest, crm: CommandLine, clock: StandingClock
) -> Iterator[AppMaker]:
    """Make opened workspaces; `crm` then stands in the one made last."""
    maker = _Maker(tmp_path, request, clock)

    def make(
        plugins: Sequence[str] = (),
        database: str = "sqlite",
        *,
        settings: str = "",
        standing_clock: bool = True,
        fill: Callable[[App], object] | None = None,
    ) -> App:
        """Make a workspace with these plugins enabled; `settings` is TOML appended to crm.toml.

        fill: a function of a module that writes into it before the plugins are enabled; a run may call it but once and
        copy what it wrote.
        """
        wanted = _Wanted(tuple(plugins), settings, fill)
        app = maker.make(wanted, database) if standing_clock else maker.build(wanted, database, None)
        crm.folder, crm.clock = app.config.folder, clock if standing_clock else None
        return app

    yield make
    maker.close()


class _Wanted(NamedTuple):
    """What a workspace is to hold."""

    plugins: tuple[str, ...] = ()
    settings: str = ""
    fill: Callable[[App], object] | None = None

    def put_into(self, app: App) -> None:
        """Put it into a workspace."""
        from crmcore.builtin.lifecycle.enabling import enable

        if self.settings:
            before = app.config.path.read_text(encoding="utf-8")
            app.config.path.write_text(before + self.settings, encoding="utf-8")
            app.refresh()
        if self.fill:
            self.fill(app)
        if self.plugins:
            enable(app, self.plugins, ACTOR)

    def parted(self, lasting: set[str]) -> tuple[_Wanted, _Wanted]:
        """Part it into what other tests may want, too, and what is added to that for this one."""
        first = tuple(takewhile(lasting.__contains__, self.plugins))
        rest = _Wanted(self.plugins[len(first) :])
        if first or self.fill:
            return self._replace(plugins=first), rest
        return _Wanted(), rest._replace(settings=self.settings)


class _Maker:
    """Makes the workspaces of one test: as copies of what the run has made already, where that is the same."""

    def __init__(self, tmp_path: Path, request: pytest.FixtureRequest, clock: StandingClock) -> None:
        self._tmp_path = tmp_path
        self._request = request
        self._clock = clock
        self._apps: list[App] = []
        self._copied: str | None = None

    def make(self, wanted: _Wanted, database: str) -> App:
        """Make a workspace with the clock of the test."""
        if not self._may_be_copied(wanted, database):
            return self.build(wanted, database, self._clock)
        from crmcore.app import create_app

        first, rest = wanted.parted(self._templates.lasting)

        def build(folder: Path, url: str | None) -> App:
            app = _make_workspace(folder, url, StandingClock(START))
            first.put_into(app)
            return app

        folder = self._folder()
        self._copied = self._templates.copy(first, folder, database, build)
        app = create_app(folder, clock=self._clock)
        self._apps.append(app)
        rest.put_into(app)
        return app

    def _may_be_copied(self, wanted: _Wanted, database: str) -> bool:
        # A second workspace of a test is another company's: nothing in it is the same as in the first.
        first = not self._apps and self._clock.now == START
        own = str(self._tmp_path) in wanted.settings
        given = database == "postgres" and "postgres_url" in self._request.fixturenames
        return first and not own and not given

    def build(self, wanted: _Wanted, database: str, clock: Clock | None) -> App:
        """Make a workspace from nothing; a second one on PostgreSQL has the database of the first. None: the computer's clock."""
        url = self._url() if database == "postgres" else None
        app = _make_workspace(self._folder(), url, clock)
        self._apps.append(app)
        wanted.put_into(app)
        return app

    def _folder(self) -> Path:
        return self._tmp_path / f"company{len(self._apps) or ''}"

    def _url(self) -> str:
        if self._copied:
            return self._templates.databases.url(self._copied)
        return str(self._request.getfixturevalue("postgres_url"))

    @property
    def _templates(self) -> Templates:
        templates: Templates = self._request.getfixturevalue("workspace_templates")
        return templates

    def close(self) -> None:
        """Close the workspaces and drop their databases."""
        for app in self._apps:
            app.close()
        if self._copied:
            self._templates.databases.drop(self._copied)


def _make_workspace(folder: Path, url: str | None, clock: Clock | None) -> App:
    from crmcore.workspace import make_workspace

    return make_workspace(folder, url, ACTOR, clock)


AppOpener = Callable[..., "App"]
"""(app or folder, no_plugins=False) → App."""


@pytest.fixture
def reopen(clock: StandingClock) -> Iterator[AppOpener]:
    """Open the workspace of an app once more, as another process would."""
    from crmcore.app import create_app

    apps: list[App] = []

    def open_again(app: App | Path, **options: Any) -> App:
        folder = app if isinstance(app, Path) else app.config.folder
        apps.append(create_app(folder, clock=clock, **options))
        return apps[-1]

    yield open_again
    for app in apps:
        app.close()


def open_workspace(folder: Path | str, **options: Any) -> App:
    """Open a workspace at the moment at which `clock` begins, in a process without fixtures."""
    from crmcore.app import create_app

    return create_app(folder, clock=StandingClock(START), **options)
