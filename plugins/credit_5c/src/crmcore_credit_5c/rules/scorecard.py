"""What a scorecard (评分卡) is: bins, weight of evidence, points, reasons.

How good one is, and whether its customers are still those that it was made for, is in `scorecard_figures`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log
from typing import Literal

Cell = float | str | None
"""What stands in a column: a finite number, a text without blanks around it, or nothing."""
_HALF_A_CASE = 0.5


# -- from odds to points -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scale:
    """How odds (good : bad) become a score: `base_score` at `base_odds`, `pdo` more when the odds double.

    Points to double the odds (PDO, 好坏比翻倍所加分数): score = offset + factor · ln(odds), factor = pdo / ln 2,
    offset = base_score - factor · ln(base_odds).  Siddiqi, Credit Risk Scorecards (2006), chapter 6.
    """

    base_score: float = 600
    base_odds: float = 50
    pdo: float = 20

    @property
    def factor(self) -> float:
        """Points for each unit of the logarithm of the odds."""
        return float(self.pdo / log(2))

    @property
    def offset(self) -> float:
        """The score at even odds."""
        return self.base_score - self.factor * log(self.base_odds)

    def score(self, log_odds: float) -> float:
        """Return the score of ln(good : bad)."""
        return self.offset + self.factor * log_odds

    def base_points(self, intercept: float) -> float:
        """Return the points that everybody has; intercept: of the regression on ln(bad : good)."""
        return self.offset - self.factor * intercept

    def points(self, coefficient: float, woe: float) -> float:
        """Return the points of a bin; coefficient: of its column, in the regression on ln(bad : good)."""
        return -self.factor * coefficient * woe


# -- weight of evidence ------------------------------------------------------------------------------------------


def weight_of_evidence(good: int, bad: int, all_good: int, all_bad: int) -> float:
    """Return ln(share of the good in a bin / share of the bad in it) (证据权重, WOE); above 0 = better than usual.

    A bin with good or bad ones only counts half a case of the other kind: nothing is ever certain. An empty bin
    says nothing: 0.
    """
    if good == bad == 0:
        return 0.0
    if 0 in (good, bad):
        return log(((good + _HALF_A_CASE) / all_good) / ((bad + _HALF_A_CASE) / all_bad))
    return log((good / all_good) / (bad / all_bad))


def information_value(bins: Sequence[tuple[int, int]]) -> float:
    """Return how much the bins (good, bad) of a column tell good from bad (信息值, IV): sum of share differences · WOE.

    Below .02 it is no use, from .3 on strong, above .5 suspicious (Siddiqi 2006, chapter 6).
    """
    all_good, all_bad = sum(good for good, _bad in bins), sum(bad for _good, bad in bins)
    return sum(
        (good / all_good - bad / all_bad) * weight_of_evidence(good, bad, all_good, all_bad)
        for good, bad in bins
    )


# -- a scorecard -------------------------------------------------------------------------------------------------

Kind = Literal["below", "values", "missing", "other"]


@dataclass(frozen=True, slots=True)
class Bin:
    """Values of a column that are treated alike (分箱)."""

    kind: Kind
    """`below`: numbers below `bound` and not below that of the bin before; `values`: these texts; `missing`: no
    value; `other`: texts that were rare, or not there at all, when the scorecard was made."""
    points: float
    bound: float | None = None
    """None in the last of `below`: no bound."""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredColumn:
    """A column and its bins: `below` in ascending order, or `values` and `other`; always one `missing`."""

    name: str
    bins: tuple[Bin, ...]
    average: float = 0.0
    """Mean of its points over the customers whom the scorecard was made from."""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.bins[0].kind == "below"

    @property
    def best(self) -> float:
        """The most points that it gives."""
        return max(one.points for one in self.bins)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What everybody has, and what each column adds: the score is the sum."""

    base: float
    columns: tuple[ScoredColumn, ...]


def bin_of(column: ScoredColumn, cell: Cell) -> Bin:
    """Return the bin into which a value falls; a text in a column of numbers, and a number in one of texts, is none."""
    return bin_finder(column)(cell)


def bin_finder(column: ScoredColumn) -> Callable[[Cell], Bin]:
    """Return what finds the bins of many values of a column, as `bin_of` does for one."""
    by_kind = {one.kind: one for one in column.bins}
    missing = by_kind["missing"]
    if column.numeric:
        below = [one for one in column.bins if one.kind == "below"]
        bounds = [one.bound for one in below if one.bound is not None]
        return lambda cell: (
            below[bisect_right(bounds, cell)] if isinstance(cell, float) and isfinite(cell) else missing
        )
    known = {value: one for one in column.bins for value in one.values}
    other = by_kind["other"]
    return lambda cell: known.get(cell, other) if isinstance(cell, str) and cell else missing


def points_of(card: Scorecard, row: Mapping[str, Cell]) -> dict[str, float]:
    """Return column → points of one customer; a column that is not there is missing."""
    return {column.name: bin_of(column, row.get(column.name)).points for column in card.columns}


# -- reasons -----------------------------------------------------------------------------------------------------

Against = Literal["best", "average"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A column that cost a customer points (扣分原因), and how many."""

    column: str
    lost: float


def reasons(
    card: Scorecard, points: Mapping[str, float], most: int = 4, against: Against = "average"
) -> list[Reason]:
    """Return the columns that cost most points, the dearest first; those that cost nothing are no reason.

    against: `best` = the best bin of the column, `average` = what customers of the sample had on average.
    """
    lost = [
        Reason(column.name, (column.best if against == "best" else column.average) - points[column.name])
        for column in card.columns
    ]
    dearest = sorted((one for one in lost if one.lost > 0), key=lambda one: (-one.lost, one.column))
    return dearest[:most]
