"""Scorecards that were fitted and proposed; what is approved becomes a version of a credit model."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel


class CreditScorecard(CreditModel, table=True):
    """A fitted scorecard (评分卡) that somebody proposes; nobody is assessed by it until it is approved."""

    __tablename__ = "credit_scorecard"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  (read by SQLAlchemy as it is)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=40, index=True)
    content: dict[str, Any] = Field(sa_type=JsonText)
    """The whole model: schemas/credit_model.schema.json."""
    author: str = Field(max_length=64)
    proposed_on: date
    """The company's day."""
    proposed_at: datetime = Field(sa_type=UtcDateTime)
    approval_id: int | None = Field(default=None, sa_type=BigId)
    model_version: int | None = None
    """Of the credit model, once it is approved."""
    version: int = 1
