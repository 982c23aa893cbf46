"""What is attempted when: the cases that seldom come about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crmcore.builtin.jobs.rules import Attempt, Turn, next_turn, retry_wait

DUE = datetime(2026, 3, 2, tzinfo=UTC)
END = DUE + timedelta(minutes=5)


def test_what_was_interrupted_does_not_wait_even_where_its_end_was_written_down() -> None:
    assert next_turn(None, Attempt(DUE, 1, "interrupted", END), 3, 60) == Turn(DUE, 2, DUE)


def test_a_failure_whose_end_nobody_wrote_down_is_tried_again_at_once() -> None:
    assert next_turn(None, Attempt(DUE, 1, "failed"), 3, 60) == Turn(DUE, 2, DUE)


def test_an_attempt_says_nothing_of_an_end_and_of_mending_unless_somebody_did() -> None:
    attempt = Attempt(DUE, 1, "running")
    assert (attempt.ended_at, attempt.settled) == (None, False)


def test_the_wait_doubles_until_it_is_a_day() -> None:
    assert [retry_wait(number, 3_600) / timedelta(hours=1) for number in range(1, 8)] == [
        1,
        2,
        4,
        8,
        16,
        24,
        24,
    ]
