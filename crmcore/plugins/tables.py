"""The enabled set as the database knows it."""

from __future__ import annotations

from sqlmodel import Field

from crmcore.db.base import BigId, CoreModel, JsonText


class Plugin(CoreModel, table=True):
    """A plugin that is or was enabled: two hosts never run different rules on the same data."""

    __tablename__ = "plugin"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True, max_length=64)
    distribution: str = Field(max_length=128)
    version: str = Field(max_length=64)
    record_hash: str = Field(max_length=64)
    hooks: list[str] = Field(default_factory=list, sa_type=JsonText)
    """The hooks that it had: if it can no longer be imported, its decisions close."""
    table_prefix: str = Field(max_length=64)
    enabled: bool = True
