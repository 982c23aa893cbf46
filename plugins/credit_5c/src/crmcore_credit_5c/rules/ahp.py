"""Weights from comparisons in pairs: the Analytic Hierarchy Process (层次分析法).

T. L. Saaty, *The Analytic Hierarchy Process* (1980): the weights are the principal eigenvector of the matrix of
comparisons; its eigenvalue λmax tells how far the comparisons contradict each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

RANDOM_INDEX = (
    *(0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49),
    *(1.51, 1.48, 1.56, 1.57, 1.59),
)
"""Saaty's table of 1980: the mean consistency index of random matrices of 1 to 15 rows."""
MOST = len(RANDOM_INDEX)
LIMIT = 0.10
"""From this consistency ratio on comparisons contradict each other too much to be used."""
_MOST_TIMES = 1e100
"""No comparison says more: the products of larger ones would be no numbers."""
_RECIPROCAL = 1e-6
_ROUNDING = 1e-12
_SAATY = 9
"""Saaty's scale goes up to here."""
_STEADY = 1e-12
_STEPS = 100_000
_PLACES = 6


class Hierarchy(NamedTuple):
    """What a matrix of comparisons says."""

    weights: tuple[float, ...]
    """In the order of the rows; they sum to 1."""
    lambda_max: float
    ci: float
    """Consistency index, (λmax - n) / (n - 1)."""
    cr: float
    """Consistency ratio, CI / Saaty's random index; 0 for one or two rows, which cannot contradict themselves."""


class MatrixProblem(ValueError):
    """A matrix that is none of comparisons; `row` and `column` count from 0, -1 where it is the whole."""

    def __init__(self, problem: str, row: int = -1, column: int = -1, value: object = None) -> None:
        """Take a short name of the problem (see `check`) and its place."""
        super().__init__(problem)
        self.problem, self.row, self.column, self.value = problem, row, column, value


def check(matrix: Sequence[Sequence[float]]) -> None:
    """Raise MatrixProblem unless the matrix is square, positive and reciprocal within 1e-6.

    Problems: `empty`, `size` (more than 15 rows), `square`, `number`, `diagonal`, `reciprocal`.
    """
    if not matrix:
        raise MatrixProblem("empty")
    if len(matrix) > MOST:
        raise MatrixProblem("size", value=len(matrix))
    for i, row in enumerate(matrix):
        _check_row(i, row, len(matrix))
    for i, row in enumerate(matrix):
        if abs(row[i] - 1) > _RECIPROCAL:
            raise MatrixProblem("diagonal", i, i, row[i])
        for j in range(i):
            if not _reciprocal(row[j], matrix[j][i]):
                raise MatrixProblem("reciprocal", i, j, row[j])


def _check_row(i: int, row: Sequence[float], size: int) -> None:
    if len(row) != size:
        raise MatrixProblem("square", i, value=len(row))
    for j, value in enumerate(row):
        if not 1 / _MOST_TIMES <= value <= _MOST_TIMES:
            raise MatrixProblem("number", i, j, value)


def _reciprocal(one: float, other: float) -> bool:
    """Compare the product with 1; on Saaty's scale the smaller of both may be one of six places, such as 0.166667."""
    if abs(one * other - 1) <= _RECIPROCAL + _ROUNDING:
        return True
    small, large = min(one, other), max(one, other)
    return large <= _SAATY and abs(small - 1 / large) <= _RECIPROCAL


def weigh(matrix: Sequence[Sequence[float]]) -> Hierarchy:
    """Return the weights and the consistency of a matrix of comparisons; MatrixProblem as `check`."""
    check(matrix)
    n = len(matrix)
    weights = _principal(matrix)
    products = [sum(a * w for a, w in zip(row, weights, strict=True)) for row in matrix]
    lambda_max = sum(p / w for p, w in zip(products, weights, strict=True)) / n
    ci = max((lambda_max - n) / (n - 1), 0.0) if n > 2 else 0.0  # noqa: PLR2004  (two rows never contradict)
    index = RANDOM_INDEX[n - 1]
    return Hierarchy(tuple(weights), lambda_max, ci, ci / index if index else 0.0)


def _principal(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Return the principal eigenvector, its sum 1, by power iteration."""
    weights = [1 / len(matrix)] * len(matrix)
    for _step in range(_STEPS):
        products = [sum(a * w for a, w in zip(row, weights, strict=True)) for row in matrix]
        total = sum(products)
        following = [p / total for p in products]
        change = max(abs(a - b) for a, b in zip(following, weights, strict=True))
        weights = following
        if change < _STEADY:
            break
    return weights


def worst_triple(matrix: Sequence[Sequence[float]]) -> tuple[int, int, int]:
    """Return the three rows whose comparisons contradict each other most (Koczkodaj 1993).

    If i is twice j, and j three times k, then i should be six times k.
    """

    def contradiction(triple: tuple[int, int, int]) -> float:
        i, j, k = triple
        ratio = matrix[i][k] / (matrix[i][j] * matrix[j][k])
        return max(ratio, 1 / ratio)

    return max(combinations(range(len(matrix)), 3), key=contradiction)


def exact_weights(weights: Sequence[float]) -> list[Decimal]:
    """Return the weights with six places so that they sum to exactly 1; the largest remainders are rounded up."""
    scale = 10**_PLACES
    units = [int(w * scale) for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (units[i] - weights[i] * scale, i))
    for i in by_remainder[: scale - sum(units)]:
        units[i] += 1
    return [Decimal(unit).scaleb(-_PLACES) for unit in units]
