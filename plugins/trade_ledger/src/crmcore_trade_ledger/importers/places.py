"""Numbering lines by their place among the rows of their document, over chunks, scattered rows and restarts.

A file without a `line` column names its lines by order: the third row of document X is line 3, wherever in the file
it stands. So a chunk must know how many rows of X came before it. One byte per document in memory says so, found
by the document's id; each chunk leaves its counts in `ledger_place`, from which a resumed import counts on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from crmcore_trade_ledger.tables import LedgerPlace

if TYPE_CHECKING:
    from crmcore.api import LoadContext, Tx

_place: sa.Table = LedgerPlace.__table__  # type: ignore[attr-defined]
_PAGE_BITS = 12
_MANY = 255


class Counts:
    """How many rows each document has had: id → rows, one byte each in pages of 4,096 neighbouring ids."""

    def __init__(self) -> None:
        """Start with none."""
        self.last_row = 0
        self._pages: dict[int, bytearray] = {}
        self._many: dict[int, int] = {}

    def __getitem__(self, document_id: int) -> int:
        page = self._pages.get(document_id >> _PAGE_BITS)
        if page is None:
            return 0
        few = page[document_id & ((1 << _PAGE_BITS) - 1)]
        return few if few < _MANY else self._many[document_id]

    def add(self, document_id: int, rows: int) -> None:
        """Count further rows."""
        total = self[document_id] + rows
        page = self._pages.setdefault(document_id >> _PAGE_BITS, bytearray(1 << _PAGE_BITS))
        page[document_id & ((1 << _PAGE_BITS) - 1)] = min(total, _MANY)
        if total >= _MANY:
            self._many[document_id] = total


# One import at a time writes through an engine; what is remembered is checked against the database at each chunk.
_remembered: WeakKeyDictionary[sa.Engine, tuple[int, Counts]] = WeakKeyDictionary()


class Places:
    """The rows that each document had in earlier chunks of this import."""

    def __init__(self, tx: Tx, ctx: LoadContext, kind: str) -> None:
        """Find what earlier chunks left: in memory, or else in the database."""
        self._tx, self._ctx = tx, ctx
        self._dry: dict[str, int] | None = None
        if ctx.seen is not None:
            # Chunks of a dry run are rolled back, their documents have no lasting id.
            self._dry = ctx.seen.setdefault(("trade_ledger", kind), {})
            return
        engine = tx.connection.engine
        last = tx.connection.scalar(
            sa.select(sa.func.max(_place.c.last_row)).where(_place.c.import_id == ctx.import_id)
        )
        import_id, self._counts = _remembered.get(engine, (0, Counts()))
        if (import_id, self._counts.last_row) != (ctx.import_id, last or 0):
            self._counts = self._recall()
            _remembered[engine] = (ctx.import_id, self._counts)

    def before(self, number: str, document_id: int | None) -> int:
        """Return how many rows of a document came in earlier chunks."""
        if self._dry is not None:
            return self._dry.get(number, 0)
        return 0 if document_id is None else self._counts[document_id]

    def add(self, rows: Mapping[str, tuple[int, int]], last_row: int) -> None:
        """Count the rows of this chunk: number → (document id, rows); `last_row` is the number of its last row."""
        if self._dry is not None:
            for number, (_id, count) in rows.items():
                self._dry[number] = self._dry.get(number, 0) + count
        elif rows:
            counted = sorted(rows.values())
            packed = list(pack(counted))
            self._tx.insert(
                LedgerPlace, [{"import_id": self._ctx.import_id, "last_row": last_row, "rows": packed}]
            )
            for document_id, count in counted:
                self._counts.add(document_id, count)
            self._counts.last_row = last_row

    def _recall(self) -> Counts:
        counts = Counts()
        query = (
            sa.select(_place.c.last_row, _place.c.rows)
            .where(_place.c.import_id == self._ctx.import_id)
            .order_by(_place.c.last_row)
        )
        for last_row, packed in self._tx.connection.execute(query):
            for document_id, rows in unpack(packed):
                counts.add(document_id, rows)
            counts.last_row = last_row
        return counts


def pack(counted: list[tuple[int, int]]) -> Iterator[int]:
    """Write (id, rows) in order of id as runs: first id, how many ids follow one another, rows of each."""
    runs = groupby(enumerate(counted), key=lambda place: (place[1][0] - place[0], place[1][1]))
    for (_distance, rows), members in runs:
        ids = [counted_id for _position, (counted_id, _rows) in members]
        yield from (ids[0], len(ids), rows)


def unpack(packed: list[int]) -> Iterator[tuple[int, int]]:
    """Read back what `pack` wrote."""
    for position in range(0, len(packed), 3):
        first, length, rows = packed[position : position + 3]
        yield from ((document_id, rows) for document_id in range(first, first + length))
