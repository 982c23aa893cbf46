"""Provides the facts that limits and exposure are worked out from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider, Move, Moved, TableSpec, Tx, hookimpl, move_rows

_NAMES = {
    "receivables": (
        "customer_id",
        "document_id",
        "document",
        "occurred_on",
        "due_on",
        "currency",
        "amount",
        "open",
    ),
    "orders_open": ("customer_id", "document_id", "document", "occurred_on", "due_on", "currency", "open"),
    "deliveries_open": ("customer_id", "document_id", "document", "occurred_on", "currency", "open"),
    "payments": ("customer_id", "document_id", "document", "occurred_on", "currency", "amount", "allocated"),
    "purchases": (
        *("customer_id", "occurred_on", "currency", "amount", "cost", "quantity"),
        *("product_id", "document_id", "line"),
    ),
}


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep one table."""
    from .tables import FakeTrade

    return [TableSpec(FakeTrade, log="range", customer_references=("customer_id",))]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let all go along as customers are merged."""
    from .tables import FakeTrade

    return [move_rows(tx, FakeTrade, "customer_id", moves)]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide all of them."""
    return [FactProvider(name, _select(name)) for name in _NAMES]


def _select(name: str) -> Any:
    def select(settings: Mapping[str, Any]) -> sa.Select[Any]:
        from .tables import FakeTrade

        c = FakeTrade.__table__.c  # type: ignore[attr-defined]
        columns = {
            "customer_id": c.customer_id,
            "document_id": c.id.label("document_id"),
            "document": sa.cast(c.id, sa.String).label("document"),
            "occurred_on": c.occurred_on,
            "due_on": c.due_on,
            "currency": c.currency,
            "amount": c.amount_minor,
            "open": c.open_minor,
            "allocated": (c.amount_minor - c.open_minor).label("allocated_minor"),
            "cost": sa.null().label("cost_minor"),
            "quantity": sa.null().label("quantity_micro"),
            "product_id": sa.null().label("product_id"),
            "line": sa.literal(1).label("line"),
        }
        return sa.select(*(columns[key] for key in _NAMES[name])).where(c.kind == name)

    return select
