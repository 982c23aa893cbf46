"""The runs of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, Index, Text

from crmcore.db.base import BigId, CoreModel, JsonText


class JobRun(CoreModel, table=True):
    """One run of a job: when, by whom, how it ended; of one by schedule, which attempt at which due time it was."""

    __tablename__ = "job_run"
    __table_args__ = (
        Index("uq_job_run_due", "name", "due_at", "attempt", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=64, index=True)
    actor: str = Field(max_length=64)
    state: str = Field(max_length=16)
    started_at: datetime
    ended_at: datetime | None = None
    summary: dict[str, Any] | None = Field(default=None, sa_type=JsonText)
    error: str | None = Field(default=None, sa_type=Text)
    due_at: datetime | None = None
    attempt: int | None = None
