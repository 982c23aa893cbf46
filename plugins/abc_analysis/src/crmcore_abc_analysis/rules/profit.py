"""Customer profit (客户利润): what is left of a customer's margin when all that it costs us is taken off.

1. Customer profit = margin − cost to serve − investments − cost of credit. A large customer with custom work and
   slow payment may lose money.
2. Margin = purchases less their cost. A purchase whose cost is unknown is left out of it.
3. What nobody records is not zero, it is missing, and said to be missing; profit is then what is known of it.
4. A customer *costs us money* only if that is certain: if it would lose money even if all its purchases of unknown
   cost had cost us nothing.
5. The worst customers are found by profit where costs are recorded; else by margin; where no purchase has a cost
   either, by what they buy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Basis = Literal["profit", "margin", "purchases"]

PARTS = ("margin", "cost_to_serve", "investments", "cost_of_credit")
"""What customer profit is added up from; all but the first are negative."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "cost_to_serve": ("cost_to_serve",),
    "investments": ("investments",),
    "cost_of_credit": ("receivables", "payments"),
}
"""Part → the facts that it needs beside purchases."""


class Profit(NamedTuple):
    """What a customer brought, and how far that is known; minor units."""

    parts: Mapping[str, int]
    """Part → amount; a part that is not in it came to nothing, or is missing for everybody."""
    without_cost_minor: int = 0
    """Purchases whose cost is unknown: the margin could be larger by so much."""

    @property
    def profit_minor(self) -> int:
        """The parts added up."""
        return sum(self.parts.values())

    @property
    def costs_us_money(self) -> bool:
        """Whether it loses money for certain."""
        return self.profit_minor < 0 and self.profit_minor + max(self.without_cost_minor, 0) < 0


def basis_for(missing: Iterable[str], *, costs_known: bool) -> Basis:
    """Choose how the worst customers are found, given the facts that are missing.

    `costs_known`: whether any purchase of the period has a cost.
    """
    if not costs_known:
        return "purchases"
    lacking = set(missing)
    recorded = any(lacking.isdisjoint(facts) for facts in NEEDED.values())
    return "profit" if recorded else "margin"
