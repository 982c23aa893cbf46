"""Writing the ledger out again: files that the importers read back to the same ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from crmcore.api import Customer, from_minor
from crmcore_trade_ledger.importers.entries import SOURCES
from crmcore_trade_ledger.queries import Record, document, line, link, product
from crmcore_trade_ledger.tables import LedgerAllocation

if TYPE_CHECKING:
    from crmcore.api import Context

Exported = Mapping[str, Any]
_BLOCK = 2_000
_customer: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_allocation: sa.Table = LedgerAllocation.__table__  # type: ignore[attr-defined]


def export_products(ctx: Context) -> Iterator[Exported]:
    """Yield products that are not archived, by code."""
    query = sa.select(product).where(product.c.archived_at.is_(None)).order_by(product.c.code)
    for row in _stream(ctx, query):
        prices = {
            name: _amount(row[f"{name}_minor"], row["currency"]) for name in ("list_price", "standard_cost")
        }
        texts = {name: row[name] for name in ("code", "name", "model", "line", "unit", "currency")}
        own = json.dumps(row["attributes"], ensure_ascii=False, sort_keys=True) if row["attributes"] else None
        yield {**texts, **prices, "attributes": own}


def export_purchases(ctx: Context) -> Iterator[Exported]:
    """Yield the lines of posted invoices, by number and line."""
    for row in _stream(ctx, _lines("invoice").where(document.c.state == "posted")):
        yield {
            "customer": row["customer"],
            "date": row["occurred_on"],
            "amount": _amount(row["net_minor"], row["currency"]),
            **{name: row[name] for name in ("document", "line", "product", "unit", "currency")},
            "quantity": _quantity(row["quantity_micro"]),
            "cost": _amount(row["cost_minor"], row["currency"]),
            "tax": _amount(row["tax_minor"], row["currency"]),
        }


def export_documents(kind: str, ctx: Context) -> Iterator[Exported]:
    """Yield the lines of one kind of document, with what they were made from, by number and line."""
    for row in _stream(ctx, _lines(kind)):
        exported = {
            "document": row["document"],
            "line": row["line"],
            "date": row["occurred_on"],
            **{
                name: row[name]
                for name in ("customer", "bill_to", "ship_to", "state", "currency", "product", "unit")
            },
            "quantity": _quantity(row["quantity_micro"]),
            "amount": _amount(row["net_minor"], row["currency"]),
            "tax": _amount(row["tax_minor"], row["currency"]),
        }
        if kind != "delivery":
            exported["due"] = row["due_on"]
        if kind != "order":
            exported["cost"] = _amount(row["cost_minor"], row["currency"])
        if kind == "invoice":
            exported["cash"] = row["cash"]
        for source in SOURCES.get(kind, ()):
            named = row["source_kind"] == source
            exported[source] = row["source"] if named else None
            exported[f"{source}_line"] = row["source_line"] if named else None
        yield exported


def export_payments(ctx: Context) -> Iterator[Exported]:
    """Yield payments by number."""
    query = (
        sa.select(document, _customer.c.code.label("customer"))
        .join(_customer, _customer.c.id == document.c.customer_id)
        .where(document.c.kind == "payment")
        .order_by(document.c.number)
    )
    for row in _stream(ctx, query):
        yield {
            "document": row["number"],
            "date": row["occurred_on"],
            "customer": row["customer"],
            "amount": _amount(row["gross_minor"], row["currency"]),
            "currency": row["currency"],
            "state": row["state"],
        }


def export_allocations(ctx: Context) -> Iterator[Exported]:
    """Yield allocations by payment, document and day."""
    payment, settled = document.alias("payment"), document.alias("settled")
    query = (
        sa.select(
            _allocation,
            payment.c.number.label("payment"),
            payment.c.kind.label("payment_kind"),
            payment.c.currency,
            settled.c.number.label("document"),
            settled.c.kind.label("document_kind"),
        )
        .join(payment, payment.c.id == _allocation.c.payment_id)
        .join(settled, settled.c.id == _allocation.c.document_id)
        .order_by(_allocation.c.payment_id, _allocation.c.document_id, _allocation.c.allocated_on)
    )
    for row in _stream(ctx, query):
        yield {
            **{name: row[name] for name in ("payment", "document", "payment_kind", "document_kind")},
            "amount": _amount(row["amount_minor"], row["currency"]),
            "date": row["allocated_on"],
        }


def _lines(kind: str) -> sa.Select[Any]:
    """Select the lines of a kind of document with codes in place of ids, in the order of the two unique indexes."""
    bill_to, ship_to = _customer.alias("bill_to"), _customer.alias("ship_to")
    source, source_line = document.alias("source"), line.alias("source_line")
    return (
        sa.select(
            line,
            document.c.number.label("document"),
            document.c.due_on,
            document.c.state,
            document.c.cash,
            _customer.c.code.label("customer"),
            sa.case((document.c.bill_to_id != document.c.customer_id, bill_to.c.code)).label("bill_to"),
            ship_to.c.code.label("ship_to"),
            product.c.code.label("product"),
            source.c.kind.label("source_kind"),
            source.c.number.label("source"),
            source_line.c.line.label("source_line"),
        )
        .select_from(document)
        .join(line, line.c.document_id == document.c.id)
        .join(_customer, _customer.c.id == document.c.customer_id)
        .join(bill_to, bill_to.c.id == document.c.bill_to_id)
        .outerjoin(ship_to, ship_to.c.id == document.c.ship_to_id)
        .outerjoin(product, product.c.id == line.c.product_id)
        .outerjoin(link, link.c.to_line_id == line.c.id)
        .outerjoin(source_line, source_line.c.id == link.c.from_line_id)
        .outerjoin(source, source.c.id == source_line.c.document_id)
        .where(document.c.kind == kind)
        .order_by(document.c.number, line.c.line)
    )


def _stream(ctx: Context, query: sa.Select[Any]) -> Iterator[Record]:
    rows = ctx.connection.execute(query, execution_options={"yield_per": _BLOCK}).mappings()
    yield from cast("Iterator[Record]", rows)


def _amount(minor: int | None, currency: str) -> Decimal | None:
    return None if minor is None else from_minor(minor, currency)


def _quantity(micro: int | None) -> Decimal | None:
    if micro is None:
        return None
    whole, rest = divmod(abs(micro), 10**6)
    number = Decimal(f"{whole}.{rest:06d}".rstrip("0").rstrip("."))
    return number if micro >= 0 else -number
