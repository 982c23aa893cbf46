"""Average stock and turnover, against a reckoning day by day."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.stock import YEAR, Count, Turnover, average_stock, border_days, turnover_of

START, END = date(2025, 1, 1), date(2025, 12, 31)
EVE = date(2024, 12, 31)
days = st.integers(-400, 800).map(lambda n: START + timedelta(days=n))
counts = st.dictionaries(days, st.integers(-5, 10**12), min_size=1, max_size=15).map(
    lambda found: [Count(day, value) for day, value in sorted(found.items())]
)


def stock_by_days(known, start, end):
    """Return the stock at the end of each day from the day before the period on, where it is known."""
    level = {}
    for (day, value), (later, after) in pairwise(known):
        for passed in range((later - day).days + 1):
            level[day + timedelta(days=passed)] = value + Fraction(
                (after - value) * passed, (later - day).days
            )
    level.update(known)
    length = (end - start).days + 1
    eve = start - timedelta(days=1)
    return [level[eve + timedelta(days=n)] for n in range(length + 1) if eve + timedelta(days=n) in level]


@given(counts, st.integers(0, 400))
def test_the_average_equals_that_of_the_days(known, length):
    end = START + timedelta(days=length)
    levels = stock_by_days(known, START, end)
    found = average_stock(known, START, end)
    if len(levels) > 1:
        halves = [(one + two) / 2 for one, two in pairwise(levels)]
        assert found == Fraction(sum(map(Fraction, halves)), len(halves))
    elif levels:
        assert found == levels[0]
    else:  # nothing but counts on one side of the period: the nearest one holds
        assert found == (known[-1].value_minor if known[-1].day < START else known[0].value_minor)


@given(counts)
def test_the_average_lies_between_the_least_and_the_most(known):
    found = average_stock(known, START, END)
    values = [count.value_minor for count in known]
    assert found is not None
    assert min(values) <= found <= max(values)


def test_two_counts_make_the_mean_of_opening_and_closing_stock():
    assert average_stock([Count(EVE, 100), Count(END, 300)], START, END) == 200


def test_of_equal_distances_the_first_and_the_last_count_weigh_half():
    days = [date(2025, 1, 1) + timedelta(days=30 * n) for n in range(5)]
    known = [Count(day, value) for day, value in zip(days, (100, 200, 300, 400, 800), strict=True)]
    assert average_stock(known, days[0] + timedelta(days=1), days[-1]) == Fraction(
        50 + 200 + 300 + 400 + 400, 4
    )


def test_without_a_count_there_is_no_average():
    assert average_stock([], START, END) is None


def test_borders_are_the_ends_of_the_day_before_and_of_the_last_day():
    assert border_days(START, END) == (EVE, END)
    assert border_days(date.min, END) == (date.min, END)


def test_turnover_is_cost_by_average_stock():
    assert turnover_of(1000, Fraction(200), START, END) == Turnover(Fraction(5), Fraction(5), Fraction(73))
    quarter = date(2025, 3, 31)
    found = turnover_of(300, Fraction(100), START, quarter)
    assert found == Turnover(Fraction(3), Fraction(3 * YEAR, 90), Fraction(30))


def test_what_was_not_sold_turns_over_not_once():
    assert turnover_of(0, Fraction(200), START, END) == Turnover(Fraction(0), Fraction(0), None)


@pytest.mark.parametrize(
    ("cost", "average", "why"),
    [
        (100, None, "not_counted"),
        (None, None, "not_counted"),
        (None, Fraction(5), "no_cost"),
        (100, Fraction(0), "no_stock"),
        (100, Fraction(-5), "no_stock"),
        (-1, Fraction(5), "returned"),
    ],
)
def test_what_cannot_be_assessed_has_a_reason(cost, average, why):
    assert turnover_of(cost, average, START, END) == why


@given(st.integers(1, 10**12), st.fractions(min_value=Fraction(1, 100), max_value=10**12))
def test_days_of_stock_times_turnover_is_the_period(cost, average):
    found = turnover_of(cost, average, START, END)
    assert isinstance(found, Turnover)
    assert found.days is not None
    assert found.days * found.times == YEAR
