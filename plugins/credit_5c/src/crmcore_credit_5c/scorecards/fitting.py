"""Fit a scorecard: optimal bins by column, their weights of evidence, a logistic regression on them.

Whatever is learnt, is learnt from the rows handed in and from no other: each fold of a cross-validation learns anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, Literal

from crmcore_credit_5c.rules.scorecard import (
    Bin,
    Cell,
    ScoredColumn,
    bin_finder,
    information_value,
    weight_of_evidence,
)

from .quiet import load_libraries, quiet
from .sample import Sample

Trend = Literal["monotonic", "one_turn", "free"]
_TRENDS: Mapping[Trend, str | None] = {
    "monotonic": "auto_asc_desc",
    "one_turn": "auto_heuristic",  # rises, falls, or does each once
    "free": None,
}
LEAST_VALUE = 0.02
"""A column with less information value says nothing (Siddiqi 2006)."""
LEAST_SHARE = 0.05
"""A text that fewer have is rare: all such are one bin, into which texts fall, too, that the sample never saw."""
LEAST_IN_A_BIN = 20
"""Fewer missing or rare values than these count as nothing good and nothing bad."""
_LONGEST_TEXT = 100
_OTHER = "\0other"


@dataclass(frozen=True, slots=True)
class BinCount:
    """A bin and what was in it; its points are the weight of evidence as long as there is no regression."""

    bin: Bin
    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class BinnedColumn:
    """A column with its bins; `column` gives the weight of evidence of a cell where others give points."""

    column: ScoredColumn
    counts: tuple[BinCount, ...]
    value: float
    """Information value."""

    def evidence(self, cells: Sequence[Cell]) -> list[float]:
        """Return the weight of evidence of each cell."""
        find = bin_finder(self.column)
        return [find(cell).points for cell in cells]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt from some rows."""

    columns: tuple[BinnedColumn, ...]
    """Those that count, as in the sample."""
    coefficients: tuple[float, ...]
    """One for each of them, none above 0: a bin of better customers never costs points."""
    intercept: float
    weak: Mapping[str, float]
    """Columns left out, and their information value."""
    reversed: tuple[str, ...]
    """Columns left out since, beside the others, more of what is good would have cost points."""

    def log_odds(self, sample: Sample) -> list[float]:
        """Return ln(bad : good) as expected of each row."""
        sums = [self.intercept] * len(sample.bad)
        for one, coefficient in zip(self.columns, self.coefficients, strict=True):
            evidence = one.evidence(sample.columns[one.column.name])
            sums = [total + coefficient * woe for total, woe in zip(sums, evidence, strict=True)]
        return sums


def fit(sample: Sample, trend: Trend = "one_turn") -> Fitted:
    """Learn a scorecard from all rows of a sample; without any column that says something, all are alike."""
    binned = [bin_column(sample, name, trend) for name in sample.columns]
    weak = {one.column.name: one.value for one in binned if one.value < LEAST_VALUE}
    useful = [one for one in binned if one.value >= LEAST_VALUE]
    evidence = {one.column.name: one.evidence(sample.columns[one.column.name]) for one in useful}
    kept, reversed_, model = list(useful), [], _regression(sample, evidence)
    while model.coefficients and max(model.coefficients) > 0:
        worst = kept.pop(model.coefficients.index(max(model.coefficients)))
        reversed_.append(worst.column.name)
        del evidence[worst.column.name]
        model = _regression(sample, evidence)
    return Fitted(tuple(kept), model.coefficients, model.intercept, weak, tuple(reversed_))


@dataclass(frozen=True, slots=True)
class _Regression:
    coefficients: tuple[float, ...]
    intercept: float


def _regression(sample: Sample, evidence: Mapping[str, Sequence[float]]) -> _Regression:
    if not evidence:
        all_bad = sum(sample.bad)
        return _Regression((), log(all_bad / (len(sample.bad) - all_bad)))
    _binning, regression, _folds = load_libraries()
    with quiet():
        model = regression(max_iter=1000).fit(list(zip(*evidence.values(), strict=True)), list(sample.bad))
    return _Regression(tuple(map(float, model.coef_[0])), float(model.intercept_[0]))


