"""What other cut-offs would change (假设分析): the cut-offs as they are typed, and what discounts may cost.

A discount ceiling is a share of the price that may be given away; at full use, a class gives away its ceiling of all
that it bought. The average ceiling is weighted by what was bought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from .classes import share_of

_CUTOFF = re.compile(r"(?P<grade>[^\s=]{1,8})(=(?P<end>[0-9]{1,15}(\.[0-9]{1,12})?))?")


class BadCutoff(ValueError):
    """Text that is no cut-off; `problem` says why."""

    def __init__(self, problem: Literal["form", "open"], text: str) -> None:
        super().__init__(problem, text)
        self.problem = problem
        self.text = text


class Discounts(NamedTuple):
    """What the discount ceilings come to."""

    cost_minor: int
    """What they cost at full use; rounded half to even from the exact sum."""
    ceiling: Decimal
    """Their average, weighted by what was bought."""


def read_cutoffs(texts: Sequence[str]) -> list[tuple[str, Decimal | None]]:
    """Read cut-offs as they are typed, the best class first: A=0.01 B=0.05 C. The last one may be bare: the rest.

    BadCutoff for what has another form, and for a bare class that is not the last.
    """
    read: list[tuple[str, Decimal | None]] = []
    for place, text in enumerate(texts, 1):
        found = _CUTOFF.fullmatch(text)
        if found is None:
            raise BadCutoff("form", text)
        end = found["end"]
        if end is None and place < len(texts):
            raise BadCutoff("open", text)
        read.append((found["grade"], Decimal(end) if end is not None else None))
    return read


def discounts(bought: Iterable[tuple[str, int]], policies: Mapping[str, Mapping[str, Any]]) -> Discounts:
    """Reckon the ceilings of what each class bought (minor units, no returns); a class without a policy gives none."""
    cost, whole = Fraction(0), 0
    for grade, amount in bought:
        ceiling = policies[grade]["discount_ceiling"] if grade in policies else "0"
        cost += Fraction(ceiling) * amount
        whole += amount
    return Discounts(round(cost), share_of(cost.numerator, cost.denominator * whole))
