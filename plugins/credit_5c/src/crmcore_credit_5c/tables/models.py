"""A company's own credit models; those that ship with the plugin are files and need no row."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, UniqueConstraint

from crmcore.api import BigId, JsonText, UtcDateTime
from crmcore_credit_5c.tables import CreditModel


class CreditScoreModel(CreditModel, table=True):
    """One version of a credit model (信用评价模型); versions are added, never changed."""

    __tablename__ = "credit_model"
    __table_args__ = (UniqueConstraint("name", "version"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=40)
    version: int
    """Counted by name; of a name that ships with the plugin the shipped one is version 1."""
    title: str = Field(max_length=200)
    content: dict[str, Any] = Field(sa_type=JsonText)
    """The whole file."""
    digest: str = Field(max_length=64)
    """sha256 of the content in canonical form."""
    author: str = Field(max_length=64)
    imported_on: date
    """The company's day."""
    imported_at: datetime = Field(sa_type=UtcDateTime)
