"""Who is the only one to do something: a lock that the system lets go when its process ends, however that happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa

from crmcore.builtin.exchange.locks import RunLock

if TYPE_CHECKING:
    from crmcore.app import App


class Kind(NamedTuple):
    """What is done alone."""

    file: str
    """Beginning of the name of its lock file, beside a database that is a file."""
    key: int
    """First number of its advisory locks on PostgreSQL; the second is that of the name."""


OBSERVER = Kind(".crm-observer-", 726870)
JOB = Kind(".crm-job-", 726871)
WORKER = Kind(".crm-worker-", 726872)

_TAKE = sa.text("SELECT pg_try_advisory_lock(:key, hashtext(:name))")
_LET_GO = sa.text("SELECT pg_advisory_unlock(:key, hashtext(:name))")
_HELD = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = :key"
    " AND objid::bigint = (hashtext(:name)::bigint & 4294967295)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def alone(app: App, kind: Kind, name: str) -> Iterator[bool]:
    """Be the only one in any process on any host, or learn that somebody is; the system lets go of who was killed."""
    if app.engine.dialect.name == "postgresql":
        with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            mine = take(connection, kind, name)
            try:
                yield mine
            finally:
                if mine:
                    with suppress(sa.exc.DBAPIError):  # the server was gone meanwhile, and the lock with it
                        connection.execute(_LET_GO, {"key": kind.key, "name": name})
        return
    lock = RunLock(_file(app.config.folder, kind, name))
    mine = lock.acquire()
    try:
        yield mine
    finally:
        lock.release()


def take(connection: sa.Connection, kind: Kind, name: str) -> bool:
    """Take a lock on PostgreSQL for as long as the connection lasts, or learn that somebody has it."""
    return bool(connection.scalar(_TAKE, {"key": kind.key, "name": name}))


def is_held(connection: sa.Connection, folder: Path, kind: Kind, name: str) -> bool:
    """Say whether somebody does it now."""
    if connection.dialect.name == "postgresql":
        return bool(connection.scalar(_HELD, {"key": kind.key, "name": name}))
    return RunLock(_file(folder, kind, name)).is_held()


def _file(folder: Path, kind: Kind, name: str) -> Path:
    return folder / f"{kind.file}{quote(name, safe='')}"
