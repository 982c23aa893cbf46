"""The quick way into a table: rows sorted, numbered and hashed on their way, as the gate would."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from hashlib import sha256
from itertools import cycle
from typing import TYPE_CHECKING

from crmcore.builtin.analytics.child_work import text_of
from crmcore.builtin.analytics.child_write import Column, SqliteWriter, Writer

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
_ESCAPED = {92: "\\\\", 34: '\\"', **{code: _SHORT.get(code, f"\\u{code:04x}") for code in range(1, 32)}}
"""Code of a character → how JSON writes it; the backslash first, since the others bring more of them."""


def load(  # noqa: PLR0913 -- all that the parent says
    duck: duckdb.DuckDBPyConnection, database: str, uri: str, *, query: str, table: str,
    columns: Sequence[Sequence[str]], order: Sequence[str], chunk: int, at_once: int,
) -> list[tuple[int, int, int, str]]:  # fmt: skip
    """Write the rows of a query, `at_once` in a transaction; returns first id, last id, rows and hash of each chunk."""
    wanted = [Column(*column) for column in columns]
    kind = SqliteWriter if database == "sqlite" else Writer
    hashes = Hashes(chunk)
    with ExitStack() as afterwards:
        beside = afterwards.enter_context(ThreadPoolExecutor(1))
        opened = beside.submit(_open, afterwards, partial(kind, uri, table, wanted), kind.at_once)
        rows = Rows(duck, wanted, query, order)
        afterwards.callback(rows.drop)
        writers = opened.result()
        _write(writers, _hashed(rows.batches(writers[0].take_ids(rows.count, at_once), at_once), hashes))
    hashes.cut()
    return hashes.ranges


def _open(afterwards: ExitStack, connect: Callable[[], Writer], count: int) -> list[Writer]:
    """Connect as often as wanted, while the rows are computed."""
    return [afterwards.enter_context(closing(connect())) for _ in range(count)]


def _hashed(batches: Iterable[pa.RecordBatch], hashes: Hashes) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        hashes.add(batch)
        yield batch


def _write(writers: Sequence[Writer], batches: Iterable[pa.RecordBatch]) -> None:
    """Have each writer write every so manieth batch, and the next one computed meanwhile."""
    written: deque[Future[None]] = deque()
    with ThreadPoolExecutor(len(writers)) as beside:
        for writer, batch in zip(cycle(writers), batches):
            if len(written) == len(writers):
                written.popleft().result()
            written.append(beside.submit(writer.write, batch))
        for last in written:
            last.result()


class Rows:
    """The rows to write, sorted, in a table of DuckDB."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, columns: Sequence[Column], query: str, order: Sequence[str]
    ) -> None:
        """Compute them."""
        self.columns = columns
        self._duck = duck
        kept = ", ".join(f'CAST("{c.name}" AS {c.kept}) AS "{c.name}"' for c in columns if c.name != "id")
        by = ", ".join(f'"{name}"' for name in order)
        duck.execute(f"CREATE OR REPLACE TABLE crm_load AS SELECT {kept} FROM ({query}) ORDER BY {by}")
        self._look_through([c.name for c in columns if c.name != "id"])

    def _look_through(self, names: Sequence[str]) -> None:
        """Count them; note columns that hold the same in all rows, as SQL, and those without NULL."""
        integers = {c.name for c in self.columns if c.kind == "integer"}
        spans = ((f'min("{c}"), max("{c}")' if c in integers else "NULL, NULL") for c in names)
        sought = ", ".join(f'{span}, count("{c}")' for span, c in zip(spans, names, strict=True))
        found = self._duck.execute(f"SELECT count(*), {sought} FROM crm_load").fetchone() or (0,)
        self.count: int = found[0]
        self._same: dict[str, str] = {}
        self._filled = {"id"}
        for name, least, most, filled in zip(names, found[1::3], found[2::3], found[3::3], strict=True):
            if filled == self.count:
                self._filled.add(name)
            if not filled:
                self._same[name] = "NULL"
            elif name in integers and least == most and filled == self.count:
                self._same[name] = str(least)

    def drop(self) -> None:
        """Forget them."""
        self._duck.execute("DROP TABLE crm_load")

    def batches(self, runs: Iterable[tuple[int, int]], at_once: int) -> Iterator[pa.RecordBatch]:
        """Yield them with their ids; a batch never holds more than one unbroken run of ids."""
        position = 0
        for first, last in runs:
            end = position + last - first + 1
            for start in range(position, end, at_once):
                yield self._batch(first - position, range(start, min(start + at_once, end)))
            position = end

    def _batch(self, offset: int, places: range) -> pa.RecordBatch:
        """Return the rows at these places, each with its id and, as `line`, its part of the JSON that is hashed.

        DuckDB gives a table's rows in the order in which it was filled (`preserve_insertion_order`); `Hashes` checks it.
        """
        values = {c: self._value(c.name, offset) for c in self.columns}
        wanted = ", ".join(f'CAST({value} AS {c.wanted}) AS "{c.name}"' for c, value in values.items())
        query = (
            f"SELECT {wanted}, {self._line(values)} AS line FROM crm_load"
            f" WHERE rowid >= {places.start} AND rowid < {places.stop}"
        )
        with self._duck.cursor() as own:
            (batch,) = own.execute(query).to_arrow_table().combine_chunks().to_batches()
        return batch

    def _value(self, name: str, offset: int) -> str:
        return f"(rowid + {offset})" if name == "id" else self._same.get(name, f'"{name}"')

    def _line(self, values: Mapping[Column, str]) -> str:
        """Return as SQL what is hashed of a row, such as `,[7,null,"A"]`: texts and SQL by turns, texts joined."""
        parts = [",["]
        for column, value in values.items():
            before, shown, after = self._json(column, value)
            parts[-1] += before
            if shown:
                parts += [shown, after]
            parts[-1] += ","
        parts[-1] = parts[-1][:-1] + "]"
        return "concat(" + ", ".join(f"'{p}'" if n % 2 == 0 else p for n, p in enumerate(parts)) + ")"

    def _json(self, column: Column, value: str) -> tuple[str, str, str]:
        """Write a value as `crmcore.db.base.canonical` does: text, SQL, text."""
        if column.name in self._same:
            return value.lower(), "", ""
        shown = f"CAST({value} AS VARCHAR)"
        if column.kind == "text":
            escaped = value
            for code, written in _ESCAPED.items():
                escaped = f"replace({escaped}, chr({code}), '{written}')"
            special = f"""regexp_matches({value}, '[\\x01-\\x1f"\\\\]')"""
            shown = f"CASE WHEN {special} THEN {escaped} ELSE {value} END"
        quote = '"' if column.kind in {"text", "date"} else ""
        if column.name in self._filled:
            return quote, shown, quote
        return "", f"coalesce('{quote}' || {shown} || '{quote}', 'null')", ""


