"""Tomorrow's stars (明日之星): customers who are small now and able to grow.

1. A star is in the class of ordinary customers: C, or the company's own; by default the last class but one.
2. Its potential, classed by the same rule among all potentials, is in a better class: B or A.
3. It is growing over two periods: it bought more than in the period before, and then more than in the one before.
4. Customers who were archived are no stars: their trade has stopped.

The star with the most to gain stands first: its potential less what it buys already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Growth(NamedTuple):
    """What a customer bought in three periods of equal length, the oldest first, in minor units."""

    oldest_minor: int
    before_minor: int
    now_minor: int

    @property
    def is_growing(self) -> bool:
        """Whether it bought more each time; from nothing to something is more, too."""
        return self.oldest_minor < self.before_minor < self.now_minor


def star_grade(wanted: str, grades: Sequence[str]) -> str | None:
    """Return the class in which stars are looked for: the one wanted, else the last but one.

    None where the rule has no such class, or no class that is better: there nobody can rise.
    """
    grade = wanted or (grades[-2] if len(grades) > 1 else "")
    return grade if grade in grades[1:] else None


def is_star(grade: str, potential_grade: str, growth: Growth, grades: Sequence[str]) -> bool:
    """Tell whether a customer of the class for stars is one; `grades` has the best class first."""
    return grades.index(potential_grade) < grades.index(grade) and growth.is_growing
