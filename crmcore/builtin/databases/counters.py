"""The last number that a table gave: none is given again on the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.databases.layout import quoted
from crmcore.db.engine import gate

if TYPE_CHECKING:
    from crmcore.builtin.databases.layout import Layout


def last_number(connection: sa.Connection, layout: Layout) -> int:
    """Return the highest number that a table ever gave, as far as the database knows; 0 for none."""
    name, column = layout.name, layout.counter
    if column is None:
        return 0
    with gate(connection):
        if connection.dialect.name == "sqlite":
            known = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
            query = "SELECT max(seq) FROM sqlite_sequence WHERE name = ?"
            counted = (
                connection.exec_driver_sql(query, (name,)).scalar()
                if connection.exec_driver_sql(known).first()
                else 0
            )
        else:
            counted = _called(connection, name, column)
        highest = connection.exec_driver_sql(f"SELECT max({quoted(column)}) FROM {quoted(name)}").scalar()  # noqa: S608  (quoted names)
    return max(n for n in (counted, highest, 0) if isinstance(n, int))


def _called(connection: sa.Connection, name: str, column: str) -> int:
    sequence = _sequence(connection, name, column)
    if sequence is None:
        return 0
    row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608  (PostgreSQL's own, quoted name)
    return int(row[0]) if row[1] else 0


def _sequence(connection: sa.Connection, name: str, column: str) -> str | None:
    query = "SELECT pg_get_serial_sequence(quote_ident(%s), %s)"
    found: str | None = connection.exec_driver_sql(query, (name, column)).scalar()
    return found


def go_on_after(connection: sa.Connection, layout: Layout, last: int) -> None:
    """Let the next number in a table come after `last`."""
    if layout.counter is None or not last:
        return
    with gate(connection):
        if connection.dialect.name == "postgresql":
            if sequence := _sequence(connection, layout.name, layout.counter):
                connection.exec_driver_sql("SELECT setval(%s, %s)", (sequence, last))
            return
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        if "AUTOINCREMENT" in str(connection.exec_driver_sql(query, (layout.name,)).scalar()).upper():
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (layout.name,))
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (layout.name, last))
