"""Use cases of the ledger beyond reading files: allocate what is not allocated yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import NotFound, find_customer, translator
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.queries import document
from crmcore_trade_ledger.settlement import Settlement

if TYPE_CHECKING:
    from crmcore.api import App, Tx

_ = translator("crmcore_trade_ledger")
PLUGIN = "trade_ledger"
_CUSTOMERS_AT_ONCE = 200


@dataclass(slots=True)
class Allocated:
    """What an allocation run did; amounts in minor units per currency."""

    payments: int = 0
    documents: int = 0
    allocations: int = 0
    amounts: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what `crm ledger allocate --json` prints."""
        amounts = [{"currency": c, "amount_minor": minor} for c, minor in sorted(self.amounts.items())]
        return {
            "payments": self.payments,
            "documents": self.documents,
            "allocations": self.allocations,
            "amounts": amounts,
        }


def allocate_payments(
    app: App, actor: str, *, customer: str | None = None, payment: str | None = None
) -> Allocated:
    """Allocate payments to their customers' open documents, the one due first first (先到期先核销).

    What is dated in the future, such as a post-dated cheque, waits for its day.

    customer: only this customer's; payment: only this one. Raises NotFound for a code or number that does not exist.
    Customers are done in groups, each in one transaction, so that a run that was broken off is simply run again.
    """
    with app.read(PLUGIN) as ctx:
        query = sa.select(document.c.bill_to_id).where(
            document.c.open_minor != sa.literal_column("0"), document.c.kind == "payment"
        )
        if customer is not None:
            query = query.where(document.c.bill_to_id == find_customer(ctx.connection, customer))
        if payment is not None:
            query = query.where(document.c.id == _payment_id(ctx.connection, payment))
        customers = sorted(set(ctx.connection.scalars(query)))
    done = Allocated()
    for start in range(0, len(customers), _CUSTOMERS_AT_ONCE):
        with app.write(actor, reason="crm ledger allocate", source="cli", plugin=PLUGIN) as tx:
            _allocate(tx, customers[start : start + _CUSTOMERS_AT_ONCE], payment, done)
    return done


def _payment_id(connection: sa.Connection, number: str) -> int:
    found = queries.documents_by_number(connection, "payment", [number])
    if number not in found:
        raise NotFound(_("there is no payment {number!r}").format(number=number))
    return int(found[number]["id"])


def _allocate(tx: Tx, customers: Sequence[int], payment: str | None, done: Allocated) -> None:
    query = sa.select(
        document.c.id, document.c.kind, document.c.bill_to_id, document.c.number, document.c.occurred_on
    )
    query = query.where(
        document.c.open_minor != sa.literal_column("0"),
        document.c.kind.in_(("payment", "invoice", "return")),
        document.c.bill_to_id.in_(customers),
        document.c.occurred_on <= tx.ctx.today,
    ).order_by(document.c.bill_to_id, document.c.occurred_on, document.c.id)
    rows = list(queries.records(tx.connection, query))
    settlement = Settlement(tx, [row["id"] for row in rows])
    targets: dict[int, list[int]] = {}
    for row in rows:
        if row["kind"] != "payment":
            targets.setdefault(row["bill_to_id"], []).append(row["id"])
    days = {row["id"]: row["occurred_on"] for row in rows}
    settled: set[int] = set()
    for row in rows:
        if row["kind"] != "payment" or payment not in (None, row["number"]):
            continue
        source = settlement.claims[row["id"]]
        claims = [settlement.claims[number] for number in targets.get(row["bill_to_id"], ())]
        shares = rules.allocate_oldest(source, claims)
        for number, amount in shares:
            settlement.add(source.id, number, max(days[source.id], days[number]), amount)
            done.amounts[source.currency] = done.amounts.get(source.currency, 0) + amount
        done.payments += bool(shares)
        done.allocations += len(shares)
        settled |= {number for number, _amount in shares}
    done.documents += len(settled)
    settlement.write()
