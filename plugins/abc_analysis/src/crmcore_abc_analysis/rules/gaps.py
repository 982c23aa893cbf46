"""Gaps in what a customer buys: products that comparable customers buy, and this one does not.

1. Comparable are the other customers of the same class and of the same industry; where the customer's industry is
   not known, of the same customer kind, else of the same channel (the company says which, in which order). Where
   none of these is known, the class alone decides.
2. A few customers prove nothing: there must be at least five (the company says how many).
3. Bought is a product whose purchases of the period, less returns, come to more than nothing.
4. A gap is a product that the customer did not buy, and at least 30 % of the comparable ones did (the company says
   which share).
5. What most of them buy stands first; then what they buy most of, on average of those who buy it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .classes import share_of


class Bought(NamedTuple):
    """What comparable customers bought of a product, in minor units of one currency."""

    product: int
    buyers: int
    amount_minor: int


class Gap(NamedTuple):
    """A product that the customer could buy, too."""

    product: int
    buyers: int
    share: Decimal
    """Of the comparable customers."""
    average_minor: int
    """What those who buy it bought on average, rounded half to even."""


def likeness(fields: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, str] | None:
    """Return by which field customers are compared, and its value: the first one that is known."""
    return next(((name, value) for name in fields if (value := values.get(name))), None)


def find_gaps(
    bought: Iterable[Bought], own: Iterable[int], comparable: int, least_share: Decimal
) -> list[Gap]:
    """Return the gaps among products; `own` are those that the customer buys, `comparable` counts the others.

    Products that are alike in both come in the order in which they are given.
    """
    mine = set(own)
    least = Fraction(least_share) * comparable
    gaps = [
        Gap(b.product, b.buyers, share_of(b.buyers, comparable), round(Fraction(b.amount_minor, b.buyers)))
        for b in bought
        if b.product not in mine and b.buyers and b.buyers >= least
    ]
    return sorted(gaps, key=lambda gap: (-gap.buyers, -gap.average_minor))
