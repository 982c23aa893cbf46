"""Goods turnover (商品周转率) of each product and of all: how often the stock is sold and bought again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Chart, Column, Context, Report, Table, format_minor, translator
from crmcore_abc_analysis.inputs import Money
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.stock import (
    NEAR,
    Count,
    Turnover,
    Unknown,
    average_stock,
    border_days,
    turnover_of,
)

from .goods import Goods, Product, goods_of, no_data, products_named, same_provider, sold
from .scope import BARS, Scope, limit_of, rate_notes, rounded, scope_of_parameters, shown_note

_ = translator("crmcore_abc_analysis")
_Turns = Turnover | Unknown
_NOTHING = Fraction(0)
_STREAMED = {"yield_per": 5000}


class Stock(NamedTuple):
    """What is known of a product's stock."""

    average_minor: Fraction
    counts: int
    """How many counts the average is of."""
    first: date
    last: date


class ProductTurnover(NamedTuple):
    """How often one product turned over, or why that cannot be told."""

    product: Product
    cost_minor: int | None
    """Cost of the goods sold; 0 for what was not sold, None where no cost is known."""
    without_cost_minor: int
    """Sales whose cost is not known, and which are not in it."""
    stock: Stock | None
    turns: _Turns


class TotalTurnover(NamedTuple):
    """How often the stock turned over on the whole: of the products that can be assessed."""

    products: int
    cost_minor: int
    average_minor: Fraction
    turns: _Turns


@dataclass(frozen=True, slots=True)
class AllTurnover:
    """The turnover of a period."""

    scope: Scope
    money: Money
    why: str
    """Not empty: there is no data, and this sentence says what it needs."""
    total: TotalTurnover | None
    """None where no product can be assessed."""
    rows: list[ProductTurnover]
    """The slowest first, of equal ones the most stock first; what cannot be assessed last."""


def goods_turnover(ctx: Context, scope: Scope) -> AllTurnover:
    """Return the turnover of a period; MissingFact without purchases, CrmError for unknown rates."""
    if not same_provider(ctx, "stock"):
        return AllTurnover(scope, scope.money(ctx, ()), no_data(ctx, "stock"), None, [])
    goods = goods_of(ctx, scope)
    money = scope.money(ctx, {row.currency for row in goods} | _currencies(ctx))
    stocks = dict(_stocks(ctx, scope, money))
    by_product = _by_product(goods)
    named = products_named(ctx, by_product.keys() | stocks.keys())
    rows = [
        _turnover(named[number], by_product.get(number, []), stocks.get(number), money, scope)
        for number in named
    ]
    rows.sort(key=_slowest_first)
    return AllTurnover(scope, money, "", _total(rows, scope), rows)


def _by_product(goods: Iterable[Goods]) -> dict[int, list[Goods]]:
    found: dict[int, list[Goods]] = {}
    for row in goods:
        if row.product is not None:
            found.setdefault(row.product, []).append(row)
    return found


def _currencies(ctx: Context) -> set[str]:
    stock = ctx.facts.select("stock").subquery("stock")
    return set(ctx.connection.scalars(sa.select(stock.c.currency).distinct()))


def _stocks(ctx: Context, scope: Scope, money: Money) -> Iterator[tuple[int, Stock]]:
    """Yield each product that was counted in or around the period; the counts are read as they come."""
    with ctx.connection.execute(_counts(ctx, scope), execution_options=_STREAMED) as rows:
        for product, counted in groupby(rows, itemgetter(0)):
            counts = [
                Count(day, sum(money.convert(value, currency) for _product, _day, currency, value in values))
                for day, values in groupby(counted, itemgetter(1))
            ]
            average = average_stock(counts, scope.start, scope.end)
            if average is not None:
                yield product, Stock(average, len(counts), counts[0].day, counts[-1].day)


