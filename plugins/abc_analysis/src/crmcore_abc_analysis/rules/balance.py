"""The balance of customers (客户增减): who was won, lost and regained, period by period.

1. A customer *bought* in a period if it has a purchase of more than nothing in it; a return alone is no purchase.
2. Periods are whole calendar months, quarters or years, one directly after the other.
3. *Won*: the customer had never bought before. *Lost*: it bought in the period before, and not in this one.
   *Regained*: it bought in some earlier period, not in the period before, and again in this one.
4. *Active*: it bought in this period. Active now = active in the period before + won + regained − lost.
5. Before the first period of the records nothing is known: whoever bought in it counts as won, and the period is
   marked as the first. So it tells how many customers the records begin with, not how many were new.
6. Who is lost in a period that is not over yet may still buy in it: the period is marked as open.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

By = Literal["month", "quarter", "year"]
Movement = Literal["won", "lost", "regained", "kept"]

MONTHS: dict[By, int] = {"month": 1, "quarter": 3, "year": 12}
"""How many months a period has."""
_MONTHS_A_YEAR = 12
_NAMES: tuple[tuple[By, re.Pattern[str]], ...] = (
    ("month", re.compile(r"(?!0000)([0-9]{4})-(0[1-9]|1[0-2])")),
    ("quarter", re.compile(r"(?!0000)([0-9]{4})-Q([1-4])")),
    ("year", re.compile(r"(?!0000)([0-9]{4})()")),
)


class Visits(NamedTuple):
    """How many customers bought in a period, by the period in which they had bought the time before."""

    period: int
    before: int | None
    """None = never before."""
    customers: int


class Balance(NamedTuple):
    """How many customers a period brought and took."""

    period: int
    won: int
    lost: int
    regained: int
    active: int

    @property
    def net(self) -> int:
        """How many more customers were active than in the period before."""
        return self.won + self.regained - self.lost


def period_of(day: date, by: By) -> int:
    """Return the number of the period that holds a day; the one after it has the next number."""
    return (day.year * _MONTHS_A_YEAR + day.month - 1) // MONTHS[by]


def first_day(period: int, by: By) -> date:
    """Return the first day of a period; of one before the calendar begins, the first day of the calendar."""
    if period < period_of(date.min, by):
        return date.min
    year, month = divmod(period * MONTHS[by], _MONTHS_A_YEAR)
    return date(year, month + 1, 1)


def last_day(period: int, by: By) -> date:
    """Return the last day of a period; of one after the calendar ends, the last day of the calendar."""
    if period > period_of(date.max, by):
        return date.max
    year, month = divmod((period + 1) * MONTHS[by] - 1, _MONTHS_A_YEAR)
    return date(year, month + 1, monthrange(year, month + 1)[1])


def name_of(period: int, by: By) -> str:
    """Return how people write a period: 2025-03, 2025-Q1, 2025."""
    first = first_day(period, by)
    if by == "year":
        return f"{first.year:04}"
    if by == "quarter":
        return f"{first.year:04}-Q{first.month // MONTHS[by] + 1}"
    return f"{first.year:04}-{first.month:02}"


def period_named(name: str) -> tuple[int, By]:
    """Return the period that people write so, and what kind it is; ValueError for anything else."""
    for by, pattern in _NAMES:
        if found := pattern.fullmatch(name):
            year, part = int(found[1]), int(found[2] or 1)
            return period_of(date(year, (part - 1) * MONTHS[by] + 1, 1), by), by
    raise ValueError(f"{name!r} is no period")


def movement(before: int | None, period: int) -> Movement:
    """Say what it means that a customer bought in a period, and the time before in another."""
    if before is None:
        return "won"
    return "kept" if before == period - 1 else "regained"


def balances(visits: Iterable[Visits], first: int, last: int) -> list[Balance]:
    """Return the balance of each period from the first to the last.

    Visits of the period before the first are needed, too: they are the customers whom the first one may lose.
    """
    active: Counter[int] = Counter()
    moved: Counter[tuple[int, Movement]] = Counter()
    for visit in visits:
        active[visit.period] += visit.customers
        moved[visit.period, movement(visit.before, visit.period)] += visit.customers
    return [
        Balance(
            period,
            won=moved[period, "won"],
            lost=active[period - 1] - moved[period, "kept"],
            regained=moved[period, "regained"],
            active=active[period],
        )
        for period in range(first, last + 1)
    ]
