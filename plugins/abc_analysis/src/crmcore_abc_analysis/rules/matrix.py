"""Amount × potential (金额与潜力矩阵): who buys much already, and who could buy much.

1. A customer has two classes: one by what it bought, and one by what it could buy in a year. Both are cut by the same
   rule; the second one ranks all customers with an estimate among each other.
2. A pair of classes is a cell. A company gives names to cells: each name stands for some classes of either kind, and
   for every pair of one of these with one of those.
3. A cell that exactly one name claims is called so. A cell that no name or several names claim has none: better no
   name than the wrong one.
4. Who has no estimate, and who has one but bought nothing, is in no cell; both are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from .classes import Floor, grade_for

_K = TypeVar("_K")


class NamedCells(NamedTuple):
    """A name, and the classes whose pairs bear it."""

    name: str
    amount: tuple[str, ...]
    """Classes by amount."""
    potential: tuple[str, ...]
    """Classes by potential."""


class Cell(NamedTuple):
    """A pair of classes."""

    amount: str
    potential: str


class CellSum(NamedTuple):
    """The customers of a cell added up; amounts in minor units of one currency."""

    customers: int
    amount_minor: int
    potential_minor: int


NOBODY = CellSum(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All customers in their cells; what is left out is empty."""

    cells: Mapping[Cell, CellSum]
    no_estimate: Mapping[str, CellSum]
    """By class of amount."""
    no_purchases: Mapping[str, CellSum]
    """By class of potential."""


def name_of(cell: Cell, names: Iterable[NamedCells]) -> str | None:
    """Return the one name that claims a cell; None where there is no such name, or more than one."""
    claims = {n.name for n in names if cell.amount in n.amount and cell.potential in n.potential}
    return claims.pop() if len(claims) == 1 else None


def add_up(
    graded: Iterable[tuple[int, str, int]], potentials: Mapping[int, int], floors: Sequence[Floor]
) -> Matrix:
    """Add up customers by cell.

    `graded`: customer, class by amount, amount; each customer once. `potentials`: customer → potential.
    `floors`: the least potential of each class.
    """
    cells: dict[Cell, list[int]] = {}
    lacking: dict[str, list[int]] = {}
    alone: dict[str, list[int]] = {}
    for potential in potentials.values():
        _add(alone.setdefault(grade_for(potential, floors), [0, 0, 0]), 1, 0, potential)
    for customer, grade, amount in graded:
        estimate = potentials.get(customer)
        if estimate is None:
            _add(lacking.setdefault(grade, [0, 0, 0]), 1, amount, 0)
            continue
        could = grade_for(estimate, floors)
        _add(cells.setdefault(Cell(grade, could), [0, 0, 0]), 1, amount, estimate)
        _add(alone[could], -1, 0, -estimate)
    return Matrix(_sums(cells), _sums(lacking), _sums(alone))


def _add(total: list[int], customers: int, amount: int, potential: int) -> None:
    total[0] += customers
    total[1] += amount
    total[2] += potential


def _sums(totals: Mapping[_K, list[int]]) -> dict[_K, CellSum]:
    return {key: CellSum(*total) for key, total in totals.items() if total[0]}
