"""The rules of receivables, each against a naive reckoning day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore_credit_5c.rules import ageing, alarms, default, dso, dunning, forecast

DAY = date(2026, 3, 2)


# -- ageing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "bucket"),
    [(-5, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"),
     (90, "61-90"), (91, ">90"), (5_000, ">90")],
)  # fmt: skip
def test_a_bucket_holds_its_days(late, bucket):
    bounds = [30, 60, 90]
    firsts = ageing.first_days(DAY, bounds)
    due = DAY - timedelta(days=late)
    place = next((i for i, first in enumerate(firsts) if due >= first), len(firsts))
    assert ageing.bucket_names(bounds)[place] == bucket
    assert ageing.days_past_due(DAY, due) == late


def test_bounds_reach_back_to_the_first_day_there_is():
    assert ageing.first_days(date(1, 1, 3), [30]) == (date(1, 1, 3), date(1, 1, 1))


# -- how well money is collected ---------------------------------------------------------------------------------


def test_dso_by_a_textbook_example():
    # 600,000 owed, 3,650,000 sold in a year: 60 days.
    assert dso.simple_dso(600_000, 3_650_000, 365) == 60


def test_dso_without_sales_is_not_assessable():
    assert dso.simple_dso(100, 0, 30) is None
    assert dso.simple_dso(100, -5, 30) is None


def test_countback_by_a_textbook_example():
    """Owed 1,500; sold 800 in March (31 days), 1,000 in February (28), so 31 + 28 × 700/1,000."""
    months = [dso.Month(800, 31), dso.Month(1_000, 28), dso.Month(900, 31)]
    assert dso.countback_dso(1_500, months) == 31 + Fraction(7, 10) * 28


def test_countback_counts_the_days_of_a_month_without_sales():
    assert dso.countback_dso(100, [dso.Month(0, 31), dso.Month(-20, 28), dso.Month(200, 30)]) == 31 + 28 + 15


def test_countback_beyond_all_sales_is_not_assessable():
    assert dso.countback_dso(100, [dso.Month(99, 31)]) is None
    assert dso.countback_dso(100, []) is None
    assert dso.countback_dso(0, []) == 0


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(28, 31)), min_size=1, max_size=6),
    st.integers(1, 10**6),
)
def test_countback_lies_within_the_month_that_is_used_up(months, owed):
    found = dso.countback_dso(owed, [dso.Month(*month) for month in months])
    left, passed = owed, 0
    for sales, length in months:
        if left <= sales:
            assert found is not None
            assert passed < found <= passed + length
            return
        left, passed = left - sales, passed + length
    assert found is None


def test_collection_effectiveness_by_a_textbook_example():
    # (300 + 700 - 400) / (300 + 700 - 250) = 80 %.
    assert dso.collection_effectiveness(300, 700, 400, 250) == Fraction(4, 5)


def test_collection_effectiveness_of_nothing_is_not_assessable():
    assert dso.collection_effectiveness(0, 100, 100, 100) is None


def test_days_beyond_terms_are_weighted_by_amount():
    assert dso.days_beyond_terms([(300, 10), (100, -6)]) == 6
    assert dso.days_beyond_terms([]) is None


# -- forecast ----------------------------------------------------------------------------------------------------


def test_money_is_expected_as_late_as_usual_and_not_before_today():
    assert forecast.expected_on(date(2026, 3, 10), Fraction(13, 2), DAY) == date(2026, 3, 17)
    assert forecast.expected_on(date(2026, 1, 10), Fraction(3), DAY) == DAY
    assert forecast.expected_on(date(2026, 3, 10), Fraction(-2), DAY) == date(2026, 3, 8)
    assert forecast.expected_on(date.max, Fraction(9), DAY) == date.max


def test_periods_begin_on_monday_or_on_the_first():
    assert forecast.period_start(date(2026, 3, 8), "week") == DAY
    assert forecast.period_start(date(2026, 3, 8), "month") == date(2026, 3, 1)


# -- dunning -----------------------------------------------------------------------------------------------------

STEPS = [dunning.Step(1, 1, "call"), dunning.Step(2, 15, "letter"), dunning.Step(3, 30, "lawyer")]


def test_the_first_step_comes_so_many_days_after_the_due_day():
    found = dunning.next_step(STEPS, [], date(2026, 2, 1))
    assert found is not None
    assert (found.step.number, found.due_on) == (1, date(2026, 2, 2))


def test_who_was_reminded_late_has_as_much_time_as_everybody():
    taken = [dunning.Taken(1, date(2026, 2, 20))]
    found = dunning.next_step(STEPS, taken, date(2026, 2, 1))
    assert found is not None
    assert (found.step.number, found.due_on) == (2, date(2026, 3, 6))


def test_after_all_was_paid_dunning_begins_anew():
    taken = [dunning.Taken(1, date(2026, 1, 5)), dunning.Taken(2, date(2026, 1, 20))]
    found = dunning.next_step(STEPS, taken, date(2026, 2, 1))
    assert found is not None
    assert found.step.number == 1


def test_after_the_last_step_there_is_none():
    taken = [dunning.Taken(number, date(2026, 2, 1 + number)) for number in (1, 2, 3)]
    assert dunning.next_step(STEPS, taken, date(2026, 2, 1)) is None
    assert dunning.next_step([], [], date(2026, 2, 1)) is None


# -- alarms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "steps", "alarm"),
    [("A", "B", 1, True), ("A", "B", 2, False), ("A", "C", 2, True), ("B", "A", 1, False), ("A", "C", 0, False),
     ("A", "Z", 1, False)],
)  # fmt: skip
def test_a_grade_drops_by_places_of_the_scale(before, now, steps, alarm):
    assert alarms.grade_dropped(before, now, ["A", "B", "C"], steps) is alarm


def test_the_last_invoices_are_compared_with_those_before():
    found = alarms.paying_slower([20, 16, 5, 7, 0], 10, 2)
    assert found is not None
    assert tuple(map(int, (found.days, found.before))) == (18, 6)
    assert alarms.paying_slower([20, 16, 9, 8], 10, 2) is None
    assert alarms.paying_slower([20, 16, 0], 10, 2) is None
    assert alarms.paying_slower([99, 99, 0, 0], 0, 2) is None


def test_a_large_order_needs_usual_ones():
    assert alarms.order_is_large(301, 300, 3, Decimal(3))
    assert not alarms.order_is_large(300, 300, 3, Decimal(3))
    assert not alarms.order_is_large(10_000, 200, 2, Decimal(3))
    assert not alarms.order_is_large(10_000, 300, 3, Decimal(0))


def test_the_first_representative_is_no_change():
    one, other = frozenset({1}), frozenset({2})
    nobody: frozenset[int] = frozenset()
    assert alarms.representative_changed(one, other)
    assert alarms.representative_changed(one, nobody)
    assert not alarms.representative_changed(nobody, one)
    assert not alarms.representative_changed(one, one)


# -- default -----------------------------------------------------------------------------------------------------

LIMITS = default.Thresholds(500, Fraction(1, 100), 90, 3)


def span(start, end):
    return default.Span(date.fromisoformat(start), date.fromisoformat(end) if end else None)


def test_ninety_days_are_no_default_yet():
    day = date(2026, 1, 1)
    spans = [default.Span(day, None)]
    for passed, state in ((0, "performing"), (89, "performing"), (90, "default"), (400, "default")):
        on = day + timedelta(days=passed)
        assert default.default_on(on, spans, [], LIMITS).state == state, passed
        assert default.consecutive_days(spans, on) == passed + 1


def test_an_interruption_starts_the_count_anew():
    spans = [span("2026-01-01", "2026-03-20"), span("2026-03-21", None)]
    assert default.default_on(date(2026, 5, 1), spans, [], LIMITS).state == "performing"


def test_probation_lasts_three_months_after_the_cause():
    spans = [span("2025-09-01", "2026-01-15")]
    outcome = default.default_on(date(2026, 4, 14), spans, [], LIMITS)
    assert (outcome.state, outcome.since, outcome.until) == (
        "probation",
        date(2025, 11, 30),
        date(2026, 4, 15),
    )
    assert default.default_on(date(2026, 4, 15), spans, [], LIMITS).state == "performing"


def test_who_is_held_to_be_unlikely_to_pay_is_in_default_at_once():
    outcome = default.default_on(DAY, [], [span("2026-03-02", None)], LIMITS)
    assert (outcome.state, outcome.causes) == ("default", ("unlikely_to_pay",))


def test_a_new_cause_on_probation_continues_the_same_default():
    marks = [span("2026-01-01", "2026-01-10"), span("2026-03-01", None)]
    assert default.default_on(DAY, [], marks, LIMITS).since == date(2026, 1, 1)
    marks = [span("2025-01-01", "2025-01-10"), span("2026-03-01", None)]
    assert default.default_on(DAY, [], marks, LIMITS).since == date(2026, 3, 1)


def test_months_end_where_the_month_does():
    assert default.add_months(date(2025, 11, 30), 3) == date(2026, 2, 28)
    assert default.add_months(date(9999, 12, 1), 3) == date.max


changes = st.lists(
    st.tuples(
        st.dates(date(2025, 1, 1), date(2025, 12, 31)), st.integers(-2_000, 2_000), st.integers(0, 90_000)
    ),
    max_size=12,
)


@given(changes, st.integers(1, 60), st.dates(date(2025, 1, 1), date(2026, 6, 30)))
def test_days_are_counted_as_one_counts_them_one_by_one(rows, limit, day):
    thresholds = default.Thresholds(500, Fraction(1, 100), limit, 2)
    events = [default.Event(*row) for row in sorted(rows) if row[0] <= day]
    row_of_days, triggered = 0, []
    on = date(2025, 1, 1)
    while on <= day:
        overdue = sum(row[1] for row in rows if row[0] <= on)
        owed = sum(row[2] for row in rows if row[0] <= on)
        row_of_days = row_of_days + 1 if overdue > 500 and overdue * 100 > owed else 0
        if row_of_days > limit:
            triggered.append(on)
        on += timedelta(days=1)
    spans = default.spans_above(events, thresholds)
    assert default.consecutive_days(spans, day) == row_of_days
    outcome = default.default_on(day, spans, [], thresholds)
    if day in triggered:
        assert outcome.state == "default"
    elif triggered and day < default.add_months(triggered[-1] + timedelta(days=1), 2):
        assert outcome.state == "probation"
    else:
        assert outcome.state == "performing"
