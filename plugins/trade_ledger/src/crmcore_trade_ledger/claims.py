"""Who owes what: open documents and money not yet allocated, now or as they stood on a past day."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Customer
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.queries import document
from crmcore_trade_ledger.tables import LedgerAllocation

_allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]
_customer: sa.Table = Customer.__table__  # type: ignore[attr-defined]
CLAIMS = ("invoice", "return")


class OpenDocument(NamedTuple):
    """What is open of a document: claims positive, credit notes negative; of a payment what is not allocated."""

    customer_id: int
    document_id: int
    kind: str
    number: str
    occurred_on: date
    due_on: date | None
    currency: str
    open_minor: int


def open_documents(
    connection: sa.Connection,
    kinds: Collection[str],
    customer_ids: Collection[int] | None = None,
    as_of: date | None = None,
) -> Iterator[OpenDocument]:
    """Yield open documents of these kinds, by who is billed, oldest due first; of all customers where none are named."""
    query = _now(kinds) if as_of is None else _then(kinds, as_of)
    order = (
        document.c.bill_to_id,
        sa.func.coalesce(document.c.due_on, document.c.occurred_on),
        document.c.id,
    )
    if customer_ids is None:
        yield from map(OpenDocument._make, connection.execute(query.order_by(*order)))
        return
    for part in queries.parts(set(customer_ids)):
        chosen = query.where(document.c.bill_to_id.in_(part)).order_by(*order)
        yield from map(OpenDocument._make, connection.execute(chosen))


class Overdue(NamedTuple):
    """A customer's invoices in one currency that are due since a day or longer."""

    customer_id: int
    currency: str
    invoices: int
    amount_minor: int
    oldest_due: date
    latest_due: date


def overdue(connection: sa.Connection, last_due: date) -> list[Overdue]:
    """Return per customer and currency what was due on a day or before, from the index of open documents alone."""
    c = document.c
    columns = (c.bill_to_id, c.kind, c.currency)
    figures = (sa.func.count(), sa.func.sum(c.open_minor), sa.func.min(c.due_on), sa.func.max(c.due_on))
    # No condition on the kind: SQLite would rather read all documents of a kind than the few that are open.
    is_due = (c.open_minor != sa.literal_column("0"), c.open_minor > 0, c.due_on <= last_due)
    query = sa.select(*columns, *figures).where(*is_due).group_by(*columns)
    rows = connection.execute(query.order_by(*columns))
    return [
        Overdue(customer_id, currency, invoices, int(amount), oldest, latest)
        for customer_id, kind, currency, invoices, amount, oldest, latest in rows
        if kind == "invoice"
    ]


def _columns() -> list[sa.Column[Any]]:
    names = ("bill_to_id", "id", "kind", "number", "occurred_on", "due_on", "currency")
    return [document.c[name] for name in names]


def _now(kinds: Collection[str]) -> sa.Select[Any]:
    # A literal, so that the databases see that the index of open documents holds them all.
    is_open = document.c.open_minor != sa.literal_column("0")
    return sa.select(*_columns(), document.c.open_minor).where(is_open, document.c.kind.in_(kinds))


def _then(kinds: Collection[str], as_of: date) -> sa.Select[Any]:
    """Take back what was allocated after a day, from both sides."""
    after = _allocation.c.allocated_on > as_of
    taken = sa.select(
        _allocation.c.document_id.label("id"), _allocation.c.amount_minor.label("amount")
    ).where(after)
    giver = document.alias("giver")
    given = (
        sa.select(
            _allocation.c.payment_id,
            sa.case(
                (giver.c.kind == "payment", _allocation.c.amount_minor), else_=-_allocation.c.amount_minor
            ),
        )
        .join(giver, giver.c.id == _allocation.c.payment_id)
        .where(after)
    )
    both = sa.union_all(taken, given).subquery()
    later = sa.select(both.c.id, sa.func.sum(both.c.amount).label("amount")).group_by(both.c.id).subquery()
    was_open = document.c.open_minor + sa.cast(sa.func.coalesce(later.c.amount, 0), sa.BigInteger)
    return (
        sa.select(*_columns(), was_open)
        .outerjoin(later, later.c.id == document.c.id)
        .where(document.c.kind.in_(kinds), document.c.occurred_on <= as_of, was_open != 0)
    )


def owners(
    connection: sa.Connection, customer_ids: Collection[int]
) -> dict[int, tuple[str, str, str | None]]:
    """Return customer → code, name, owner."""
    found: dict[int, tuple[str, str, str | None]] = {}
    for part in queries.parts(set(customer_ids)):
        query = sa.select(_customer.c.id, _customer.c.code, _customer.c.name, _customer.c.owner)
        for number, code, name, owner in connection.execute(query.where(_customer.c.id.in_(part))):
            found[number] = (code, name, owner)
    return found


def owns_customers(connection: sa.Connection, actor: str) -> bool:
    """Tell whether an actor is anybody's owner."""
    return bool(connection.scalar(sa.select(sa.exists().where(_customer.c.owner == actor))))