class Hashes:
    """Cuts a stream of rows into chunks and hashes each: `[` + its lines, commas between + `]`."""

    def __init__(self, chunk: int) -> None:
        """Begin before the first row."""
        self.ranges: list[tuple[int, int, int, str]] = []
        self._chunk = chunk
        self._rows = 0
        self._first = 0
        self._digest = sha256(b"[")

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows with their `id` and `line`."""
        import pyarrow.compute as pc

        ids, lines = batch.column("id"), batch.column("line")
        if not len(batch):
            return
        if pc.any(pc.not_equal(pc.pairwise_diff(ids, 1).drop_null(), 1)).as_py():
            raise RuntimeError("rows came out of order")
        if ids[0].as_py() != self._first + self._rows:
            self.cut()
        start = 0
        while start < len(batch):
            end = min(len(batch), start + self._chunk - self._rows)
            text = text_of(lines, start, end)
            if not self._rows:
                self._first = ids[start].as_py()
                text = text[1:]  # no comma before the first
            self._digest.update(text)
            self._rows += end - start
            if self._rows == self._chunk:
                self.cut()
            start = end

    def cut(self) -> None:
        """End the chunk, as at a gap between ids and at the end of all."""
        if self._rows:
            self._digest.update(b"]")
            last = self._first + self._rows - 1
            self.ranges.append((self._first, last, self._rows, self._digest.hexdigest()))
        self._rows = 0
        self._digest = sha256(b"[")
