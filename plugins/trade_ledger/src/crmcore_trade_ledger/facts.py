"""What the ledger tells other plugins: its rows as named facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore_trade_ledger import rules
from crmcore_trade_ledger.deliveries import deliveries_open
from crmcore_trade_ledger.invoicing import order_invoices
from crmcore_trade_ledger.tables import LedgerAllocation, LedgerDocument, LedgerLine, LedgerStep, Product

if TYPE_CHECKING:
    from crmcore.api import FactProvider

document: sa.Table = LedgerDocument.__table__  # type: ignore[attr-defined]
line: sa.Table = LedgerLine.__table__  # type: ignore[attr-defined]
product: sa.Table = Product.__table__  # type: ignore[attr-defined]
allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]
step: sa.Table = LedgerStep.__table__  # type: ignore[attr-defined]


def purchases(settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select the lines that count as purchases under the company's basis, net, returns negative.

    The numbers stand in the text of the query, not as parameters: only so do both databases know how many rows that is.
    """
    basis = sa.literal_column(str(rules.BASIS[settings["purchase_basis"]]), sa.SmallInteger)
    nothing = sa.literal_column("0", sa.SmallInteger)
    return sa.select(
        line.c.customer_id,
        line.c.occurred_on,
        line.c.currency,
        line.c.net_minor.label("amount_minor"),
        line.c.cost_minor,
        line.c.quantity_micro,
        line.c.product_id,
        line.c.document_id,
        line.c.line,
    ).where(line.c.counts > nothing, line.c.counts.bitwise_and(basis) != nothing)


def receivables(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each provider)
    """Select posted invoices, returns and credit notes with what is still open of them; cash sales are no debt."""
    return sa.select(*_names(), document.c.gross_minor.label("amount_minor"), document.c.open_minor).where(
        document.c.kind.in_(_words("invoice", "return")),
        document.c.state.in_(_words("posted")),
        sa.not_(document.c.cash),
    )


def payments(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select posted payments with what of them is allocated to documents."""
    return sa.select(
        *_names(due=False),
        document.c.gross_minor.label("amount_minor"),
        (document.c.gross_minor - document.c.open_minor).label("allocated_minor"),
    ).where(document.c.kind.in_(_words("payment")), document.c.state.in_(_words("posted")))


def orders_open(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select released orders with what of them, tax included, is not yet delivered."""
    return sa.select(*_names(), document.c.open_minor).where(
        document.c.kind.in_(_words("order")),
        document.c.state.in_(_words("released")),
        document.c.open_minor != sa.literal_column("0"),
    )


def orders(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select all orders with their amount, tax included; of those that are cancelled the ones that were released before."""
    released = step.c.step.in_(_words("release", "release_over_hold"))
    was_released = sa.select(step.c.id).where(step.c.document_id == document.c.id, released).exists()
    return sa.select(
        *_names(due=False), document.c.gross_minor.label("amount_minor"), document.c.state
    ).where(
        document.c.kind.in_(_words("order")),
        document.c.gross_minor >= sa.literal_column("0"),
        sa.or_(document.c.state.not_in(_words("cancelled")), was_released),
    )


def settlements(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select what settled invoices, returns and credit notes, and when: both sides of each allocation.

    A credit note that settles an invoice in a payment's place is settled by that itself.
    """
    taken = _settled(allocation.c.document_id, allocation.c.amount_minor)
    given = _settled(allocation.c.payment_id, -allocation.c.amount_minor)
    owed = document.c.kind.in_(_words("invoice", "return"))
    both = sa.union_all(taken, given.where(owed)).subquery("settled")
    return sa.select(*both.c)


def _settled(which: sa.ColumnElement[int], amount: sa.ColumnElement[int]) -> sa.Select[Any]:
    """Select one side of the allocations, with an amount that bears the sign of the document that it settles."""
    names = _names()
    columns = (*names[:-1], allocation.c.allocated_on.label("settled_on"), names[-1])
    return sa.select(*columns, amount.label("amount_minor")).where(which == document.c.id)


def documents(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select the documents with the numbers that people know them by."""
    return sa.select(
        document.c.id.label("document_id"),
        document.c.customer_id,
        document.c.kind,
        document.c.number.label("document"),
        document.c.occurred_on,
    )


def products(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001
    """Select all products, archived ones too: there are still purchases of them."""
    return sa.select(
        product.c.id.label("product_id"), product.c.code, product.c.name, product.c.line, product.c.unit
    )


def _names(*, due: bool = True) -> list[sa.ColumnElement[Any]]:
    """Return the columns that say who owes or pays, by which document and when."""
    return [
        document.c.bill_to_id.label("customer_id"),
        document.c.id.label("document_id"),
        document.c.number.label("document"),
        document.c.occurred_on,
        *([document.c.due_on] if due else []),
        document.c.currency,
    ]


def _words(*words: str) -> list[sa.ColumnElement[str]]:
    return [sa.literal_column(f"'{word}'", sa.String) for word in words]


def providers() -> list[FactProvider]:
    """Return the facts."""
    from crmcore.api import FactProvider

    facts = (
        *(purchases, receivables, payments, settlements),
        *(orders, orders_open, order_invoices, deliveries_open, documents, products),
    )
    return [FactProvider(f.__name__, f) for f in facts]
