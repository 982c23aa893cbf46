"""The rules of the ABC classification (客户分类), as a sales manager would write them down.

1. A buyer is a customer with any purchase in the period, returns included.
2. Buyers stand in the order of their amount, the largest first. Equal amounts share the best rank.
3. Each class has a bound: a share of the buyers (by rank), or of the amount that they bought (by amount); or it has
   a least amount, the same for everybody (by threshold).
4. A customer belongs to the first class whose bound those strictly ahead of it have not yet reached. So equal
   amounts stay together in the better class, the customer who crosses a bound is in the better class, and no
   tie moves the bound of another class.
5. Who bought nothing in sum, or returned more than it bought, is in the last class.

So the class depends on the amount alone: each class has a least amount, its *floor*, which follows from the bounds.

All arithmetic is exact: amounts are integer minor units, shares decimal numbers that were read from text.
`ceil((0.01 + 0.05) × 100)` is 7 in floats and 6 here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil
from operator import itemgetter
from typing import Literal, NamedTuple

By = Literal["rank", "amount", "threshold"]

SHARE_DIGITS = 12
"""Decimals of every share that is shown, rounded half to even."""


class Cutoff(NamedTuple):
    """A class and where it ends: within the first 5 % of the buyers, or of the amount."""

    grade: str
    within: Decimal
    """Cumulative share, counted from the best customer on; 1 for the last class."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is measured, and where each class ends; the best class stands first."""

    preset: str
    by: By
    cutoffs: tuple[Cutoff, ...] = ()
    floors: tuple[Floor, ...] = ()
    """By threshold: the least amount of each class in minor units."""

    @property
    def grades(self) -> tuple[str, ...]:
        """The classes, the best first."""
        return tuple(row.grade for row in self.cutoffs or self.floors)

    def bounds(self, whole: int) -> tuple[int, ...]:
        """Return where each class ends: the first ceil(share × n) of n buyers, or of the amount bought."""
        return tuple(ceil(Fraction(cutoff.within) * whole) for cutoff in self.cutoffs)


class Floor(NamedTuple):
    """A class and the least amount that is in it; None = nobody reaches it, 0 for the rest."""

    grade: str
    least_minor: int | None


class Standing(NamedTuple):
    """Where a customer stands."""

    customer: int
    amount_minor: int
    rank: int
    """1 = the largest amount."""
    grade: str
    ahead_minor: int
    """What those strictly ahead of it bought."""


class GradeSum(NamedTuple):
    """One class added up."""

    grade: str
    customers: int
    amount_minor: int
    bought_minor: int
    """The positive amounts only."""


class GradeTotal(NamedTuple):
    """One class: how many customers, what they bought less returns, their share of all that was bought."""

    grade: str
    customers: int
    amount_minor: int
    share: Decimal


Problem = Literal["falling", "open", "repeated"]


class BadCutoffs(ValueError):
    """Own cut-offs or thresholds that are no rule; `problem` says why, `grade` where."""

    def __init__(self, problem: Problem, grade: str) -> None:
        super().__init__(problem, grade)
        self.problem = problem
        self.grade = grade


def _adding_up(*shares: tuple[str, str]) -> tuple[Cutoff, ...]:
    """Turn the share of each class into cumulative ones: 1 %, next 5 %, next 20 % → 1, 6, 26 %."""
    within = Decimal(0)
    cutoffs = []
    for grade, share in shares:
        within += Decimal(share)
        cutoffs.append(Cutoff(grade, within))
    return tuple(cutoffs)


def _ending_at(*ends: tuple[str, str]) -> tuple[Cutoff, ...]:
    return tuple(Cutoff(grade, Decimal(within)) for grade, within in ends)


PRESETS: Mapping[str, Rule] = {
    rule.preset: rule
    for rule in (
        # A VIP, B main, C ordinary, D small customers: the teaching text's cut-offs, read in two ways.
        Rule("pyramid", "rank", _ending_at(("A", "0.01"), ("B", "0.05"), ("C", "0.20"), ("D", "1"))),
        Rule("increments", "rank", _adding_up(("A", "0.01"), ("B", "0.05"), ("C", "0.20"), ("D", "0.74"))),
        # The 80/20 rule: few customers bring most of the sales.
        Rule("pareto", "amount", _adding_up(("A", "0.80"), ("B", "0.15"), ("C", "0.05"))),
    )
}
OWN = "own"
DEFAULT_PRESET: Mapping[By, str] = {"rank": "pyramid", "amount": "pareto"}
"""What `by` alone takes."""


def own_rule(by: By, cutoffs: Iterable[tuple[str, str]]) -> Rule:
    """Make a rule of a company's own cut-offs: (class, cumulative share as decimal text), the best first.

    BadCutoffs if the shares do not rise from 0, if the last one is not 1, or if a class stands there twice.
    """
    rule = Rule(OWN, by, _ending_at(*cutoffs))
    for better, worse in pairwise((Cutoff("", Decimal(0)), *rule.cutoffs)):
        if worse.within <= better.within:
            raise BadCutoffs("falling", worse.grade)
    if rule.cutoffs[-1].within != 1:
        raise BadCutoffs("open", rule.grades[-1])
    _refuse_repeated(rule.grades)
    return rule


