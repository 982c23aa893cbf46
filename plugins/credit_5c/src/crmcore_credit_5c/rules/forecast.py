"""When open invoices will be paid: as late as the customer usually pays (回款预测)."""

from __future__ import annotations

import math
from datetime import date, timedelta
from fractions import Fraction

WEEK = "week"


def expected_on(due: date, usual_delay: Fraction, today: date) -> date:
    """Return the day on which an invoice is expected to be paid: due day and usual delay, not before today.

    Days are rounded up: money that is expected too late does no harm.
    """
    days = math.ceil(usual_delay)
    days = max(min(days, (date.max - due).days), -(due - date.min).days)
    return max(due + timedelta(days=days), today)


def period_start(day: date, by: str) -> date:
    """Return the first day of the week (Monday) or month that a day lies in."""
    return day - timedelta(days=day.weekday()) if by == WEEK else day.replace(day=1)
