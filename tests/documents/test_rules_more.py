"""What a loan is from day to day, who is reminded, and which names count."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crmcore.builtin.documents.rules import OPEN, OUT, STATES, is_reminded, state_on, told_names

TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("stored", "decision", "today", "late"),
    [
        ("approved", "approved", "approved", "expired"),
        ("lent", "approved", "lent", "overdue"),
        ("returned", "approved", "returned", "returned"),
        ("expired", "approved", "expired", "expired"),
        ("rejected", "rejected", "rejected", "rejected"),
        ("requested", "requested", "requested", "requested"),
        ("requested", "rejected", "rejected", "rejected"),
        ("requested", "withdrawn", "withdrawn", "withdrawn"),
        ("requested", "expired", "expired", "expired"),
        ("requested", "approved", "requested", "requested"),
    ],
)
def test_a_loan_is_late_from_the_day_after_it_is_due(
    stored: str, decision: str, today: str, late: str
) -> None:
    for due in (TODAY, TODAY + DAY):
        assert state_on(stored, decision, due, TODAY) == today
    assert state_on(stored, decision, TODAY - DAY, TODAY) == late
    assert {today, late} <= set(STATES)


def test_a_paper_is_taken_while_it_is_asked_for_kept_or_out() -> None:
    assert {"requested", "approved", "lent", "overdue"} == OPEN
    assert {"lent", "overdue"} == OUT


@pytest.mark.parametrize(("due_in", "reminded"), [(4, False), (3, True), (2, True), (0, True), (-30, True)])
def test_people_are_reminded_from_so_many_days_before_and_ever_after(due_in: int, reminded: bool) -> None:  # noqa: FBT001  (drawn)
    assert is_reminded(TODAY + due_in * DAY, TODAY, 3) is reminded


def test_one_sign_names_nobody_and_two_do_in_any_width_case_and_spacing() -> None:
    assert told_names("王先生", ["王", "", " ", "李四"]) == []
    assert told_names("ＡＢＣ 商 贸", ["abc商贸", "ab", "b"]) == ["abc商贸", "ab"]
