"""Connections that write over ADBC: take ids as the gate does, then batch by batch, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.analytics.child_read import connected

if TYPE_CHECKING:
    import pyarrow as pa

_SQLITE = (
    *("foreign_keys=OFF", "synchronous=NORMAL", "wal_autocheckpoint=16000", "cache_size=-65536"),
    "temp_store=MEMORY",
)
"""64 MB of cache: an index that rows come to in any order is written twice as fast as with SQLite's usual 2 MB.

Foreign keys are looked up by us, for all rows of a transaction at once, before it ends.
"""

_FEW = 100
"""Different values up to which they are looked up one by one."""

_NUMBERS = "(SELECT nextval({sequence}::regclass) AS v, generate_series(0, {count}) LIMIT {count}) AS numbers"
"""Twice as fast as drawing from a series; it would draw one too many at the end of the series, hence the limit."""
_DRAWN = f"SELECT min(v), max(v), count(*) FROM {_NUMBERS}"
_DRAWN_IN_RUNS = f"""
SELECT min(v), max(v), count(*) FROM (SELECT v, v - row_number() OVER (ORDER BY v) AS run FROM {_NUMBERS}) AS numbered
GROUP BY run ORDER BY 1
"""
"""Takes longer, so it is asked only after others were seen to draw in between."""

Run = tuple[int, int]
"""First and last id of an unbroken run."""


class Column(NamedTuple):
    """A column to write: what DuckDB keeps it as, what the database wants it as."""

    name: str
    kind: str
    """integer, text, date, boolean."""
    kept: str
    wanted: str
    parent: str | None
    """The table whose `id` it holds."""


class Writer:
    """Writes into one table of PostgreSQL."""

    database = "postgresql"
    at_once = 2
    """Writers that share the work: each keeps one process of the server busy."""

    def __init__(self, uri: str, table: str, columns: Sequence[Column]) -> None:
        """Connect."""
        self._uri = uri
        self.table = table
        self.columns = columns
        self.connection = connected(self.database, uri, autocommit=True)
        self.prepare()
        self.connection.adbc_connection.set_autocommit(False)

    def prepare(self) -> None:
        """Let commits not wait for the disk."""
        _do_not_wait(self.connection)

    def take_ids(self, count: int, at_once: int) -> Iterator[Run]:
        """Yield unbroken runs of ids, as many ids as there are rows: drawn for the next batch while one is written."""
        with closing(connected(self.database, self._uri)) as connection:
            _do_not_wait(connection)  # it would wait for all that the writers have written so far
            for start in range(0, count, at_once):
                with connection.cursor() as cursor:
                    runs = self._draw(cursor, min(at_once, count - start))
                connection.commit()
                yield from runs

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch; what another writer waits for is over after it."""
        with self.connection.cursor() as cursor:
            self.insert(cursor, batch.select([c.name for c in self.columns]))
        self.connection.adbc_connection.commit()

    def close(self) -> None:
        """Disconnect; what was not committed is rolled back."""
        self.connection.close()

    def _draw(self, cursor: Any, count: int) -> list[Run]:
        """Draw the sequence once per row."""
        # Of two that take many at once each gets an unbroken run.
        cursor.execute(f"SELECT pg_advisory_xact_lock(hashtext('crm_load {self.table}'))")
        cursor.fetchall()
        cursor.execute(f"SELECT pg_get_serial_sequence('{self.table}', 'id')::regclass::oid::bigint")
        ((sequence,),) = cursor.fetchall()  # looked up once, not per row
        cursor.execute(_DRAWN.format(sequence=sequence, count=count))
        runs = cursor.fetchall()
        if any(last - first + 1 != drawn for first, last, drawn in runs):
            cursor.execute(_DRAWN_IN_RUNS.format(sequence=sequence, count=count))  # those before stay unused
            runs = cursor.fetchall()
        return [(first, last) for first, last, _drawn in runs]

    def insert(self, cursor: Any, batch: pa.RecordBatch) -> None:
        """Copy; the server looks after foreign keys."""
        cursor.adbc_ingest(self.table, batch, mode="append")


