"""What is attempted next, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.jobs.rules import LONGEST_WAIT, Attempt, Turn, next_turn, retry_wait

DUE = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
LATER = DUE + timedelta(days=1)
END = DUE + timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


def test_a_job_that_was_never_run_is_due_for_its_newest_due_time() -> None:
    assert next_turn(DUE, None, 3, 60) == Turn(DUE, 1, DUE)
    assert next_turn(None, None, 3, 60) is None


def test_what_is_done_or_running_is_not_attempted_again_until_the_next_due_time() -> None:
    for state in ("done", "running"):
        assert next_turn(DUE, Attempt(DUE, 1, state, END), 3, 60) is None
        assert next_turn(LATER, Attempt(DUE, 1, state, END), 3, 60) == Turn(LATER, 1, LATER)


def test_a_failure_is_tried_again_later_each_time_and_then_no_more() -> None:
    waits = []
    for number in range(1, 5):
        turn = next_turn(DUE, Attempt(DUE, number, "failed", END), 3, 60)
        waits.append(turn and (turn.attempt, turn.at - END))
    assert waits == [(2, MINUTE), (3, 2 * MINUTE), (4, 4 * MINUTE), None]


def test_what_was_killed_is_taken_up_at_once_but_not_for_ever() -> None:
    assert next_turn(DUE, Attempt(DUE, 1, "interrupted"), 3, 60) == Turn(DUE, 2, DUE)
    assert next_turn(DUE, Attempt(DUE, 4, "interrupted"), 3, 60) is None
    assert next_turn(DUE, Attempt(DUE, 1, "interrupted"), 0, 60) is None


def test_a_failure_that_somebody_has_mended_by_hand_is_not_tried_again() -> None:
    assert next_turn(DUE, Attempt(DUE, 1, "failed", END, settled=True), 3, 60) is None
    assert next_turn(LATER, Attempt(DUE, 1, "failed", END, settled=True), 3, 60) == Turn(LATER, 1, LATER)


@given(st.integers(1, 10_000), st.integers(1, 10**9))
def test_nobody_waits_longer_than_a_day_nor_shorter_than_before(attempt: int, first: int) -> None:
    wait = retry_wait(attempt, first)
    assert timedelta(0) < wait <= LONGEST_WAIT
    assert wait <= retry_wait(attempt + 1, first)
    assert retry_wait(1, first) == timedelta(seconds=min(first, 86_400))
