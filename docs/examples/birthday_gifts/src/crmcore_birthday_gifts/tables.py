"""The plugin's one table."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata


class GiftModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the plugin's tables: the company's one MetaData, a registry of its own."""


class Gift(GiftModel, table=True):
    """What a customer was given (礼品)."""

    __tablename__ = "gift_given"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    given_on: date
    title: str = Field(max_length=200)
    value_minor: int = Field(sa_type=BigId)
    currency: str = Field(max_length=3)
    note: str | None = Field(default=None, max_length=500)
    """Why just this one: personal."""
    version: int = 1


gifts: sa.Table = Gift.__table__  # type: ignore[attr-defined]
