"""Ageing, alarms, dunning and collection: the days and amounts on which each rule turns."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from crmcore_credit_5c.rules import ageing, alarms, dso, dunning, forecast

DAY = date(2026, 3, 2)


# -- ageing ------------------------------------------------------------------------------------------------------


def test_a_company_may_have_buckets_of_its_own() -> None:
    assert ageing.bucket_names([7]) == ("current", "1-7", ">7")
    assert ageing.bucket_names([30, 60, 90]) == ("current", "1-30", "31-60", "61-90", ">90")
    assert ageing.first_days(DAY, [7, 30]) == (DAY, date(2026, 2, 23), date(2026, 1, 31))


def test_the_due_day_itself_is_not_past_due() -> None:
    assert [ageing.days_past_due(DAY + timedelta(days=n), DAY) for n in (-1, 0, 1, 30, 31)] == [
        -1,
        0,
        1,
        30,
        31,
    ]


# -- alarms ------------------------------------------------------------------------------------------------------


def test_the_alarms_are_known_by_these_names_in_this_order() -> None:
    assert alarms.KINDS == ("grade_drop", "paying_slower", "large_order", "legal_representative")


def test_a_grade_that_is_not_on_the_scale_any_more_says_nothing() -> None:
    scale = ["A", "B", "C"]
    assert not alarms.grade_dropped("AAA", "C", scale, 1)
    assert not alarms.grade_dropped("A", "D", scale, 1)
    assert alarms.grade_dropped("B", "C", scale, 1)
    assert not alarms.grade_dropped("C", "C", scale, 1)


def test_paying_slower_by_exactly_the_days_is_an_alarm_and_by_less_is_none() -> None:
    """Ten days of the setting; three invoices of late, three before."""
    assert alarms.paying_slower([15, 15, 15, 5, 5, 5], 10, 3) == alarms.Slower(Fraction(15), Fraction(5))
    assert alarms.paying_slower([15, 15, 14, 5, 5, 5], 10, 3) is None
    assert alarms.paying_slower([16, 15, 15, 5, 5, 5, 99, 99], 10, 3) == alarms.Slower(
        Fraction(46, 3), Fraction(5)
    ), "older ones do not count"


def test_who_paid_early_before_pays_slower_on_time() -> None:
    assert alarms.paying_slower([0, -10], 10, 1) == alarms.Slower(Fraction(0), Fraction(-10))


def test_an_order_is_large_above_so_many_times_the_average_of_at_least_three() -> None:
    assert alarms.order_is_large(251, 300, 3, Decimal("2.5"))
    assert not alarms.order_is_large(250, 300, 3, Decimal("2.5"))
    assert alarms.order_is_large(10_000, 0, 3, Decimal("2.5")) is False, "nothing is no usual order"
    assert not alarms.order_is_large(10_000, -5, 3, Decimal("2.5")), "nor are returns"
    assert alarms.order_is_large(4, 3, 3, Decimal("2.5"))
    assert alarms.order_is_large(1, 1, 3, Decimal("2.5")), "a third of a fen is usual"


# -- dunning -----------------------------------------------------------------------------------------------------

STEPS = [dunning.Step(1, 1, "call"), dunning.Step(2, 15, "letter"), dunning.Step(3, 30, "lawyer")]
DUE = date(2026, 2, 1)


def test_a_step_on_the_day_that_it_was_due_was_about_something_else() -> None:
    assert dunning.last_step([dunning.Taken(1, DUE)], DUE) is None
    step = dunning.Taken(1, DUE + timedelta(days=1))
    assert dunning.last_step([step], DUE) == step


def test_the_furthest_step_counts_and_of_equal_ones_the_last() -> None:
    taken = [dunning.Taken(2, date(2026, 2, 20)), dunning.Taken(1, date(2026, 2, 25)), dunning.Taken(2, DAY)]
    assert dunning.last_step(taken, DUE) == taken[2]
    assert dunning.last_step(taken[::-1], DUE) == taken[2]


@pytest.mark.parametrize(
    ("taken", "number", "due_on"),
    [
        ([], 1, "2026-02-02"),
        ([(1, "2026-02-02")], 2, "2026-02-16"),  # on time: 15 days past due
        ([(1, "2026-02-03")], 2, "2026-02-17"),  # a day late: the letter 14 days after the call
        ([(1, "2026-02-02"), (2, "2026-02-16")], 3, "2026-03-03"),
        ([(1, "2026-02-02"), (2, "2026-03-01")], 3, "2026-03-16"),
        ([(2, "2026-02-10")], 3, "2026-03-03"),  # early: not before 30 days past due all the same
    ],
)
def test_the_next_step_by_hand(taken: list[tuple[int, str]], number: int, due_on: str) -> None:
    steps = [dunning.Taken(step, date.fromisoformat(on)) for step, on in taken]
    found = dunning.next_step(STEPS, steps, DUE)
    assert found == dunning.Next(STEPS[number - 1], date.fromisoformat(due_on))


def test_a_step_beyond_the_last_day_there_is_comes_on_that_day() -> None:
    found = dunning.next_step([dunning.Step(1, 400, "call")], [], date(9999, 12, 1))
    assert found is not None
    assert found.due_on == date.max


def test_each_step_comes_later_than_the_one_before() -> None:
    assert dunning.steps_increase([1, 15, 30])
    assert dunning.steps_increase([1])
    assert not dunning.steps_increase([1, 15, 15])
    assert not dunning.steps_increase([1, 15, 14, 30])


# -- forecast ----------------------------------------------------------------------------------------------------


def test_a_part_of_a_day_is_a_day_later() -> None:
    due = date(2026, 3, 10)
    assert forecast.expected_on(due, Fraction(1, 100), DAY) == date(2026, 3, 11)
    assert forecast.expected_on(due, Fraction(-1, 100), DAY) == due
    assert forecast.expected_on(due, Fraction(-8), DAY) == DAY
    assert forecast.expected_on(due, Fraction(-9), DAY) == DAY


def test_days_beyond_the_calendar_end_with_it() -> None:
    assert forecast.expected_on(date(1, 1, 5), Fraction(-100), date(1, 1, 1)) == date(1, 1, 1)
    assert forecast.expected_on(date(9999, 12, 30), Fraction(1), DAY) == date.max
    assert forecast.period_start(date(1, 1, 3), "week") == date(1, 1, 1)


@pytest.mark.parametrize(
    ("day", "week", "month"),
    [("2026-03-01", "2026-02-23", "2026-03-01"), ("2026-03-02", "2026-03-02", "2026-03-01"),
     ("2026-03-08", "2026-03-02", "2026-03-01")],
)  # fmt: skip
def test_a_sunday_is_the_last_day_of_its_week(day: str, week: str, month: str) -> None:
    on = date.fromisoformat(day)
    assert forecast.period_start(on, "week").isoformat() == week
    assert forecast.period_start(on, "month").isoformat() == month


# -- collection --------------------------------------------------------------------------------------------------


def test_a_month_whose_sales_are_just_what_is_owed_counts_in_full() -> None:
    months = [dso.Month(800, 31), dso.Month(1000, 28)]
    assert dso.countback_dso(800, months) == 31
    assert dso.countback_dso(801, months) == 31 + Fraction(28, 1000)
    assert dso.countback_dso(1800, months) == 59
    assert dso.countback_dso(1801, months) is None
    assert dso.countback_dso(-5, months) == 0, "who has credit owes nothing"
    assert dso.countback_dso(-5, []) == 0
    assert dso.countback_dso(0, [dso.Month(0, 31)]) == 0, "nothing owed and nothing sold"


def test_little_sold_is_something_sold() -> None:
    assert dso.simple_dso(60, 1, 30) == 1800
    assert dso.collection_effectiveness(1, 0, 0, 0) == 1
    assert dso.collection_effectiveness(0, 100, 100, 101) is None
    assert dso.days_beyond_terms([(Fraction(1, 3), 9)]) == 9
    assert dso.days_beyond_terms([(100, 10), (-100, 5)]) is None, "all given back"
