"""A database file from outside: opened so that nothing in it runs, and looked at before a row of it is read.

It is never used itself. Its tables must be the ones that we make, or plain tables of plugins; triggers, views, virtual
tables, computed columns and computed indexes are refused before anything of it is read or checked, its conditions are
set aside, and SQLite is told to trust nothing that the file defines.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa

from crmcore.builtin.databases.computed import computed_indexes
from crmcore.builtin.databases.layout import Layout, layouts, quoted
from crmcore.builtin.databases.manifest import DATABASE
from crmcore.builtin.databases.plan import DERIVED, Plan, plan_of
from crmcore.builtin.databases.telling import told
from crmcore.db import migrations
from crmcore.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.builtin.databases.manifest import Backup

LONGEST_VALUE = 256 * 1024 * 1024
"""Bytes of one value, or one row: more is not read into memory."""
_OWN = re.compile(r"sqlite_(?:sequence|stat[1-4])")
"""Tables that SQLite makes for itself."""
_GUARDED = (
    "trusted_schema=OFF",
    "query_only=ON",
    "cell_size_check=ON",
    "mmap_size=0",
    "ignore_check_constraints=ON",
)


@contextmanager
def opened(backup: Backup, file: IO[bytes]) -> Iterator[sa.Connection]:
    """Open the database of a backup for reading; `file` is the same file, whose bytes were compared."""
    path = (backup.folder / DATABASE).absolute()
    engine = sa.create_engine("sqlite://", creator=lambda: _connect(path), poolclass=sa.NullPool)
    with told(path), engine.connect() as connection:
        if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
            raise backup.damaged(DATABASE, _("it was changed since it was written"))
        with connection.begin():
            yield connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in _GUARDED:
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def examined(backup: Backup, connection: sa.Connection, *, plugins: bool) -> Plan:
    """Look at all that the file defines; returns what of it is restored."""
    names = _tables(backup, connection)
    for name in names:
        _refuse_computed_columns(backup, connection, name)
    plan = plan_of(connection, names, plugins=plugins)
    if plan.left_out:
        raise _odd(backup, "table", plan.left_out[0])
    if plan.revisions != backup.content["revisions"] and plugins:
        _check_known(backup, plan)
    for name in plan.tables:
        _examine(backup, connection, name, plan)
    return plan


def _tables(backup: Backup, connection: sa.Connection) -> list[str]:
    """Return the names of the plain tables; anything else that can run is refused."""
    query = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"
    found = []
    for kind, name, table, rootpage, text in connection.exec_driver_sql(query):
        derived = bool(DERIVED.fullmatch(table))
        if kind not in {"table", "index"} or (not rootpage and not derived):
            raise _odd(backup, kind, name)
        if _OWN.fullmatch(name) or (kind == "index" and text is None):
            continue
        if name.startswith("sqlite_"):
            raise _odd(backup, kind, name)
        if kind == "table":
            found.append(name)
    return found


def _odd(backup: Backup, kind: str, name: str) -> Exception:
    reason = _("it holds the {kind} {name!r}, which is none of ours").format(kind=kind, name=name[:100])
    return backup.damaged(DATABASE, reason)


def _check_known(backup: Backup, plan: Plan) -> None:
    told_revision = backup.content["revisions"].get(migrations.CORE)
    if told_revision != plan.revisions[migrations.CORE]:
        raise backup.damaged(
            DATABASE, _("it is not of the version that {file} says").format(file="manifest.json")
        )


def _refuse_computed_columns(backup: Backup, connection: sa.Connection, name: str) -> None:
    if DERIVED.fullmatch(name):
        return  # never read
    for column in connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(name)})").all():
        if column[6]:
            raise _odd(backup, _("computed column"), f"{name}.{column[1]}")


def _examine(backup: Backup, connection: sa.Connection, name: str, plan: Plan) -> None:
    (layout,) = layouts(connection, [name])
    if name in plan.made:
        _compare_columns(backup, layout, plan.made[name])
    for index, text in computed_indexes(connection, name):
        if text not in plan.indexes:
            raise _odd(backup, _("computed index"), index)
    problem = connection.exec_driver_sql(f"PRAGMA integrity_check({quoted(name)})").scalar()
    if problem != "ok":
        reason = _("table {table} is damaged ({problem})").format(table=name, problem=str(problem)[:200])
        raise backup.damaged(DATABASE, reason)


def _compare_columns(backup: Backup, layout: Layout, ours: dict[str, str]) -> None:
    """Refuse a table of ours with other columns, or with columns for other values: by those its values are checked."""
    if odd := ", ".join(sorted(layout.columns.keys() ^ ours.keys()))[:200]:
        reason = _("table {table} has other columns than ours ({columns})").format(
            table=layout.name, columns=odd
        )
        raise backup.damaged(DATABASE, reason)
    for column, kind in layout.columns.items():
        if kind != ours[column]:
            reason = _("column {column} of table {table} is made for {found}, not for {kind} as ours")
            told = reason.format(column=column, table=layout.name, found=kind, kind=ours[column])
            raise backup.damaged(DATABASE, told)
