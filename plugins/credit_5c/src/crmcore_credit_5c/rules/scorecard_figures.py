"""How good a scorecard is: separation (AUC, KS, Gini), calibration, stability (PSI)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import log
from typing import Literal, NamedTuple

_SMALL, _LARGE = 0.10, 0.25
_LEAST_SHARE = 0.0001
"""What an empty band counts for in the PSI: a logarithm of zero says nothing."""


class Separation(NamedTuple):
    """How well a score tells bad from good (区分度)."""

    auc: float
    """Share of the pairs (one bad, one good) in which the bad one is thought riskier; ties count half."""
    ks: float
    """Greatest distance between the cumulative shares of bad and good (Kolmogorov-Smirnov)."""

    @property
    def gini(self) -> float:
        """2 · AUC - 1."""
        return 2 * self.auc - 1


def separation(risks: Sequence[float], bad: Sequence[int]) -> Separation:
    """Return AUC and KS; risks: higher = riskier, bad: 1 = bad, both of the same length, both kinds present.

    Mann and Whitney (1947): the area under the ROC curve is the share of pairs in the right order.
    """
    all_bad = sum(bad)
    all_good = len(bad) - all_bad
    seen_bad = seen_good = 0
    pairs = distance = 0.0
    for _risk, tied in groupby(sorted(zip(risks, bad, strict=True)), key=lambda one: one[0]):
        kinds = [kind for _same, kind in tied]
        here_bad = sum(kinds)
        here_good = len(kinds) - here_bad
        pairs += here_bad * (seen_good + here_good / 2)
        seen_bad, seen_good = seen_bad + here_bad, seen_good + here_good
        distance = max(distance, abs(seen_good / all_good - seen_bad / all_bad))
    return Separation(pairs / (all_bad * all_good), distance)


class Calibrated(NamedTuple):
    """Customers of about the same risk: how many were expected to turn bad, and how many did (校准)."""

    rows: int
    expected: float
    """Mean of the probabilities."""
    observed: float
    """Share of the bad."""


def calibration(probabilities: Sequence[float], bad: Sequence[int], bands: int = 10) -> list[Calibrated]:
    """Return groups of equal size by expected probability, the least risky first; fewer where rows are few.

    Rows of the same probability have no order: whichever group they fall into, each brings their share of the bad.
    """
    ordered = list(_evenly(probabilities, bad))
    edges = [round(len(ordered) * i / bands) for i in range(bands + 1)]
    groups = [ordered[start:end] for start, end in pairwise(edges) if end > start]
    return [
        Calibrated(len(one), sum(p for p, _b in one) / len(one), sum(b for _p, b in one) / len(one))
        for one in groups
    ]


def _evenly(probabilities: Sequence[float], bad: Sequence[int]) -> Iterator[tuple[float, float]]:
    """Yield (probability, share of the bad among all rows of it), the least risky first."""
    for probability, tied in groupby(sorted(zip(probabilities, bad, strict=True)), key=lambda one: one[0]):
        kinds = [kind for _same, kind in tied]
        yield from [(probability, sum(kinds) / len(kinds))] * len(kinds)


def brier(probabilities: Sequence[float], bad: Sequence[int]) -> float:
    """Return the mean squared error of the probabilities (Brier 1950); 0 = a prophet."""
    return sum((p - b) ** 2 for p, b in zip(probabilities, bad, strict=True)) / len(bad)


def band_bounds(scores: Sequence[float], bands: int = 10) -> list[float]:
    """Return where bands of about equal size begin, without the first: half way between scores; ties make fewer bands."""
    ordered = sorted(scores)
    begins = {bisect_left(ordered, ordered[len(ordered) * i // bands]) for i in range(1, bands)}
    return [(ordered[place - 1] + ordered[place]) / 2 for place in sorted(begins) if place]


def band_shares(scores: Sequence[float], bounds: Sequence[float]) -> list[float]:
    """Return the share of the scores in each band; a bound belongs to the band above it."""
    counts = [0] * (len(bounds) + 1)
    for score in scores:
        counts[bisect_right(bounds, score)] += 1
    return [count / len(scores) for count in counts]


def stability(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the population stability index (群体稳定性指标, PSI) of shares by band: sum of (a - e) · ln(a / e)."""
    pairs = [(max(e, _LEAST_SHARE), max(a, _LEAST_SHARE)) for e, a in zip(expected, actual, strict=True)]
    return sum((a - e) * log(a / e) for e, a in pairs)


Shift = Literal["stable", "some", "large"]


def shift_of(psi: float) -> Shift:
    """Return what a PSI means by the usual bands: below .10 stable, up to .25 some shift, above a large one."""
    if psi < _SMALL:
        return "stable"
    return "some" if psi <= _LARGE else "large"