def _counts(ctx: Context, scope: Scope) -> sa.Select[Any]:
    """Select product, day, currency and value of the counts that matter, sorted by product and day.

    They are those of the period, the last one before it begins and, where its last day was not counted, the first after.
    """
    opening, closing = border_days(scope.start, scope.end)
    stock = ctx.facts.select("stock").subquery("stock")
    day = stock.c.as_of
    bounds = (
        sa.select(
            stock.c.product_id,
            sa.func.max(day).filter(day <= opening).label("first"),
            sa.func.min(day).filter(day >= closing).label("last"),
        )
        .where(day.between(_shifted(opening, -1), _shifted(closing, 1)))
        .group_by(stock.c.product_id)
        .subquery("bounds")
    )
    rows = ctx.facts.select("stock").subquery("counts")
    used = sa.and_(
        rows.c.product_id == bounds.c.product_id,
        rows.c.as_of >= sa.func.coalesce(bounds.c.first, sa.literal(opening, sa.Date)),
        rows.c.as_of <= sa.func.coalesce(bounds.c.last, sa.literal(closing, sa.Date)),
    )
    query = sa.select(rows.c.product_id, rows.c.as_of, rows.c.currency, rows.c.value_minor)
    return query.join(bounds, used).order_by(rows.c.product_id, rows.c.as_of)


def _shifted(day: date, years: int) -> date:
    """Return a day a year earlier or later, or the first or last day that there is."""
    room = day - date.min if years < 0 else date.max - day
    return day + years * min(NEAR, room)


def _turnover(
    product: Product, goods: list[Goods], stock: Stock | None, money: Money, scope: Scope
) -> ProductTurnover:
    sums = sold(goods, money, addable=False)
    cost = sums.cost_minor if goods else 0
    average = stock.average_minor if stock is not None else None
    turns = turnover_of(cost, average, scope.start, scope.end)
    return ProductTurnover(product, cost, sums.without_cost_minor, stock, turns)


def _slowest_first(row: ProductTurnover) -> tuple[Any, ...]:
    turns = row.turns
    known = isinstance(turns, Turnover)
    average = row.stock.average_minor if row.stock is not None else _NOTHING
    return (
        not known,
        turns.times if isinstance(turns, Turnover) else _NOTHING,
        -average,
        row.product.shown,
        row.product.number,
    )


def _total(rows: Iterable[ProductTurnover], scope: Scope) -> TotalTurnover | None:
    known = [row for row in rows if isinstance(row.turns, Turnover)]
    if not known:
        return None
    cost = sum(row.cost_minor or 0 for row in known)
    average = sum((row.stock.average_minor for row in known if row.stock), Fraction(0))
    return TotalTurnover(len(known), cost, average, turnover_of(cost, average, scope.start, scope.end))


def turnover_document(found: AllTurnover, limit: int | None = None) -> dict[str, Any]:
    """Return turnover as `crm abc turnover --json` prints it: schemas/turnover.schema.json."""
    total = found.total
    return {
        **found.scope.heading(found.money),
        "needs": ["stock"] if found.why else [],
        "total": total
        and {
            "products": total.products,
            "cost_minor": total.cost_minor,
            "average_stock_minor": round(total.average_minor),
            **_turns(total.turns),
        },
        "rows": len(found.rows),
        "products": [_row(row) for row in found.rows[:limit]],
    }


def _row(row: ProductTurnover) -> dict[str, Any]:
    stock = row.stock
    return {
        "product": row.product.number,
        "code": row.product.code,
        "name": row.product.name,
        "cost_minor": row.cost_minor,
        "without_cost_minor": row.without_cost_minor,
        "average_stock_minor": round(stock.average_minor) if stock else None,
        "counts": stock.counts if stock else 0,
        "counted": [stock.first.isoformat(), stock.last.isoformat()] if stock else None,
        **_turns(row.turns),
        "why": None if isinstance(row.turns, Turnover) else row.turns,
    }