# -- bins of one column ------------------------------------------------------------------------------------------


def bin_column(sample: Sample, name: str, trend: Trend) -> BinnedColumn:
    """Find the bins of a column and count good and bad in them."""
    cells = sample.columns[name]
    if name in sample.numeric:
        bounds = _numeric_bounds(cells, sample.bad, trend)
        bins = [Bin("below", 0.0, bound) for bound in (*bounds, None)]
    else:
        groups = _text_groups(cells, sample.bad)
        bins = [Bin("values", 0.0, values=group) for group in groups if _OTHER not in group]
        with_other = next((group for group in groups if _OTHER in group), ())
        bins = _with_other(bins, with_other)
    return _counted(name, [*bins, Bin("missing", 0.0)], cells, sample.bad)


def _with_other(bins: list[Bin], group: Sequence[str]) -> list[Bin]:
    """Return the bins and the one of rare texts, with those frequent ones that the solver put beside them."""
    beside = tuple(value for value in group if value != _OTHER)
    return [*bins, Bin("other", 0.0, values=beside)]


def _numeric_bounds(cells: Sequence[Cell], bad: Sequence[int], trend: Trend) -> list[float]:
    stated = [(cell, kind) for cell, kind in zip(cells, bad, strict=True) if cell is not None]
    return [float(bound) for bound in _solved(stated, "numerical", _TRENDS[trend])]


def _text_groups(cells: Sequence[Cell], bad: Sequence[int]) -> list[tuple[str, ...]]:
    """Return texts that are treated alike; rare ones as `_OTHER`."""
    counts = Counter(str(cell) for cell in cells if cell is not None)
    frequent = {
        value
        for value, count in counts.items()
        if count >= LEAST_SHARE * len(cells) and len(value) <= _LONGEST_TEXT
    }
    stated = [
        (str(cell) if cell in frequent else _OTHER, kind)
        for cell, kind in zip(cells, bad, strict=True)
        if cell is not None
    ]
    groups = [tuple(map(str, group)) for group in _solved(stated, "categorical", None)]
    there = {value for value, _kind in stated}
    return groups or ([tuple(sorted(there))] if there else [])


def _solved(stated: Sequence[tuple[Any, int]], dtype: str, trend: str | None) -> list[Any]:
    """Return the solver's splits; none where a column has one value or one kind of customers only."""
    if min(len({value for value, _k in stated}), len({kind for _v, kind in stated})) < 2:  # noqa: PLR2004
        return []
    binning, _regression_class, _folds = load_libraries()
    import numpy as np

    values = np.array([value for value, _kind in stated], dtype=float if dtype == "numerical" else object)
    with quiet():
        found = binning(dtype=dtype, monotonic_trend=trend if dtype == "numerical" else "auto")
        found.fit(values, np.array([kind for _value, kind in stated]))
    return list(found.splits)


def _counted(name: str, bins: Sequence[Bin], cells: Sequence[Cell], bad: Sequence[int]) -> BinnedColumn:
    """Return a column whose bins have their weights of evidence."""
    bare = ScoredColumn(name, tuple(bins))
    places = {id(one): i for i, one in enumerate(bins)}
    find = bin_finder(bare)
    counts = Counter((places[id(find(cell))], kind) for cell, kind in zip(cells, bad, strict=True))
    pairs = [(counts[i, 0], counts[i, 1]) for i in range(len(bins))]
    weighed = [replace(one, points=_evidence(one, pair, bad)) for one, pair in zip(bins, pairs, strict=True)]
    return BinnedColumn(
        ScoredColumn(name, tuple(weighed)),
        tuple(BinCount(one, *pair) for one, pair in zip(weighed, pairs, strict=True)),
        information_value(pairs),
    )


def _evidence(one: Bin, pair: tuple[int, int], bad: Sequence[int]) -> float:
    """Return the weight of evidence of a bin; a handful of missing or rare values says nothing."""
    if one.kind in {"missing", "other"} and sum(pair) < LEAST_IN_A_BIN:
        return 0.0
    return weight_of_evidence(*pair, len(bad) - sum(bad), sum(bad))
