"""Which single answer would change a grade: what `explain` tells the customer's representative."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .bands import Value
from .model import Band, Indicator, Model
from .scoring import Score, score

_ANY_OTHER = "*"


class OtherAnswer(NamedTuple):
    """One answer that is not the present one, and what it would make of the total."""

    indicator: str
    value: str
    """The step of a scale, or for bands what the number would have to be: `<= 30`, `< 1.81`, `> 90`, `>= 3`; `*` is any
    value that is not listed."""
    points: Fraction
    total: Decimal
    grade: str


def smallest_changes(model: Model, values: Mapping[str, Value]) -> dict[str, OtherAnswer]:
    """Return `better` and `worse` → the single answer that changes the grade and moves the total least.

    A direction in which no single answer changes the grade is left out, and both where there is no grade.
    """
    present = score(model, values)
    if present.grade is None or present.total is None:
        return {}
    total, order = present.total, [rank.grade for rank in model.grades]
    place = order.index(present.grade)
    others = list(_others(model, values, present))
    better = [one for one in others if order.index(one.grade) < place]
    worse = [one for one in others if order.index(one.grade) > place]
    found = {"better": _least(better, total), "worse": _least(worse, total)}
    return {direction: one for direction, one in found.items() if one is not None}


def _least(answers: Iterable[OtherAnswer], total: Decimal) -> OtherAnswer | None:
    return min(answers, key=lambda one: abs(one.total - total), default=None)


def _others(model: Model, values: Mapping[str, Value], present: Score) -> Iterator[OtherAnswer]:
    """Yield each other answer to each question, everything else as it is."""
    for indicator in model.indicators:
        for shown, value, points in _answers(indicator):
            if points == present.answers[indicator.name].points:
                continue
            then = score(model, {**values, indicator.name: value})
            if then.total is not None and then.grade is not None:
                yield OtherAnswer(indicator.name, shown, points, then.total, then.grade)


def _answers(indicator: Indicator) -> Iterator[tuple[str, Value, Fraction]]:
    """Yield (as shown, a value of that answer, its points)."""
    for step in indicator.measure.steps:
        yield step.value, step.value, step.points
    if indicator.measure.otherwise is not None:
        yield _ANY_OTHER, _ANY_OTHER, indicator.measure.otherwise
    before: Band | None = None
    for band in indicator.measure.bands:
        if band.bound is not None:
            sign = "<=" if band.inclusive else "<"
            yield f"{sign} {_shown(band.bound)}", _inside(before, band.bound), band.points
        elif before is not None and before.bound is not None:
            sign = ">" if before.inclusive else ">="
            yield f"{sign} {_shown(before.bound)}", before.bound + 1, band.points
        before = band


def _inside(before: Band | None, bound: Fraction) -> Fraction:
    """Return a number of the band up to a bound: half way from that of the band before."""
    if before is None or before.bound is None:
        return bound - 1
    return (before.bound + bound) / 2


def _shown(number: Fraction) -> str:
    return format((Decimal(number.numerator) / Decimal(number.denominator)).normalize(), "f")
