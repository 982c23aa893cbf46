"""What of orders became part of which invoice (订单开票), as the fact `order_invoices`.

An invoice is made from a delivery that was made from the order, or from the order itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine, LedgerLink

if TYPE_CHECKING:
    from sqlalchemy.sql.elements import ColumnElement

_document: sa.Table = LedgerDocument.__table__  # type: ignore[attr-defined]
_line: sa.Table = LedgerLine.__table__  # type: ignore[attr-defined]
_link: sa.Table = LedgerLink.__table__  # type: ignore[attr-defined]
_EXACT = sa.literal_column("1.0", sa.Numeric)


def order_invoices(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each provider)
    """Select orders with the posted invoices that they led to, and the part with tax that each took over."""
    part = _parts().subquery("part")
    c = part.c
    named = (c.customer_id, c.order_id, c.document_id, c.occurred_on, c.due_on, c.currency)
    return sa.select(
        *named, sa.cast(sa.func.sum(c.amount_minor), sa.BigInteger).label("amount_minor")
    ).group_by(*named)


def _parts() -> sa.Select[Any]:
    """Select each line of an order with the part of a line of an invoice that was made from it."""
    source, ordered = _line.alias("source"), _line.alias("ordered")
    of_order = source.c.kind == sa.literal_column("'order'")
    order_line = sa.case((of_order, source.c.id), else_=_order_line(source))
    gross = _line.c.net_minor + _line.c.tax_minor
    share = sa.cast(sa.func.round(gross * _EXACT * _link.c.net_minor / _line.c.net_minor), sa.BigInteger)
    whole = sa.or_(_link.c.net_minor == _line.c.net_minor, _line.c.net_minor == sa.literal_column("0"))
    return (
        sa.select(
            _document.c.bill_to_id.label("customer_id"),
            ordered.c.document_id.label("order_id"),
            _document.c.id.label("document_id"),
            *(_document.c.occurred_on, _document.c.due_on, _document.c.currency),
            sa.case((whole, gross), else_=share).label("amount_minor"),
        )
        .select_from(_document)
        .join(_line, _line.c.document_id == _document.c.id)
        .join(_link, _link.c.to_line_id == _line.c.id)
        .join(source, source.c.id == _link.c.from_line_id)
        .join(ordered, ordered.c.id == order_line)
        .where(
            _document.c.kind == sa.literal_column("'invoice'"),
            _document.c.state == sa.literal_column("'posted'"),
        )
    )


def _order_line(source: sa.FromClause) -> ColumnElement[int]:
    """Return the line of the order that a line of a delivery was made from."""
    first = _line.alias("first")
    link = _link.alias("to_delivery")
    query = sa.select(sa.func.min(link.c.from_line_id)).join(first, first.c.id == link.c.from_line_id)
    of_order = first.c.kind == sa.literal_column("'order'")
    return query.where(link.c.to_line_id == source.c.id, of_order).correlate(source).scalar_subquery()
