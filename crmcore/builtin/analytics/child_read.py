"""Rows of the company's database, over ADBC, into DuckDB: all of one moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_HANDED_OVER = 65_536
"""Rows that ADBC hands over at a time."""

_SIDE_BY_SIDE = 2
"""Connections to PostgreSQL that share a read: each keeps one process of the server busy."""
_PARTS = 8
"""Parts of such a read: who has got the easier ones takes more of them."""

_SAMPLES = {"BIGINT": "0", "VARCHAR": "''", "DATE": "''", "BOOLEAN": "0", "DOUBLE": "0.0"}
"""DuckDB's type → a value of SQLite that is read as it."""


class Reading:
    """A connection that sees the database as it was at one moment; open from the first read on."""

    def __init__(self, database: str, uri: str) -> None:
        """Open nothing yet."""
        self._database = database
        self._uri = uri
        self._connection: Any = None

    def read(
        self,
        duck: Future[duckdb.DuckDBPyConnection],
        name: str,
        query: str,
        columns: Sequence[Sequence[str]],
        spread: Sequence[Any] | None = None,
    ) -> None:
        """Put the rows of a query into a table of DuckDB, ready with `duck`: columns as (name, type of DuckDB)."""
        if spread and self._database == "postgresql":
            self._read_parts(duck, name, _parts(query, *spread), columns)
        else:
            self._read_into(duck, name, query, columns)

    def _read_into(
        self,
        duck: Future[duckdb.DuckDBPyConnection],
        name: str,
        query: str,
        columns: Sequence[Sequence[str]],
    ) -> None:
        casts = ", ".join(f'CAST("{column}" AS {kind})' for column, kind in columns)
        with self._streamed(query, columns) as rows, duck.result().cursor() as own:
            own.register("handed_over", rows)
            own.execute(f'INSERT INTO "{name}" SELECT {casts} FROM handed_over')

    def _read_parts(
        self,
        duck: Future[duckdb.DuckDBPyConnection],
        name: str,
        parts: Sequence[str],
        columns: Sequence[Sequence[str]],
    ) -> None:
        """Read some of the parts over a second connection that sees the same moment."""
        waiting = deque(parts)
        with closing(self._beside()) as second, ThreadPoolExecutor(_SIDE_BY_SIDE) as both:

            def read_on(reading: Reading) -> None:
                with suppress(IndexError):  # none is left
                    while True:
                        reading._read_into(duck, name, waiting.popleft(), columns)

            for done in [both.submit(read_on, reading) for reading in (self, second)]:
                done.result()

    def _beside(self) -> Reading:
        with self._opened().cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            ((moment,),) = cursor.fetchall()
        second = Reading(self._database, self._uri)
        with second._opened().cursor() as cursor:
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{moment}'")
        return second

    def close(self) -> None:
        """End the moment; the next read opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _opened(self) -> Any:
        if self._connection is None:
            self._connection = connected(self._database, self._uri)
            with self._connection.cursor() as cursor:
                if self._database == "postgresql":
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                else:
                    cursor.execute("PRAGMA query_only=ON")
        return self._connection

    @contextmanager
    def _streamed(self, query: str, columns: Sequence[Sequence[str]]) -> Iterator[pa.RecordBatchReader]:
        with self._opened().cursor() as cursor:
            if self._database == "sqlite":
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_HANDED_OVER)})
                cursor.execute(_after_sample(query, columns))
                yield _without_sample(cursor.fetch_record_batch(), columns)
            else:
                cursor.execute(query)
                yield cursor.fetch_record_batch()


def _parts(query: str, column: str, least: int, most: int) -> list[str]:
    """Cut a query into parts by a column, at equal distances; the outer parts have no end."""
    width = (most - least) // _PARTS + 1
    cuts = [least + width * number for number in range(1, _PARTS)]
    bounds = [f'"{column}" >= {cut}' for cut in cuts]
    ends = [f'"{column}" < {cut}' for cut in cuts]
    wanted = [" AND ".join(filter(None, pair)) for pair in zip(["", *bounds], [*ends, ""], strict=True)]
    return [f"SELECT * FROM ({query}) AS part WHERE {where}" for where in wanted]


def driver(database: str) -> Any:
    """Import the ADBC driver of a database."""
    if database == "sqlite":
        import adbc_driver_sqlite.dbapi as sqlite

        return sqlite
    import adbc_driver_postgresql.dbapi as postgresql

    return postgresql


def connected(database: str, uri: str, *, autocommit: bool = False) -> Any:
    """Connect over ADBC."""
    connection = driver(database).connect(uri, autocommit=autocommit)
    if database == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout=60000")
            cursor.fetchall()
    return connection


def _after_sample(query: str, columns: Sequence[Sequence[str]]) -> str:
    """Put a row in front that shows ADBC the types: SQLite's columns have none, and it would go by the first values."""
    sample = ", ".join(f'{_SAMPLES[kind]} AS "{column}"' for column, kind in columns)
    names = ", ".join(f'"{column}"' for column, _kind in columns)
    return f"SELECT {sample} UNION ALL SELECT {names} FROM ({query})"


def _without_sample(reader: pa.RecordBatchReader, columns: Sequence[Sequence[str]]) -> pa.RecordBatchReader:
    """Drop that row; refuse numbers with a fraction where there should be none."""
    import pyarrow as pa

    for field, (name, kind) in zip(reader.schema, columns, strict=True):
        if kind == "BIGINT" and not pa.types.is_integer(field.type):
            raise TypeError(
                f"column {name} holds numbers with a fraction, or texts, where integers should be"
            )

    def batches() -> Iterator[pa.RecordBatch]:
        first = True
        for batch in reader:
            yield batch.slice(1) if first else batch
            first = False

    return pa.RecordBatchReader.from_batches(reader.schema, batches())
