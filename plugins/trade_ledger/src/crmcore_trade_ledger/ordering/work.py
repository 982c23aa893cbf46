"""What held orders give people to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import sqlalchemy as sa

from crmcore.api import Context, WorkItem, translator
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.claims import owners, owns_customers
from crmcore_trade_ledger.ordering.held import is_held
from crmcore_trade_ledger.ordering.steps import holds_of
from crmcore_trade_ledger.queries import Record, document

_ = translator("crmcore_trade_ledger")
_MOST = 200


def held_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield one item per held order, the oldest first, at most 200.

    Who owns customers sees the orders of theirs and of nobody's; who owns none, as a manager, sees all.
    """
    query = sa.select(document).where(is_held()).order_by(document.c.occurred_on, document.c.id)
    orders = list(queries.records(ctx.connection, query))
    if not orders:
        return
    holds = holds_of(ctx.connection, [row["id"] for row in orders], only_open=True)
    customers = owners(ctx.connection, {row["customer_id"] for row in orders})
    own = {actor, None} if owns_customers(ctx.connection, actor) else None
    chosen = [
        row
        for row in orders
        if (own is None or customers[row["customer_id"]][2] in own)
        and (since is None or holds[row["id"]][-1]["since"].date() >= since)
    ]
    for row in chosen[:_MOST]:
        yield _item(row, customers[row["customer_id"]][1], holds[row["id"]])


def _item(order: Record, name: str, holds: list[Record]) -> WorkItem:
    title = _("Order {number} of {name} is held: {reasons}").format(
        number=order["number"], name=name, reasons="; ".join(row["reason"] or row["rule"] for row in holds)
    )
    return WorkItem(
        f"ledger:held:{order['id']}",
        order["customer_id"],
        order["occurred_on"],
        title,
        "warning",
        f"crm order show {order['number']}",
    )
