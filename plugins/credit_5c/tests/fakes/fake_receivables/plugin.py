"""Provides the facts `receivables`, `settlements` and `orders`; a test may take some away."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider, Move, Moved, TableSpec, Tx, hookimpl, move_rows

ALL = ("receivables", "settlements", "orders")
PROVIDED: tuple[str, ...] = ALL


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep three tables."""
    from .tables import FakeClaim, FakeOrder, FakeSettlement

    whose = ("customer_id",)
    return [
        TableSpec(FakeClaim, log="range", customer_references=whose),
        TableSpec(FakeSettlement, log="range"),
        TableSpec(FakeOrder, log="range", customer_references=whose),
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let all go along as customers are merged."""
    from .tables import FakeClaim, FakeOrder

    return [move_rows(tx, table, "customer_id", moves) for table in (FakeClaim, FakeOrder)]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide what the test wants."""
    makers = {"receivables": _receivables, "settlements": _settlements, "orders": _orders}
    return [FactProvider(name, makers[name]) for name in PROVIDED]


def _receivables(settings: Mapping[str, Any]) -> sa.Select[Any]:
    from .tables import FakeClaim

    c = FakeClaim.__table__.c  # type: ignore[attr-defined]
    own = (c.occurred_on, c.due_on, c.currency, c.amount_minor, c.open_minor)
    return sa.select(c.customer_id, c.id.label("document_id"), c.document, *own)


def _settlements(settings: Mapping[str, Any]) -> sa.Select[Any]:
    from .tables import FakeClaim, FakeSettlement

    c, s = FakeClaim.__table__.c, FakeSettlement.__table__.c  # type: ignore[attr-defined]
    days = (c.occurred_on, c.due_on, s.settled_on, c.currency, s.amount_minor)
    return sa.select(c.customer_id, c.id.label("document_id"), c.document, *days).where(s.claim_id == c.id)


def _orders(settings: Mapping[str, Any]) -> sa.Select[Any]:
    from .tables import FakeOrder

    c = FakeOrder.__table__.c  # type: ignore[attr-defined]
    own = (c.occurred_on, c.currency, c.amount_minor, c.state)
    return sa.select(c.customer_id, c.id.label("document_id"), c.document, *own)
