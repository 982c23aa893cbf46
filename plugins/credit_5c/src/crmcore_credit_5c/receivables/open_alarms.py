"""Whether a customer's credit is worth another look, for whoever assesses."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.tables.receivables import OPEN, CreditAlarm

alarms: sa.Table = CreditAlarm.__table__  # type: ignore[attr-defined]


def alarmed(ctx: Context, customer_ids: Collection[int]) -> set[int]:
    """Return those of these customers who have an open alarm (未处理预警)."""
    found: set[int] = set()
    for part in parts(customer_ids):
        query = sa.select(alarms.c.customer_id).where(alarms.c.state == OPEN, alarms.c.customer_id.in_(part))
        found.update(ctx.connection.scalars(query))
    return found
