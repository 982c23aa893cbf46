"""What the service policies cost in visits (拜访负荷), as a sales manager reckons it.

1. A customer who is visited every so many days costs 365 ÷ days visits a year; on demand costs none.
2. A visit by representative and manager together is a visit of each of them.
3. A representative is busy with the visits to the customers it owns, but for those that a manager makes alone; what
   it can make in a year is its capacity.

All arithmetic is exact; only what is shown is rounded, to one decimal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from .classes import share_of

DAYS_A_YEAR = 365
VISITORS: Mapping[str, tuple[str, ...]] = {
    "manager": ("manager",),
    "rep_and_manager": ("manager", "rep"),
    "rep": ("rep",),
    "rep_or_phone": ("rep_or_phone",),
}
"""Visitor of a policy → who of them makes a visit."""
KINDS = ("manager", "rep", "rep_or_phone")
_NO_VISITS = Fraction(0)


class Served(NamedTuple):
    """Customers of one owner who are served as one class; None = nobody, no class."""

    owner: str | None
    grade: str | None
    customers: int


@dataclass
class Load:
    """The visits a year to some customers."""

    customers: int = 0
    visits: Fraction = _NO_VISITS
    by_grade: dict[str, Fraction] = field(default_factory=dict)
    by_visitor: dict[str, Fraction] = field(default_factory=lambda: dict.fromkeys(KINDS, _NO_VISITS))

    def of(self, grade: str | None) -> Fraction:
        """Return the visits to the customers of one class; none to those without a class."""
        return self.by_grade.get(grade, _NO_VISITS) if grade is not None else _NO_VISITS

    @property
    def own(self) -> Fraction:
        """The visits that a representative makes: all but those of managers alone."""
        return self.by_visitor["rep"] + self.by_visitor["rep_or_phone"]

    def used(self, capacity: int) -> Decimal:
        """Return the share of a yearly capacity that its own visits take; above 1 it cannot be done."""
        return share_of(self.own.numerator, self.own.denominator * capacity)


def visits_a_year(interval_days: int) -> Fraction:
    """Return how many visits a year a customer costs who is visited every so many days; 0 = on demand, none."""
    return Fraction(DAYS_A_YEAR, interval_days) if interval_days else _NO_VISITS


def shown(visits: Fraction) -> Decimal:
    """Round to one decimal, half to even."""
    return Decimal(round(visits * 10)).scaleb(-1)


def loads(served: Iterable[Served], policies: Mapping[str, Mapping[str, Any]]) -> dict[str | None, Load]:
    """Return owner → load; who has no class, or one without a policy, costs no visits."""
    found: dict[str | None, Load] = {}
    for owner, grade, customers in served:
        load = found.setdefault(owner or None, Load())
        load.customers += customers
        policy = policies.get(grade) if grade is not None else None
        if grade is not None and policy is not None:
            _add(load, grade, policy["visitor"], customers * visits_a_year(policy["visit_interval_days"]))
    return found


def _add(load: Load, grade: str, visitor: str, visits: Fraction) -> None:
    load.visits += visits
    load.by_grade[grade] = load.by_grade.get(grade, _NO_VISITS) + visits
    for kind in VISITORS[visitor]:
        load.by_visitor[kind] += visits


def together(several: Iterable[Load]) -> Load:
    """Add loads up."""
    whole = Load()
    for load in several:
        whole.customers += load.customers
        whole.visits += load.visits
        for grade, visits in load.by_grade.items():
            whole.by_grade[grade] = whole.by_grade.get(grade, _NO_VISITS) + visits
        for kind, visits in load.by_visitor.items():
            whole.by_visitor[kind] += visits
    return whole


def customers_by_grade(served: Iterable[Served]) -> Counter[str | None]:
    """Count the customers of each class."""
    counted: Counter[str | None] = Counter()
    for one in served:
        counted[one.grade] += one.customers
    return counted
