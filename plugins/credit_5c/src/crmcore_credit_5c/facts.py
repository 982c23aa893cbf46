"""What the plugin tells others: the limits of customers, each from a day on until the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from crmcore.api import FactProvider
from crmcore_credit_5c.limiting.current import holding, limits


def credit_limits(settings: Mapping[str, Any]) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each provider)
    """Select each customer's limits: one row for each day on which another may begin to hold.

    When a temporary raise ends, the limit below it holds again; where there is none below it, that is 0.
    """
    began = sa.select(limits.c.customer_id, limits.c.valid_from.label("valid_from"), limits.c.currency)
    ended = sa.select(limits.c.customer_id, limits.c.ends_on, limits.c.currency)
    days = sa.union(began, ended.where(limits.c.ends_on.is_not(None))).subquery("limit_day")
    counting, held = limits.alias("counting"), limits.alias("held")
    newest = (
        sa.select(sa.func.max(held.c.id))
        .where(held.c.customer_id == days.c.customer_id, holding(held, days.c.valid_from))
        .scalar_subquery()
    )
    currency = sa.func.coalesce(counting.c.currency, days.c.currency)
    return (
        sa.select(
            days.c.customer_id,
            days.c.valid_from,
            currency.label("currency"),
            sa.func.coalesce(counting.c.limit_minor, sa.literal_column("0")).label("limit_minor"),
        )
        .select_from(days.outerjoin(counting, counting.c.id == newest))
        .distinct()
    )


def providers() -> list[FactProvider]:
    """Return the facts."""
    return [FactProvider("credit_limits", credit_limits)]
