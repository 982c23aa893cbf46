"""One table of purchases."""

from datetime import date

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata


class FakeModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the tables."""


class FakePurchase(FakeModel, table=True):
    """One purchase."""

    __tablename__ = "fake_purchase"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    occurred_on: date
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    cost_minor: int | None = Field(default=None, sa_type=BigId)
    quantity_micro: int | None = Field(default=None, sa_type=BigId)
    product_id: int | None = Field(default=None, sa_type=BigId)
    document_id: int = Field(sa_type=BigId)
    line: int = 1


TABLES: dict[str, type[FakeModel]] = {"purchases": FakePurchase}
"""Fact → its table."""
