"""The club's tables: rewards, and the points that customers got or spent on them."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata


class LoyaltyModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the plugin's tables: the company's one MetaData, a registry of its own."""


class Reward(LoyaltyModel, table=True):
    """What points buy (奖品)."""

    __tablename__ = "loyalty_reward"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=64)
    title: str = Field(max_length=200)
    points: int
    version: int = 1
    """Counted by the gate."""


class Entry(LoyaltyModel, table=True):
    """Points that a customer was given or spent (积分记录): a side table of the customer, related to rewards."""

    __tablename__ = "loyalty_entry"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    reward_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("loyalty_reward.id")], index=True
    )
    """The reward that they were spent on."""
    booked_on: date
    points: int
    """Negative: spent, or taken back with a return."""
    reference: str = Field(unique=True, max_length=64)
    """What people know the entry by: a file imported twice, a job run twice changes nothing."""
    version: int = 1


rewards: sa.Table = Reward.__table__  # type: ignore[attr-defined]
entries: sa.Table = Entry.__table__  # type: ignore[attr-defined]
