"""Loans of papers, and copies handed out."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, Text

from crmcore.db.base import BigId, CoreModel

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class DocumentLoan(CoreModel, table=True):
    """A paper that somebody of us asks for, holds, or held (借阅); what was decided stands in its request for approval.

    The request's key is the loan's uid.
    """

    __tablename__ = "document_loan"
    __table_args__ = (sa.Index("ix_document_loan_state_due_on", "state", "due_on"), _AUTOINCREMENT)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("document.id")], index=True)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    """Whose paper it is, as the document says."""
    borrower: str = Field(max_length=64)
    purpose: str | None = Field(default=None, sa_type=Text)
    state: str = Field(default="requested", max_length=16)
    """What was last written down; `rules.state_on` says what it is today."""
    requested_at: datetime
    due_on: date
    lent_at: datetime | None = None
    returned_at: datetime | None = None
    returned_to: str | None = Field(default=None, max_length=64)
    """Who wrote down that it is back."""
    version: int = 1


class DocumentHandOut(CoreModel, table=True):
    """A copy that was given to somebody outside (外发); rows are only ever added."""

    __tablename__ = "document_hand_out"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("document.id")], index=True)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    recipient: str = Field(max_length=200)
    reason: str | None = Field(default=None, sa_type=Text)
    handed_out_by: str = Field(max_length=64)
    handed_out_at: datetime
    sha256: str = Field(max_length=64)
    """Of the file as it was then."""
    confidential: bool
    """As the document was marked then."""
    version: int = 1
