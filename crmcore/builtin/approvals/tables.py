"""The requests for approval."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Text

from crmcore.db.base import BigId, CoreModel, JsonText

PERSONAL = ("subject", "reason", "payload", "decision_reason")
"""What a request says of its customer."""


class Approval(CoreModel, table=True):
    """A request for approval (审批) and what became of it.

    Who may decide is found out when it is made: it holds after its plugin was disabled, too.
    """

    __tablename__ = "approval_request"
    __table_args__ = (
        sa.Index("ix_approval_request_kind_key", "kind", "key"),
        sa.Index("ix_approval_request_state_expires_on", "state", "expires_on"),
        sa.Index("ix_approval_request_requested_by_decided_at", "requested_by", "decided_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    kind: str = Field(max_length=64)
    plugin: str = Field(max_length=64)
    key: str | None = Field(default=None, max_length=128)
    """Names the matter; of one matter only one request is open at a time."""
    customer_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True
    )
    subject: str = Field(max_length=200)
    reason: str | None = Field(default=None, sa_type=Text)
    amount_minor: int | None = Field(default=None, sa_type=BigId)
    currency: str | None = Field(default=None, max_length=3)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    permission: str = Field(max_length=64)
    """Who has it may decide, unless `holders` says who."""
    up_to: str | None = Field(default=None, max_length=20)
    """Where the amount band ends to which it belongs, in the company's currency; None = it has no end, or none."""
    holders: list[str] | None = Field(default=None, sa_type=JsonText)
    """Who may decide by that band: `permission:NAME`, `role:NAME`; None = it belongs to none."""
    deputies: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """Whether somebody may decide in the name of a holder who is absent."""
    outside_policy: bool = False
    """Approving it needs a reason."""
    state: str = Field(default="requested", max_length=16)
    requested_by: str = Field(max_length=64)
    requested_at: datetime
    expires_on: date | None = None
    """The last day on which it can be decided."""
    decided_by: str | None = Field(default=None, max_length=80)
    """Code of an actor, or `plugin:NAME`."""
    decided_for: str | None = Field(default=None, max_length=64)
    """For whom a deputy decided."""
    single_person: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Whether who had asked decided, in a firm of one person."""
    decided_at: datetime | None = None
    decision_reason: str | None = Field(default=None, sa_type=Text)
    version: int = 1
