"""What the club tells other plugins: what rewards cost us, as money spent on a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from .tables import entries


def investments(settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select the cost of the points redeemed, with exactly the columns of the fact `investments`."""
    return sa.select(
        entries.c.customer_id,
        entries.c.booked_on.label("occurred_on"),
        sa.literal("loyalty").label("kind"),
        sa.literal(settings["currency"]).label("currency"),
        (-entries.c.points * settings["point_cost_minor"]).label("amount_minor"),
    ).where(entries.c.reward_id.is_not(None))
