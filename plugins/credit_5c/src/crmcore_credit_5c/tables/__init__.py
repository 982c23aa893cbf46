"""The tables of this plugin, by the matter that they belong to."""

from __future__ import annotations

from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from crmcore.api import metadata


class CreditModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of this plugin's tables."""