def _turns(turns: _Turns) -> dict[str, float | None]:
    if not isinstance(turns, Turnover):
        return dict.fromkeys(("times", "times_a_year", "days_of_stock"))
    return {
        "times": _number(turns.times),
        "times_a_year": _number(turns.times_a_year),
        "days_of_stock": _number(turns.days),
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(share_of(value.numerator, value.denominator))


def turnover_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return goods turnover (parameters from, to, limit) with a chart of the products with the most stock."""
    scope, limit = scope_of_parameters(ctx, parameters), limit_of(parameters)
    found = goods_turnover(ctx, scope)
    title = _("Goods turnover, {start} to {end}").format(start=scope.start, end=scope.end)
    if found.why:
        return Report(title, notes=(found.why,))
    shown = found.rows[:limit]
    tables = (_total_table(found), _table(found, shown))
    return Report(title, tables, tuple(_chart(found)), tuple(_notes(found, len(shown))))


def _columns() -> tuple[Column, ...]:
    return (
        Column("cost", _("Cost of goods sold"), "amount"),
        Column("average_stock", _("Average stock"), "amount"),
        Column("times", _("Times in the period"), "decimal"),
        Column("times_a_year", _("Times a year"), "decimal"),
        Column("days_of_stock", _("Days of stock"), "decimal"),
    )


def _total_table(found: AllTurnover) -> Table:
    columns = (Column("products", _("Products"), "integer"), *_columns())
    total = found.total
    rows = [(total.products, *_cells(total.cost_minor, total.average_minor, total.turns))] if total else []
    return Table("total", _("All products that can be assessed"), columns, rows, found.scope.currency)


def _table(found: AllTurnover, rows: Iterable[ProductTurnover]) -> Table:
    columns = (
        Column("code", _("Product")),
        Column("name", _("Product name")),
        *_columns(),
        Column("without_cost", _("Sales without a known cost"), "amount"),
        Column("counts", _("Counts"), "integer"),
        Column("why", _("Not assessable")),
    )
    reasons = _reasons()
    cells = [
        (
            row.product.shown,
            row.product.name,
            *_cells(row.cost_minor, row.stock.average_minor if row.stock else None, row.turns),
            row.without_cost_minor,
            row.stock.counts if row.stock else 0,
            None if isinstance(row.turns, Turnover) else reasons[row.turns],
        )
        for row in rows
    ]
    return Table(
        "products", _("Turnover by product, the slowest first"), columns, cells, found.scope.currency
    )


def _cells(cost_minor: int | None, average_minor: Fraction | None, turns: _Turns) -> tuple[Any, ...]:
    average = round(average_minor) if average_minor is not None else None
    numbers = (
        (turns.times, turns.times_a_year, turns.days) if isinstance(turns, Turnover) else (None, None, None)
    )
    return cost_minor, average, *(None if number is None else _shown(number) for number in numbers)


def _shown(number: Fraction) -> Any:
    return rounded(share_of(number.numerator, number.denominator))


def _reasons() -> dict[Unknown, str]:
    return {
        "not_counted": _("sold, but its stock was not counted"),
        "no_stock": _("sold, but it had no stock on average"),
        "no_cost": _("the cost of what was sold is not known"),
        "returned": _("more came back than was sold"),
    }


def _chart(found: AllTurnover) -> Iterator[Chart]:
    """Yield the turnover of the products with the most stock; nothing where none can be assessed."""
    known = [(row.stock.average_minor, row) for row in found.rows if row.stock]
    largest = sorted(known, key=lambda pair: (-pair[0], pair[1].product.number))
    bars = [
        (row.product.shown, _shown(row.turns.times_a_year))
        for _average, row in largest
        if isinstance(row.turns, Turnover)
    ][:BARS]
    if bars:
        labels, values = zip(*bars, strict=True)
        title = _("Times a year, products with the most stock first")
        yield Chart("turnover", title, "bar", labels, values)


def _notes(found: AllTurnover, shown: int) -> Iterator[str]:
    unknown = sum(not isinstance(row.turns, Turnover) for row in found.rows)
    if unknown:
        yield _("Products that cannot be assessed: {count}; the last column says why.").format(count=unknown)
    without = sum(row.without_cost_minor for row in found.rows)
    if without:
        yield _("Sales of {amount} {currency} have no known cost; they are in no turnover.").format(
            amount=format_minor(without, found.scope.currency), currency=found.scope.currency
        )
    yield _(
        "Turnover = cost of goods sold ÷ average stock at cost; between two counts the stock is taken to change evenly."
    )
    yield from shown_note(shown, len(found.rows))
    yield from rate_notes(found.money)
