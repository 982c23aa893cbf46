"""Rows of tracked tables as the gate writes them: many at once, each under a number that was taken for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.engine import gate, refuse_outside
from crmcore.errors import GateError
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from crmcore.builtin.columns import Columns
    from crmcore.db.tables import TableInfo

Row = dict[str, Any]
_CHUNK = 500


class Rows:
    """Writes rows in one transaction; the gate is open while it does, and shut again after each step."""

    def __init__(self, connection: sa.Connection) -> None:
        """Take the connection, its transaction open."""
        self.connection = connection
        self._next: dict[str, int] = {}

    def gate(self) -> AbstractContextManager[None]:
        """Open the gate; refused once the transaction has ended, as SQLite ends it when the disk is full."""
        driver: Any = self.connection.connection.driver_connection
        if self.connection.dialect.name == "sqlite" and not driver.in_transaction:
            raise GateError(_("the transaction has ended; nothing more can be written in it"))
        return gate(self.connection)

    def insert(self, info: TableInfo, ids: Sequence[int], columns: Columns) -> None:
        """Insert complete rows, column by column."""
        self.append(info.entity, info.stored(ids, columns, self.connection.dialect))

    def update(self, info: TableInfo, current: Mapping[int, Row], edits: Sequence[tuple[int, Row]]) -> None:
        """Set columns of rows, an edit being (id, column → value); `current` are the rows as they were."""
        by_columns: dict[tuple[str, ...], list[Row]] = {}
        for number, after in edits:
            values = dict(after)
            if "attributes" in after:
                values["attributes"] = _merged(current[number]["attributes"], after["attributes"])
            if info.versioned:
                values["version"] = current[number]["version"] + 1
            by_columns.setdefault(tuple(sorted(values)), []).append(
                {"row_id": number, **{f"new_{k}": v for k, v in values.items()}}
            )
        with self.gate():
            for columns, rows in by_columns.items():
                statement = (
                    sa.update(info.table)
                    .where(info.table.c.id == sa.bindparam("row_id"))
                    .values({name: sa.bindparam(f"new_{name}") for name in columns})
                )
                self.connection.execute(statement, rows)

    def delete(self, info: TableInfo, ids: Sequence[int]) -> None:
        """Delete rows by id."""
        with self.gate():
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]
                self.connection.execute(sa.delete(info.table).where(info.table.c.id.in_(part)))

    def append(self, table: str, columns: Mapping[str, Sequence[Any] | None]) -> None:
        """Insert what the driver takes, column by column, into a table of the core or of the log."""
        from crmcore.builtin.columns import write

        with self.gate():
            write(self.connection, table, columns)

    def reserve(self, table: str, column: str, count: int) -> list[int]:
        """Take the next `count` numbers of a table's key, ascending."""
        if self.connection.dialect.name == "postgresql":
            taken = f"nextval(pg_get_serial_sequence('{table}', '{column}'))"
            query = f"SELECT array_agg({taken}) FROM generate_series(1, :count)"  # noqa: S608
            return sorted(self.connection.scalar(sa.text(query), {"count": count}) or ())
        if table not in self._next:
            self._next[table] = last_rowid(self.connection, table, column)
        first = self._next[table] + 1
        self._next[table] += count
        return list(range(first, first + count))


def write_many(
    connection: sa.Connection, table: str, columns: Iterable[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert tuples of what the driver takes, on PostgreSQL with COPY; the caller holds the gate open."""
    from crmcore.builtin.columns import write

    write(connection, table, dict(zip(columns, zip(*rows, strict=True), strict=True)))


def executemany(connection: sa.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Hand rows to the driver, an INSERT with marks or a COPY; what fails is an error of SQLAlchemy, as ever."""
    refuse_outside(connection, None, statement)
    driver: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.loaded_dbapi.Error
    try:
        if statement.startswith("COPY"):
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            driver.executemany(statement, rows).close()
    except errors as error:
        # Of a COPY PostgreSQL tells the value, too, which may be personal.
        error.args = (str(error).partition("\nCONTEXT:")[0],)
        raise sa.exc.DBAPIError.instance(
            statement.partition(",\n")[0],
            None,
            error,
            errors,
            hide_parameters=True,
            dialect=connection.dialect,
        ) from error


def last_rowid(connection: sa.Connection, table: str, column: str) -> int:
    """Return the highest key that a SQLite table ever had; the caller holds the write lock."""
    found = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table})
    if found is None:
        found = connection.scalar(sa.text(f'SELECT max("{column}") FROM "{table}"'))  # noqa: S608
    return int(found or 0)


def _merged(old: Row, changed: Row) -> Row:
    return {k: v for k, v in {**old, **changed}.items() if v is not None}
