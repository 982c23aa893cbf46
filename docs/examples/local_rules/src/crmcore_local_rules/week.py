"""A week of six days: which days are worked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from crmcore.api import Context, Workday

SUNDAY = 7


def six_days(days: Sequence[date], _ctx: Context) -> list[Workday]:
    """Take Sundays off; the plant has said so itself, nobody has published it."""
    return [Workday(day, day.isoweekday() != SUNDAY, official=False) for day in days]
