"""The assessment that a customer had last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.tables.assessments import RELEASED

from .current import assessments

if TYPE_CHECKING:
    from crmcore.api import Context


class Previous(NamedTuple):
    """What a new assessment is compared with."""

    grade: str | None
    """The grade that was released last, expired or not."""
    state: str
    """Of the newest assessment, released or not."""
    missing: list[str]
    """What the newest assessment lacked."""


def previous_of(ctx: Context, customer_ids: Iterable[int]) -> dict[int, Previous]:
    """Return customer → what it had; who was never assessed is left out."""
    c = assessments.c
    found: dict[int, Previous] = {}
    for part in parts(customer_ids):
        theirs = c.customer_id.in_(part)
        newest = sa.select(sa.func.max(c.id)).where(theirs).group_by(c.customer_id)
        counted = sa.select(sa.func.max(c.id)).where(theirs, c.state == RELEASED).group_by(c.customer_id)
        grades = {
            row.customer_id: row.grade
            for row in ctx.connection.execute(sa.select(c.customer_id, c.grade).where(c.id.in_(counted)))
        }
        query = sa.select(c.customer_id, c.state, c.missing).where(c.id.in_(newest))
        for row in ctx.connection.execute(query):
            found[row.customer_id] = Previous(grades.get(row.customer_id), row.state, row.missing)
    return found
