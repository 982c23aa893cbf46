"""Read tables in batches: nothing is held but the batch at hand, and all is as it was at one moment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.databases.layout import SERVERS_OWN, Layout, quoted
from crmcore.builtin.databases.values import checked
from crmcore.db.engine import gate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from crmcore.builtin.databases.sums import Batch

BATCH = 2_000
_POSTGRES = {
    "datetime": "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    "date": "to_char({0}, 'YYYY-MM-DD')",
    "time": "to_char(DATE '2000-01-01' + {0}, 'HH24:MI:SS.US')",
    "boolean": "{0}::int",
    "json": "{0}::text",
    "decimal": "{0}::text",
    "uuid": "replace({0}::text, '-', '')",
    "other": "{0}::text",
}
_UNDELIVERED = """coalesce(
    (SELECT min(l.seq) - 1 FROM change_log l JOIN change_tx t ON t.id = l.tx_id
     WHERE (coalesce(t.xid, 0), l.seq) > (observer_cursor.xid, observer_cursor.seq)),
    (SELECT max(seq) FROM change_log), observer_cursor.seq)"""
"""A place in the log for an observer on a server with other transaction ids: before the first change that it has not
been told. Changes that were told out of turn may come once more, none is left out."""


@contextmanager
def one_moment(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection that only reads, and sees the database as it is now until it is closed."""
    with engine.connect() as plain:
        if plain.dialect.name == "postgresql":
            plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with plain.begin(), gate(plain):
            utc(plain)
            plain.exec_driver_sql(
                "SELECT count(*) FROM change_seal"
            )  # the moment is that of the first reading
            yield plain


def utc(connection: sa.Connection) -> None:
    """Have PostgreSQL write and read times in UTC until the transaction ends."""
    if connection.dialect.name == "postgresql":
        with gate(connection):
            connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
            connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO, YMD'")


def batches(connection: sa.Connection, layout: Layout, *, moving: bool = False) -> Generator[Batch]:
    """Give the rows of a table by its key, in the form in which SQLite has them.

    moving: as they go to another server, where its own transaction ids mean nothing.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        cursor = driver.execute(_select(layout, postgres=False, moving=moving))
        try:
            while batch := cursor.fetchmany(BATCH):
                yield checked(layout, batch)
        finally:
            cursor.close()
        return
    with driver.cursor(name="crm_copy") as cursor:
        cursor.execute(_select(layout, postgres=True, moving=moving))
        while batch := cursor.fetchmany(BATCH):
            yield batch


def _select(layout: Layout, *, postgres: bool, moving: bool) -> str:
    values = [_value(layout, name, postgres=postgres, moving=moving) for name in layout.columns]
    collated = ' COLLATE "C"' if postgres else ""
    order = [
        quoted(n) + (collated if layout.columns[n] == "text" else "") + (" NULLS FIRST" if postgres else "")
        for n in layout.order
    ]
    sorting = f" ORDER BY {', '.join(order)}" if order else ""
    return f"SELECT {', '.join(values)} FROM {quoted(layout.name)}{sorting}"  # noqa: S608  (quoted names)


def _value(layout: Layout, name: str, *, postgres: bool, moving: bool) -> str:
    if moving and name in SERVERS_OWN.get(layout.name, ()):
        return "NULL::bigint" if postgres else "NULL"
    if moving and layout.name == "observer_cursor" and name != "plugin":
        return "0" if name == "xid" else _UNDELIVERED if postgres else quoted(name)
    return _POSTGRES.get(layout.columns[name], "{0}").format(quoted(name)) if postgres else quoted(name)
