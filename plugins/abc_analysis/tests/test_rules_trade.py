"""Months and years, changes, ranks and shares, margins."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.trade import (
    Span,
    change_from,
    is_whole,
    margin_of,
    places,
    span_before,
    spans,
    year_ago,
)

days = st.dates(date(1, 1, 1), date(9999, 12, 31))
amounts = st.lists(st.one_of(st.integers(-3, 4), st.integers(-(10**15), 10**15)), max_size=60)


@st.composite
def periods(draw):
    start = draw(st.dates(date(1, 1, 1), date(9990, 1, 1)))
    return start, start + timedelta(days=draw(st.integers(0, 1500)))


@given(periods(), st.sampled_from(["month", "year"]))
def test_every_day_of_a_period_is_in_exactly_one_month_or_year(period, by):
    start, end = period
    found = spans(by, start, end)
    length = {"month": 7, "year": 4}[by]
    wanted = {start.isoformat()[:length], end.isoformat()[:length]}
    day = start
    while day <= end:
        wanted.add(day.isoformat()[:length])
        day += timedelta(days=27)
    assert {span.name for span in found} == wanted
    assert found[0].start <= start
    assert found[-1].end >= end
    for one, two in pairwise(found):
        assert two.start - one.end == timedelta(days=1)
        assert span_before(two) == one


@given(days)
def test_the_same_month_last_year_is_twelve_months_before(day):
    (month,) = spans("month", day, day)
    there = year_ago(month)
    if day.year == 1:
        assert there is None
        return
    assert there is not None
    assert there.name == f"{day.year - 1:04}-{day.month:02}"
    back: Span | None = month
    for _ in range(12):
        assert back is not None
        back = span_before(back)
    assert back == there
    (year,) = spans("year", day, day)
    assert year_ago(year) is None


def test_nothing_comes_before_the_year_1():
    assert span_before(spans("month", date(1, 1, 5), date(1, 1, 5))[0]) is None
    assert span_before(spans("year", date(1, 1, 5), date(1, 1, 5))[0]) is None


@pytest.mark.parametrize(
    ("start", "end", "today", "whole"),
    [
        ("2025-03-01", "2025-03-31", "2026-01-01", True),
        ("2025-03-02", "2025-03-31", "2026-01-01", False),
        ("2025-03-01", "2025-03-30", "2026-01-01", False),
        ("2025-03-01", "2025-03-31", "2025-03-31", True),
        ("2025-03-01", "2025-03-31", "2025-03-30", False),
    ],
)
def test_a_month_is_whole_if_no_day_of_it_is_missing_and_it_is_over(start, end, today, whole):
    start, end, today = map(date.fromisoformat, (start, end, today))
    (march,) = spans("month", start, end)
    assert is_whole(march, start, end, today) == whole


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (200, 150, "-0.25"),
        (200, 0, "-1"),
        (200, -100, "-1.5"),
        (0, 100, None),
        (-50, 100, None),
        (3, 4, "0.333333333333"),
    ],
)
def test_a_change_has_a_share_where_something_was_sold_before(before, now, change):
    assert change_from(before, now) == (before, now - before, Decimal(change) if change else None)


@given(amounts)
def test_ranks_count_the_larger_ones_and_shares_add_up_to_one(numbers):
    ordered = sorted(numbers, reverse=True)
    found = list(places(ordered))
    whole = sum(n for n in numbers if n > 0)
    for amount, place in zip(ordered, found, strict=True):
        assert place.rank == 1 + sum(n > amount for n in numbers)
        exact = Fraction(max(amount, 0), whole) if whole else 0
        assert abs(Fraction(place.share) - exact) <= Fraction(1, 2 * 10**12)
    total = sum((place.share for place in found), Decimal(0))
    assert abs(total - (1 if whole else 0)) <= Decimal(len(found)) / 10**12
    assert Counter(place.rank for place in found).total() == len(numbers)


def test_a_margin_is_known_where_a_cost_is():
    assert margin_of(1000, 700) == (300, Decimal("0.3"))
    assert margin_of(1000, 1200) == (-200, Decimal("-0.2"))
    assert margin_of(0, 20) == (-20, None)
    assert margin_of(-100, -70) == (-30, None)
    assert margin_of(1000, None) is None
