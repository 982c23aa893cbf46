"""The rules of goods turnover (商品周转率): how often the goods in stock are sold and bought again.

1. Turnover = cost of the goods sold in the period ÷ average stock at cost, the usual ratio of accounting; days of
   stock = days of the period ÷ turnover. A year has 365 days.
2. Average stock is the chronological average of statistics (序时平均数): between two counts the stock is taken to change
   evenly, each pair of counts weighs as many days as lie between them. With a count at the beginning and one at the
   end it is their mean, (opening + closing) ÷ 2; with equal distances the first and the last count weigh half.
3. The period begins with the stock at the end of the day before it. Where that day or the last one was not counted,
   the stock follows from the counts on either side, which may lie a year away at most. Before the first count
   and after the last one nothing is known, so the average is of the days between them.
4. Products that were sold and never counted, or whose stock was on average zero or less, cannot be assessed; nor those
   of whose sales no cost is known, or of which more came back than went out. What was not sold turns over 0 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

YEAR = 365
NEAR = timedelta(days=366)
"""How far outside of the period a count may lie to tell the stock at its border: a yearly stocktaking always counts."""

Unknown = Literal["not_counted", "no_stock", "no_cost", "returned"]
"""Why a turnover cannot be told."""


class Count(NamedTuple):
    """What lay in stock at the end of a day, at cost."""

    day: date
    value_minor: int


class Turnover(NamedTuple):
    """How often the stock turned over."""

    times: Fraction
    """In the period."""
    times_a_year: Fraction
    days: Fraction | None
    """How long the average stock lasts; None for what was not sold."""


def border_days(start: date, end: date) -> tuple[date, date]:
    """Return the days at whose ends the period's stock begins and ends: the day before the first, and the last."""
    return (start - timedelta(days=1) if start > date.min else start), end


def average_stock(counts: Sequence[Count], start: date, end: date) -> Fraction | None:
    """Return the average value in minor units of counts sorted by day, one a day; None without any."""
    if not counts:
        return None
    opening, closing = border_days(start, end)
    first, last = max(opening, counts[0].day), min(closing, counts[-1].day)
    if (
        first >= last
    ):  # one moment is all that is known of the period, or nothing but what lay before or after
        return _stock_on(first if first == last else opening, counts)
    known = [
        (first, _stock_on(first, counts)),
        *((count.day, Fraction(count.value_minor)) for count in counts if first < count.day < last),
        (last, _stock_on(last, counts)),
    ]
    weighed = sum((one + two) / 2 * (after - before).days for (before, one), (after, two) in pairwise(known))
    return Fraction(weighed, (last - first).days)


def _stock_on(day: date, counts: Sequence[Count]) -> Fraction:
    """Return the stock of a day from the counts on either side, or from the nearest one."""
    earlier = [count for count in counts if count.day <= day]
    later = [count for count in counts if count.day >= day]
    if not earlier or not later:
        return Fraction((earlier[-1] if earlier else later[0]).value_minor)
    before, after = earlier[-1], later[0]
    if before.day == after.day:
        return Fraction(before.value_minor)
    passed = Fraction((day - before.day).days, (after.day - before.day).days)
    return before.value_minor + passed * (after.value_minor - before.value_minor)


def turnover_of(
    cost_minor: int | None, average_minor: Fraction | None, start: date, end: date
) -> Turnover | Unknown:
    """Return the turnover of goods that cost so much and lay in stock for so much; or why it cannot be told.

    `cost_minor`: 0 for what was not sold, None where no cost is known. `average_minor`: None for what was not counted.
    """
    if average_minor is None:
        return "not_counted"
    if cost_minor is None:
        return "no_cost"
    if average_minor <= 0:
        return "no_stock"
    if cost_minor < 0:
        return "returned"
    days = (end - start).days + 1
    times = cost_minor / average_minor
    return Turnover(times, times * YEAR / days, days / times if times else None)
