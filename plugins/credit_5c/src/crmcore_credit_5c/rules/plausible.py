"""Which numbers an indicator can have at all: what lies beyond is a slip of the pen, not a finding (合理性检查)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from .bands import Value, number_of
from .model import Measure

Implausible = Literal["too_large", "no_share", "negative", "negative_ratio"]

LARGEST = Fraction(10**12)
"""No indicator, whatever its unit, is larger."""

_SHARES = ("share_overdue", "returns_share")
_NEVER_NEGATIVE: Mapping[str, tuple[str, ...]] = {
    "facts": ("days_beyond_terms", "oldest_overdue_days", "order_trend", "years_of_trade"),
    "ratio": ("current_ratio", "quick_ratio", "gearing", "receivables_turnover", "stock_turnover"),
}
"""What is measured, by kind; cover of interest and Altman's forms are negative where a firm makes losses."""


def implausible(measure: Measure, value: Value) -> Implausible | None:
    """Return what is wrong with a value that somebody enters; None for a plausible one, and for a step of a scale."""
    number = number_of(value) if isinstance(value, str) else value
    if number is None:
        return None
    if abs(number) > LARGEST:
        return "too_large"
    if measure.kind == "facts" and measure.of in _SHARES and not 0 <= number <= 1:
        return "no_share"
    if number < 0 and measure.of in _NEVER_NEGATIVE.get(measure.kind, ()):
        return "negative_ratio" if measure.kind == "ratio" else "negative"
    return None
