"""Points and grades of all customers at once, by the database: what `crm credit batch --dry-run` counts.

The points of indicators from facts are a CASE over one aggregate for each fact, in integers throughout, so that
every database comes to the very totals of `rules.scoring`. Customers of whom somebody entered evidence, and models that
ask for fields of the card, go the way of single assessments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, lcm
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Customer, gives_evidence, unrestricted
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import LeftOut
from crmcore_credit_5c.rules.bands import all_points
from crmcore_credit_5c.rules.model import Indicator, Model

from .assessing import work_out
from .gathering import evidence
from .models import Version
from .statements import statements
from .trade import Aggregate, aggregates

if TYPE_CHECKING:
    from crmcore.api import Context

customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_CHUNK = 2_000


class Scored(NamedTuple):
    """What one customer would be given today."""

    customer_id: int
    score: Decimal | None
    grade: str | None


def score_all(ctx: Context, version: Version, left_out: LeftOut | None = None) -> Iterator[Scored]:
    """Yield what a model makes of every customer that can be assessed; nothing is stored.

    left_out: as of `work_out`.
    """
    found = scored_select(ctx, version.model)
    if found is None:
        alive = sa.select(customers.c.id).where(*_alive(ctx))
        yield from _one_by_one(ctx, version, list(ctx.connection.scalars(alive)), left_out)
        return
    apart = _entered(ctx) | _usable(ctx, found.no_rate)
    for customer, centi, grade in ctx.connection.execution_options(yield_per=10_000).execute(found.query):
        if customer not in apart:
            yield Scored(customer, None if centi is None else _points_of(int(centi)), grade)
    yield from _one_by_one(ctx, version, sorted(apart), left_out)


@lru_cache(maxsize=10_001)
def _points_of(centi: int) -> Decimal:
    return Decimal(centi).scaleb(-2)


def _one_by_one(ctx: Context, version: Version, ids: list[int], left_out: LeftOut | None) -> Iterator[Scored]:
    for part in parts(ids, _CHUNK):
        for one in work_out(ctx, version, part, left_out):
            yield Scored(one.customer_id, one.score.total, one.score.grade)


def _alive(ctx: Context) -> list[sa.ColumnElement[bool]]:
    return [customers.c.archived_at.is_(None), *unrestricted(ctx.connection, customers.c.id)]


def _entered(ctx: Context) -> frozenset[int]:
    """Return the customers of whom somebody entered something, and who can be assessed."""
    found: set[int] = set()
    for table in (evidence, statements):
        query = sa.select(table.c.customer_id).join(customers, customers.c.id == table.c.customer_id)
        found.update(
            ctx.connection.scalars(query.where(table.c.withdrawn_on.is_(None), *_alive(ctx)).distinct())
        )
    return frozenset(found)


def _usable(ctx: Context, customer_ids: Collection[int]) -> frozenset[int]:
    """Return those of some customers that can be assessed."""
    found: set[int] = set()
    for part in parts(customer_ids):
        query = sa.select(customers.c.id).where(customers.c.id.in_(part), *_alive(ctx))
        found.update(ctx.connection.scalars(query))
    return frozenset(found)


class ScoredSelect(NamedTuple):
    """The points of all customers as one statement."""

    query: sa.Select[Any]
    no_rate: Collection[int]
    """Customers of whom the statement does not know enough: they trade in a currency without an exchange rate."""


def scored_select(ctx: Context, model: Model) -> ScoredSelect | None:
    """Select customer_id, score_centi and grade of all customers as if nobody had entered evidence.

    None where SQL cannot tell: points that are summed, fields of the card, and plugins that add evidence.
    """
    kinds = {one.measure.kind for one in model.indicators}
    if gives_evidence(ctx) or model.scoring != "weighted" or not kinds <= {"facts", "scale", "ratio"}:
        return None
    names = {one.measure.of for one in model.indicators if one.measure.kind == "facts"}
    found = aggregates(ctx, names)
    joined: sa.FromClause = customers
    columns: dict[str, tuple[Any, Any]] = {}
    for fact, aggregate in found.by_fact.items():
        rows = aggregate.select.subquery(f"{fact}_sums")
        joined = joined.outerjoin(rows, rows.c.customer_id == customers.c.id)
        columns |= _pairs(rows, aggregate)
    centi = _total(model, columns).label("score_centi")
    totals = sa.select(customers.c.id.label("customer_id"), centi).select_from(joined)
    inner = totals.where(*_alive(ctx)).subquery("totals")
    grade = _grade(model, inner.c.score_centi).label("grade")
    return ScoredSelect(sa.select(inner.c.customer_id, inner.c.score_centi, grade), found.no_rate)


def _pairs(rows: sa.Subquery, aggregate: Aggregate) -> dict[str, tuple[Any, Any]]:
    return {name: (rows.c[f"{name}_num"], rows.c[f"{name}_den"]) for name in aggregate.indicators}


def _number(value: int) -> sa.ColumnElement[int]:
    """Write a whole number into the text of the query: its plan is the same for every model."""
    return sa.cast(sa.literal_column(str(value)), sa.BigInteger)


def _total(model: Model, columns: dict[str, tuple[Any, Any]]) -> sa.ColumnElement[Any]:
    """Return the total in hundredths, halves rounded up: (200 x + d) // 2 d for the exact total x / d."""
    weights = model.effective_weights()
    terms = {one.name: _terms(model, one, weights[one.name]) for one in model.indicators}
    unit = lcm(*(value.denominator for own in terms.values() for value in own if value is not None))
    total: sa.ColumnElement[Any] = _number(unit)
    for one in model.indicators:
        total = total + _points(one, terms[one.name], columns.get(one.measure.of), 200 * unit)
    return total // _number(2 * unit)


def _terms(model: Model, one: Indicator, weight: Fraction) -> list[Fraction | None]:
    """Return the share of the total of each band of an indicator, in order; the last is that of missing evidence."""
    missing = {"neutral": model.neutral, "worst": min(all_points(one.measure)), "incomplete": None}[
        one.missing
    ]
    absent = one.measure.missing if one.measure.missing is not None else missing
    return [weight * band.points for band in one.measure.bands] + [
        None if absent is None else weight * absent
    ]


def _points(
    one: Indicator, terms: list[Fraction | None], pair: tuple[Any, Any] | None, unit: int
) -> sa.ColumnElement[Any]:
    """Return the term of one indicator in whole units."""
    whole = [sa.null() if term is None else _number(int(term * unit)) for term in terms]
    if pair is None or one.measure.kind != "facts":
        return whole[-1]
    num, den = pair
    whens = [(sa.or_(den.is_(None), num.is_(None), den < _number(1)), whole[-1])]
    for band, term in zip(one.measure.bands, whole[:-1], strict=True):
        if band.bound is None:
            return sa.case(*whens, else_=term)
        left, right = num * _number(band.bound.denominator), den * _number(band.bound.numerator)
        whens.append((left <= right if band.inclusive else left < right, term))
    return sa.case(*whens, else_=whole[-1])


def _grade(model: Model, centi: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    whens = [(centi >= _number(ceil(rank.min_score * 100)), sa.literal(rank.grade)) for rank in model.grades]
    return sa.case((centi.is_(None), sa.null()), *whens, else_=sa.literal(model.grades[-1].grade))
