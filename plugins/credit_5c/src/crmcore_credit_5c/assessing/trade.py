"""Indicators from the books: one aggregate over each fact, for some customers or for all.

Each indicator is a fraction of two integer columns, so that it is exact in every database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import MissingFact
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import KnownMoney

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
MONEY = frozenset({"days_beyond_terms", "share_overdue", "order_trend", "returns_share"})
"""The indicators that add amounts up, so that other currencies need a rate."""
_YEAR, _HALF = 365, 182
_RATE_SCALE = 10**6
_ONE, _NONE = sa.literal_column("1", sa.BigInteger), sa.literal_column("0", sa.BigInteger)

Pair = tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]
"""Above and below the line; below 1 there is nothing to tell."""


class Aggregate(NamedTuple):
    """One row for each customer; the columns `<indicator>_num` and `<indicator>_den` of each indicator."""

    select: sa.Select[Any]
    indicators: tuple[str, ...]


class Aggregates(NamedTuple):
    """What the books tell, and where they cannot."""

    by_fact: dict[str, Aggregate]
    missing: dict[str, str]
    """Indicator → the fact that has no provider."""
    no_rate: dict[int, dict[str, dict[str, str]]]
    """Customer → indicator → currency without an exchange rate → the sentence that says so; nothing can be told then."""


def aggregates(
    ctx: Context, indicators: Collection[str], customer_ids: Sequence[int] | None = None
) -> Aggregates:
    """Return fact → the aggregate that gives its indicators, and what cannot be told.

    customer_ids: 500 at most; None = all customers.
    """
    found = Aggregates({}, {}, {})
    money = KnownMoney(ctx, ctx.today)
    for fact in dict.fromkeys(FACT_OF[name] for name in indicators):
        wanted = tuple(name for name in FACT_OF if FACT_OF[name] == fact and name in indicators)
        try:
            ctx.facts.provider(fact)
        except MissingFact:
            found.missing.update(dict.fromkeys(wanted, fact))
            continue
        rows = _rows(ctx, fact, wanted, customer_ids)
        in_money = MONEY.intersection(wanted)
        foreign = _foreign(ctx, fact, rows, customer_ids) if in_money else []
        if problems := money.lacking(foreign):
            _add_no_rates(_in_currencies(ctx, fact, rows, problems), problems, in_money, found.no_rate)
        pairs = _OF_FACT[fact](ctx, rows, _worth(ctx, rows, money, foreign))
        columns = [
            column
            for name in wanted
            for column in (pairs[name][0].label(f"{name}_num"), pairs[name][1].label(f"{name}_den"))
        ]
        select = sa.select(rows.c.customer_id, *columns).group_by(rows.c.customer_id)
        found.by_fact[fact] = Aggregate(select, wanted)
    return found


def _in_currencies(
    ctx: Context, fact: str, rows: sa.Subquery, currencies: Iterable[str]
) -> Iterable[tuple[int, str]]:
    """Return who has amounts that count in one of these currencies, and in which."""
    columns = (rows.c.customer_id, rows.c.currency)
    query = sa.select(*columns).where(rows.c.currency.in_(sorted(currencies))).distinct()
    if fact == "receivables":
        query = query.where(rows.c.open_minor > _NONE)
    elif fact == "purchases":
        query = query.where(rows.c.occurred_on > _ago(ctx.today, _YEAR))
    return [(customer, currency) for customer, currency in ctx.connection.execute(query)]


def _add_no_rates(
    found: Iterable[tuple[int, str]],
    problems: Mapping[str, str],
    indicators: Iterable[str],
    no_rate: dict[int, dict[str, dict[str, str]]],
) -> None:
    for customer, currency in found:
        own = no_rate.setdefault(customer, {})
        for name in indicators:
            own.setdefault(name, {})[currency] = problems[currency]


class TradeValues(NamedTuple):
    """What the books tell of some customers."""

    values: dict[int, dict[str, Fraction]]
    """Customer → indicator → value; what is in `no_rate` is not here."""
    missing: dict[str, str]
    """As of `Aggregates`."""
    no_rate: dict[int, dict[str, dict[str, str]]]
    """As of `Aggregates`."""


def trade_values(ctx: Context, indicators: Collection[str], customer_ids: Iterable[int]) -> TradeValues:
    """Return what the books tell of customers: a fixed number of statements for each 500 of them."""
    told = TradeValues({}, {}, {})
    for part in parts(customer_ids):
        found = aggregates(ctx, indicators, part)
        told.missing.update(found.missing)
        told.no_rate.update(found.no_rate)
        for aggregate in found.by_fact.values():
            for row in ctx.connection.execute(aggregate.select).mappings():
                unknown = found.no_rate.get(row["customer_id"], {})
                known = [name for name in aggregate.indicators if name not in unknown]
                told.values.setdefault(row["customer_id"], {}).update(_fractions(row, known))
    return told


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
    ctx: Context, rows: sa.Subquery, money: KnownMoney, foreign: Sequence[str]
) -> Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]:
    """Return how amounts of several currencies become comparable: the company's own need nothing.

    Rates are taken with six places, as integers, so that nothing is rounded in the database.
    """
    if not foreign:
        return lambda amount: amount
    factors = {ctx.currency: _RATE_SCALE}
    factors |= {currency: round(money.unit(currency) * _RATE_SCALE) for currency in foreign}
    whens = [(rows.c.currency == currency, sa.literal(factor)) for currency, factor in factors.items()]
    return lambda amount: amount * sa.case(*whens)


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
