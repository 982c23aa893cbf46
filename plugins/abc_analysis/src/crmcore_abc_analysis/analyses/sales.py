"""Trading results (交易业绩): the company's sales by month and year.

Every amount shown is converted once, from its own sums by currency, all at the rates of one day: a change is a change
in trade, not in rates. So the parts of a converted amount may differ from it by smallest units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, translator
from crmcore_abc_analysis.inputs import Money, purchases_between
from crmcore_abc_analysis.rules.trade import (
    By,
    Change,
    Span,
    change_from,
    is_whole,
    span_before,
    spans,
    year_ago,
)

from .scope import Scope, amounts_by_name, bar_chart, rate_notes, shown_note

_ = translator("crmcore_abc_analysis")
_BARS = 24


class Sale(NamedTuple):
    """What was sold in one month or year."""

    span: Span
    whole: bool
    """Whether it lies in the period and is over; what is not whole is compared with nothing."""
    amount_minor: int
    before: Change | None
    year_ago: Change | None
    """For months only."""


@dataclass(frozen=True, slots=True)
class CompanySales:
    """The company's sales by months or years."""

    scope: Scope
    money: Money
    by: By
    amount_minor: int
    """Of the whole period."""
    sales: list[Sale]


def company_sales(ctx: Context, scope: Scope, by: By) -> CompanySales:
    """Return the sales of each month or year of a period; MissingFact without purchases, CrmError for unknown rates."""
    shown = spans(by, scope.start, scope.end)
    earliest = (year_ago(shown[0]) or span_before(shown[0]) or shown[0]).start
    days = _days(ctx, earliest, scope.end)
    money = scope.money(ctx, {currency for _day, currency, _amount in days})
    length = len(shown[0].name)
    whole = amounts_by_name(((day.isoformat()[:length], *rest) for day, *rest in days), money)
    in_period = [row for row in days if row[0] >= scope.start]
    part = amounts_by_name(((day.isoformat()[:length], *rest) for day, *rest in in_period), money)
    total = amounts_by_name((("", *rest) for _day, *rest in in_period), money)
    sales = [_sale(span, scope, ctx.today, part, whole) for span in shown]
    return CompanySales(scope, money, by, total.get("", 0), sales)


def _days(ctx: Context, start: date, end: date) -> Sequence[Any]:
    """Return day, currency and amount: a period has few days, however many purchases."""
    purchases, in_period = purchases_between(ctx, start, end)
    c = purchases.c
    amount = sa.cast(sa.func.sum(c.amount_minor), sa.BigInteger)
    query = sa.select(c.occurred_on, c.currency, amount).where(in_period)
    return ctx.connection.execute(query.group_by(c.occurred_on, c.currency)).all()


def _sale(span: Span, scope: Scope, today: date, part: Mapping[str, int], whole: Mapping[str, int]) -> Sale:
    amount = part.get(span.name, 0)
    if not is_whole(span, scope.start, scope.end, today):
        return Sale(span, whole=False, amount_minor=amount, before=None, year_ago=None)
    before, last_year = (
        change_from(whole.get(other.name, 0), amount) if other is not None else None
        for other in (span_before(span), year_ago(span))
    )
    return Sale(span, whole=True, amount_minor=amount, before=before, year_ago=last_year)


def sales_document(found: CompanySales, limit: int | None = None) -> dict[str, Any]:
    """Return sales as `crm abc sales --json` prints them, the last months or years: schemas/sales.schema.json."""
    return {
        **found.scope.heading(found.money),
        "by": found.by,
        "amount_minor": found.amount_minor,
        "rows": len(found.sales),
        "sales": [
            {
                "name": sale.span.name,
                "whole": sale.whole,
                "amount_minor": sale.amount_minor,
                "before": _change(sale.before),
                "year_ago": _change(sale.year_ago),
            }
            for sale in _last(found, limit)
        ],
    }


def _last(found: CompanySales, limit: int | None) -> list[Sale]:
    return found.sales if limit is None else found.sales[-limit:]


def _change(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    share = float(change.change) if change.change is not None else None
    return {"amount_minor": change.before_minor, "change_minor": change.change_minor, "change": share}


def company_report(found: CompanySales, limit: int | None = None) -> Report:
    """Return sales by month or year, the last ones, with a chart."""
    scope, months, shown = found.scope, found.by == "month", _last(found, limit)
    columns = (
        Column("name", _("Month") if months else _("Year")),
        Column("amount", _("Sales"), "amount"),
        Column("before", _("Month before") if months else _("Year before"), "amount"),
        Column("change_amount", _("Change"), "amount"),
        Column("change", _("Change in %"), "share"),
        *(_year_ago_columns() if months else ()),
    )
    rows = [
        (
            sale.span.name,
            sale.amount_minor,
            *_cells(sale.before),
            *(_cells(sale.year_ago) if months else ()),
        )
        for sale in shown
    ]
    title = _("Sales by month") if months else _("Sales by year")
    chart = bar_chart(
        "sales", title, [(sale.span.name, sale.amount_minor) for sale in shown[-_BARS:]], scope.currency
    )
    return Report(
        title_of(scope),
        (Table("sales", title, columns, rows, scope.currency),),
        chart,
        tuple(_notes(found, shown)),
    )


def _year_ago_columns() -> tuple[Column, ...]:
    return (
        Column("year_ago", _("Same month last year"), "amount"),
        Column("year_ago_change_amount", _("Change on last year"), "amount"),
        Column("year_ago_change", _("Change on last year in %"), "share"),
    )


def title_of(scope: Scope) -> str:
    """Return the heading of a report on sales."""
    return _("Sales, {start} to {end}").format(start=scope.start, end=scope.end)


def _cells(change: Change | None) -> tuple[Any, ...]:
    return (None, None, None) if change is None else change


def _notes(found: CompanySales, shown: Sequence[Sale]) -> Iterator[str]:
    cut = ", ".join(sale.span.name for sale in shown if not sale.whole)
    if cut:
        yield _("Cut by the period or not over yet, so compared with nothing: {names}.").format(names=cut)
    yield from shown_note(len(shown), len(found.sales))
    yield from rate_notes(found.money)
