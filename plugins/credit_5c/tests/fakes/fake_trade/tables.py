"""One table for all facts."""

from datetime import date

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata


class FakeModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the table."""


class FakeTrade(FakeModel, table=True):
    """A row of the fact that `kind` names."""

    __tablename__ = "fake_trade_row"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str = Field(max_length=32)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    occurred_on: date
    due_on: date | None = None
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    open_minor: int = Field(sa_type=BigId)
