"""The balance of customers: won, lost, regained and active by month, quarter or year, and who they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, UsageProblem, translator
from crmcore_abc_analysis.inputs import Spent, money_of, totals_of
from crmcore_abc_analysis.rules.balance import (
    MONTHS,
    Balance,
    By,
    Visits,
    balances,
    first_day,
    last_day,
    name_of,
    period_named,
    period_of,
)

from .amounts import largest
from .scope import limit_of

_ = translator("crmcore_abc_analysis")
USUAL: Mapping[By, int] = {"month": 12, "quarter": 8, "year": 5}
"""How many periods are shown where nobody says how many."""
MOST = 1200
SHOWN = 50
Who = Literal["won", "lost", "regained"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which balance is wanted; None = the usual."""

    by: By | None = None
    periods: int | None = None
    start: date | None = None
    end: date | None = None
    who: Who | None = None
    period: str | None = None
    """Name of the period of `who`, by default the last one."""
    limit: int | None = SHOWN


class _Range(NamedTuple):
    by: By
    first: int
    last: int


def balance(ctx: Context, asked: Asked) -> dict[str, Any]:
    """Return the balance of customers: schemas/balance.schema.json.

    UsageProblem for a range or a period that is none, MissingFact without a provider of purchases.
    """
    begins = _first_purchase(ctx)
    shown = _range(asked, begins, ctx.today)
    rows = balances(_visits(ctx, shown), shown.first, shown.last)
    return {
        "by": shown.by,
        "begins_on": begins.isoformat() if begins else None,
        "periods": [_period(row, shown.by, begins, ctx.today) for row in rows],
        "who": _who(ctx, shown, asked.who, asked.limit) if asked.who else None,
    }


def _range(asked: Asked, begins: date | None, today: date) -> _Range:
    """Return which periods are shown: those that hold the days wanted, else the last ones that are over."""
    if asked.period is not None:
        return _named(asked.period, asked.by)
    by = asked.by or "year"
    if asked.start and asked.end and asked.periods:
        raise UsageProblem(_("--periods together with both --from and --to is one too many; leave one out"))
    last = period_of(asked.end, by) if asked.end else period_of(today, by) - 1
    if asked.start:
        first = period_of(asked.start, by)
        last = first + asked.periods - 1 if asked.periods else last
    else:
        first = last - (asked.periods or USUAL[by]) + 1
        # Before the records begin there is nothing to show, unless somebody asks for it.
        first = max(first, min(period_of(begins, by), last)) if begins else first
    if first > last:
        raise UsageProblem(
            _("the periods from {start} to {end} end before they begin; turn the days round").format(
                start=asked.start, end=asked.end or last_day(last, by)
            )
        )
    if last - first >= MOST:
        raise UsageProblem(
            _("{count} periods are too many; ask for at most {most}").format(
                count=last - first + 1, most=MOST
            )
        )
    return _Range(by, first, last)


def _named(name: str, wanted: By | None) -> _Range:
    try:
        period, by = period_named(name)
    except ValueError:
        raise UsageProblem(
            _("{name!r} is no period; write a month as 2025-03, a quarter as 2025-Q1, a year as 2025").format(
                name=name
            )
        ) from None
    if wanted not in {None, by}:
        raise UsageProblem(
            _("{name!r} is no period by {wanted}; leave out --by").format(name=name, wanted=wanted)
        )
    return _Range(by, period, period)


def _period(row: Balance, by: By, begins: date | None, today: date) -> dict[str, Any]:
    return {
        "period": name_of(row.period, by),
        "start": first_day(row.period, by).isoformat(),
        "end": last_day(row.period, by).isoformat(),
        "won": row.won,
        "lost": row.lost,
        "regained": row.regained,
        "net": row.net,
        "active": row.active,
        "first": begins is not None and row.period == period_of(begins, by),
        "open": last_day(row.period, by) >= today,
    }


def _bought(ctx: Context) -> tuple[sa.Subquery, sa.ColumnElement[bool]]:
    """Return the fact, and the condition that a row is a purchase and no return."""
    purchases = ctx.facts.select("purchases").subquery("purchases")
    return purchases, purchases.c.amount_minor > 0


def _first_purchase(ctx: Context) -> date | None:
    purchases, bought = _bought(ctx)
    day: date | None = ctx.connection.scalar(sa.select(sa.func.min(purchases.c.occurred_on)).where(bought))
    return day


def _visits(ctx: Context, shown: _Range) -> Iterator[Visits]:
    """Yield how many customers bought in each period, by the period in which they had bought before.

    All that lies before the period before the first one counts as one period: it only matters that it was.
    """
    by, first, last = shown
    purchases, bought = _bought(ctx)
    day = purchases.c.occurred_on
    years, months = (sa.cast(sa.extract(part, day), sa.Integer) for part in ("year", "month"))
    number = (years * 12 + months - 1) // MONTHS[by]
    period = sa.case((day < first_day(first - 1, by), first - 2), else_=number)
    visited = (
        sa.select(purchases.c.customer_id, period.label("period"))
        .where(bought, day <= last_day(last, by))
        .distinct()
        .subquery("visited")
    )
    before = sa.func.lag(visited.c.period).over(partition_by=visited.c.customer_id, order_by=visited.c.period)
    each = sa.select(visited.c.period, before.label("before")).subquery("each")
    query = sa.select(each.c.period, each.c.before, sa.func.count()).group_by(each.c.period, each.c.before)
    return map(Visits._make, ctx.connection.execute(query))


