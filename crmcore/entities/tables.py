"""The tables of the core's entities.

`version` counts the edits of a row: who edits says which version they saw. Side tables of plugins point here.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlmodel import Field, Index

from crmcore.db.base import BigId, CoreModel, JsonText

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class Customer(CoreModel, table=True):
    """A firm or a person that buys, may buy or has bought (客户)."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("ix_customer_name", "name"),
        Index("ix_customer_owner_code", "owner", "code"),
        Index("ix_customer_lifecycle_code", "lifecycle", "code"),
        Index("ix_customer_since_code", "since", "code"),
        Index("ix_customer_tax_id", "tax_id"),
        _AUTOINCREMENT,
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    code: str = Field(unique=True, max_length=64)
    kind: str = Field(default="organisation", max_length=16)
    customer_kind: str | None = Field(default=None, max_length=64)
    lifecycle: str = Field(default="active", max_length=16)
    name: str = Field(max_length=200)
    short_name: str | None = Field(default=None, max_length=100)
    owner: str | None = Field(default=None, max_length=64)
    channel: str | None = Field(default=None, max_length=64)
    region: str | None = Field(default=None, max_length=64)
    industry: str | None = Field(default=None, max_length=64)
    legal_form: str | None = Field(default=None, max_length=64)
    tax_id: str | None = Field(default=None, max_length=32)
    phone: str | None = Field(default=None, max_length=64)
    parent_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[ForeignKey("customer.id")], index=True
    )
    source: str | None = Field(default=None, max_length=64)
    since: date | None = None
    archived_at: datetime | None = None
    version: int = 1
    attributes: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)


class Contact(CoreModel, table=True):
    """A person whom we deal with at one or several firms (联络人)."""

    __tablename__ = "contact"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    code: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=100, index=True)
    phone: str | None = Field(default=None, max_length=64)
    mobile: str | None = Field(default=None, max_length=64)
    email: str | None = Field(default=None, max_length=200)
    archived_at: datetime | None = None
    version: int = 1
    attributes: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)


class ContactFirm(CoreModel, table=True):
    """A contact's place at a firm, over time: people work for several firms and change jobs."""

    __tablename__ = "contact_firm"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    contact_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("contact.id")], index=True)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("customer.id")], index=True)
    roles: list[str] = Field(default_factory=list, sa_type=JsonText)
    position: str | None = Field(default=None, max_length=100)
    since: date | None = None
    until: date | None = None
    version: int = 1


class Interaction(CoreModel, table=True):
    """One contact between a customer and us, through whatever channel (互动)."""

    __tablename__ = "interaction"
    __table_args__ = (Index("ix_interaction_customer_id_at", "customer_id", "at"), _AUTOINCREMENT)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    code: str = Field(unique=True, max_length=64)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("customer.id")])
    contact_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[ForeignKey("contact.id")], index=True
    )
    channel: str = Field(max_length=64)
    direction: str = Field(default="out", max_length=8)
    subject: str = Field(max_length=200)
    notes: str | None = None
    at: datetime = Field(index=True)
    owner: str | None = Field(default=None, max_length=64)
    due_on: date | None = Field(default=None, index=True)
    done_at: datetime | None = None
    archived_at: datetime | None = None
    version: int = 1


class Document(CoreModel, table=True):
    """A paper or file about a customer, in one of five drawers (资料); the file lies in the store by its hash."""

    __tablename__ = "document"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    code: str = Field(unique=True, max_length=64)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("customer.id")], index=True)
    drawer: str = Field(max_length=32)
    title: str = Field(max_length=200)
    file_name: str = Field(max_length=255)
    sha256: str = Field(max_length=64, index=True)
    size: int = Field(sa_type=BigId)
    confidential: bool = False
    archived_at: datetime | None = None
    version: int = 1


class Actor(CoreModel, table=True):
    """Who acts: a human, a job or a plugin."""

    __tablename__ = "actor"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    code: str = Field(unique=True, max_length=64)
    kind: str = Field(default="human", max_length=16)
    name: str = Field(max_length=100)
    roles: list[str] = Field(default_factory=list, sa_type=JsonText)
    archived_at: datetime | None = None
    version: int = 1


class ActorDeputy(CoreModel, table=True):
    """An actor who may stand in for another on the days from `since` to `until`, both included."""

    __tablename__ = "actor_deputy"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    deputy_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("actor.id")], index=True)
    absent_id: int = Field(sa_type=BigId, sa_column_args=[ForeignKey("actor.id")], index=True)
    since: date
    until: date
    version: int = 1
