"""From the points of indicators to factor scores, the total and the grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from .bands import Value, all_points, points_of
from .model import Indicator, Model

How = Literal["evidence", "neutral", "worst", "incomplete"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The points of one indicator, and how they came about."""

    points: Fraction | None
    how: How
    """`evidence`, or what the model says of missing evidence."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a model makes of the values of its indicators."""

    answers: Mapping[str, Answer]
    factors: Mapping[str, Decimal | None]
    """Points with two places; None where evidence is missing that the model insists on."""
    total: Decimal | None
    grade: str | None
    missing: tuple[str, ...]
    """Indicators without evidence, in the order of the model."""


def score(model: Model, values: Mapping[str, Value]) -> Score:
    """Return the points, factor scores, total and grade of one customer; values: indicator → value.

    The total has two places, halves rounded up, and the grade is given by the rounded total: what people read is
    what counts.
    """
    answers = {one.name: answer(model, one, values.get(one.name)) for one in model.indicators}
    exact = _factor_points(model, answers)
    total = _total(model, exact)
    rounded = None if total is None else two_places(total)
    return Score(
        answers,
        {name: None if points is None else two_places(points) for name, points in exact.items()},
        rounded,
        None if rounded is None else grade_of(model, rounded),
        tuple(name for name, given in answers.items() if given.how != "evidence"),
    )


def answer(model: Model, indicator: Indicator, value: Value | None) -> Answer:
    """Return the points of one indicator; a value that its measure does not know is as good as none."""
    points = None if value is None else points_of(indicator.measure, value)
    if points is not None:
        return Answer(points, "evidence")
    if indicator.measure.missing is not None:
        return Answer(indicator.measure.missing, "evidence")
    if indicator.missing == "neutral":
        return Answer(model.neutral, "neutral")
    if indicator.missing == "worst":
        return Answer(min(all_points(indicator.measure)), "worst")
    return Answer(None, "incomplete")


def _factor_points(model: Model, answers: Mapping[str, Answer]) -> dict[str, Fraction | None]:
    """Return factor → its points: the weighted mean, or the sum, of its indicators and of the factors below it."""
    memo: dict[str, Fraction | None] = {}

    def points(name: str) -> Fraction | None:
        if name not in memo:
            parts = [(one.weight, answers[one.name].points) for one in model.indicators if one.factor == name]
            parts += [(one.weight, points(one.name)) for one in model.factors if one.parent == name]
            memo[name] = _sum(model, parts)
        return memo[name]

    return {factor.name: points(factor.name) for factor in model.factors}


def _sum(model: Model, parts: list[tuple[Fraction, Fraction | None]]) -> Fraction | None:
    total = Fraction(0)
    for weight, points in parts:
        if points is None:
            return None
        total += points if model.scoring == "sum" else weight * points
    return total


def _total(model: Model, factors: Mapping[str, Fraction | None]) -> Fraction | None:
    top = _sum(model, [(one.weight, factors[one.name]) for one in model.factors if one.parent is None])
    return None if top is None else model.base + top


def two_places(points: Fraction) -> Decimal:
    """Round to hundredths, halves up (away from minus infinity)."""
    return Decimal((2 * 100 * points.numerator + points.denominator) // (2 * points.denominator)).scaleb(-2)


def grade_of(model: Model, total: Decimal) -> str:
    """Return the best grade whose least score is reached; the last one where none is."""
    for rank in model.grades:
        if Fraction(total) >= rank.min_score:
            return rank.grade
    return model.grades[-1].grade
