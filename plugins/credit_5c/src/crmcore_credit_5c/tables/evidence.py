"""What is known of customers' credit, and by whom: evidence and financial statements."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Index

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel


class CreditEvidence(CreditModel, table=True):
    """One statement about a customer (信用证据): the value of an indicator, its source, its day.

    It is never changed: what turns out to be wrong is withdrawn, and what is newer counts before what is older.
    """

    __tablename__ = "credit_evidence"
    __table_args__ = (
        Index("ix_credit_evidence_customer", "customer_id", "indicator"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    indicator: str = Field(max_length=64)
    value: str | None = Field(default=None, max_length=200)
    """As it was given: the name of a step of a scale, or a decimal number."""
    source: str = Field(max_length=200)
    evidence_on: date
    """The day that it speaks of."""
    document: str | None = Field(default=None, max_length=64)
    """Number of the document that shows it."""
    expires_on: date | None = None
    """The last day on which it counts; None = until there is newer evidence."""
    added_by: str = Field(max_length=64)
    added_on: date
    added_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_on: date | None = None
    withdrawn_by: str | None = Field(default=None, max_length=64)
    withdraw_reason: str | None = Field(default=None, max_length=500)
    version: int = 1


class CreditStatement(CreditModel, table=True):
    """Figures of one financial statement (财务报表) of a customer; ratios are worked out from it."""

    __tablename__ = "credit_statement"
    __table_args__ = (
        Index("ix_credit_statement_customer", "customer_id", "period_end"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    period_end: date
    months: int = 12
    """How long the period is: turnover and Altman's Z are for a year."""
    currency: str = Field(max_length=3)
    figures: dict[str, Any] = Field(sa_type=JsonText)
    """Name of the figure → decimal text, in units of the currency."""
    source: str = Field(max_length=200)
    document: str | None = Field(default=None, max_length=64)
    expires_on: date | None = None
    added_by: str = Field(max_length=64)
    added_on: date
    added_at: datetime = Field(sa_type=UtcDateTime)
    withdrawn_on: date | None = None
    withdrawn_by: str | None = Field(default=None, max_length=64)
    withdraw_reason: str | None = Field(default=None, max_length=500)
    version: int = 1
