"""Rows that fit a table: made from what the database says of its columns, for migrations to carry along."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

ROWS = 3
ENOUGH = 40


def reflected(connection: sa.Connection, names: set[str]) -> list[sa.Table]:
    """Return tables as the database has them, those first that others point to."""
    metadata = sa.MetaData()
    with reflecting():
        metadata.reflect(connection, only=sorted(names))
    return [table for table in metadata.sorted_tables if table.name in names]


@contextmanager
def reflecting() -> Iterator[None]:
    """Look at what the database has without a word about indexes over expressions, which SQLAlchemy leaves out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        yield


def fill(connection: sa.Connection, tables: list[sa.Table], rows: int = ROWS) -> None:
    """Put rows into tables, in an order in which each row finds what it points to; the caller has opened the guard.

    A table that takes no made-up rows, because a CHECK says what may stand there, stays as it is.
    """
    keys: dict[str, list[int]] = {}
    for table in tables:
        start = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        if start >= ENOUGH:
            continue
        known = _keys(connection, keys, table)
        made = [_row(connection, table, number, known) for number in range(start + 1, start + rows + 1)]
        with suppress(sa.exc.IntegrityError), connection.begin_nested():
            connection.execute(sa.insert(table), made)


def _keys(connection: sa.Connection, keys: dict[str, list[int]], table: sa.Table) -> dict[str, list[int]]:
    """Return the ids of the tables that one points to."""
    for foreign in table.foreign_key_constraints:
        name = foreign.referred_table.name
        if name not in keys:
            identifier = foreign.referred_table.c["id"] if "id" in foreign.referred_table.c else sa.literal(1)
            keys[name] = list(connection.scalars(sa.select(identifier)))
    return keys


def _row(
    connection: sa.Connection, table: sa.Table, number: int, keys: dict[str, list[int]]
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        pointed = next((key.column.table.name for key in column.foreign_keys), None)
        if column.primary_key and column.name == "id":
            if connection.dialect.name == "sqlite":
                row["id"] = number
        elif pointed is not None and pointed != table.name and keys.get(pointed):
            row[column.name] = keys[pointed][(number - 1) % len(keys[pointed])]
        elif pointed is not None and column.nullable:
            row[column.name] = None
        else:
            row[column.name] = value(column.type, number)
    return row


def value(kind: Any, number: int) -> Any:
    """Return a value of a column's type, another for each number."""
    day = date(2024, 1, 1) + timedelta(days=number)
    moment = datetime.combine(day, time(8), UTC)
    for known, made in (
        (sa.Boolean, number % 2 == 0),
        (sa.Integer, number),
        (sa.Float, number + 0.5),
        (sa.Numeric, Decimal(number)),
        (sa.JSON, {"n": number}),
        (sa.DateTime, moment if getattr(kind, "timezone", False) else moment.replace(tzinfo=None)),
        (sa.Date, day),
        (sa.Time, time(8, number % 60)),
        (sa.LargeBinary, b"%d" % number),
    ):
        if isinstance(kind, known):
            return made
    return _text(kind, number)


def _text(kind: Any, number: int) -> str:
    length = getattr(kind, "length", None)
    return str(number) if length is not None and length < len(f"t{number}") else f"t{number}"


def contents(connection: sa.Connection, tables: list[sa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of tables by their ids."""
    return {
        table.name: [
            dict(row) for row in connection.execute(sa.select(table).order_by(table.columns[0])).mappings()
        ]
        for table in tables
    }
