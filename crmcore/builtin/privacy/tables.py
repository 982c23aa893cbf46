"""Consents, restrictions and erasures of natural persons."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from crmcore.db.base import BigId, CoreModel, JsonText

WHOSE = ("contact_id", "customer_id")
RUNNING, PAGES, DONE = "running", "pages", "done"
"""An erasure: its key is destroyed; its fields and files are gone, what SQLite still holds in free pages is not; over."""


class Consent(CoreModel, table=True):
    """What a person agreed to (同意): for which purpose, how, from when, and until when."""

    __tablename__ = "person_consent"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    contact_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("contact.id")], index=True
    )
    customer_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True
    )
    purpose: str = Field(max_length=64)
    how: str | None = Field(default=None, max_length=500)
    """In what form it was given: personal."""
    given_on: date
    withdrawn_on: date | None = None
    withdrawn_how: str | None = Field(default=None, max_length=500)
    recorded_by: str = Field(max_length=64)
    version: int = 1


class Restriction(CoreModel, table=True):
    """A person whose data is kept and not used (限制处理), from when, and until when."""

    __tablename__ = "person_restriction"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    contact_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("contact.id")], index=True
    )
    customer_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True
    )
    reason: str | None = Field(default=None, max_length=500)
    """Personal."""
    since: datetime
    actor: str = Field(max_length=64)
    lifted_at: datetime | None = Field(default=None, index=True)
    lifted_by: str | None = Field(default=None, max_length=64)
    version: int = 1


class Erasure(CoreModel, table=True):
    """A person who was erased (抹除), or is being erased; it holds no value of theirs."""

    __tablename__ = "person_erasure"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    entity: str = Field(max_length=16)
    entity_id: int = Field(sa_type=BigId)
    person_uid: str = Field(unique=True, max_length=36)
    """By it the person is known in a backup from before."""
    code: str = Field(max_length=64)
    reason: str = Field(max_length=200)
    state: str = Field(max_length=16, index=True)
    actor: str = Field(max_length=64)
    started_at: datetime
    done_at: datetime | None = None
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    """Table → rows erased and kept."""
    version: int = 1
