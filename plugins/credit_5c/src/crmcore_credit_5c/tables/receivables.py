"""What is done about receivables: steps of dunning, alarms, customers marked as unlikely to pay."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Index, UniqueConstraint

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel

OPEN, CLOSED = "open", "closed"


class CreditDunning(CreditModel, table=True):
    """A step of dunning that was taken (催款记录)."""

    __tablename__ = "credit_dunning"
    __table_args__ = (
        Index("ix_credit_dunning_customer", "customer_id", "done_on"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    step: int
    """Its place in the company's list of steps, from 1."""
    title: str = Field(max_length=100)
    """The step as it was called then."""
    since: date
    """When the invoice was due that was open longest."""
    amount_minor: int = Field(sa_type=BigId)
    """What was past due, in `currency`."""
    currency: str = Field(max_length=3)
    note: str = Field(max_length=500)
    done_on: date
    author: str = Field(max_length=64)
    version: int = 1


class CreditAlarm(CreditModel, table=True):
    """Something about a customer that makes its credit worth another look (预警)."""

    __tablename__ = "credit_alarm"
    __table_args__ = (
        UniqueConstraint("customer_id", "kind", "matter"),
        Index("ix_credit_alarm_state", "state", "customer_id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    kind: str = Field(max_length=24)
    """`grade_drop`, `paying_slower`, `large_order`, `legal_representative`."""
    matter: str = Field(max_length=200)
    """What it is about, such as the number of an assessment: of one matter there is one alarm, open or closed."""
    details: dict[str, Any] = Field(sa_type=JsonText)
    """The figures behind it, for the sentence that people read."""
    state: str = Field(default=OPEN, max_length=8)
    raised_on: date
    raised_at: datetime = Field(sa_type=UtcDateTime)
    closed_on: date | None = None
    closed_by: str | None = Field(default=None, max_length=64)
    close_note: str | None = Field(default=None, max_length=500)
    version: int = 1


class CreditUnlikely(CreditModel, table=True):
    """A customer that somebody holds to be unlikely to pay (难以足额偿付), and until when."""

    __tablename__ = "credit_unlikely"
    __table_args__ = (
        Index("ix_credit_unlikely_customer", "customer_id", "marked_on"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    marked_on: date
    reason: str = Field(max_length=500)
    author: str = Field(max_length=64)
    ended_on: date | None = None
    ended_by: str | None = Field(default=None, max_length=64)
    end_reason: str | None = Field(default=None, max_length=500)
    version: int = 1