def threshold_rule(floors: Iterable[tuple[str, int | None]]) -> Rule:
    """Make a rule of (class, least amount in minor units), the best first; the last one has None and takes the rest.

    BadCutoffs if the amounts do not fall, if only the last one may be open and is not, or if a class stands there twice.
    """
    rule = Rule(OWN, "threshold", floors=tuple(Floor(grade, least) for grade, least in floors))
    *stated, rest = rule.floors
    if rest.least_minor is not None:
        raise BadCutoffs("open", rest.grade)
    for floor in stated:
        if floor.least_minor is None or floor.least_minor <= 0:
            raise BadCutoffs("falling", floor.grade)
    for better, worse in pairwise(stated):
        if (worse.least_minor or 0) >= (better.least_minor or 0):
            raise BadCutoffs("falling", worse.grade)
    _refuse_repeated(rule.grades)
    return rule


def _refuse_repeated(grades: Sequence[str]) -> None:
    for grade in grades:
        if grades.count(grade) > 1:
            raise BadCutoffs("repeated", grade)


def choose_rule(preset: str | None, by: By | None, usual: Rule, own: Rule, thresholds: Rule) -> Rule:
    """Choose the rule of a run: what was asked for, and the company's usual rule for what was left open.

    A preset alone is measured its own way; `by` alone takes the usual rule if it is measured so, else the
    preset for that way of measuring. Thresholds are the company's own, and no preset has any.
    """
    if by == "threshold":
        return thresholds
    if preset is not None:
        rule = own if preset == OWN else PRESETS[preset]
        return rule if by is None or rule.by == "threshold" else Rule(rule.preset, by, rule.cutoffs)
    if by is None or by == usual.by:
        return usual
    return PRESETS[DEFAULT_PRESET[by]]


def last_full_year(today: date) -> tuple[date, date]:
    """Return the first and the last day of the calendar year before this one."""
    return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)


def positive_total(amounts: Iterable[int]) -> int:
    """Add up what was bought, leaving out customers who returned as much or more."""
    return sum(amount for amount in amounts if amount > 0)


class Step(NamedTuple):
    """All buyers of the same amount."""

    amount_minor: int
    buyers: int


def floors_of(rule: Rule, steps: Iterable[Step]) -> tuple[Floor, ...]:
    """Return the least amount of each class, given how many bought each amount, the largest amount first.

    The last class takes the rest, so its floor is 0: whoever has no more than nothing is in it.
    """
    if rule.by == "threshold":
        return (*rule.floors[:-1], Floor(rule.grades[-1], 0))
    known = list(steps)
    positive = [step for step in known if step.amount_minor > 0]
    by_rank = rule.by == "rank"
    whole = sum(s.buyers for s in known) if by_rank else sum(s.buyers * s.amount_minor for s in positive)
    least: list[int | None] = [None] * len(rule.cutoffs)
    bounds = rule.bounds(whole)
    place = reached = 0
    for amount, buyers in positive:
        place = _place(bounds, reached, place)
        least[place] = amount
        reached += buyers if by_rank else buyers * amount
    return (*map(Floor, rule.grades[:-1], least[:-1]), Floor(rule.grades[-1], 0))


def _place(bounds: Sequence[int], reached: int, place: int) -> int:
    """Return the first class, from `place` on, whose bound those ahead have not reached."""
    while bounds[place] <= reached:
        place += 1
    return place


def grade_for(amount_minor: int, floors: Sequence[Floor]) -> str:
    """Return the class of an amount: the best one whose floor it reaches, else the last."""
    for grade, least in floors[:-1]:
        if least is not None and amount_minor >= least:
            return grade
    return floors[-1].grade


def steps_of(amounts: Iterable[int]) -> list[Step]:
    """Count the buyers of each amount, the largest first."""
    counted = Counter(amounts)
    return [Step(amount, counted[amount]) for amount in sorted(counted, reverse=True)]


def classify(totals: Mapping[int, int], rule: Rule) -> list[Standing]:
    """Rank the buyers (customer → amount in minor units) and give each its class; returns them in rank order.

    Ranks and classes depend on the amounts alone; equal amounts come in the order of the mapping.
    """
    floors = floors_of(rule, steps_of(totals.values()))
    standings = []
    rank = ahead = bought = 0
    before, grade = None, ""
    for position, (customer, amount) in enumerate(sorted(totals.items(), key=itemgetter(1), reverse=True), 1):
        if amount != before:
            before, rank, ahead, grade = amount, position, bought, grade_for(amount, floors)
        bought += max(amount, 0)
        standings.append(Standing(customer, amount, rank, grade, ahead))
    return standings


def share_of(part: int, whole: int) -> Decimal:
    """Return part ÷ whole with 12 decimals, half to even; 0 where there is no whole."""
    if whole == 0:
        return Decimal(0)
    return Decimal(round(Fraction(part * 10**SHARE_DIGITS, whole))).scaleb(-SHARE_DIGITS)


def grade_totals(sums: Iterable[GradeSum], grades: Sequence[str]) -> list[GradeTotal]:
    """Name every class, the best first, also an empty one; shares are of all that was bought."""
    known = {row.grade: row for row in sums}
    whole = sum(row.bought_minor for row in known.values())
    rows = [known.get(grade, GradeSum(grade, 0, 0, 0)) for grade in grades]
    return [GradeTotal(r.grade, r.customers, r.amount_minor, share_of(r.bought_minor, whole)) for r in rows]
