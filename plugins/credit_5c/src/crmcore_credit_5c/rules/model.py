"""What a credit model (信用评价模型) is made of, once it has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Missing = Literal["neutral", "worst", "incomplete"]
Kind = Literal["scale", "facts", "ratio", "field", "column"]
Texts = Mapping[str, str]
"""Language (`en`, `zh`) → text."""

FACT_INDICATORS = (
    *("days_beyond_terms", "share_overdue", "oldest_overdue_days"),
    *("order_trend", "returns_share", "years_of_trade"),
)
"""What is computed from facts: average days paid late by amount 平均逾期天数, the share of open receivables past due
逾期占比, days since the oldest of them was due 最长逾期天数, orders of the last half year by those of the half year before
订货趋势, returns by purchases 退货率, years since the first purchase 交易年限."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a described scale, or one value of a field."""

    value: str
    points: Fraction
    texts: Texts


@dataclass(frozen=True, slots=True)
class Band:
    """Points for numbers up to a bound; the last band has none."""

    bound: Fraction | None
    inclusive: bool
    """Whether the bound itself is still in the band."""
    points: Fraction

    def holds(self, value: Fraction) -> bool:
        """Say whether a number is not above the band."""
        if self.bound is None:
            return True
        return value <= self.bound if self.inclusive else value < self.bound


@dataclass(frozen=True, slots=True)
class Measure:
    """How an indicator is measured."""

    kind: Kind
    of: str
    """The fact, ratio, field or column; empty for a scale."""
    steps: tuple[Step, ...] = ()
    bands: tuple[Band, ...] = ()
    otherwise: Fraction | None = None
    """Points of a value that is none of `steps`; None = such a value does not count."""
    missing: Fraction | None = None
    """Points where there is no value, of a scorecard that has a bin for that; None = as the indicator says."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One question that a model asks (指标)."""

    name: str
    factor: str
    title: Texts
    weight: Fraction
    """Among the indicators of its factor."""
    missing: Missing
    """What missing evidence does: points of the middle, points of the worst answer, or no grade at all."""
    measure: Measure


@dataclass(frozen=True, slots=True)
class Factor:
    """What indicators or other factors are summed up to (要素), such as character 品格."""

    name: str
    parent: str | None
    title: Texts
    weight: Fraction
    """Among those of the same parent."""


@dataclass(frozen=True, slots=True)
class Rank:
    """One grade (信用等级) and the points from which on it is given."""

    grade: str
    min_score: Fraction


@dataclass(frozen=True, slots=True)
class Model:
    """A whole model; `factors` and `indicators` in the order of the file, `grades` the best first."""

    name: str
    title: Texts
    scoring: Literal["weighted", "sum"]
    """`weighted`: points from 0 to 100 are weighed; `sum`: points are added to `base`, as scorecards do."""
    base: Fraction
    neutral: Fraction
    grades: tuple[Rank, ...]
    factors: tuple[Factor, ...]
    indicators: tuple[Indicator, ...]

    def effective_weights(self) -> dict[str, Fraction]:
        """Return indicator → its share of the total; they sum to 1."""
        by_name = {factor.name: factor for factor in self.factors}
        return {one.name: one.weight * _down_from(by_name, one.factor) for one in self.indicators}


def _down_from(factors: Mapping[str, Factor], name: str | None) -> Fraction:
    weight = Fraction(1)
    while name is not None:
        weight *= factors[name].weight
        name = factors[name].parent
    return weight
