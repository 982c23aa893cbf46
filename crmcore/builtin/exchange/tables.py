"""The runs of imports: their progress stands in the same transaction as their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, Text

from crmcore.db.base import BigId, CoreModel, JsonText

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class ImportRun(CoreModel, table=True):
    """One import of one file. Operational: written outside the gate, never logged."""

    __tablename__ = "import_run"
    __table_args__ = _AUTOINCREMENT
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    entity: str = Field(max_length=64)
    plugin: str = Field(max_length=64)
    file_name: str = Field(max_length=255)
    file_path: str = Field(sa_type=Text)
    file_sha256: str = Field(max_length=64, index=True)
    file_bytes: int = Field(sa_type=BigId)
    encoding: str | None = Field(default=None, max_length=40)
    mapping: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    state: str = Field(max_length=16, index=True)
    """running, done, interrupted or failed; undoing, undo_stopped, undone or partly_undone once it is taken back.

    A `running` one whose process is gone counts as interrupted, an `undoing` one as undo_stopped.
    """
    rows_done: int = Field(default=0, sa_type=BigId)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JsonText)
    rejects_file: str | None = Field(default=None, sa_type=Text)
    rejects_bytes: int = Field(default=0, sa_type=BigId)
    warnings: list[str] = Field(default_factory=list, sa_type=JsonText)
    error: str | None = Field(default=None, sa_type=Text)
    actor: str = Field(max_length=64)
    host: str = Field(max_length=255)
    pid: int = Field(sa_type=BigId)
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None = None
    version: int = 1
