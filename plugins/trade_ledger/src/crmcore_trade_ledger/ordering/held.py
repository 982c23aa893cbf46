"""Orders that are held: asked again from time to time, for what held them passes (payment before dispatch, 款到发货)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Refused
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.ordering.releasing import PLUGIN, release_if_free
from crmcore_trade_ledger.ordering.steps import hold_table
from crmcore_trade_ledger.queries import document

if TYPE_CHECKING:
    from crmcore.api import App


def is_held() -> sa.ColumnElement[bool]:
    """Return the condition that an order is a draft, and that something holds it."""
    held = sa.select(hold_table.c.document_id).where(hold_table.c.ended_at.is_(None))
    return sa.and_(document.c.state == "draft", document.c.id.in_(held))


def release_held(app: App, actor: str) -> Mapping[str, Any]:
    """Ask again for each held order, the oldest first, and release those that nobody holds any more.

    Each order has its own transaction. Returns {"asked", "released"}. Where one cannot be asked for, since a plugin that
    decides cannot run, the others are; then Refused says why.
    """
    query = sa.select(document.c.number).where(is_held()).order_by(document.c.occurred_on, document.c.id)
    with app.read(PLUGIN) as ctx:
        numbers = [row["number"] for row in queries.records(ctx.connection, query)]
    released, refusals = 0, []
    for number in numbers:
        try:
            released += release_if_free(app, actor, number)
        except Refused as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]
    return {"asked": len(numbers), "released": released}
