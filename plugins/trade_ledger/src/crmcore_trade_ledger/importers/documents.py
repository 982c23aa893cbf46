"""Loading a chunk of rows that are lines of documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crmcore.api import Loaded
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.importers.entries import Entry, EntryReader, Refusals
from crmcore_trade_ledger.importers.headings import Headings
from crmcore_trade_ledger.importers.parties import find_customers, find_products
from crmcore_trade_ledger.importers.places import Places
from crmcore_trade_ledger.importers.plans import Plan, Planner
from crmcore_trade_ledger.importers.sources import find_sources
from crmcore_trade_ledger.importers.writing import Writer
from crmcore_trade_ledger.queries import Record

if TYPE_CHECKING:
    from crmcore.api import LoadContext, Row, Tx


def load_documents(kind: str, tx: Tx, rows: Sequence[Row], ctx: LoadContext, *, cash: bool = False) -> Loaded:
    """Take in what can be taken of a chunk; returns the counts, and the rows that were refused with the reason.

    `cash`: documents are paid at once unless their row says otherwise.
    """
    refusals, loaded = Refusals(), Loaded()
    entries = EntryReader(kind, ctx).read(rows, refusals)
    entries, customers = find_customers(tx, ctx, entries, refusals)
    entries = find_products(tx, ctx, entries, refusals)
    documents = queries.documents_by_number(tx.connection, kind, (entry.number for entry in entries))
    lines = queries.lines_of(tx.connection, (row["id"] for row in documents.values()))
    origin = f"import:{ctx.import_id}"
    numbering = Numbering(kind, tx, ctx, documents)
    numbering.number(rows, entries)

    clear = ctx.columns if ctx.clear_empty else frozenset()
    planner = Planner(Headings(kind, customers, origin, cash=cash), refusals, clear)
    plans = planner.plan(
        entries, documents, lines, lambda present: present["origin"] == origin or numbering.had_rows(present)
    )
    if any(entry.source for entry in entries):
        loaded.warnings += find_sources(tx.connection, [pair for plan in plans for pair in plan.lines()])
    Writer(kind, tx, refusals, loaded).write(plans)
    numbering.remember(plans, rows)
    return refusals.report(loaded)


class Numbering:
    """Numbers lines by their place among the rows of their document, where the file does not number them."""

    def __init__(self, kind: str, tx: Tx, ctx: LoadContext, documents: Mapping[str, Record]) -> None:
        """`documents`: those that are known, by number."""
        self._kind, self._tx, self._ctx = kind, tx, ctx
        self._documents = documents
        self._counted: Counter[str] = Counter()
        self._places: Places | None = None

    def number(self, rows: Sequence[Row], entries: Sequence[Entry]) -> None:
        """Give entries without a line theirs, but for late ones from a corrected rejects file.

        Rows that were refused have their place too: once corrected, they find it free.
        """
        unnumbered = {e.row.number: e for e in entries if e.line is None and e.row.rejected_line is None}
        if not unnumbered:
            return
        self._places = Places(self._tx, self._ctx, self._kind)
        for row in rows:
            number = row.values.get("document")
            if number is None or "line" in row.values or row.rejected_line is not None:
                continue
            self._counted[number] += 1
            if row.number in unnumbered:
                unnumbered[row.number].line = self._before(number) + self._counted[number]

    def had_rows(self, present: Record) -> bool:
        """Tell whether an earlier chunk of this import held rows of a document."""
        return self._places is not None and self._before(present["number"]) > 0

    def remember(self, plans: Sequence[Plan], rows: Sequence[Row]) -> None:
        """Keep how many rows of each document this chunk held."""
        if self._places is None:
            return
        ids = {number: row["id"] for number, row in self._documents.items()}
        ids.update({plan.number: plan.id for plan in plans if plan.id})
        counted = {number: (ids[number], rows) for number, rows in self._counted.items() if number in ids}
        self._places.add(counted, rows[-1].number)

    def _before(self, number: str) -> int:
        if self._places is None:
            return 0
        known = self._documents.get(number)
        return self._places.before(number, known["id"] if known else None)
