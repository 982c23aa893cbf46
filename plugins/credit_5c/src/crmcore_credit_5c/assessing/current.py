"""The grade that holds today, for whoever asks: limits, policies, reports, lists of customers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.tables.assessments import RELEASED, CreditAssessment

if TYPE_CHECKING:
    from crmcore.api import Context

assessments: sa.Table = CreditAssessment.__table__  # type: ignore[attr-defined]


class Grade(NamedTuple):
    """What one customer's credit is worth (信用等级), and by which assessment."""

    assessment: int
    grade: str
    score: Decimal
    model: str
    assessed_on: date
    expires: date | None


def current_grades(ctx: Context, customer_ids: Iterable[int]) -> dict[int, Grade]:
    """Return customer → the assessment that was released last, unless it has expired; without one it is left out."""
    return {
        row.customer_id: _grade(row)
        for part in parts(customer_ids)
        for row in ctx.connection.execute(
            latest_released().where(assessments.c.customer_id.in_(part), unexpired(ctx.today))
        )
    }


def latest_released() -> sa.Select[Any]:
    """Select each customer's assessment that was released last, expired or not."""
    later = assessments.alias("later")
    newer = sa.exists().where(
        later.c.customer_id == assessments.c.customer_id,
        later.c.state == RELEASED,
        later.c.id > assessments.c.id,
    )
    return sa.select(assessments).where(assessments.c.state == RELEASED, sa.not_(newer))


def unexpired(day: date) -> sa.ColumnElement[bool]:
    """Say whether an assessment still counts on a day."""
    return sa.or_(assessments.c.expires_on.is_(None), assessments.c.expires_on >= day)


def score_of(centi: int | None) -> Decimal | None:
    """Return points from the hundredths that are stored."""
    return None if centi is None else Decimal(centi).scaleb(-2)


def _grade(row: sa.Row[Any]) -> Grade:
    return Grade(
        row.id,
        row.grade,
        Decimal(row.score_centi).scaleb(-2),
        row.model,
        row.assessed_on,
        row.expires_on,
    )
