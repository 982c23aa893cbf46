"""Scales of grades that a company can choose in place of its model's own (信用等级体系).

There is no one scale: banks in China use four classes and ten grades from AAA to D, or fewer; trade credit mostly has
three. So a scale is an ordered list, never an enumeration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from .building import build_grades, check_last_grade
from .model import Rank


def _scale(*grades: tuple[str, int]) -> tuple[Rank, ...]:
    return tuple(Rank(grade, Fraction(least)) for grade, least in grades)


SCALES: Mapping[str, tuple[Rank, ...]] = {
    "abc": _scale(("A", 75), ("B", 55), ("C", 0)),
    "aaa_d": _scale(
        *(("AAA", 90), ("AA", 80), ("A", 70), ("BBB", 60), ("BB", 50)),
        *(("B", 40), ("CCC", 30), ("CC", 20), ("C", 10), ("D", 0)),
    ),
}
"""Name → grades, the best first, each with the least points."""


def scale_of(name: str, own: Sequence[Mapping[str, Any]]) -> tuple[Rank, ...] | None:
    """Return the scale of a setting: one by name, or a company's `own`; None = the model's.

    Raises ModelProblem for a list that is not ordered from the best grade on, down to 0.
    """
    if name == "own":
        grades = build_grades(own)
        check_last_grade(grades)
        return grades
    return SCALES.get(name)
