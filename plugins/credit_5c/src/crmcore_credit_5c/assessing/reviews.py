"""Asking that a customer is assessed before its assessment expires (复评)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.tables.assessments import CreditReview

if TYPE_CHECKING:
    from crmcore.api import Tx

reviews: sa.Table = CreditReview.__table__  # type: ignore[attr-defined]


def ask_reviews(tx: Tx, asked: Sequence[tuple[int, str]]) -> int:
    """Make customers due for an assessment, (customer, reason) each; returns how many are due anew.

    Asked again for the same reason before it was answered, it is still the same.
    """
    wanted = dict.fromkeys((customer, reason[:300]) for customer, reason in asked)
    for part in parts(customer for customer, _reason in wanted):
        query = sa.select(reviews.c.customer_id, reviews.c.reason).where(
            reviews.c.customer_id.in_(part), reviews.c.done_on.is_(None)
        )
        for row in tx.connection.execute(query):
            wanted.pop((row.customer_id, row.reason), None)
    rows = [
        {"customer_id": customer, "reason": reason, "asked_on": tx.ctx.today, "asked_by": tx.actor}
        for customer, reason in wanted
    ]
    tx.insert(CreditReview, rows)
    return len(rows)


def answer_reviews(tx: Tx, customer_ids: Iterable[int]) -> None:
    """Close what was asked of customers that are assessed now."""
    for part in parts(customer_ids):
        query = sa.select(reviews.c.id).where(reviews.c.customer_id.in_(part), reviews.c.done_on.is_(None))
        ids = tx.connection.scalars(query).all()
        tx.update(CreditReview, [(number, {"done_on": tx.ctx.today}) for number in ids])
