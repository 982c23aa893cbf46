"""How long money is outstanding, and how much of it is collected; what cannot be reckoned is None, never infinity.

Sources: Credit Research Foundation, "Standard formulas for measuring the credit and collection process" (DSO, count-back,
collection effectiveness index, average days delinquent).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple


def simple_dso(receivables: int, sales: int, days: int) -> Fraction | None:
    """Return days sales outstanding (应收账款周转天数): receivables / credit sales × days of the period.

    None where nothing was sold on credit in the period.
    """
    return Fraction(receivables * days, sales) if sales > 0 else None


class Month(NamedTuple):
    """What was sold on credit in a month, or in the part of it that counts, and how many days that has."""

    sales: int
    days: int


def countback_dso(receivables: int, months: Iterable[Month]) -> Fraction | None:
    """Return days sales outstanding counted back (倒推法): month by month, the latest first, until nothing is left.

    A month whose sales the receivables exceed counts in full; of the last one counts the share. A month without sales
    counts its days and takes nothing off. None where the receivables exceed all sales given.
    """
    left, days = receivables, Fraction(0)
    for month in months:
        if left <= 0:
            return days
        if left <= month.sales:
            return days + Fraction(left * month.days, month.sales)
        left -= max(month.sales, 0)
        days += month.days
    return days if left <= 0 else None


def collection_effectiveness(beginning: int, sales: int, ending: int, ending_current: int) -> Fraction | None:
    """Return the collection effectiveness index (CEI, 回款效率): what was collected of what could be, as a share.

    (beginning + sales - ending) / (beginning + sales - ending not yet due); None where nothing could be collected.
    """
    possible = beginning + sales - ending_current
    return Fraction(beginning + sales - ending, possible) if possible > 0 else None


def days_beyond_terms(paid: Iterable[tuple[int | Fraction, int | Fraction]]) -> Fraction | None:
    """Return days beyond terms (超账期天数): (amount, days after the due date) averaged by amount; early is negative.

    None where nothing was paid.
    """
    weight, total = Fraction(0), Fraction(0)
    for amount, days in paid:
        weight += amount
        total += amount * days
    return total / weight if weight > 0 else None
