"""The versions of the policy by grade, each whole, each approved."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, Index

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel


class CreditPolicy(CreditModel, table=True):
    """What every grade means from a day on (信用政策); it is never changed, only followed by another version."""

    __tablename__ = "credit_policy"
    __table_args__ = (
        Index("ix_credit_policy_valid_from", "valid_from", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    valid_from: date
    policy: dict[str, Any] = Field(sa_type=JsonText)
    """{"grades": [{"grade", "payment_days", …}, …]}, the best grade first: as a list, since an object keeps no order."""
    reason: str = Field(max_length=1000)
    author: str = Field(max_length=64)
    decided_by: str = Field(max_length=80)
    approval_id: int | None = Field(default=None, sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
