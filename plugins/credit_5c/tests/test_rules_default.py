"""When a customer is in default: the thresholds and the days on which the rule turns."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from crmcore_credit_5c.rules import default

DAY = date(2026, 3, 2)
RULE = default.Thresholds(500, Fraction(1, 100), 90, 3)


def span(start: str, end: str | None) -> default.Span:
    return default.Span(date.fromisoformat(start), date.fromisoformat(end) if end else None)


def test_the_banks_rule_unless_the_company_says_otherwise() -> None:
    """500.00, 1 %, 90 days, three months."""
    assert default.Thresholds() == default.Thresholds(50_000, Fraction(1, 100), 90, 3)
    assert (default.PERFORMING, default.PROBATION, default.DEFAULT) == ("performing", "probation", "default")


def test_what_is_past_due_lies_above_both_thresholds_not_on_them() -> None:
    assert default.is_above(501, 50_099, RULE)
    assert not default.is_above(500, 600, RULE), "the absolute one"
    assert not default.is_above(501, 50_100, RULE), "1 % of 501.00 is 5.01"
    assert not default.is_above(501, 60_000, RULE)


def test_a_span_begins_and_ends_on_the_day_on_which_it_turns() -> None:
    def on(day: str, overdue: int) -> default.Event:
        return default.Event(date.fromisoformat(day), overdue, overdue)

    events = [on("2026-01-01", 600), on("2026-01-05", -600), on("2026-02-01", 400), on("2026-02-01", 200)]
    assert default.spans_above(events, RULE) == [span("2026-01-01", "2026-01-05"), span("2026-02-01", None)]
    assert default.spans_above([*events, on("2026-02-03", 100), on("2026-02-09", -300)], RULE)[1] == span(
        "2026-02-01", "2026-02-09"
    )
    assert default.spans_above([], RULE) == []


def test_all_that_is_owed_counts_for_the_relative_threshold() -> None:
    """600 past due is above 500, and above 1 % of 59,999; of 60,000 it is not."""
    first, more = date(2026, 1, 1), date(2026, 2, 1)
    events = [default.Event(first, 600, 59_999), default.Event(more, 0, 1)]
    assert default.spans_above(events, RULE) == [default.Span(first, more)]
    assert default.spans_above([default.Event(first, 501, 501)], RULE) == [default.Span(first, None)]
    assert default.spans_above([default.Event(first, 500, 500)], RULE) == []


def test_what_is_paid_on_the_day_on_which_it_would_count_never_counted() -> None:
    day = date(2026, 1, 1)
    assert default.spans_above([default.Event(day, 600, 600), default.Event(day, -600, -600)], RULE) == []


def test_the_ninety_first_day_is_the_first_of_the_default() -> None:
    """Above both thresholds from 1 January: day 90 is 31 March, day 91 is 1 April."""
    spans = [span("2026-01-01", None)]
    assert default.consecutive_days(spans, date(2026, 3, 31)) == 90
    assert default.default_on(date(2026, 3, 31), spans, [], RULE) == default.Outcome(
        "performing", None, None, ()
    )
    assert default.default_on(date(2026, 4, 1), spans, [], RULE) == default.Outcome(
        "default", date(2026, 4, 1), None, ("past_due",)
    )


def test_who_paid_after_ninety_days_was_never_in_default() -> None:
    spans = [span("2026-01-01", "2026-04-01")]
    assert default.default_on(date(2026, 4, 1), spans, [], RULE).state == "performing"
    spans = [span("2026-01-01", "2026-04-02")]
    assert default.default_on(date(2026, 4, 2), spans, [], RULE) == default.Outcome(
        "probation", date(2026, 4, 1), date(2026, 7, 2), ()
    )


def test_days_in_a_row_are_counted_on_the_day_itself_and_not_on_others() -> None:
    spans = [span("2026-01-01", "2026-01-05"), span("2026-02-01", None)]
    counted = {
        "2025-12-31": 0,
        "2026-01-01": 1,
        "2026-01-04": 4,
        "2026-01-05": 0,
        "2026-01-31": 0,
        "2026-02-02": 2,
    }
    assert {day: default.consecutive_days(spans, date.fromisoformat(day)) for day in counted} == counted


def test_both_causes_are_named_once_each() -> None:
    past_due = [span("2025-01-01", None)]
    unlikely = [span("2025-06-01", None), span("2025-07-01", None)]
    assert default.default_on(DAY, past_due, unlikely, RULE).causes == ("past_due", "unlikely_to_pay")


def test_probation_counts_from_the_last_of_overlapping_causes() -> None:
    unlikely = [span("2025-01-01", "2025-12-20"), span("2025-06-01", "2025-08-01")]
    assert default.default_on(DAY, [], unlikely, RULE) == default.Outcome(
        "probation", date(2025, 1, 1), date(2026, 3, 20), ()
    )
    assert default.default_on(DAY, [], unlikely[::-1], RULE).until == date(2026, 3, 20)


def test_a_cause_that_never_ended_does_not_end_with_one_after_it() -> None:
    unlikely = [span("2025-01-01", None), span("2025-02-01", "2025-03-01")]
    assert default.default_on(DAY, [], unlikely, RULE) == default.Outcome(
        "default", date(2025, 1, 1), None, ("unlikely_to_pay",)
    )
    unlikely = [span("2025-01-01", "2025-12-20"), span("2026-02-01", None)]
    assert default.default_on(DAY, [], unlikely, RULE).since == date(2025, 1, 1)


def test_causes_of_the_same_day_are_no_error() -> None:
    same = [span("2025-01-01", None), span("2025-01-01", "2025-03-01")]
    assert default.default_on(DAY, [], same, RULE).state == "default"


def test_a_cause_joins_the_default_before_it_and_not_the_first_of_all() -> None:
    unlikely = [span("2024-01-01", "2024-02-01"), span("2025-06-01", "2025-12-01"), span("2026-01-01", None)]
    assert default.default_on(DAY, [], unlikely, RULE).since == date(2025, 6, 1)


def test_a_cause_on_the_day_on_which_probation_ends_is_a_new_default() -> None:
    unlikely = [span("2025-01-01", "2025-11-01"), span("2026-02-01", None)]
    assert default.default_on(DAY, [], unlikely, RULE).since == date(2026, 2, 1)
    unlikely = [span("2025-01-01", "2025-11-02"), span("2026-02-01", None)]
    assert default.default_on(DAY, [], unlikely, RULE).since == date(2025, 1, 1)


def test_what_lasts_until_the_end_of_the_calendar_is_no_error() -> None:
    late = [default.Span(date(9999, 12, 1), None)]
    assert default.default_on(date(9999, 12, 30), late, [], RULE).state == "performing"
    assert default.default_on(date.max, late, [], RULE).state == "default", "counted from the last day"


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-01-15", 3, "2026-04-15"),
        ("2025-12-31", 1, "2026-01-31"),
        ("2025-12-15", 12, "2026-12-15"),
        ("2026-03-15", 0, "2026-03-15"),
        ("9999-09-30", 3, "9999-12-30"),
        ("9999-10-01", 3, "9999-12-31"),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: str, months: int, later: str) -> None:
    assert default.add_months(date.fromisoformat(day), months) == date.fromisoformat(later)
