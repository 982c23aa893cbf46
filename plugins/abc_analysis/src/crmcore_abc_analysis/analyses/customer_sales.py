"""Trading results (交易业绩) of each customer: monthly and yearly sales, share of the total, rank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, translator
from crmcore_abc_analysis.inputs import (
    Money,
    Total,
    Wanted,
    components,
    purchases_between,
    read_sums,
    sums_of,
    totals_of,
)
from crmcore_abc_analysis.rules.trade import By, places, spans
from crmcore_abc_analysis.runs import customers, parts_of
from crmcore_abc_analysis.tables import SINGLE

from .sales import company_report, company_sales, title_of
from .scope import (
    BARS,
    Scope,
    amounts_by_name,
    bar_chart,
    limit_of,
    rate_notes,
    scope_of_parameters,
    shown_note,
)

_ = translator("crmcore_abc_analysis")
_PART = 5000
"""Customers whose months one statement adds up."""
_SPANS: tuple[By, By] = ("year", "month")
_MONTHS_SHOWN = 24
"""A table of customers has no column for each month of a longer period."""


class CustomerSales(NamedTuple):
    """What one customer bought; months and years without a purchase stand there with 0."""

    rank: int
    code: str
    name: str
    amount_minor: int
    share: Decimal
    """Of all that was bought."""
    years: dict[str, int]
    months: dict[str, int]


@dataclass(frozen=True, slots=True)
class AllCustomerSales:
    """The customers who bought anything in a period."""

    scope: Scope
    money: Money
    customers: int
    rows: Iterator[CustomerSales]
    """The largest first, equal amounts by code; read as they are asked for, at most as many as wanted."""


def customer_sales(ctx: Context, scope: Scope, limit: int | None = None) -> AllCustomerSales:
    """Return what each customer bought; MissingFact without purchases, CrmError for unknown rates."""
    wanted = Wanted("purchases", SINGLE, scope.start, scope.end)
    sums = read_sums(ctx.connection, sums_of(components(ctx, wanted)[0], SINGLE))
    money = scope.money(ctx, {spent.currency for spent in sums})
    totals = sorted(totals_of(sums, money), key=lambda total: total.amount_minor, reverse=True)
    return AllCustomerSales(scope, money, len(totals), _rows(ctx, scope, money, totals, limit))


def _rows(
    ctx: Context, scope: Scope, money: Money, totals: Sequence[Total], limit: int | None
) -> Iterator[CustomerSales]:
    standing = zip(totals, places(total.amount_minor for total in totals), strict=True)
    wanted = list(islice(standing, _with_equals(totals, limit)))
    named = _names(ctx.connection, [total.customer for total, _place in wanted])
    wanted.sort(key=lambda row: (row[1].rank, named[row[0].customer][0]))
    names = {by: [span.name for span in spans(by, scope.start, scope.end)] for by in _SPANS}
    listed = iter(wanted[:limit])
    while part := list(islice(listed, _PART)):
        months = _months(ctx, scope, [total.customer for total, _place in part])
        for total, place in part:
            code, name = named[total.customer]
            own = months.get(total.customer, [])
            years, by_month = (_filled(names[by], own, money) for by in _SPANS)
            yield CustomerSales(place.rank, code, name, total.amount_minor, place.share, years, by_month)


def _with_equals(totals: Sequence[Total], limit: int | None) -> int:
    """Return how many totals in falling order are no less than the last one within the limit."""
    if limit is None or limit >= len(totals):
        return len(totals)
    least = totals[limit - 1].amount_minor
    return next((n for n in range(limit, len(totals)) if totals[n].amount_minor < least), len(totals))


def _names(connection: sa.Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    query = sa.select(customers.c.id, customers.c.code, customers.c.name)
    found: dict[int, tuple[str, str]] = {}
    for part in parts_of(ids):
        rows = connection.execute(query.where(customers.c.id.in_(part)))
        found.update((row.id, (row.code, row.name)) for row in rows)
    return found


def _months(ctx: Context, scope: Scope, ids: Sequence[int]) -> dict[int, list[tuple[str, str, int]]]:
    """Return customer → month, currency and amount."""
    purchases, in_period = purchases_between(ctx, scope.start, scope.end)
    c = purchases.c
    year, month = (sa.cast(sa.extract(part, c.occurred_on), sa.Integer) for part in ("year", "month"))
    keys = (c.customer_id, year, month, c.currency)
    query = sa.select(*keys, sa.cast(sa.func.sum(c.amount_minor), sa.BigInteger))
    rows = ctx.connection.execute(query.where(in_period, c.customer_id.in_(ids)).group_by(*keys))
    found: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for customer, in_year, in_month, currency, amount in rows:
        found[customer].append((f"{in_year:04}-{in_month:02}", currency, amount))
    return found


def _filled(names: Sequence[str], months: Iterable[tuple[str, str, int]], money: Money) -> dict[str, int]:
    """Return the amount of each month or year of the period, by its name."""
    length = len(names[0])
    amounts = amounts_by_name(((month[:length], *rest) for month, *rest in months), money)
    return {name: amounts.get(name, 0) for name in names}


def customer_lines(found: AllCustomerSales) -> Iterator[dict[str, Any]]:
    """Yield customers as `crm abc sales --by customer --json` prints them: schemas/sales_customer.schema.json."""
    for row in found.rows:
        yield {
            "customer": row.code,
            "rank": row.rank,
            "amount_minor": row.amount_minor,
            "share": float(row.share),
            "years": row.years,
            "months": row.months,
        }


def sales_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return sales by month, year or customer (parameters by, from, to, limit) with a chart."""
    scope, limit = scope_of_parameters(ctx, parameters), limit_of(parameters)
    by = parameters.get("by") or "month"
    if by == "customer":
        return _customer_report(customer_sales(ctx, scope, limit))
    return company_report(company_sales(ctx, scope, "year" if by == "year" else "month"), limit)


def _customer_report(found: AllCustomerSales) -> Report:
    scope, rows, title = found.scope, list(found.rows), _("Sales by customer")
    tables = [_customer_table(scope, rows, title)]
    months = [span.name for span in spans("month", scope.start, scope.end)]
    if 1 < len(months) <= _MONTHS_SHOWN:
        tables.append(_month_table(scope, rows, months))
    chart = bar_chart("sales", title, [(row.name, row.amount_minor) for row in rows[:BARS]], scope.currency)
    notes = (*shown_note(len(rows), found.customers), *rate_notes(found.money))
    return Report(title_of(scope), tuple(tables), chart, notes)


def _customer_table(scope: Scope, rows: Iterable[CustomerSales], title: str) -> Table:
    years = [span.name for span in spans("year", scope.start, scope.end)]
    shown = years if len(years) > 1 else []
    columns = (
        Column("rank", _("Rank"), "integer"),
        Column("customer", _("Code")),
        Column("name", _("Name")),
        *(Column(f"year_{year}", year, "amount") for year in shown),
        Column("amount", _("Amount"), "amount"),
        Column("share", _("Share of amount"), "share"),
    )
    cells = [
        (row.rank, row.code, row.name, *(row.years[year] for year in shown), row.amount_minor, row.share)
        for row in rows
    ]
    return Table("customers", title, columns, cells, scope.currency)


def _month_table(scope: Scope, rows: Iterable[CustomerSales], months: Sequence[str]) -> Table:
    columns = (
        Column("customer", _("Code")),
        *(Column(f"month_{month}", month, "amount") for month in months),
    )
    cells = [(row.code, *(row.months[month] for month in months)) for row in rows]
    return Table("months", _("Sales by customer and month"), columns, cells, scope.currency)
