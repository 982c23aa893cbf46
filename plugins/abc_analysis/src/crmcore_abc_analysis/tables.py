"""Runs of the classification and the class of each customer in them.

A run is written once and never changed; publishing it only moves the word `current`. Later bases, levels
and engines are columns from the start, so that runs of all kinds stand in one history.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from crmcore.api import BigId, JsonText, UtcDateTime, metadata

BUILDING, CURRENT, OLD = "building", "current", "old"
PUBLISHED = (CURRENT, OLD)


class AbcModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of this plugin's tables."""


class AbcRun(AbcModel, table=True):
    """One classification of all buyers of a period (分类运行)."""

    __tablename__ = "abc_run"
    __table_args__ = (
        # Two runs that are published at the same moment: the second one fails, instead of both being current.
        Index(
            "uq_abc_run_current",
            "state",
            unique=True,
            sqlite_where=sa.text("state = 'current'"),
            postgresql_where=sa.text("state = 'current'"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    state: str = Field(default=BUILDING, max_length=8)
    period_start: date
    period_end: date
    basis: str = Field(default="purchases", max_length=16)
    level: str = Field(default="single", max_length=16)
    by: str = Field(max_length=16)
    preset: str = Field(max_length=16)
    currency: str = Field(max_length=3)
    settings: dict[str, Any] = Field(sa_type=JsonText)
    """All that decided the classes, written out."""
    settings_version: str = Field(max_length=16)
    rates: dict[str, str] = Field(default_factory=dict, sa_type=JsonText)
    """Exchange rates used: currency → decimal text."""
    input_checksum: str = Field(max_length=64)
    """sha256 of the sums per customer and currency."""
    fingerprint: str = Field(max_length=64, index=True)
    """The same period, settings, rates and inputs have the same fingerprint."""
    customers: int
    purchases: int = Field(sa_type=BigId)
    amount_minor: int = Field(sa_type=BigId)
    positive_minor: int = Field(sa_type=BigId)
    duration_ms: int = Field(default=0, sa_type=BigId)
    actor: str = Field(max_length=64)
    made_on: date
    """The company's day."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class AbcGrade(AbcModel, table=True):
    """The class of one customer in one run (客户分类)."""

    __tablename__ = "abc_grade"
    __table_args__ = (UniqueConstraint("run_id", "customer_id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    run_id: int = Field(sa_type=BigId, foreign_key="abc_run.id")
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    grade: str = Field(max_length=8)
    rank: int = Field(sa_type=BigId)
    amount_minor: int = Field(sa_type=BigId)
    ahead_minor: int = Field(sa_type=BigId)
    """What those strictly ahead of the customer bought: the same for equal amounts."""
    since_run: int = Field(sa_type=BigId)
    """The first of the unbroken row of runs that gave this class; no foreign key, so that old runs can go."""
