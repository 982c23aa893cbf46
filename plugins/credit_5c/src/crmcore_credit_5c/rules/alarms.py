"""What makes a customer's credit worth another look (信用预警)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

GRADE_DROP, PAYING_SLOWER = "grade_drop", "paying_slower"
LARGE_ORDER, REPRESENTATIVE = "large_order", "legal_representative"
KINDS = (GRADE_DROP, PAYING_SLOWER, LARGE_ORDER, REPRESENTATIVE)
LEAST_ORDERS = 3
"""So many orders at least make a usual one."""


def grade_dropped(before: str, now: str, scale: Sequence[str], steps: int) -> bool:
    """Tell whether a grade fell so many places of the scale (best first); a grade that is not on it says nothing."""
    if not steps or before not in scale or now not in scale:
        return False
    return scale.index(now) - scale.index(before) >= steps


class Slower(NamedTuple):
    """How late a customer pays, on average in days, and how late it did before."""

    days: Fraction
    before: Fraction


def paying_slower(delays: Sequence[int], days: int, invoices: int) -> Slower | None:
    """Return by how much the invoices paid last were paid later than as many before them, where that is too much.

    delays: days after the due date of each invoice, the one paid last first. None where nothing is wrong, or where
    there are not yet twice as many invoices.
    """
    if not days or len(delays) < 2 * invoices:
        return None
    now = Fraction(sum(delays[:invoices]), invoices)
    before = Fraction(sum(delays[invoices : 2 * invoices]), invoices)
    return Slower(now, before) if now - before >= days else None


def order_is_large(amount: int, usual_sum: int, usual_count: int, times: Decimal) -> bool:
    """Tell whether an order lies above so many times the average of the orders before it."""
    if not times or usual_count < LEAST_ORDERS or usual_sum <= 0:
        return False
    return amount * usual_count > Fraction(times) * usual_sum


def representative_changed(before: frozenset[int], now: frozenset[int]) -> bool:
    """Tell whether somebody else is the legal representative (法定代表人); who is recorded for the first time is no change."""
    return bool(before) and before != now
