"""On which days people work, where nothing was published: from Monday to Friday, but for what the company says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta

_SATURDAY = 5


def works_on(
    day: date,
    holidays: Collection[date],
    working: Collection[date],
    published: Callable[[date], bool | None] = lambda _day: None,
) -> tuple[bool, bool]:
    """Return whether people work on a day, and whether that is official.

    The company's own word counts most, then what was published (None = nothing was), then the weekend.
    """
    if day in holidays or day in working:
        return day not in holidays, False
    said = published(day)
    if said is not None:
        return said, True
    return day.weekday() < _SATURDAY, False


def next_working(day: date, works: Callable[[date], bool], most: int) -> date | None:
    """Return the day itself or the first one after it on which people work; None if none of so many is."""
    days = (day + timedelta(days=ahead) for ahead in range(most))
    return next((one for one in days if works(one)), None)
