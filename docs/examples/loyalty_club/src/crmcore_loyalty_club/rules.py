"""What points are, in plain Python: a sales manager can read this."""

from __future__ import annotations

from collections.abc import Iterable

ORDINARY = 100
"""Per cent of the ordinary points that a purchase gives where no rule says more."""


def earned(amount_minor: int, minor_per_point: int, percent: int = ORDINARY) -> int:
    """Return the points for a net amount in the smallest unit; a return takes as many as the purchase gave."""
    points = abs(amount_minor) * percent // (ORDINARY * minor_per_point)
    return points if amount_minor >= 0 else -points


def percent_of(extras: Iterable[int]) -> int:
    """Return what several rules come to: each adds its per cent to the ordinary hundred."""
    return ORDINARY + sum(extras)
