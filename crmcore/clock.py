"""The clock is given to the app, so that tests and replays decide what time it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""


def system_clock() -> datetime:
    """Return the computer's time in UTC."""
    return datetime.now(UTC)
