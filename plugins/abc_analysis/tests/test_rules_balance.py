"""The balance of customers, against sets of who bought when."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_abc_analysis.rules.balance import (
    Visits,
    balances,
    first_day,
    last_day,
    movement,
    name_of,
    period_named,
    period_of,
)

kinds = st.sampled_from(["month", "quarter", "year"])
histories = st.lists(st.frozensets(st.integers(10, 18), min_size=1), max_size=12)
"""In which periods each customer bought."""


def visits_of(customers):
    for bought in customers:
        before = None
        for period in sorted(bought):
            yield Visits(period, before, 1)
            before = period


@given(histories, st.integers(9, 15), st.integers(0, 5))
def test_balances_equal_the_sets(customers, first, more):
    for row in balances(visits_of(customers), first, first + more):
        here = {c for c, bought in enumerate(customers) if row.period in bought}
        directly_before = {c for c, bought in enumerate(customers) if row.period - 1 in bought}
        ever_before = {c for c, bought in enumerate(customers) if min(bought) < row.period}
        assert row.active == len(here)
        assert row.won == len(here - ever_before)
        assert row.lost == len(directly_before - here)
        assert row.regained == len((here & ever_before) - directly_before)


@given(histories)
def test_each_period_starts_from_the_one_before(customers):
    rows = balances(visits_of(customers), 9, 19)
    for before, row in pairwise(rows):
        assert row.active == before.active + row.net
    assert sum(row.won for row in rows) == len(customers)


@given(st.dates(), kinds)
def test_a_day_is_in_its_period(day, by):
    period = period_of(day, by)
    assert first_day(period, by) <= day <= last_day(period, by)
    assert period_named(name_of(period, by)) == (period, by)
    if first_day(period, by) > date.min:
        assert last_day(period - 1, by) == first_day(period, by) - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "by", "first", "last"),
    [
        ("2025-03", "month", date(2025, 3, 1), date(2025, 3, 31)),
        ("2024-02", "month", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-Q1", "quarter", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-Q4", "quarter", date(2025, 10, 1), date(2025, 12, 31)),
        ("2025", "year", date(2025, 1, 1), date(2025, 12, 31)),
        ("9999", "year", date(9999, 1, 1), date(9999, 12, 31)),
    ],
)
def test_periods_have_names_and_days(name, by, first, last):
    period, kind = period_named(name)
    assert (kind, first_day(period, kind), last_day(period, kind)) == (by, first, last)


@pytest.mark.parametrize(
    "name", ["", "2025-13", "2025-Q5", "25", "2025-3", "2025-Q0", "Q1", "2025-01-01", "0000", "２０２５"]
)
def test_what_is_no_period_is_refused(name):
    with pytest.raises(ValueError, match="is no period"):
        period_named(name)


def test_days_outside_the_calendar_are_its_ends():
    assert first_day(0, "year") == date.min
    assert last_day(10_000, "year") == date.max


def test_movement_says_what_a_purchase_means():
    assert [movement(before, 7) for before in (None, 6, 5)] == ["won", "kept", "regained"]
