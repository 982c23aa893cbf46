"""When a job is to be run: at its due time once, after a failure again and later each time, after that no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["running", "done", "failed", "interrupted"]
LONGEST_WAIT = timedelta(days=1)
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a due time that was made."""

    due_at: datetime
    number: int
    state: State
    ended_at: datetime | None = None
    settled: bool = False
    """Somebody ran the job by hand since, and it was done."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An attempt that is to be made, not before `at`."""

    due_at: datetime
    attempt: int
    at: datetime


def retry_wait(attempt: int, first_seconds: int) -> timedelta:
    """Return how long to wait after a failed attempt (1 = the first): twice as long each time, at most a day."""
    seconds = first_seconds * 2 ** min(attempt - 1, _MOST_DOUBLINGS)
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def next_turn(due: datetime | None, last: Attempt | None, retries: int, retry_seconds: int) -> Turn | None:
    """Return what is to be attempted: the newest due time, or once more the one that was attempted last.

    Due times that were missed are made up for by one run, for the newest of them.
    """
    if due is not None and (last is None or due > last.due_at):
        return Turn(due, 1, due)
    if last is None or last.state in {"done", "running"} or last.settled or last.number > retries:
        return None
    at = last.due_at
    if last.state == "failed" and last.ended_at is not None:
        at = last.ended_at + retry_wait(last.number, retry_seconds)
    return Turn(last.due_at, last.number + 1, at)
