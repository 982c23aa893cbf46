"""How old what is owed is (账龄): days past due, and the bucket that they fall in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

CURRENT = "current"


def days_past_due(day: date, since: date) -> int:
    """Return days past due (逾期天数); 0 on the day itself, negative before."""
    return (day - since).days


def bucket_names(bounds: Sequence[int]) -> tuple[str, ...]:
    """Name the buckets of ascending bounds: `current`, `1-30`, `31-60`, `61-90`, `>90`."""
    starts = [1, *(bound + 1 for bound in bounds)]
    between = (f"{start}-{end}" for start, end in zip(starts, bounds, strict=False))
    return (CURRENT, *between, f">{bounds[-1]}")


def first_days(day: date, bounds: Sequence[int]) -> tuple[date, ...]:
    """Return for each bucket but the last the earliest due day that falls in it on a day, the youngest first.

    What is due on the day itself or later is current; the last bucket holds whatever was due before all of these.
    """
    return (day, *(_back(day, bound) for bound in bounds))


def _back(day: date, days: int) -> date:
    return day - timedelta(days=min(days, (day - date.min).days))
