"""Loading allocations: which payment settled which document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.api import LoadContext, Loaded, Row, translator
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.importers.entries import Refusals, RowRefused, read_minor
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.settlement import Settlement

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.api import Tx

_ = translator("crmcore_trade_ledger")
PAYERS = ("payment", "return", "invoice")
"""Kinds in which a number in the column `payment` is looked for, where no kind is stated."""
TARGETS = ("invoice", "return")
Found = Mapping[tuple[str, str], Record]


def load_allocations(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:  # noqa: ARG001  (a loader's signature)
    """Allocate payments to documents as the rows say; a row that would take more than is open is refused."""
    loaded, refusals = Loaded(), Refusals()
    found = _documents(tx.connection, rows)
    named: list[tuple[Row, Record, Record]] = []
    for row in rows:
        try:
            payment = _find(found, row, "payment", PAYERS)
            named.append((row, payment, _find(found, row, "document", TARGETS)))
        except RowRefused as refused:
            refusals.add(row, refused.column, refused.reason)
    settlement = Settlement(tx, {document["id"] for _row, *both in named for document in both})
    seen: set[tuple[int, int, date]] = set()
    for row, payment, document in named:
        day = row.values.get("date") or max(payment["occurred_on"], document["occurred_on"])
        key = (payment["id"], document["id"], day)
        if key in seen:
            refusals.add(row, "payment", _("the same allocation stands twice in the file"))
            continue
        try:
            amount = read_minor(row.values, "amount", payment["currency"]) or 0
            outcome = settlement.allocate(*key, amount)
        except RowRefused as refused:
            refusals.add(row, refused.column, refused.reason)
            continue
        except rules.RuleBroken as broken:
            refusals.add(row, "amount", _(broken.sentence).format(**broken.values))
            continue
        seen.add(key)
        setattr(loaded, outcome, getattr(loaded, outcome) + 1)
    settlement.write()
    return refusals.report(loaded)


def _documents(connection: sa.Connection, rows: Sequence[Row]) -> Found:
    """Return (kind, number) → document for all that the rows may mean."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        for column, kinds in (("payment", PAYERS), ("document", TARGETS)):
            stated = row.values.get(f"{column}_kind")
            for kind in (stated,) if stated else kinds:
                wanted.setdefault(kind, set()).add(row.values[column])
    return {
        (kind, number): row
        for kind, numbers in wanted.items()
        for number, row in queries.documents_by_number(connection, kind, numbers).items()
    }


def _find(found: Found, row: Row, column: str, kinds: Sequence[str]) -> Record:
    stated = row.values.get(f"{column}_kind")
    for kind in (stated,) if stated else kinds:
        if document := found.get((kind, row.values[column])):
            return document
    raise RowRefused(column, _("the ledger holds no such document; import it first"))