def _who(ctx: Context, shown: _Range, who: Who, limit: int | None) -> dict[str, Any]:
    """Return the customers whom the last period shown won, lost or regained, those who bought most first.

    The amount of the lost is what they bought in the period before, that of the others what they bought in this one.
    """
    by, _first, period = shown
    found = _movers(ctx, by, period, who)
    bought_in = period - 1 if who == "lost" else period
    amounts, currency = _amounts(ctx, found, first_day(bought_in, by), last_day(bought_in, by))
    return {
        "movement": who,
        "period": name_of(period, by),
        "currency": currency,
        "count": len(found),
        "customers": [
            {
                "customer": customer.code,
                "name": customer.name,
                "last_before": _text(found[customer.id].last_before),
                "bought_on": _text(found[customer.id].bought_on),
                "amount_minor": amounts[customer.id],
            }
            for customer in largest(ctx.connection, amounts, limit)
        ],
    }


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


class _Mover(NamedTuple):
    last_before: date | None
    """The last purchase before the period."""
    bought_on: date | None
    """The first purchase in the period."""


def _movers(ctx: Context, by: By, period: int, who: Who) -> dict[int, _Mover]:
    purchases, bought = _bought(ctx)
    customer, day = purchases.c.customer_id, purchases.c.occurred_on
    start, before = first_day(period, by), first_day(period - 1, by)
    last_before = sa.func.max(sa.case((day < start, day)))
    bought_on = sa.func.min(sa.case((day >= start, day)))
    having = {
        "won": (last_before.is_(None),),
        "lost": (bought_on.is_(None), last_before >= before),
        "regained": (bought_on.is_not(None), last_before < before),
    }
    query = (
        sa.select(customer, last_before, bought_on)
        .where(bought, day <= last_day(period, by))
        .group_by(customer)
        .having(*having[who])
    )
    return {number: _Mover(*days) for number, *days in ctx.connection.execute(query)}


def _amounts(ctx: Context, found: Mapping[int, _Mover], start: date, end: date) -> tuple[dict[int, int], str]:
    """Return what each bought from one day to another, less returns, in the company's currency of comparison."""
    currency = ctx.settings["currency"] or ctx.currency
    purchases, _bought_any = _bought(ctx)
    key = (purchases.c.customer_id, purchases.c.currency)
    amount = sa.cast(sa.func.sum(purchases.c.amount_minor), sa.BigInteger)
    query = (
        sa.select(*key, amount, sa.func.count())
        .where(purchases.c.occurred_on.between(start, end))
        .group_by(*key)
        .order_by(*key)
    )
    rows = [Spent._make(row) for row in ctx.connection.execute(query) if row.customer_id in found]
    money = money_of(ctx, {row.currency for row in rows}, currency, end, ctx.settings["rounding"])
    return {total.customer: total.amount_minor for total in totals_of(rows, money)}, currency


def balance_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the balance of customers: parameters `by` (month, quarter, year) and `periods`, both may be empty."""
    by = parameters.get("by") or None
    if by not in {None, *MONTHS}:
        raise UsageProblem(_("by = {text!r} is not month, quarter or year").format(text=by))
    asked = Asked(by, _periods(parameters), limit=limit_of(parameters) or SHOWN)
    return report_of(balance(ctx, asked))


def _periods(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("periods") or ""
    if text and (not text.isdecimal() or not 1 <= int(text) <= MOST):
        raise UsageProblem(_("periods = {text!r} is no number from 1 to {most}").format(text=text, most=MOST))
    return int(text) if text else None


def report_of(found: Mapping[str, Any]) -> Report:
    """Turn a balance, as `balance` returns it, into a report."""
    tables = [_balance_table(found["periods"])]
    if found["who"]:
        tables.append(_who_table(found["who"]))
    return Report(_("Balance of customers"), tuple(tables), (), tuple(_notes(found)))


def _balance_table(periods: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("period", _("Period")),
        Column("won", _("Won"), "integer"),
        Column("lost", _("Lost"), "integer"),
        Column("regained", _("Regained"), "integer"),
        Column("net", _("Net change"), "integer"),
        Column("active", _("Active"), "integer"),
    )
    keys = [column.name for column in columns]
    return Table(
        "balance", _("Customers won and lost"), columns, [tuple(p[k] for k in keys) for p in periods]
    )


def _who_table(who: Mapping[str, Any]) -> Table:
    titles = {
        "won": _("Won in {period}: {count}"),
        "lost": _("Lost in {period}: {count}"),
        "regained": _("Regained in {period}: {count}"),
    }
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("last_before", _("Last purchase before"), "date"),
        Column("bought_on", _("First purchase in it"), "date"),
        Column("amount", _("Bought before") if who["movement"] == "lost" else _("Bought in it"), "amount"),
    )
    rows = [
        (c["customer"], c["name"], _day(c["last_before"]), _day(c["bought_on"]), c["amount_minor"])
        for c in who["customers"]
    ]
    title = titles[who["movement"]].format(period=who["period"], count=who["count"])
    return Table(who["movement"], title, columns, rows, who["currency"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    if found["begins_on"] is None:
        yield _("Nobody has bought anything yet.")
    for period in found["periods"]:
        if period["first"]:
            yield _(
                "The records begin on {day}, in {period}: nothing is known from before, so all who bought then count as won."
            ).format(day=found["begins_on"], period=period["period"])
        if period["open"]:
            yield _("{period} is not over: who is lost in it so far may still buy.").format(
                period=period["period"]
            )
    yield _(
        "Lost: bought in the period before and not in this one. Regained: bought again after a period without."
    )
