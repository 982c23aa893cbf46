"""The rules of concentration (集中度): how unequally sales are spread over the customers.

1. Who bought nothing in sum, or returned more than it bought, is a customer with 0: it counts, with no share.
2. The Lorenz curve (M. O. Lorenz 1905) says what share the poorest share of the customers has; between two
   customers it is a straight line.
3. The Gini coefficient (C. Gini 1912) is the mean difference between all pairs of customers, themselves included,
   divided by twice the mean: 0 where all bought the same, 1 − 1/n where one of n bought all.
4. The best x % of the customers are the first ceil(x % × n) in rank order, as in the classes.
5. The effective number of customers (M. A. Adelman 1969) is 1 ÷ the sum of the squared shares (the Herfindahl-Hirschman
   index): so many customers of the same size would be as concentrated.

Exact fractions throughout; the amounts are read once, the largest first, and only one is held at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import NamedTuple

STEPS = 20
"""The Lorenz curve has a point for each twentieth of the customers, and one at 0."""
BEST = (Decimal("0.01"), Decimal("0.05"), Decimal("0.1"), Decimal("0.2"), Decimal("0.5"))


class Alike(NamedTuple):
    """How many customers bought for the same amount."""

    amount_minor: int
    customers: int


class Best(NamedTuple):
    """What the best customers bought."""

    within: Decimal
    """Share of the customers: 0.01 = the best 1 %."""
    customers: int
    amount_minor: int
    share: Fraction


class Concentration(NamedTuple):
    """How sales are spread over the customers."""

    gini: Fraction
    lorenz: tuple[Fraction, ...]
    """Share of the poorest 0 %, 5 %, … 100 % of the customers."""
    best: tuple[Best, ...]
    effective: Fraction
    """Effective number of customers."""
    largest: Fraction
    """Share of the largest customer."""


def concentration_of(groups: Iterable[Alike], customers: int, bought_minor: int) -> Concentration | None:
    """Measure amounts that come with the largest first; None where nobody bought anything.

    `customers`: how many they are together; `bought_minor`: what the positive amounts come to.
    """
    if bought_minor <= 0:
        return None
    firsts = {within: ceil(Fraction(within) * customers) for within in BEST}
    steps = [customers * step for step in range(STEPS + 1)]
    sums = _Sums(sorted({*steps, *(first * STEPS for first in firsts.values())}))
    for group in groups:
        sums.add(max(group.amount_minor, 0), group.customers, customers)
    reached = sums.reached
    return Concentration(
        Fraction(sums.differences, customers * bought_minor),
        tuple(1 - Fraction(reached[step], STEPS * bought_minor) for step in reversed(steps)),
        tuple(
            Best(
                within,
                first,
                reached[first * STEPS] // STEPS,
                Fraction(reached[first * STEPS], STEPS * bought_minor),
            )
            for within, first in firsts.items()
        ),
        Fraction(bought_minor**2, sums.squares),
        Fraction(sums.largest, bought_minor),
    )


class _Sums:
    """What is added up while the amounts go by; customers are counted in twentieths, so that all numbers are whole."""

    def __init__(self, positions: list[int]) -> None:
        self.reached: dict[int, int] = {}
        """Twentieths of customers → twentieths of what so many of the largest bought."""
        self.differences = 0
        """Half the sum of the differences of all pairs."""
        self.squares = 0
        self.largest = 0
        self._waiting = positions
        self._customers = 0
        self._bought = 0

    def add(self, amount: int, alike: int, customers: int) -> None:
        """Add customers who bought for the same amount, no larger than any before."""
        self.largest = self.largest or amount
        before, self._customers = self._customers, self._customers + alike
        while self._waiting and self._waiting[0] <= self._customers * STEPS:
            position = self._waiting.pop(0)
            self.reached[position] = self._bought * STEPS + amount * (position - before * STEPS)
        self._bought += amount * alike
        self.squares += amount * amount * alike
        # The k-th of n customers is below k − 1 others and above n − k: its amount counts n + 1 − 2k times.
        self.differences += amount * alike * (customers - 2 * before - alike)
