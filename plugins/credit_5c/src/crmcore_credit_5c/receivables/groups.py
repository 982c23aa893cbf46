"""Groups of customers (集团客户): whoever has a common topmost parent."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_credit_5c.receivables.claims import customers


def group_members() -> sa.Select[Any]:
    """Select all members of groups as they are now: customer_id, head_id; the heads themselves are among them."""
    child = customers.alias("child")
    parents = sa.select(child.c.parent_id).where(child.c.parent_id.is_not(None))
    top = sa.select(customers.c.id.label("customer_id"), customers.c.id.label("head_id")).where(
        customers.c.parent_id.is_(None), customers.c.id.in_(parents)
    )
    group = top.cte("credit_group", recursive=True)
    below = sa.select(customers.c.id, group.c.head_id).join(
        group, customers.c.parent_id == group.c.customer_id
    )
    group = group.union_all(below)
    return sa.select(group.c.customer_id, group.c.head_id)


def members_with(ctx: Context, customer_id: int) -> list[int]:
    """Return the ids of the whole group that a customer belongs to, itself among them; alone where it has none."""
    groups = group_members().subquery("members")
    head = sa.select(groups.c.head_id).where(groups.c.customer_id == customer_id)
    found = ctx.connection.scalars(
        sa.select(groups.c.customer_id).where(groups.c.head_id == head.scalar_subquery())
    )
    return sorted({customer_id, *found})
