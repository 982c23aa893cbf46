"""New databases: a SQLite file that appears whole or not at all, a PostgreSQL database that is empty until all is in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.databases.drawn_indexes import left_out
from crmcore.builtin.databases.filling import Copied, already_there, compare, fill, summed
from crmcore.builtin.databases.folders import part_beside
from crmcore.builtin.databases.layout import layouts, quoted
from crmcore.builtin.databases.telling import told
from crmcore.builtin.databases.versions import too_old
from crmcore.db.engine import create_file, gate, make_engine
from crmcore.errors import CrmError
from crmcore.files import sync_folder
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.builtin.databases.plan import Plan
    from crmcore.config import Config

Finish = Callable[[sa.Connection, list[Copied]], None]
"""Does what is left to do in the transaction of the new database, and may refuse what was copied."""
_PAGES = 32_768
"""Kibibytes of pages that SQLite may hold while a file is filled."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a new file beside the wanted one, for its owner alone; it takes that place once it is on disk."""
    refuse_existing(path)
    if not path.parent.is_dir():
        raise CrmError(_("there is no folder {folder}").format(folder=path.parent))
    with part_beside(path) as folder:
        part = folder / path.name
        create_file(part)
        yield part
        _flush(part)
        refuse_existing(path)
        part.rename(path)
    sync_folder(path.parent)


def refuse_existing(path: Path) -> None:
    """Refuse to put a database where something is."""
    if path.exists() or path.is_symlink():
        raise CrmError(_("{path} already exists; choose another folder or database").format(path=path))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fill_file(source: sa.Connection, path: Path, plan: Plan, finish: Finish | None = None) -> list[Copied]:
    """Fill a new SQLite file; what fails leaves a file that its caller takes away."""
    path.unlink(missing_ok=True)
    create_file(path)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), hide_parameters=True, poolclass=sa.NullPool
    )
    sa.event.listen(engine, "connect", _of_a_new_file)
    try:
        with told(path), engine.connect() as connection, gate(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            done = fill(source, connection, plan)
            _check_pointing(connection)
            if finish:
                finish(connection, done)
            connection.commit()
    finally:
        engine.dispose()
    _flush(path)
    return done


def _of_a_new_file(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    # It is thrown away where anything fails, and flushed before anybody sees it: no journal, no waiting for the disk.
    for pragma in ("foreign_keys=OFF", "journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_PAGES}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_pointing(connection: sa.Connection) -> None:
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        message = _("table {table} holds rows that point nowhere; nothing was kept")
        raise CrmError(message.format(table=broken[0]))


def copy_file_as_it_is(
    source: sa.Connection, path: Path, plan: Plan, *, to_restore: bool = False
) -> list[Copied]:
    """Copy a SQLite database page by page, as the open moment of the source has it, and compare the rows.

    to_restore: without indexes of expressions, which keep a file from being read by who trusts nothing that it defines.
    """
    import sqlite3

    driver: Any = source.connection.driver_connection
    with told(path):
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            driver.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()
            _drop(copy, plan)
            if to_restore:
                plan.lost.extend(_drop_expressions(copy, plan))
        finally:
            copy.close()
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), poolclass=sa.NullPool)
        there = layouts(source, sorted(plan.tables))
        with engine.connect() as connection:
            done = [summed(connection, layout) for layout in there]
        for layout, found in zip(there, done, strict=True):
            compare(summed(source, layout), found)
    _flush(path)
    return done


def _drop(copy: Any, plan: Plan) -> None:
    """Take out of a copy what belongs to nobody known: it could not be restored."""
    copy.execute("PRAGMA foreign_keys=OFF").close()
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')"
    for kind, name in copy.execute(query).fetchall():
        copy.execute(f"DROP {kind} IF EXISTS {quoted(name)}").close()
    for name in plan.left_out:
        copy.execute(f"DROP TABLE IF EXISTS {quoted(name)}").close()


def _drop_expressions(copy: Any, plan: Plan) -> list[str]:
    """Drop the indexes that are made of expressions; migrations and the fields of the card make them again.

    Returns a sentence for each that nobody makes again.
    """
    query = (
        "SELECT DISTINCT m.name, m.tbl_name FROM sqlite_master AS m JOIN pragma_index_xinfo(m.name) AS part"
        " WHERE m.type = 'index' AND part.cid = -2"
    )
    found = copy.execute(query).fetchall()
    for name, _table in found:
        copy.execute(f"DROP INDEX {quoted(name)}").close()
    return [left_out(name, table) for name, table in found if table in plan.kept]


def fill_server(
    source: sa.Connection, config: Config, plan: Plan, finish: Finish | None = None
) -> list[Copied]:
    """Fill an empty PostgreSQL database, in one transaction: it is whole, or as empty as it was.

    One that holds exactly these rows already is what a run left that was killed right after it; it is taken as it is.
    """
    engine = make_engine(config)
    try:
        with told(config.database_url), engine.connect() as connection, connection.begin(), gate(connection):
            if sentence := too_old(connection):
                raise CrmError(sentence)
            _alone(connection)
            if there := already_there(source, connection, plan):
                return there
            _check_empty(connection)
            done = fill(source, connection, plan)
            if finish:
                finish(connection, done)
    finally:
        engine.dispose()
    return done


def _alone(connection: sa.Connection) -> None:
    """Keep others from filling the database until the transaction ends."""
    if not connection.exec_driver_sql("SELECT pg_try_advisory_xact_lock(726873)").scalar():
        raise CrmError(_("another restore or copy is filling this database; wait for its end"))


def _check_empty(connection: sa.Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        message = _("the database keeps text as {encoding}; make one with: createdb --encoding UTF8")
        raise CrmError(message.format(encoding=encoding))
    query = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 1"
    )
    if found := connection.exec_driver_sql(query).scalar():
        message = _("the database is not empty, it holds {name!r}; make a new one with: createdb NAME")
        raise CrmError(message.format(name=found))
