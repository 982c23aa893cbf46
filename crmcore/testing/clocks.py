"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""The moment at which `clock` begins: Monday, 9 o'clock in Shanghai."""


class StandingClock:
    """A clock that shows the same moment until it is moved."""

    def __init__(self, now: datetime) -> None:
        """Start at an aware moment."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def move(self, **amount: float) -> None:
        """Move on by a timedelta's keywords: `clock.move(days=3)`."""
        self.now += timedelta(**amount)


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at 2026-03-02 09:00 in Shanghai."""
    return StandingClock(START)
