"""Indicators from the books: one aggregate over each fact, for some customers or for all.

Each indicator is a fraction of two integer columns, so that it is exact in every database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import MissingFact, minor_digits

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmcore.api import Context

FACT_OF = {
    "days_beyond_terms": "settlements",
    "share_overdue": "receivables",
    "oldest_overdue_days": "receivables",
    "order_trend": "purchases",
    "returns_share": "purchases",
    "years_of_trade": "purchases",
}
"""Indicator → the fact that it is computed from."""
_YEAR, _HALF = 365, 182
_RATE_SCALE = 10**6
_ONE, _NONE = sa.literal_column("1", sa.BigInteger), sa.literal_column("0", sa.BigInteger)

Pair = tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]
"""Above and below the line; below 1 there is nothing to tell."""


class Aggregate(NamedTuple):
    """One row for each customer; the columns `<indicator>_num` and `<indicator>_den` of each indicator."""

    select: sa.Select[Any]
    indicators: tuple[str, ...]


def aggregates(
    ctx: Context, indicators: Collection[str], customer_ids: Sequence[int] | None = None
) -> tuple[dict[str, Aggregate], dict[str, str]]:
    """Return fact → the aggregate that gives its indicators, and indicator → the fact that has no provider.

    customer_ids: 500 at most; None = all customers.
    """
    found: dict[str, Aggregate] = {}
    missing: dict[str, str] = {}
    for fact in dict.fromkeys(FACT_OF[name] for name in indicators):
        wanted = tuple(name for name in FACT_OF if FACT_OF[name] == fact and name in indicators)
        try:
            ctx.facts.provider(fact)
        except MissingFact:
            missing.update(dict.fromkeys(wanted, fact))
            continue
        rows = _rows(ctx, fact, wanted, customer_ids)
        pairs = _OF_FACT[fact](ctx, rows, _worth(ctx, rows, _foreign(ctx, fact, rows, customer_ids)))
        columns = [
            column
            for name in wanted
            for column in (pairs[name][0].label(f"{name}_num"), pairs[name][1].label(f"{name}_den"))
        ]
        found[fact] = Aggregate(sa.select(rows.c.customer_id, *columns).group_by(rows.c.customer_id), wanted)
    return found, missing


def trade_values(
    ctx: Context, indicators: Collection[str], customer_ids: Iterable[int]
) -> tuple[dict[int, dict[str, Fraction]], dict[str, str]]:
    """Return customer → indicator → value, and indicator → the fact that has no provider."""
    from crmcore_credit_5c.batches import parts

    values: dict[int, dict[str, Fraction]] = {}
    missing: dict[str, str] = {}
    for part in parts(customer_ids):
        found, missing = aggregates(ctx, indicators, part)
        for aggregate in found.values():
            for row in ctx.connection.execute(aggregate.select).mappings():
                own = values.setdefault(row["customer_id"], {})
                own.update(_fractions(row, aggregate.indicators))
    return values, missing


def _fractions(row: Mapping[Any, Any], indicators: Iterable[str]) -> dict[str, Fraction]:
    return {
        name: Fraction(int(row[f"{name}_num"]), int(row[f"{name}_den"]))
        for name in indicators
        if row[f"{name}_num"] is not None and (row[f"{name}_den"] or 0) > 0
    }


def _rows(ctx: Context, fact: str, wanted: Sequence[str], ids: Sequence[int] | None) -> sa.Subquery:
    """Select the rows of a fact that the indicators look at."""
    rows = ctx.facts.select(fact).subquery(fact)
    query = sa.select(rows)
    if fact == "settlements":
        since = ctx.today - timedelta(days=_YEAR)
        query = query.where(
            rows.c.settled_on > since, rows.c.settled_on <= ctx.today, rows.c.amount_minor > 0
        )
        query = query.where(rows.c.due_on.is_not(None))
    else:
        query = query.where(rows.c.occurred_on <= ctx.today)
    if fact == "purchases" and "years_of_trade" not in wanted:
        query = query.where(rows.c.occurred_on > ctx.today - timedelta(days=_YEAR))
    if ids is not None:
        query = query.where(rows.c.customer_id.in_(list(ids)))
    return query.subquery(f"{fact}_rows")


def _foreign(ctx: Context, fact: str, rows: sa.Subquery, customer_ids: Sequence[int] | None) -> list[str]:
    """Return the other currencies of a fact's rows.

    What was settled was owed in the same currency: of all customers those are looked for where that is quicker.
    """
    if fact == "settlements" and customer_ids is None and "receivables" in ctx.facts.available():
        rows = ctx.facts.select("receivables").subquery("owed")
    query = sa.select(rows.c.currency).where(rows.c.currency != ctx.currency).distinct()
    return sorted(ctx.connection.scalars(query))


def _worth(
    ctx: Context, rows: sa.Subquery, foreign: Sequence[str]
) -> Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]:
    """Return how amounts of several currencies become comparable: the company's own need nothing.

    Rates are taken with six places, as integers, so that nothing is rounded in the database.
    """
    if not foreign:
        return lambda amount: amount
    factors = {ctx.currency: _RATE_SCALE} | {currency: _factor(ctx, currency) for currency in foreign}
    whens = [(rows.c.currency == currency, sa.literal(factor)) for currency, factor in factors.items()]
    return lambda amount: amount * sa.case(*whens)


def _factor(ctx: Context, currency: str) -> int:
    rate = Fraction(ctx.facts.rate(currency, ctx.currency, ctx.today))
    digits = minor_digits(ctx.currency) - minor_digits(currency)
    return round(rate * Fraction(10) ** digits * _RATE_SCALE)


def days_between(ctx: Context, later: sa.ColumnElement[Any], earlier: sa.ColumnElement[Any]) -> Any:
    """Return the days from one day to another as an integer, in either database."""
    if ctx.connection.dialect.name == "sqlite":
        return sa.cast(sa.func.julianday(later) - sa.func.julianday(earlier), sa.Integer)
    return sa.cast(later, sa.Date).op("-", return_type=sa.Integer)(earlier)


def _total(amount: Any, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    if conditions:
        amount = sa.case((sa.and_(*conditions), amount), else_=_NONE)
    return sa.func.coalesce(sa.func.sum(amount), _NONE)


def _settlements(ctx: Context, rows: sa.Subquery, worth: Any) -> dict[str, Pair]:
    """Average the days paid after the due day by amount; who pays early pays on day 0: it makes no other late less late."""
    late = days_between(ctx, rows.c.settled_on, rows.c.due_on)
    larger = sa.func.max if ctx.connection.dialect.name == "sqlite" else sa.func.greatest
    weighed = worth(rows.c.amount_minor) * larger(late, _NONE, type_=sa.BigInteger)
    return {"days_beyond_terms": (_total(weighed), _total(worth(rows.c.amount_minor)))}


def _receivables(ctx: Context, rows: sa.Subquery, worth: Any) -> dict[str, Pair]:
    """Look at what is open; who owes nothing has nothing overdue."""
    today = sa.literal(ctx.today, sa.Date)
    is_open = rows.c.open_minor > _NONE
    overdue = sa.and_(is_open, sa.func.coalesce(rows.c.due_on, rows.c.occurred_on) < today)
    due_on = sa.func.coalesce(rows.c.due_on, rows.c.occurred_on)
    all_open = _total(worth(rows.c.open_minor), is_open)
    oldest = sa.func.min(sa.case((overdue, due_on)))
    return {
        "share_overdue": (
            _total(worth(rows.c.open_minor), overdue),
            sa.case((all_open > _NONE, all_open), else_=_ONE),
        ),
        "oldest_overdue_days": (
            sa.func.coalesce(days_between(ctx, today, oldest), _NONE),
            sa.func.count(rows.c.customer_id) * _NONE + _ONE,
        ),
    }


def _purchases(ctx: Context, rows: sa.Subquery, worth: Any) -> dict[str, Pair]:
    """Compare half years, returns with purchases, and count the years since the first purchase (of 365.25 days)."""
    amount, on = worth(rows.c.amount_minor), rows.c.occurred_on
    middle, start = _ago(ctx.today, _HALF), _ago(ctx.today, 2 * _HALF)
    year = on > _ago(ctx.today, _YEAR)
    first = days_between(ctx, sa.literal(ctx.today, sa.Date), sa.func.min(on))
    before = _total(amount, on > start, on <= middle)
    lately = _total(amount, on > middle)
    return {
        "order_trend": (sa.case((lately > _NONE, lately), else_=_NONE), before),
        "returns_share": (
            -_total(amount, year, rows.c.amount_minor < _NONE),
            _total(amount, year, rows.c.amount_minor > _NONE),
        ),
        "years_of_trade": (first * 4, sa.func.count(rows.c.customer_id) * _NONE + sa.literal_column("1461")),
    }


def _ago(today: date, days: int) -> sa.ColumnElement[date]:
    return sa.literal(today - timedelta(days=days), sa.Date)


_OF_FACT: Mapping[str, Callable[[Any, sa.Subquery, Any], dict[str, Pair]]] = {
    "settlements": _settlements,
    "receivables": _receivables,
    "purchases": _purchases,
}
