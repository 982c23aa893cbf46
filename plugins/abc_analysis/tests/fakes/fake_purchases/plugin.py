"""Provides the fact `purchases`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider, Move, Moved, TableSpec, Tx, hookimpl, move_rows


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep one table."""
    from .tables import FakePurchase

    return [TableSpec(FakePurchase, log="range", customer_references=("customer_id",))]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let purchases go along as customers are merged."""
    from .tables import FakePurchase

    return [move_rows(tx, FakePurchase, "customer_id", moves)]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide purchases."""
    return [FactProvider("purchases", _purchases)]


def _purchases(settings: Mapping[str, Any]) -> sa.Select[Any]:
    from .tables import FakePurchase

    table: sa.Table = FakePurchase.__table__  # type: ignore[attr-defined]
    c = table.c
    return sa.select(
        c.customer_id,
        c.occurred_on,
        c.currency,
        c.amount_minor,
        c.cost_minor,
        c.quantity_micro,
        c.product_id,
        c.document_id,
        c.line,
    )
