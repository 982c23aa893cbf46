"""Commercial value (商业价值): six questions on customers, and the four kinds that the answers yield.

The questions are put about a period; *the period before* is the one of equal length directly before it.

1. gold: who are the gold customers? Those of the best class (the company says how many classes).
2. costly: who costs us money? Whose customer profit is below nothing (see profit.py).
3. wanted: whom do we most want this year? Whose potential is not yet realised: potential less purchases is more
   than nothing, and at least half of the potential. So it could at least double what it buys.
4. complained: which large customers of the period before complained repeatedly? Large are the first 20 % of its
   buyers by amount; repeatedly is at least twice in that period.
5. reordered: did the largest orders of the period before come again? The ten customers with the largest documents
   of that period, each with what it bought in this one.
6. elsewhere: who buys one or two things from us and many from others? Who bought at most two products, and less
   than half of what it buys in all (share of wallet).

Potentials and wallets are estimated for a year; they are compared with a period of another length in proportion.

A customer is of one kind or of none; the first rule that fits decides:

1. It costs us money, and there is nothing more to win: without value (没有价值).
2. It costs us money, but is wanted or buys elsewhere: to be developed (需要发展); what it costs must change first.
3. It is a gold customer: most valuable (最有价值).
4. It is wanted, or buys elsewhere: able to bring new growth (能带来新增长).
5. It complained repeatedly, or its large order did not come again: to be developed; trust must be won back.
6. Its purchases of the period come to nothing or less: without value.
7. It is in a class between the best and the last: to be developed.

An answer that is missing may move customers from one kind to another: such a kind is provisional.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple

Question = Literal["gold", "costly", "wanted", "complained", "reordered", "elsewhere"]
Kind = Literal["most_valuable", "without_value", "to_develop", "new_growth"]

QUESTIONS: tuple[Question, ...] = ("gold", "costly", "wanted", "complained", "reordered", "elsewhere")
KINDS: tuple[Kind, ...] = ("most_valuable", "new_growth", "to_develop", "without_value")
DECIDED_BY: Mapping[Kind, tuple[Question, ...]] = {
    "most_valuable": ("gold", "costly"),
    "new_growth": ("gold", "costly", "wanted", "elsewhere"),
    "to_develop": QUESTIONS,
    "without_value": QUESTIONS,
}
"""Kind → the questions whose answers can move a customer into it or out of it."""

_MONTHS_A_YEAR = 12
_DAYS_A_YEAR = 365


@dataclass(slots=True)
class Signs:
    """What the answers say of one customer."""

    gold: bool = False
    costly: bool = False
    wanted: bool = False
    complained: bool = False
    lapsed: bool = False
    """Its large order did not come again."""
    elsewhere: bool = False
    nothing: bool = False
    """Its purchases of the period come to nothing or less."""
    middle: bool = False
    """Its class is neither the best nor the last."""


Reason = Literal["gold", "costly", "wanted", "complained", "reordered", "elsewhere", "nothing", "middle"]
"""What decided: an answer, by the name of its question, or what the customer bought."""


class Verdict(NamedTuple):
    """The kind of a customer, and what decided it."""

    kind: Kind
    because: tuple[Reason, ...]


def kind_of(signs: Signs) -> Verdict | None:
    """Return the kind of a customer by the first rule that fits; None if none does."""
    to_win = _those(("wanted", signs.wanted), ("elsewhere", signs.elsewhere))
    trouble = _those(("complained", signs.complained), ("reordered", signs.lapsed))
    rules: tuple[tuple[bool, Kind, tuple[Reason, ...]], ...] = (
        (signs.costly and not to_win, "without_value", ("costly",)),
        (signs.costly, "to_develop", ("costly", *to_win)),
        (signs.gold, "most_valuable", ("gold",)),
        (bool(to_win), "new_growth", to_win),
        (bool(trouble), "to_develop", trouble),
        (signs.nothing, "without_value", ("nothing",)),
        (signs.middle, "to_develop", ("middle",)),
    )
    return next((Verdict(kind, because) for fits, kind, because in rules if fits), None)


def _those(*reasons: tuple[Reason, bool]) -> tuple[Reason, ...]:
    return tuple(reason for reason, holds in reasons if holds)


def unanswered_for(kind: Kind, incomplete: Iterable[Question]) -> tuple[Question, ...]:
    """Return which of the questions that are not answered in full could change who is of a kind."""
    open_ones = set(incomplete)
    return tuple(question for question in DECIDED_BY[kind] if question in open_ones)


def is_wanted(potential_minor: int, bought_minor: int, least_share: Decimal) -> bool:
    """Tell whether enough of a customer's potential is not yet realised."""
    unrealised = potential_minor - max(bought_minor, 0)
    return unrealised > 0 and unrealised >= Fraction(least_share) * potential_minor


def buys_elsewhere(
    products: int, bought_minor: int, wallet_minor: int, most_products: int, below_share: Decimal
) -> bool:
    """Tell whether a customer buys one or two things from us, and most of what it needs from others."""
    few = 1 <= products <= most_products
    return few and max(bought_minor, 0) < Fraction(below_share) * wallet_minor


def least_of_large(amounts: Iterable[int], share: Decimal) -> int | None:
    """Return from which amount on a buyer is large: the first ceil(share × n) of n buyers, and who equals the last.

    None where nobody bought more than nothing.
    """
    ordered = sorted(amounts, reverse=True)
    bound = ceil(Fraction(share) * len(ordered))
    large = [amount for amount in ordered[:bound] if amount > 0]
    return large[-1] if large else None


def period_before(start: date, end: date) -> tuple[date, date]:
    """Return the period of equal length directly before: whole months before whole months, else as many days."""
    months = whole_months(start, end)
    if months is None:
        return start - (end - start) - timedelta(days=1), start - timedelta(days=1)
    year, month = divmod(start.year * _MONTHS_A_YEAR + start.month - 1 - months, _MONTHS_A_YEAR)
    return date(year, month + 1, 1), start - timedelta(days=1)


def whole_months(start: date, end: date) -> int | None:
    """Return how many whole calendar months a period has; None if it is not made of whole ones."""
    if start.day != 1 or end.day != monthrange(end.year, end.month)[1]:
        return None
    return (end.year - start.year) * _MONTHS_A_YEAR + end.month - start.month + 1


def in_proportion(yearly_minor: int, start: date, end: date) -> int:
    """Return a yearly amount for a period: by months if it has whole ones, else by days of 365; rounded half up."""
    months = whole_months(start, end)
    days = Fraction((end - start).days + 1, _DAYS_A_YEAR)
    share = days if months is None else Fraction(months, _MONTHS_A_YEAR)
    return int((yearly_minor * share + Fraction(1, 2)) // 1)
