"""Workspaces with exactly the plugins named, closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crmcore.testing.clocks import START, StandingClock
from crmcore.testing.command_line import ACTOR, CommandLine

if TYPE_CHECKING:
    from crmcore.app import App


AppMaker = Callable[..., "App"]
"""(plugins, database="sqlite", settings="", standing_clock=True) → App."""


@pytest.fixture
def make_app(
    tmp_path: Path, request: pytest.FixtureRequest, crm: CommandLine, clock: StandingClock
) -> Iterator[AppMaker]:
    """Make opened workspaces; `crm` then stands in the one made last."""
    apps: list[App] = []

    def make(
        plugins: Sequence[str] = (),
        database: str = "sqlite",
        *,
        settings: str = "",
        standing_clock: bool = True,
    ) -> App:
        """Make a workspace with these plugins enabled; `settings` is TOML appended to crm.toml."""
        from crmcore.builtin.lifecycle.enabling import enable
        from crmcore.clock import system_clock
        from crmcore.workspace import make_workspace

        folder = tmp_path / f"company{len(apps) or ''}"
        url = request.getfixturevalue("postgres_url") if database == "postgres" else None
        app = make_workspace(folder, url, ACTOR, clock if standing_clock else system_clock)
        apps.append(app)
        if settings:
            app.config.path.write_text(
                app.config.path.read_text(encoding="utf-8") + settings, encoding="utf-8"
            )
            app.refresh()
        if plugins:
            enable(app, plugins, ACTOR)
        crm.folder, crm.clock = folder, clock if standing_clock else None
        return app

    yield make
    for app in apps:
        app.close()


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
