"""Runs of the classification, the class of each customer in them, and what people decide beside them.

A run that differs little from one before of its kind does not repeat what stayed: rows belong to a *snapshot*, the
run that was written in full, and hold from the run `run_id` on until the run `until_run`. Publishing a run moves the
word `current`, one for each basis and level, and is remembered in `abc_publication`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import registry
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from crmcore.api import BigId, JsonText, UtcDateTime, metadata

BUILDING, CURRENT, OLD = "building", "current", "old"
PUBLISHED = (CURRENT, OLD)
SINGLE, GROUP = "single", "group"


class AbcModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of this plugin's tables."""


class AbcRun(AbcModel, table=True):
    """One classification of all buyers of a period (分类运行); `snapshot_id` NULL = written in full."""

    __tablename__ = "abc_run"
    __table_args__ = (
        # Two runs that are published at the same moment: the second one fails, instead of both being current.
        Index(
            "uq_abc_run_current",
            *("basis", "level"),
            unique=True,
            info={"where": "state = 'current'"},
        ),
        # Two runs that would change the same snapshot at once: the second one writes a snapshot of its own.
        Index(
            "uq_abc_run_building",
            "snapshot_id",
            unique=True,
            info={"where": "state = 'building'"},
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    state: str = Field(default=BUILDING, max_length=8)
    snapshot_id: int | None = Field(default=None, sa_type=BigId)
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
    """sha256 of each customer's amount and number of purchases."""
    fingerprint: str = Field(max_length=64, index=True)
    """The same period, settings, rates and inputs have the same fingerprint."""
    customers: int
    purchases: int = Field(sa_type=BigId)
    amount_minor: int = Field(sa_type=BigId)
    positive_minor: int = Field(sa_type=BigId)
    remarks: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    """What was missing: facts without a provider, purchases without a cost."""
    engine: str = Field(default="python", max_length=16)
    duration_ms: int = Field(default=0, sa_type=BigId)
    actor: str = Field(max_length=64)
    made_on: date
    """The company's day."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class AbcGrade(AbcModel, table=True):
    """The class of one customer (客户分类), from one run on until another.

    Without foreign keys: rows by the million are derived, and PostgreSQL would look three keys up for each of them.
    """

    __tablename__ = "abc_grade"
    __table_args__ = (
        UniqueConstraint("snapshot_id", "customer_id", "run_id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    snapshot_id: int = Field(sa_type=BigId)
    run_id: int = Field(sa_type=BigId)
    """The first run that it holds in."""
    until_run: int | None = Field(default=None, sa_type=BigId)
    """The first run of the snapshot that it does not hold in any more."""
    customer_id: int = Field(sa_type=BigId)
    grade: str = Field(max_length=8)
    amount_minor: int = Field(sa_type=BigId)
    since_run: int = Field(sa_type=BigId)
    """The first of the unbroken row of runs that gave this class; no foreign key, so that old runs can go."""


class AbcMember(AbcModel, table=True):
    """Who counted for which head in a run by groups: groups change, runs do not."""

    __tablename__ = "abc_member"
    __table_args__ = (
        UniqueConstraint("run_id", "customer_id"),
        Index("ix_abc_member_head", "run_id", "head_id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    run_id: int = Field(sa_type=BigId, foreign_key="abc_run.id")
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id", index=True)
    head_id: int = Field(sa_type=BigId, foreign_key="customer.id", index=True)


class AbcPublication(AbcModel, table=True):
    """When which run became the current one: the classes of any past day are found here."""

    __tablename__ = "abc_publication"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    run_id: int = Field(sa_type=BigId, foreign_key="abc_run.id")
    published_on: date = Field(index=True)
    """The company's day."""
    published_at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=64)


class AbcManual(AbcModel, table=True):
    """A class that was set by hand (手工定级): it holds instead of the run's, from a day through another."""

    __tablename__ = "abc_manual"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id", index=True)
    grade: str = Field(max_length=8)
    reason: str = Field(max_length=500)
    author: str = Field(max_length=64)
    set_on: date
    until: date
    """The last day, included."""
    ended_on: date | None = None
    """The first day on which it did not hold any more, where it was ended before its time."""
    ended_by: str | None = Field(default=None, max_length=64)
    end_reason: str | None = Field(default=None, max_length=500)
    version: int = 1


class AbcPotential(AbcModel, table=True):
    """What a customer could buy in a year (发展潜力): an estimate, by whom, when, on what basis."""

    __tablename__ = "abc_potential"
    __table_args__ = (UniqueConstraint("customer_id", "estimated_on"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    estimated_on: date
    amount_minor: int = Field(sa_type=BigId)
    currency: str = Field(max_length=3)
    estimator: str = Field(max_length=64)
    basis: str = Field(max_length=500)
    version: int = 1


class AbcPolicy(AbcModel, table=True):
    """How customers of a class are served from a day on (服务政策); before the first, as the settings say."""

    __tablename__ = "abc_policy"
    __table_args__ = (Index("ix_abc_policy_grade", "grade", "valid_from"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    grade: str = Field(max_length=8)
    valid_from: date
    policy: dict[str, Any] = Field(sa_type=JsonText)
    """The whole policy, as in the settings."""
    author: str = Field(max_length=64)
    reason: str = Field(max_length=500)
    created_at: datetime = Field(sa_type=UtcDateTime)
