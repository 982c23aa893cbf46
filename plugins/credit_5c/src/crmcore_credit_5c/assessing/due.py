"""Who is to be assessed (复评): never assessed, expired, or asked for by an alarm, a merge or somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Customer, unrestricted
from crmcore_credit_5c.tables.assessments import WAITING

from .current import assessments, latest_released
from .releasing import turned_down
from .reviews import reviews

if TYPE_CHECKING:
    from crmcore.api import Context

customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def due(ctx: Context, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield each customer who is due, by code: those who trade with us, or were assessed before.

    Who waits for a second pair of eyes is not due; restricted persons and archived customers are left out.
    """
    for row in ctx.connection.execute(_due(ctx).limit(limit)):
        why, since = _why(ctx, row)
        yield {
            "customer": row.code,
            "name": row.name,
            "due": since.isoformat() if since else None,
            "why": why,
            "reason": row.reason,
            "grade": row.grade,
            "assessment": row.assessment,
        }


def due_ids(ctx: Context) -> list[int]:
    """Return the ids of all who are due."""
    found = _due(ctx).subquery("due")
    return list(ctx.connection.scalars(sa.select(found.c.id).order_by(found.c.id)))


def every_id(ctx: Context) -> list[int]:
    """Return the ids of all customers that can be assessed."""
    query = sa.select(customers.c.id).where(*_alive(ctx)).order_by(customers.c.id)
    return list(ctx.connection.scalars(query))


def _why(ctx: Context, row: sa.Row[Any]) -> tuple[str, Any]:
    if row.reason is not None:
        return "review", row.asked_on
    if row.assessment is None:
        return "never", None
    return "expired", row.expires_on + timedelta(days=1) if row.expires_on else ctx.today


def _alive(ctx: Context) -> list[sa.ColumnElement[bool]]:
    return [customers.c.archived_at.is_(None), *unrestricted(ctx.connection, customers.c.id)]


def _due(ctx: Context) -> sa.Select[Any]:
    last = latest_released().subquery("last_released")
    first = (
        sa.select(reviews.c.customer_id, sa.func.min(reviews.c.id).label("review"))
        .where(reviews.c.done_on.is_(None))
        .group_by(reviews.c.customer_id)
        .subquery("first_review")
    )
    newer = assessments.alias("newer")
    waiting = sa.exists().where(
        newer.c.customer_id == customers.c.id,
        newer.c.state == WAITING,
        newer.c.id > sa.func.coalesce(last.c.id, 0),
        newer.c.id.not_in(sorted(turned_down(ctx))),
    )
    expired = last.c.expires_on < ctx.today
    never = sa.and_(last.c.id.is_(None), customers.c.lifecycle == "active")
    return (
        sa.select(
            customers.c.id,
            customers.c.code,
            customers.c.name,
            last.c.id.label("assessment"),
            last.c.grade,
            last.c.expires_on,
            reviews.c.reason,
            reviews.c.asked_on,
        )
        .select_from(customers)
        .outerjoin(last, last.c.customer_id == customers.c.id)
        .outerjoin(first, first.c.customer_id == customers.c.id)
        .outerjoin(reviews, reviews.c.id == first.c.review)
        .where(sa.or_(expired, never, reviews.c.id.is_not(None)), sa.not_(waiting), *_alive(ctx))
        .order_by(customers.c.code)
    )
