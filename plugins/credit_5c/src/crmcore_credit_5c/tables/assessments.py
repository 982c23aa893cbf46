"""Assessments of customers, and what makes one due before its time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Index

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel

RELEASED, WAITING, REJECTED, INCOMPLETE = "released", "waiting", "rejected", "incomplete"


class CreditAssessment(CreditModel, table=True):
    """One assessment of one customer (信用评价); what it says is never changed, only whether it is released."""

    __tablename__ = "credit_assessment"
    __table_args__ = (
        Index("ix_credit_assessment_customer", "customer_id", "state", "id"),
        Index("ix_credit_assessment_expires", "state", "expires_on"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    model: str = Field(max_length=40)
    model_version: int
    model_digest: str = Field(max_length=64)
    score_centi: int | None = None
    """Hundredths of a point, 0 to 10,000; None where evidence that the model insists on is missing."""
    grade: str | None = Field(default=None, max_length=8)
    scale: list[dict[str, Any]] | None = Field(default=None, sa_type=JsonText)
    """The grades of the day, the best first, where the settings chose others than the model's."""
    factors: dict[str, Any] = Field(sa_type=JsonText)
    """Name of the factor → its points as decimal text, or null."""
    inputs: dict[str, Any] = Field(sa_type=JsonText)
    """Name of the indicator → value, source, day, points and what else was said: all that `explain` shows."""
    missing: list[str] = Field(sa_type=JsonText)
    """Indicators without evidence."""
    state: str = Field(max_length=12)
    """`released` (it counts), `waiting` for a second pair of eyes, `rejected`, `incomplete`."""
    assessor: str = Field(max_length=64)
    assessed_on: date
    """The company's day."""
    assessed_at: datetime = Field(sa_type=UtcDateTime)
    released_on: date | None = None
    released_by: str | None = Field(default=None, max_length=64)
    expires_on: date | None = None
    """The last day on which it counts."""
    approval_id: int | None = Field(default=None, sa_type=BigId)
    """Number of the request for approval."""
    version: int = 1


class CreditReview(CreditModel, table=True):
    """Why a customer is to be assessed before its assessment expires (复评): an alarm, a merge, somebody asked."""

    __tablename__ = "credit_review"
    __table_args__ = (
        Index("ix_credit_review_customer", "customer_id", "done_on"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    reason: str = Field(max_length=300)
    asked_on: date
    asked_by: str = Field(max_length=64)
    done_on: date | None = None
    """The day of the assessment that answered it."""
    version: int = 1
