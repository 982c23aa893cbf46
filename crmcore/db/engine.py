"""Engines for SQLite and PostgreSQL, set up so that nothing is written round the gate."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url

from crmcore.db.base import dumps
from crmcore.db.guard import written
from crmcore.errors import CrmError, GateError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.config import Config

_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "webdav",
    "fuse.davfs2",
}
BUSY_SECONDS = 60
"""So long a writer waits for another on SQLite."""
_MET = ("40001", "40P01", "55P03")
"""What PostgreSQL calls it when a writer had to give way to another."""


def make_engine(config: Config) -> sa.Engine:
    """Build the engine of a workspace's database; refuses a SQLite file on a network file system."""
    url = make_url(config.database_url)
    engine = _sqlite(config, url) if url.get_backend_name() == "sqlite" else _postgres(config, url)
    event.listen(engine, "before_cursor_execute", refuse_outside)
    event.listen(engine, "commit", _refuse_lent_commit)
    return engine


def sqlite_path(config: Config) -> Path | None:
    """Return the database file, or None on PostgreSQL."""
    url = make_url(config.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return (config.folder / url.database).resolve()


def _sqlite(config: Config, url: sa.URL) -> sa.Engine:
    from crmcore.builtin.full_disk import saying_full

    path = sqlite_path(config)
    if path is None:
        raise CrmError(_("database.url names no file; write one such as 'sqlite:///crm.db'"))
    if kind := network_file_system(path):
        raise CrmError(
            _(
                "{path} lies on a network file system ({kind}), where SQLite loses data; use a local disk or PostgreSQL"
            ).format(path=path, kind=kind)
        )
    engine = sa.create_engine(
        url.set(database=str(path)) if os.access(path.parent, os.W_OK) else _as_it_stands(url, path),
        hide_parameters=True,
        json_serializer=dumps,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    for name, listener in (
        ("connect", _sqlite_connect),
        ("begin", _sqlite_begin),
        ("handle_error", saying_full(path)),
    ):
        event.listen(engine, name, listener)
    return engine


def _as_it_stands(url: sa.URL, path: Path) -> sa.URL:
    """Return how to read a database in a read-only folder, where SQLite cannot make the files that it works with.

    Whoever has the database open elsewhere has made them, and they serve here, too. Without them nobody writes, and
    all there is stands in the main file; unless a writer died and left the newest changes in the -wal file.
    """
    wal, shm = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if wal.exists() and shm.exists():
        return url.set(database=str(path))
    if wal.exists() and wal.stat().st_size:
        raise CrmError(
            _(
                "{folder} is read-only and {wal} holds changes that are not in {file} yet; copy the folder to where it can be written"
            ).format(folder=path.parent, wal=wal.name, file=path.name)
        )
    return url.set(database=path.as_uri(), query={"mode": "ro", "immutable": "1", "uri": "true"})


def _sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "trusted_schema=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _sqlite_begin(connection: sa.Connection) -> None:
    if how := connection.get_execution_options().get("crm_write"):
        from crmcore.builtin.turns import begin_writing

        begin_writing(connection, BUSY_SECONDS, bulk=how == "bulk")
        return
    with gate(connection):
        if connection.info.pop("crm_bulk", False):  # grouping and sorting are slower with its cache
            connection.exec_driver_sql("PRAGMA cache_size=-2000")
        connection.exec_driver_sql("BEGIN")


def _postgres(config: Config, url: sa.URL) -> sa.Engine:
    variable = config.data["database"].get("password_env", "PGPASSWORD")
    if url.password is None and os.environ.get(variable):
        url = url.set(password=os.environ[variable])
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            json_serializer=dumps,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError:
        raise CrmError(
            _("PostgreSQL needs the driver; install it with: pip install 'crmcore[postgres]'")
        ) from None


def refuse_outside(connection: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
    """Refuse writes outside the gate: DML on tables that are not operational, DDL, the end of the transaction."""
    if connection.info.get("crm_gate"):
        return
    if statement[:8].upper() == "ROLLBACK":
        connection.info["crm_torn"] = True
    table = written(statement, connection.dialect.name)
    if table is not None:
        raise GateError(
            _("a write to {table} went round the gate; write through app.write(...)").format(table=table)
        )


@contextmanager
def gate(connection: sa.Connection, *, opened: bool = True) -> Iterator[None]:
    """Let statements of the kernel itself through the engine's guard; or, with opened=False, nobody's within it."""
    info = (
        connection.info
    )  # asked for once: of a connection that was lost meanwhile it cannot be had any more
    before = info.get("crm_gate", False)
    info["crm_gate"] = opened
    try:
        yield
    finally:
        info["crm_gate"] = before


_ENDS = ("commit", "rollback", "close", "detach")


@contextmanager
def lent(connection: sa.Connection) -> Iterator[None]:
    """Keep the end of a transaction in the kernel's hands while plugins work with its connection."""

    def refuse() -> None:
        raise GateError(
            _("this connection is lent: who works with it may neither commit, roll back nor close it")
        )

    already = "commit" in connection.__dict__
    if not already:
        connection.__dict__.update(dict.fromkeys(_ENDS, refuse))
    try:
        yield
    finally:
        if not already:
            for name in _ENDS:
                connection.__dict__.pop(name, None)


def _refuse_lent_commit(connection: sa.Connection) -> None:
    """Refuse a commit that comes by way of the transaction object; what it wanted to commit is rolled back at once."""
    if "commit" in connection.__dict__:
        driver: Any = connection.connection.driver_connection
        driver.rollback()
        connection.commit()


def create_file(path: Path) -> None:
    """Create the database file readable by its owner alone; SQLite gives -wal and -shm the same rights."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def network_file_system(path: Path) -> str | None:
    """Return the kind of network file system that a path lies on, or None (Linux; elsewhere unknown = None)."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return None
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        point = _unescaped(fields[1]) if len(fields) >= 3 else ""  # noqa: PLR2004  (device, point, kind)
        inside = point == "/" or f"{path}/".startswith(f"{point}/")
        if point and inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in _NETWORK else None


def _unescaped(point: str) -> str:
    """Undo what /proc/mounts does to blanks and the like: a backslash and three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)


def database_sentence(error: BaseException) -> str:  # noqa: PLR0911  (a sentence for each)
    """Say in one sentence why the database does not do what it should; `error`: SQLAlchemy's, or a driver's own."""
    error = getattr(error, "orig", error)
    text = next(iter(str(error).splitlines()), type(error).__name__)
    if "database or disk is full" in text or "No space left" in text:
        return _("the disk is full; nothing of this step was written; make room and try again")
    if "integer overflow" in text or "out of range" in text:
        return _("amounts add up to more than 64 bits can hold; ask for a shorter period or fewer rows")
    if "locked" in text or getattr(error, "sqlstate", "") in _MET:
        return _("the database is busy with another writer; try again in a moment")
    if "no such table" in text or getattr(error, "sqlstate", "") == "42P01":
        return _("a table is missing ({error}); see with: crm doctor").format(error=text)
    if "unable to open" in text:
        return _("the database file cannot be opened; check that you may read and write it and its folder")
    if "readonly" in text:
        return _(
            "the database can only be read here: its file or its folder is read-only; nothing was written"
        )
    return _("the database does not answer: {error}; check database.url in crm.toml").format(error=text)
