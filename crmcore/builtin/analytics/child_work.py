"""What the child process does: rows over ADBC into DuckDB, answers out of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

from crmcore.builtin.analytics.child_read import Reading, driver

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class _Unwanted(MetaPathFinder):
    """Hides what ADBC and pyarrow import if it is there: a second's work for nothing, and pandas knows sqlite3.

    None in sys.modules would not do: compiled code takes it for the module.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG004  (what Python hands over)
        if name in {"pandas", "polars"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


_AT_ONCE = 65_536


class Work:
    """The state of the process: one DuckDB in memory, and what it reads from."""

    def __init__(self, folder: str) -> None:
        """Open nothing yet; DuckDB may write to `folder` what it has no memory for."""
        sys.meta_path.insert(0, _Unwanted())
        self._folder = folder
        self._answers: dict[int, duckdb.DuckDBPyConnection] = {}
        self._checksums: dict[int, Future[str]] = {}
        self._beside = ThreadPoolExecutor(1)

    def do_open(self, memory_mb: int, database: str, uri: str) -> None:
        """Open DuckDB, and note where the database is (`sqlite`, `postgresql`)."""
        settings: dict[str, Any] = {
            "temp_directory": self._folder,
            "memory_limit": f"{memory_mb}MB",
            "autoinstall_known_extensions": False,
        }
        self.database, self.uri = database, uri
        self._reading = Reading(database, uri)
        self._beside.submit(driver, database)  # first: a server that was asked works while DuckDB is loaded
        self._opened = self._beside.submit(_open_duck, settings)

    @property
    def duck(self) -> duckdb.DuckDBPyConnection:
        """DuckDB, once it is open."""
        return self._opened.result()

    def do_read(
        self, name: str, query: str, columns: Sequence[Sequence[str]], spread: Sequence[Any] | None = None
    ) -> None:
        """Put the rows of a query into a table."""
        table = self._beside.submit(self._make_table, name, columns)
        self._reading.read(table, name, query, columns, spread)

    def _make_table(self, name: str, columns: Sequence[Sequence[str]]) -> duckdb.DuckDBPyConnection:
        kinds = ", ".join(f'"{column}" {kind}' for column, kind in columns)
        return self.duck.execute(f'CREATE TABLE "{name}" ({kinds})')

    # -- computing -------------------------------------------------------------------------------------------

    def do_run(self, statement: str) -> None:
        """Run a statement that makes a table or view."""
        self.duck.execute(statement)

    def do_rows(self, number: int, query: str, size: int) -> list[Any]:
        """Begin an answer; returns its first rows."""
        self._answers[number] = self.duck.cursor().execute(query)
        return self.do_more(number, size)

    def do_more(self, number: int, size: int) -> list[Any]:
        """Return the next rows of an answer; none = that was all."""
        rows = self._answers[number].fetchmany(size)
        if len(rows) < size:
            self._answers.pop(number).close()
        return rows

    def do_forget(self, number: int) -> None:
        """End an answer that nobody wants to the end."""
        if number in self._answers:
            self._answers.pop(number).close()

    def do_load(self, **arguments: Any) -> list[tuple[int, int, int, str]]:
        """Write rows; what was read so far has been read, so that SQLite's log of writes can shrink."""
        from crmcore.builtin.analytics.child_load import load

        self._reading.close()
        return load(self.duck, self.database, self.uri, **arguments)

    def do_begin_checksum(self, number: int, query: str) -> None:
        """Begin to hash a query's one column of lines, beside what is asked for next."""
        self._checksums[number] = self._beside.submit(_checksum, self.duck.cursor(), query)

    def do_end_checksum(self, number: int) -> str:
        """Wait for a checksum."""
        return self._checksums.pop(number).result()


def _open_duck(settings: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config=settings)


def _checksum(duck: duckdb.DuckDBPyConnection, query: str) -> str:
    digest = sha256()
    with duck:
        for batch in duck.execute(query).to_arrow_reader(_AT_ONCE):
            digest.update(text_of(batch.column(0)))
    return digest.hexdigest()


def text_of(column: pa.Array, first: int = 0, last: int | None = None) -> memoryview:
    """Return the texts of a column without NULL, one behind the other, as they lie in memory."""
    import pyarrow as pa

    _validity, _offsets, data = column.buffers()
    wide = pa.types.is_large_string(column.type)
    starts = memoryview(_offsets).cast("q" if wide else "i")
    begin, end = (
        starts[column.offset + first],
        starts[column.offset + (len(column) if last is None else last)],
    )
    return memoryview(data)[begin:end] if data is not None else memoryview(b"")
