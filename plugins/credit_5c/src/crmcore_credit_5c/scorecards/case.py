"""A scorecard as one expression of SQL: the base, and a CASE for each column, in whatever engine the columns lie.

Columns of numbers are compared as they are; of texts blanks around them are cut off, and what is empty, NULL or says
that there is no value (N/A) falls into the bin for that. So does what is no finite number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import sqlalchemy as sa

from crmcore_credit_5c.rules.scorecard import Bin, Scorecard, ScoredColumn

from .sample import MISSING_WORDS

LARGEST = 1.7976931348623157e308
"""The largest double: above it are infinity and, in some engines, what is no number."""


def score_case(card: Scorecard, column_of: Callable[[str], sa.ColumnElement[Any]]) -> sa.ColumnElement[float]:
    """Return the score as an expression of SQLAlchemy; column_of: a scorecard's column → where it lies."""
    parts = [points_case(column, column_of(column.name)) for column in card.columns]
    return reduce(add, parts, _number(card.base))


def points_case(column: ScoredColumn, cell: sa.ColumnElement[Any]) -> sa.ColumnElement[float]:
    """Return the points of one column as an expression of SQLAlchemy."""
    missing = _number(_only(column, "missing").points)
    if column.numeric:
        bounds = [(_bound(one), one.points) for one in column.bins if one.kind == "below"]
        *below, (_none, last) = bounds
        whens = [(cell < sa.literal(bound, sa.Double), _number(points)) for bound, points in below]
        whens.append((cell <= sa.literal(LARGEST, sa.Double), _number(last)))
        return sa.case(*whens, else_=missing)
    text = sa.func.trim(cell)
    whens = [(cell.is_(None) | sa.func.lower(text).in_(sorted(MISSING_WORDS)), missing)]
    whens += [(text.in_(one.values), _number(one.points)) for one in column.bins if one.values]
    return sa.case(*whens, else_=_number(_only(column, "other").points))


def _number(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, sa.Double)


def _only(column: ScoredColumn, kind: str) -> Bin:
    return next(one for one in column.bins if one.kind == kind)


def _bound(one: Bin) -> float:
    return LARGEST if one.bound is None else one.bound


def ibis_score(card: Scorecard, table: Any) -> Any:
    """Return the score as an expression of ibis over a table with the scorecard's columns (extra `analytics`)."""
    parts = [ibis_points(column, table[column.name]) for column in card.columns]
    return reduce(add, parts, _ibis_number(card.base))


def _ibis_number(value: float) -> Any:
    """Return a double; a plain literal would be an exact decimal in DuckDB."""
    import ibis

    return ibis.literal(repr(value)).cast("float64")


def ibis_points(column: ScoredColumn, cell: Any) -> Any:
    """Return the points of one column as an expression of ibis."""
    import ibis

    missing = _ibis_number(_only(column, "missing").points)
    if column.numeric:
        bins = [one for one in column.bins if one.kind == "below"]
        whens = [(cell < _ibis_number(_bound(one)), _ibis_number(one.points)) for one in bins[:-1]]
        whens.append((cell <= _ibis_number(LARGEST), _ibis_number(bins[-1].points)))
        return ibis.cases(*whens, else_=missing)
    text = cell.strip()
    whens = [(cell.isnull() | text.lower().isin(sorted(MISSING_WORDS)), missing)]
    whens += [(text.isin(one.values), _ibis_number(one.points)) for one in column.bins if one.values]
    return ibis.cases(*whens, else_=_ibis_number(_only(column, "other").points))
