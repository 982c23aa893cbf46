"""What the ledger knew on a past day: rows that arrived since are left out, what was changed or deleted since is back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import NamedTuple

from crmcore.api import Context, rows_as_of
from crmcore_trade_ledger import rules
from crmcore_trade_ledger.claims import OpenDocument
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine


class Bought(NamedTuple):
    """What a customer bought in one currency: of twelve months, and when last."""

    customer_id: int
    currency: str
    amount_minor: int
    last_on: date


def open_documents(
    ctx: Context, kinds: Collection[str], customer_ids: Collection[int], day: date
) -> Iterator[OpenDocument]:
    """Yield what was known to be open at the end of a day, by who is billed, oldest due first."""
    rows = rows_as_of(ctx, LedgerDocument, "bill_to_id", customer_ids, day)
    found = [
        OpenDocument(
            row["bill_to_id"],
            row["id"],
            row["kind"],
            row["number"],
            row["occurred_on"],
            row["due_on"],
            row["currency"],
            row["open_minor"],
        )
        for row in rows
        if row["open_minor"] and row["kind"] in kinds
    ]
    yield from sorted(
        found, key=lambda one: (one.customer_id, one.due_on or one.occurred_on, one.document_id)
    )


def bought(ctx: Context, customer_ids: Collection[int], since: date, day: date) -> Iterator[Bought]:
    """Yield what was known at the end of a day to have been bought until then, in the company's basis of today."""
    basis = rules.BASIS[ctx.settings["purchase_basis"]]
    columns = ("currency", "occurred_on", "net_minor", "counts")
    sums: dict[tuple[int, str], tuple[int, date]] = {}
    for row in rows_as_of(ctx, LedgerLine, "customer_id", customer_ids, day, columns):
        if row["occurred_on"] <= day and row["counts"] & basis:
            place = (row["customer_id"], row["currency"])
            amount, last_on = sums.get(place, (0, row["occurred_on"]))
            amount += row["net_minor"] if row["occurred_on"] >= since else 0
            sums[place] = (amount, max(last_on, row["occurred_on"]))
    for (customer_id, currency), (amount, last_on) in sorted(sums.items()):
        yield Bought(customer_id, currency, amount, last_on)
