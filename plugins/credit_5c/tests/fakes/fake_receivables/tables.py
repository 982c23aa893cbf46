"""One table for each fact."""

from datetime import date

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class FakeModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the tables."""


class FakeClaim(FakeModel, table=True):
    """An invoice, or a credit note."""

    __tablename__ = "fake_rec_claim"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    document: str = Field(max_length=64)
    occurred_on: date
    due_on: date | None = None
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    open_minor: int = Field(sa_type=BigId)


class FakeSettlement(FakeModel, table=True):
    """What settled a part of a claim."""

    __tablename__ = "fake_rec_settlement"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    claim_id: int = Field(sa_type=BigId, foreign_key="fake_rec_claim.id")
    settled_on: date
    amount_minor: int = Field(sa_type=BigId)


class FakeOrder(FakeModel, table=True):
    """An order."""

    __tablename__ = "fake_rec_order"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    document: str = Field(max_length=64)
    occurred_on: date
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    state: str = Field(max_length=16)
