"""The last id that a table ever gave: it must not be given again after the table was away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.db.rows import last_rowid

if TYPE_CHECKING:
    from collections.abc import Collection


def last_id(connection: sa.Connection, table: str, columns: Collection[str]) -> int | None:
    """Return the highest id that was given in a table; None if it gives none."""
    if "id" not in columns:
        return None
    if connection.dialect.name == "sqlite":
        return last_rowid(connection, table, "id")
    sequence = connection.scalar(sa.text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table})
    if sequence is None:
        return None
    row = connection.execute(sa.text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608  (PostgreSQL's own, quoted name)
    return int(row.last_value) if row.is_called else 0


def set_last_id(connection: sa.Connection, table: str, last: int) -> None:
    """Let the next id in a table come after `last`; the gate must be open."""
    values = {"name": table, "last": last}
    if not last:
        return
    if connection.dialect.name == "postgresql":
        query = "SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"
        connection.execute(sa.text(query), values)
        return
    done = connection.execute(sa.text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name"), values)
    if not done.rowcount and _counts(connection):
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values)


def _counts(connection: sa.Connection) -> bool:
    return "sqlite_sequence" in {
        row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master")
    }
