"""Settling documents: allocating payments, and credit notes in their place, so that neither side goes below nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Customer
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.rules import Claim
from crmcore_trade_ledger.tables import LedgerAllocation, LedgerDocument

if TYPE_CHECKING:
    from crmcore.api import Tx
    from crmcore_trade_ledger.queries import Record

_allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]
_customer: sa.Table = Customer.__table__  # type: ignore[attr-defined]
Key = tuple[int, int, date]
"""Payment, document, day."""


class Settlement:
    """The documents that take part in settling, locked, and what is decided of them; written by `write`."""

    def __init__(self, tx: Tx, document_ids: Iterable[int]) -> None:
        """Read and lock the documents."""
        self._tx = tx
        documents = queries.documents_by_id(tx.connection, document_ids, lock=True)
        self.claims = {number: claim(row) for number, row in documents.items()}
        self._documents = documents
        self._families = _families(tx.connection, {row["bill_to_id"] for row in documents.values()})
        self._present = self._allocations()
        self._new: dict[Key, int] = {}
        self._edits: dict[Key, tuple[int, int]] = {}

    def allocate(self, payment_id: int, document_id: int, day: date, amount: int) -> str:
        """Allocate, or change what was allocated on that day: `created`, `updated` or `unchanged`.

        Raises RuleBroken where it is against the rules.
        """
        key = (payment_id, document_id, day)
        present = self._present.get(key)
        if present is not None and present["amount_minor"] == amount:
            return "unchanged"
        source, target = self.claims[payment_id], self.claims[document_id]
        for document in (source, target):
            state = self._documents[document.id]["state"]
            if not rules.in_force(document.kind, state):
                raise rules.RuleBroken(rules.N_("{number} is not posted"), number=document.number)
        if not self._same_family(payment_id, document_id):
            raise rules.RuleBroken(
                rules.N_("{source} and {target} are of customers who do not belong together"),
                source=source.number,
                target=target.number,
            )
        if present is not None:
            source, target = _changed(source, target, -present["amount_minor"])
        rules.check_allocation(source, target, amount)
        self.claims[payment_id], self.claims[document_id] = _changed(source, target, amount)
        self._present[key] = {"id": present["id"] if present else 0, "amount_minor": amount}
        if present is None or key in self._new:
            self._new[key] = amount
            return "created"
        self._edits[key] = (present["id"], amount)
        return "updated"

    def add(self, payment_id: int, document_id: int, day: date, amount: int) -> None:
        """Allocate so much more; raises RuleBroken where it is against the rules."""
        present = self._present.get((payment_id, document_id, day))
        self.allocate(payment_id, document_id, day, amount + (present["amount_minor"] if present else 0))

    def write(self) -> None:
        """Write what was decided."""
        rows = [
            {"payment_id": payment, "document_id": document, "allocated_on": day, "amount_minor": amount}
            for (payment, document, day), amount in sorted(self._new.items())
        ]
        self._tx.insert(LedgerAllocation, rows)
        self._tx.update(
            LedgerAllocation, [(i, {"amount_minor": amount}) for i, amount in self._edits.values()]
        )
        edits = [
            (number, {"open_minor": after.open})
            for number, after in sorted(self.claims.items())
            if after.open != self._documents[number]["open_minor"]
        ]
        self._tx.update(LedgerDocument, edits)

    def _allocations(self) -> dict[Key, Mapping[str, Any]]:
        found: dict[Key, Mapping[str, Any]] = {}
        for part in queries.parts(self._documents):
            query = sa.select(_allocation).where(_allocation.c.payment_id.in_(part))
            for row in queries.records(self._tx.connection, query):
                found[row["payment_id"], row["document_id"], row["allocated_on"]] = row
        return found

    def _same_family(self, one: int, other: int) -> bool:
        first, second = (self._families[self._documents[number]["bill_to_id"]] for number in (one, other))
        return bool(first & second)


def claim(row: Record) -> Claim:
    """See a document as allocation does."""
    return Claim(
        row["id"],
        row["kind"],
        row["currency"],
        row["open_minor"],
        row["due_on"] or row["occurred_on"],
        row["number"],
    )


def _changed(source: Claim, target: Claim, amount: int) -> tuple[Claim, Claim]:
    left, remaining = rules.open_after(source, target, amount)
    return replace(source, open=left), replace(target, open=remaining)


def _families(connection: sa.Connection, customer_ids: Iterable[int]) -> dict[int, set[int]]:
    """Return customer → itself and the firm that it belongs to: they may pay for one another."""
    families: dict[int, set[int]] = {}
    for part in queries.parts(set(customer_ids)):
        query = sa.select(_customer.c.id, _customer.c.parent_id).where(_customer.c.id.in_(part))
        families.update({number: {number, parent or number} for number, parent in connection.execute(query)})
    return families