def _do_not_wait(connection: Any) -> None:
    """Let commits not wait for the disk: the one that logs the rows does, and all before it is on the disk by then."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")


class SqliteWriter(Writer):
    """Writes into one table of SQLite.

    ADBC inserts row by row, and for each the table of AUTOINCREMENT would be written, too; so it fills a table in memory,
    and one statement takes all from there, in two thirds of the time.
    """

    database = "sqlite"
    at_once = 1

    def prepare(self) -> None:
        """Set the connection up, with the table in memory; its rows' numbers are those of their place."""
        columns = ", ".join(f'"{c.name}"' for c in self.columns if c.name != "id")
        with self.connection.cursor() as cursor:
            for statement in (*(f"PRAGMA {p}" for p in _SQLITE), f"CREATE TEMP TABLE crm_batch ({columns})"):
                cursor.execute(statement)
                cursor.fetchall()

    def take_ids(self, count: int, at_once: int) -> Iterator[Run]:
        """Yield one run: the table of AUTOINCREMENT is moved on."""
        del at_once
        if count:
            with self.connection.cursor() as cursor:
                last = self._move(cursor, count)
            self.connection.adbc_connection.commit()
            yield last - count + 1, last

    def _move(self, cursor: Any, count: int) -> int:
        highest = f'(SELECT coalesce(max(id), 0) FROM "{self.table}")'
        # The first statement takes the write lock, so nobody comes between it and the others.
        cursor.execute(
            f"UPDATE sqlite_sequence SET seq = max(seq, {highest}) + {count} WHERE name = '{self.table}'"
        )
        cursor.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{self.table}', {highest} + {count}"
            f" WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{self.table}')"
        )
        cursor.execute(f"SELECT seq FROM sqlite_sequence WHERE name = '{self.table}'")
        ((last,),) = cursor.fetchall()
        return int(last)

    def insert(self, cursor: Any, batch: pa.RecordBatch) -> None:
        """Insert by way of the table in memory; the write lock is held from then on only."""
        values = {c.name: _value(c.name, batch.column(c.name)) for c in self.columns}
        handed = [name for name, value in values.items() if value is None] or [self.columns[-1].name]
        cursor.adbc_ingest("crm_batch", batch.select(handed), mode="append", temporary=True)
        names = ", ".join(f'"{name}"' for name in values)
        given = ", ".join(value or f'"{name}"' for name, value in values.items())
        cursor.execute(
            f'INSERT INTO main."{self.table}" ({names}) SELECT {given} FROM temp.crm_batch ORDER BY rowid'
        )
        for column in self.columns:
            if column.parent:
                _check_reference(cursor, column.name, column.parent, batch)
        cursor.execute("DELETE FROM temp.crm_batch")


def _value(name: str, column: pa.Array) -> str | None:
    """Return as SQL what need not be handed over: the id, and what is the same in all rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name == "id":
        return f"rowid + {column[0].as_py() - 1}"
    if column.null_count == len(column):
        return "NULL"
    if column.null_count or not pa.types.is_integer(column.type):
        return None
    found = pc.min_max(column)
    return str(found["min"]) if found["min"] == found["max"] else None


def _check_reference(cursor: Any, column: str, parent: str, batch: pa.RecordBatch) -> None:
    """Refuse a batch that points to rows that are not there."""
    values = batch.column(column).unique().drop_null()
    if len(values) <= _FEW:
        listed = ", ".join(map(str, values.to_pylist()))
        cursor.execute(f'SELECT count(*) FROM main."{parent}" WHERE id IN ({listed})')
        whole = cursor.fetchall() == [(len(values),)]
    else:
        cursor.execute(
            f'SELECT 1 FROM temp.crm_batch AS b WHERE b."{column}" IS NOT NULL'
            f' AND NOT EXISTS (SELECT 1 FROM main."{parent}" AS p WHERE p.id = b."{column}") LIMIT 1'
        )
        whole = not cursor.fetchall()
    if not whole:
        raise ValueError(f"foreign key: a {column} points to no row of {parent}")
