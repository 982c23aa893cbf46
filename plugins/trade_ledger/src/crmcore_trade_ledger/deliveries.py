"""What is delivered and not yet invoiced (已发货未开票), as the fact `deliveries_open`.

Of a line of a delivery that is open which no invoice has taken over: by quantity, or by amount where it has none. An
invoice may also be made from the order itself; then it takes over the order's deliveries, the oldest first.
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
_into = _link.alias("into_link")
_NOTHING = sa.literal_column("0", sa.BigInteger)
_EXACT = sa.literal_column("1.0", sa.Numeric)
"""Makes a division one of decimals on PostgreSQL, of floats on SQLite, where integers would be cut."""


def deliveries_open(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each provider)
    """Select posted deliveries with what of them, tax included, no posted invoice has taken over.

    Windows add up, and nothing is grouped, each with the customer in its partition: only so does SQLite look for the
    deliveries of those customers alone whom somebody asks for.
    """
    line = _open_lines().subquery("open_line")
    c = line.c
    document = (c.customer_id, c.document_id)
    total = sa.func.sum(c.open_minor).over(partition_by=document)
    whole = sa.select(
        line,
        sa.cast(total, sa.BigInteger).label("total_minor"),
        sa.func.row_number().over(partition_by=document, order_by=c.line_id).label("place"),
    ).subquery("whole_document")
    w = whole.c
    named = (w.customer_id, w.document_id, w.document, w.occurred_on, w.currency)
    return sa.select(*named, w.total_minor.label("open_minor")).where(
        w.place == sa.literal_column("1"), w.total_minor > _NOTHING
    )


def _open_lines() -> sa.Select[Any]:
    """Select lines of deliveries with `open_minor`: their part of the amount with tax that is open."""
    line = _spread_lines().subquery("spread_line")
    c = line.c
    # What invoices took over from the order goes to the deliveries in turn, each as much as it has left.
    left = c.rest_until_here - c.direct
    still = sa.case((left >= c.rest, c.rest), (left > _NOTHING, left), else_=_NOTHING)
    # Whole lines are exact; a part is rounded as `rules.fulfilled_amount` does.
    part = sa.cast(sa.func.round(c.gross * _EXACT * still / c.whole), sa.BigInteger)
    return sa.select(
        *(c.customer_id, c.document_id, c.document, c.occurred_on, c.currency, c.line_id),
        sa.case((still == c.whole, c.gross), else_=part).label("open_minor"),
    )


def _spread_lines() -> sa.Select[Any]:
    """Select lines of deliveries with what is left of each, and of all of their order line's up to it."""
    line = _delivered_lines().subquery("delivered_line")
    c = line.c
    until_here = sa.func.sum(c.rest).over(
        partition_by=(c.customer_id, c.order_line), order_by=(c.occurred_on, c.line_id), rows=(None, 0)
    )
    return sa.select(line, sa.cast(until_here, sa.BigInteger).label("rest_until_here"))


def _delivered_lines() -> sa.Select[Any]:
    """Select lines of posted deliveries with the order line behind them, and what invoices took over."""
    by_quantity = sa.func.coalesce(_line.c.quantity_micro, _NOTHING) > _NOTHING
    whole = sa.case((by_quantity, _line.c.quantity_micro), else_=_line.c.net_minor)
    order_line = _order_line()
    taken = _taken(by_quantity)
    return (
        sa.select(
            _document.c.bill_to_id.label("customer_id"),
            _document.c.id.label("document_id"),
            _document.c.number.label("document"),
            *(_document.c.occurred_on, _document.c.currency),
            _line.c.id.label("line_id"),
            (_line.c.net_minor + _line.c.tax_minor).label("gross"),
            whole.label("whole"),
            # A line without an order is a group of its own.
            sa.func.coalesce(order_line, -_line.c.id).label("order_line"),
            _invoiced(_line.c.id, sa.case((whole > taken, whole - taken), else_=_NOTHING)).label("rest"),
            _invoiced(order_line, taken).label("direct"),
        )
        .join(_line, _line.c.document_id == _document.c.id)
        .where(
            # Asked of the line: of documents SQLite would rather read all of a kind than those of a customer.
            _line.c.kind == sa.literal_column("'delivery'"),
            _document.c.state == sa.literal_column("'posted'"),
            _line.c.net_minor + _line.c.tax_minor > _NOTHING,
            whole > _NOTHING,
        )
    )


def _order_line() -> ColumnElement[int]:
    """Return the line of the order that a line of a delivery was made from."""
    source = _line.alias("source")
    link = _link.alias("to_delivery")
    query = sa.select(sa.func.min(link.c.from_line_id)).join(source, source.c.id == link.c.from_line_id)
    of_order = source.c.kind == sa.literal_column("'order'")
    return query.where(link.c.to_line_id == _line.c.id, of_order).correlate(_line).scalar_subquery()


def _taken(by_quantity: ColumnElement[bool]) -> ColumnElement[int]:
    """Return how much the links of a query took over, all together."""
    one = sa.case((by_quantity, sa.func.coalesce(_into.c.quantity_micro, _NOTHING)), else_=_into.c.net_minor)
    return sa.cast(sa.func.coalesce(sa.func.sum(one), _NOTHING), sa.BigInteger)


def _invoiced(line_id: ColumnElement[int], figure: ColumnElement[int]) -> ColumnElement[int]:
    """Return a figure of the links from a line to posted invoices."""
    line, invoice = _line.alias("into_line"), _document.alias("into_invoice")
    query = (
        sa.select(figure)
        .select_from(_into)
        .join(line, line.c.id == _into.c.to_line_id)
        .join(invoice, invoice.c.id == line.c.document_id)
        .where(
            _into.c.from_line_id == line_id,
            line.c.kind == sa.literal_column("'invoice'"),
            invoice.c.state == sa.literal_column("'posted'"),
        )
    )
    return query.correlate(_line).scalar_subquery()
