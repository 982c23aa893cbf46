"""What `crm order` shows: orders, and one order with what holds it and what was done with it, as JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from crmcore_trade_ledger import queries
from crmcore_trade_ledger.listing import Wanted, select_documents, show_document, shown_document
from crmcore_trade_ledger.ordering.held import is_held
from crmcore_trade_ledger.ordering.steps import holds_of, order_named, steps_of


def list_orders(
    connection: sa.Connection, wanted: Wanted, limit: int, after: str | None, *, only_held: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield orders, the latest first, each with whether it is held; `wanted.kind` is "order"."""
    query = select_documents(connection, wanted, after).add_columns(is_held().label("held")).limit(limit)
    if only_held:
        query = query.where(is_held())
    for row in queries.records(connection, query):
        yield shown_document(row) | {"held": bool(row["held"])}


def show_order(connection: sa.Connection, number: str) -> dict[str, Any]:
    """Return an order with its lines, holds and steps; NotFound."""
    order = order_named(connection, number)
    holds = holds_of(connection, [order["id"]]).get(order["id"], [])
    steps = steps_of(connection, [order["id"]]).get(order["id"], [])
    is_open = order["state"] == "draft" and any(row["ended_at"] is None for row in holds)
    return show_document(connection, number, "order") | {
        "held": is_open,
        "holds": [
            {
                **{name: row[name] for name in ("plugin", "rule", "reason", "permission")},
                "since": row["since"].isoformat(),
                "ended_at": row["ended_at"].isoformat() if row["ended_at"] else None,
                "how": row["how"],
            }
            for row in holds
        ],
        "steps": [
            {
                **{name: row[name] for name in ("step", "actor", "reason")},
                "at": row["at"].isoformat(),
            }
            for row in steps
        ],
    }
