"""What was decided on customers' limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Index

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel


class CreditLimit(CreditModel, table=True):
    """A limit that was approved (信用额度), from a day on; what is decided later takes its place.

    It is never changed: the limit of any day is found among all decisions (`rules.limits.counting`).
    """

    __tablename__ = "credit_limit"
    __table_args__ = (
        Index("ix_credit_limit_customer", "customer_id", "valid_from"),
        Index("ix_credit_limit_ends", "ends_on"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    limit_minor: int = Field(sa_type=BigId)
    currency: str = Field(max_length=3)
    valid_from: date
    """The company's day of the decision."""
    ends_on: date | None = None
    """The first day on which it does not hold any more, of a temporary raise; None = it stands."""
    payment_days: int | None = None
    """Terms that were decided with it; None = those of the grade's policy."""
    grade: str | None = Field(default=None, max_length=8)
    """The grade at the time of the proposal."""
    assessment_id: int | None = Field(default=None, sa_type=BigId)
    approval_id: int | None = Field(default=None, sa_type=BigId)
    """Number of the request for approval; None where a limit was handed on in a merge."""
    workings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonText)
    """What each rule came to, as `crm credit limit propose` prints it."""
    reason: str | None = Field(default=None, max_length=1000)
    """Why it was asked for."""
    proposed_by: str = Field(max_length=64)
    decided_by: str = Field(max_length=64)
    """Who decided; `rule` where the company's settings did."""
    single_person: bool = False
    """Whether the one who asked decided too, as the one-person firm may."""
    decided_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1
