"""After an import was taken back: totals, what is open, what counts and orders' progress are worked out again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Change, Refused, translator
from crmcore_trade_ledger import books, queries, rules
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.tables import LedgerAllocation, LedgerDocument

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_trade_ledger")
_allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]

Value = tuple[str, int, str]
"""Entity, id, column."""
DOCUMENT, LINE, LINK, ALLOCATION = "ledger_document", "ledger_line", "ledger_link", "ledger_allocation"
_TOTALS = frozenset({"net_minor", "tax_minor", "gross_minor"})
_PROGRESS = frozenset({"open_minor", "state"})


def settle_undone(tx: Tx, changes: Sequence[Change], left: AbstractSet[Value]) -> AbstractSet[Value]:
    """Bring documents up to date; returns the values left that are the ledger's own to work out."""
    connection = tx.connection
    linked = _numbers(changes, LINK, "from_line_id", "to_line_id")
    edited = {change.id for change in changes if change.entity == LINE and change.operation == "update"}
    lines = {number for entity, number, _column in left if entity == LINE} | linked | edited
    present = queries.lines_by_id(connection, lines)
    summed = _numbers(changes, LINE, "document_id") | {row["document_id"] for row in present.values()}
    touched = summed | _documents(connection, changes, left)
    documents = queries.documents_by_id(connection, touched, lock=True)
    books.recount_lines(tx, present)
    books.recount_totals(tx, [n for n, row in documents.items() if n in summed and row["kind"] != "payment"])
    _reopen(tx, [number for number, row in documents.items() if row["kind"] != "order"])
    moved = {number for entity, number, column in left if entity == DOCUMENT and column in _PROGRESS}
    orders = books.orders_of(connection, present)
    orders |= {number for number, row in documents.items() if row["kind"] == "order"}
    books.refresh_orders(tx, orders - moved)
    books.refresh_orders(tx, orders & moved, back=True)
    return {value for value in left if _is_worked_out(value, documents)}


def _numbers(changes: Iterable[Change], entity: str, *columns: str) -> set[int]:
    """Return the ids that columns of changed rows hold."""
    images = [i for c in changes if c.entity == entity for i in (c.before, c.after) if i is not None]
    return {image[name] for image in images for name in columns if name in image}


def _documents(connection: sa.Connection, changes: Sequence[Change], left: AbstractSet[Value]) -> set[int]:
    """Return the ids of documents that were changed or left, and of those that settle each other no longer."""
    found = {change.id for change in changes if change.entity == DOCUMENT}
    found |= {number for entity, number, _column in left if entity == DOCUMENT}
    found |= _numbers(changes, ALLOCATION, "payment_id", "document_id")
    edited = [change.id for change in changes if change.entity == ALLOCATION and change.operation == "update"]
    edited += [number for entity, number, _column in left if entity == ALLOCATION]
    for part in queries.parts(set(edited)):
        query = sa.select(_allocation.c.payment_id, _allocation.c.document_id)
        for both in connection.execute(query.where(_allocation.c.id.in_(part))):
            found.update(both)
    return found


def _reopen(tx: Tx, document_ids: Collection[int]) -> None:
    """Work out what is open of documents from their amounts and what settles them."""
    documents = queries.documents_by_id(tx.connection, document_ids)
    settled = _settled(tx.connection, documents)
    edits: list[tuple[int, dict[str, Any]]] = []
    for number, row in sorted(documents.items()):
        amount, gross = settled.get(number, 0), row["gross_minor"]
        in_force = rules.in_force(row["kind"], row["state"]) and not row["cash"]
        if in_force and ((gross - amount) * gross < 0 or (amount and not gross)):
            message = _("more of {number} is settled than would be left of it; undo the allocations first")
            raise Refused(message.format(number=row["number"]))
        left = rules.open_amount(row["kind"], row["state"], gross, amount, cash=row["cash"])
        edits.append((number, {"open_minor": left}))
    tx.update(LedgerDocument, edits)


def _settled(connection: sa.Connection, documents: dict[int, Record]) -> dict[int, int]:
    """Return document → what allocations have settled of it."""
    found: dict[int, int] = {}
    c = _allocation.c
    for part in queries.parts(documents):
        query = sa.select(c.document_id, sa.func.sum(c.amount_minor)).group_by(c.document_id)
        for number, amount in connection.execute(query.where(c.document_id.in_(part))):
            found[number] = found.get(number, 0) + int(amount)
        query = sa.select(c.payment_id, sa.func.sum(c.amount_minor)).group_by(c.payment_id)
        for number, amount in connection.execute(query.where(c.payment_id.in_(part))):
            pays = documents[number]["kind"] == "payment"
            found[number] = found.get(number, 0) + (int(amount) if pays else -int(amount))
    return found


def _is_worked_out(value: Value, documents: dict[int, Record]) -> bool:
    entity, number, column = value
    if entity == LINE:
        return column == "counts"
    if entity != DOCUMENT or number not in documents:
        return False
    kind = documents[number]["kind"]
    if column in _TOTALS:
        return bool(kind != "payment")
    return column == "open_minor" or (column == "state" and kind == "order")
