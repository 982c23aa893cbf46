"""What other plugins may import: the hook that the club declares, and its record.

A plugin that `requires` loyalty_club implements the hook in its own `plugin.py` with the `hookimpl` of `crmcore.api`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmcore.api import Context, hookspec


@dataclass(frozen=True, slots=True)
class PointsRule:
    """A reason why a customer gets more points than others, or fewer."""

    customer_id: int
    extra_percent: int
    """Added to the ordinary hundred; 100 doubles the points."""
    why: str
    plugin: str = ""
    """Set by the host."""


@hookspec
def points_rules(customer_ids: Sequence[int], ctx: Context) -> Iterable[PointsRule]:  # type: ignore[empty-body]
    """Say who gets other points than usual for what they bought, whenever points are booked.

    customer_ids: the customers whose purchases are being booked; the same customer comes once.
    Returns any number of `PointsRule`; customers without one get the ordinary points.
    """
