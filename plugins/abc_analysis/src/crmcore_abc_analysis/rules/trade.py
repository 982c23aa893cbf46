"""The rules of the trading results (交易业绩): months and years, changes, ranks, shares, margins.

1. Sales are reckoned by calendar months or years. A month in which nothing was bought counts as 0.
2. A month that the period cuts, or that is not over yet, is shown as far as it goes and compared with nothing.
3. A whole month is compared with the whole month before and with the same month of the year before; a year with the
   year before. A change has a share only where something was sold before.
4. Ranks go from the largest amount down; equal amounts share the best rank.
5. A share is of all that was bought: amounts of zero or less have no share and make nobody else's larger.
6. A margin is known only for lines whose cost is known. The others are named, never taken for free of cost.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from .classes import positive_total, share_of

By = Literal["month", "year"]
_MONTHS = 12


class Span(NamedTuple):
    """A calendar month or year."""

    name: str
    """2025-03, or 2025: how the ISO day of each of its days begins."""
    start: date
    end: date


class Change(NamedTuple):
    """What an amount is compared with."""

    before_minor: int
    change_minor: int
    change: Decimal | None
    """Share of the amount before; None where that was zero or less."""


class Place(NamedTuple):
    """Where an amount stands among others."""

    rank: int
    """1 = the largest amount."""
    share: Decimal


class Margin(NamedTuple):
    """What is left of sales after the cost of the goods (毛利)."""

    margin_minor: int
    rate: Decimal | None
    """Share of the sales whose cost is known; None where these are zero or less."""


def spans(by: By, start: date, end: date) -> list[Span]:
    """Return the calendar months or years from the first day to the last, cut ones as a whole."""
    if by == "year":
        return [_year(year) for year in range(start.year, end.year + 1)]
    first, last = _number(start), _number(end)
    return [_month(number) for number in range(first, last + 1)]


def span_before(span: Span) -> Span | None:
    """Return the month before a month, the year before a year; None before the year 1."""
    if _is_year(span):
        return _year(span.start.year - 1) if span.start.year > 1 else None
    number = _number(span.start) - 1
    return _month(number) if number >= _MONTHS else None


def year_ago(span: Span) -> Span | None:
    """Return the same month of the year before; None for a year, which `span_before` says, and before the year 1."""
    if _is_year(span) or span.start.year == 1:
        return None
    return _month(_number(span.start) - _MONTHS)


def is_whole(span: Span, start: date, end: date, today: date) -> bool:
    """Tell whether a month or year lies in the period from its first day to its last, and is over or ends today."""
    return start <= span.start and span.end <= min(end, today)


def _is_year(span: Span) -> bool:
    return "-" not in span.name


def _number(day: date) -> int:
    return day.year * _MONTHS + day.month - 1


def _month(number: int) -> Span:
    year, month = divmod(number, _MONTHS)
    start = date(year, month + 1, 1)
    return Span(start.isoformat()[:7], start, start.replace(day=monthrange(year, month + 1)[1]))


def _year(year: int) -> Span:
    return Span(f"{year:04}", date(year, 1, 1), date(year, 12, 31))


def change_from(before_minor: int, now_minor: int) -> Change:
    """Compare an amount with the one before."""
    change = now_minor - before_minor
    return Change(before_minor, change, share_of(change, before_minor) if before_minor > 0 else None)


def places(amounts: Iterable[int]) -> Iterator[Place]:
    """Yield rank and share of each of some amounts, which come with the largest first."""
    ordered = list(amounts)
    whole = positive_total(ordered)
    rank, before = 0, None
    for position, amount in enumerate(ordered, 1):
        if amount != before:
            rank, before = position, amount
        yield Place(rank, share_of(max(amount, 0), whole))


def margin_of(costed_minor: int, cost_minor: int | None) -> Margin | None:
    """Return the margin of the lines whose cost is known: their sales, and that cost; None if there are none."""
    if cost_minor is None:
        return None
    margin = costed_minor - cost_minor
    return Margin(margin, share_of(margin, costed_minor) if costed_minor > 0 else None)
