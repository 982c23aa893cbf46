"""Pairs of customers that may be one and the same, and the keys by which they are found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Text

from crmcore.db.base import BigId, CoreModel, JsonText

PAIRS = "duplicate_pair"
KEYS = "duplicate_key"
STATE = "duplicate_state"


class DuplicatePair(CoreModel, table=True):
    """Two customers that may be one (重复客户), and what was decided of them.

    It holds no value of either customer: what is alike is read from their rows when the pair is shown.
    """

    __tablename__ = PAIRS
    __table_args__ = (
        sa.UniqueConstraint("low_id", "high_id"),
        sa.Index("ix_duplicate_pair_state_score", "state", "score"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    low_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    """The customer that was there first."""
    high_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    state: str = Field(default="open", max_length=16)
    """`open`, `never` (decided: two customers) or `merged`."""
    score: int = 0
    certainty: str = Field(default="possible", max_length=16)
    why: list[Any] = Field(default_factory=list, sa_type=JsonText)
    """[kind of evidence, points] each, the strongest first."""
    found_at: datetime | None = None
    decided_by: str | None = Field(default=None, max_length=64)
    decided_at: datetime | None = None
    reason: str | None = Field(default=None, sa_type=Text)
    customer_id: int | None = Field(default=None, sa_type=BigId)
    """The one of the two that is a natural person, or the first of them: the reason is in the log under their key."""
    version: int = 1


metadata = sa.MetaData()
"""Of what is made from the customers' rows and can be made anew at any time: a copy of a database needs none of it."""

keys = sa.Table(
    KEYS,
    metadata,
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Index("ix_duplicate_key_customer_id", "customer_id"),
    sqlite_with_rowid=False,
)
"""What customers can have in common, each as a number: a hash of its kind and its text (`keys.py`).

From 0 on: tax ids, phones and whole names; below only where to look for names that are alike.
"""

state = sa.Table(
    STATE,
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("value", JsonText, nullable=False),
)
"""`read` = how far the change log has been read into the keys and by which rules they are made; while they are made of all
customers also `after`, the last one that has its keys."""
