"""Entering an order by hand: a draft with lines of products, or with an amount alone (录入订单)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.api import Refused, UsageProblem, find_customer, new_number, translator
from crmcore_trade_ledger import queries, rules
from crmcore_trade_ledger.importers.entries import RowRefused, read_currency, read_rate
from crmcore_trade_ledger.importers.plans import too_large
from crmcore_trade_ledger.ordering.lines import OrderedLine, Priced, Terms, price_amount, price_lines
from crmcore_trade_ledger.ordering.restricted import refuse_restricted
from crmcore_trade_ledger.ordering.steps import add_step
from crmcore_trade_ledger.rules_orders import ENTERED
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.api import App, Context, Tx

_ = translator("crmcore_trade_ledger")
PLUGIN = "trade_ledger"
_LONGEST_NUMBER = 64
_MOST_ROUNDS = 10_000


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as somebody enters it: lines of products, or an amount without tax."""

    customer: str
    lines: tuple[OrderedLine, ...] = ()
    amount: Decimal | None = None
    currency: str | None = None
    """None = the company's."""
    tax_rate: str | None = None
    """Such as 13%; None = the setting `default_tax_rate`."""
    number: str | None = None
    """None = the next one of the setting `order_number`."""
    day: date | None = None
    """None = today."""
    due: date | None = None
    bill_to: str | None = None
    """Who is billed; None = the customer."""


def add_order(app: App, actor: str, wanted: NewOrder) -> str:
    """Add a draft order and return its number.

    Raises NotFound for an unknown customer or product, UsageProblem for values that are none, Refused for a number that
    is taken or a customer who is archived.
    """
    with app.write(actor, "crm order add", plugin=PLUGIN) as tx:
        customer = _customer(tx.connection, wanted.customer)
        bill_to = customer if wanted.bill_to is None else _customer(tx.connection, wanted.bill_to)
        refuse_restricted(tx.ctx, {customer, bill_to})
        terms = _terms(tx.ctx, wanted)
        lines = _lines(tx.connection, wanted, terms)
        heading = {
            "kind": "order",
            "number": _number(tx, wanted.number),
            "customer_id": customer,
            "bill_to_id": bill_to,
            "occurred_on": wanted.day or tx.ctx.today,
            "due_on": wanted.due,
            "currency": terms.currency,
            "state": "draft",
            "origin": ENTERED,
        }
        _check_due(heading)
        number = _write(tx, heading, lines)
        add_step(tx, {**heading, "id": number}, "add")
        return str(heading["number"])


def _customer(connection: sa.Connection, code: str) -> int:
    number = find_customer(connection, code)
    if queries.is_archived(connection, number):
        message = _("customer {code!r} is archived; take it back with: crm customer restore {code}")
        raise Refused(message.format(code=code))
    return number


def _terms(ctx: Context, wanted: NewOrder) -> Terms:
    usual = ctx.settings["default_tax_rate"]
    try:
        currency = read_currency(wanted.currency, ctx.currency, {})
        rate = (
            read_rate(wanted.tax_rate) if wanted.tax_rate is not None else Decimal(usual) if usual else None
        )
    except RowRefused as refused:
        raise _wrong(refused.column, refused.reason, wanted) from None
    return Terms(currency, rate, ctx.settings["rounding"])


def _wrong(column: str, reason: str, wanted: NewOrder) -> UsageProblem:
    value = wanted.currency if column == "currency" else wanted.tax_rate
    return UsageProblem(f"--{column.replace('_', '-')} {value}: {reason}")


def _lines(connection: sa.Connection, wanted: NewOrder, terms: Terms) -> list[Priced]:
    if bool(wanted.lines) == (wanted.amount is not None):
        raise UsageProblem(_("an order has either lines (--line PRODUCT,QUANTITY) or an --amount"))
    lines = (
        [price_amount(wanted.amount, terms)]
        if wanted.amount is not None
        else price_lines(connection, wanted.lines, terms)
    )
    if too_large(sum(line.net for line in lines), sum(line.tax for line in lines)):
        raise UsageProblem(_("the amount is too large"))
    return lines


def _number(tx: Tx, stated: str | None) -> str:
    if stated is not None:
        return _checked_number(tx.connection, stated)
    pattern = tx.ctx.settings["order_number"]
    for _round in range(_MOST_ROUNDS):
        number = new_number(tx, "order", pattern)
        if not queries.documents_by_number(tx.connection, "order", [number]):
            return number
    message = _("no number of the pattern {pattern!r} is free; choose another order_number in crm.toml")
    raise Refused(message.format(pattern=pattern))


def _checked_number(connection: sa.Connection, stated: str) -> str:
    number = stated.strip()
    if not number or len(number) > _LONGEST_NUMBER or not number.isprintable():
        message = _("{number!r} is no number of an order; it has 1 to {most} characters")
        raise UsageProblem(message.format(number=stated, most=_LONGEST_NUMBER))
    if queries.documents_by_number(connection, "order", [number]):
        message = _("there is an order {number!r} already; choose another number")
        raise Refused(message.format(number=number))
    return number


def _check_due(heading: dict[str, Any]) -> None:
    if heading["due_on"] is not None and heading["due_on"] < heading["occurred_on"]:
        message = _("--due {due} lies before the order's day {date}")
        raise UsageProblem(message.format(due=heading["due_on"], date=heading["occurred_on"]))


def _write(tx: Tx, heading: dict[str, Any], lines: Sequence[Priced]) -> int:
    net, tax = sum(line.net for line in lines), sum(line.tax for line in lines)
    totals = {"net_minor": net, "tax_minor": tax, "gross_minor": net + tax, "open_minor": 0}
    (number,) = tx.insert(LedgerDocument, [heading | totals])
    repeated = {name: heading[name] for name in ("kind", "customer_id", "occurred_on", "currency")}
    counts = rules.counts_in("order", heading["state"])
    rows = [
        {
            **repeated,
            "document_id": number,
            "line": place,
            "product_id": line.product_id,
            "quantity_micro": line.quantity,
            "unit": line.unit,
            "net_minor": line.net,
            "tax_minor": line.tax,
            "counts": counts,
        }
        for place, line in enumerate(lines, 1)
    ]
    tx.insert(LedgerLine, rows)
    return number
