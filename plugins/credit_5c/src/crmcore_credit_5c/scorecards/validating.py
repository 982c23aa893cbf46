"""Cross-validation: each row is judged by a scorecard that was learnt without it (交叉验证)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import fmean, stdev
from typing import NamedTuple

from crmcore_credit_5c.rules.scorecard_figures import Separation, separation

from .fitting import Fitted, Trend, fit
from .quiet import load_libraries
from .sample import Sample


class Validation(NamedTuple):
    """What came out of all folds."""

    folds: tuple[Separation, ...]
    log_odds: tuple[float, ...]
    """ln(bad : good) as expected of each row by the scorecard of its fold, which did not know it."""

    @property
    def auc(self) -> float:
        """Mean over the folds."""
        return fmean(one.auc for one in self.folds)

    @property
    def ks(self) -> float:
        """Mean over the folds."""
        return fmean(one.ks for one in self.folds)

    @property
    def gini(self) -> float:
        """Mean over the folds."""
        return fmean(one.gini for one in self.folds)

    @property
    def spread(self) -> float:
        """Standard deviation of the AUC over the folds."""
        return stdev(one.auc for one in self.folds)


@dataclass(frozen=True, slots=True)
class Way:
    """How a scorecard is fitted and validated."""

    trend: Trend = "one_turn"
    folds: int = 10
    seed: int = 0


def cross_validate(sample: Sample, way: Way) -> Validation:
    """Fit once for each fold without its rows, bins and all, and judge its rows by that.

    Folds have the same share of bad ones; at least as many bad as folds are needed.
    """
    _binning, _regression, stratified = load_libraries()
    split = stratified(way.folds, shuffle=True, random_state=way.seed)
    found: list[Separation] = []
    log_odds = [0.0] * len(sample.bad)
    for learn, judge in split.split([[0]] * len(sample.bad), list(sample.bad)):
        fitted = fit(_rows(sample, learn), way.trend)
        judged = _rows(sample, judge)
        theirs = fitted.log_odds(judged)
        found.append(separation(theirs, judged.bad))
        for place, risk in zip(judge, theirs, strict=True):
            log_odds[place] = risk
    return Validation(tuple(found), tuple(log_odds))


def _rows(sample: Sample, places: Sequence[int]) -> Sample:
    columns = {name: [cells[i] for i in places] for name, cells in sample.columns.items()}
    return Sample(columns, sample.numeric, [sample.bad[i] for i in places], sample.target)


def in_sample(fitted: Fitted, sample: Sample) -> Separation:
    """Return how well a scorecard separates the rows that it was made from: flattering, shown for comparison."""
    return separation(fitted.log_odds(sample), sample.bad)


def probability(log_odds: float) -> float:
    """Return the probability of ln(bad : good)."""
    return 1 / (1 + exp(-log_odds)) if log_odds > -700 else 0.0  # noqa: PLR2004  (exp overflows beyond)
