"""One table for each fact, with the columns of the fact in their order."""

from datetime import date

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from crmcore.api import BigId, metadata

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class FakeModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the tables."""


class FakeProduct(FakeModel, table=True):
    """What is sold."""

    __tablename__ = "fake_costs_products"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    product_id: int = Field(sa_type=BigId)
    code: str = Field(max_length=64)
    name: str = Field(max_length=200)
    line: str | None = Field(default=None, max_length=64)
    unit: str | None = Field(default=None, max_length=16)


class FakeStock(FakeModel, table=True):
    """What lay in the warehouses."""

    __tablename__ = "fake_costs_stock"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    product_id: int = Field(sa_type=BigId)
    as_of: date
    quantity_micro: int = Field(sa_type=BigId)
    currency: str = Field(max_length=3)
    value_minor: int = Field(sa_type=BigId)


class FakeCostToServe(FakeModel, table=True):
    """What serving a customer cost."""

    __tablename__ = "fake_costs_cost_to_serve"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    occurred_on: date
    kind: str = Field(max_length=16)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)


class FakeInvestment(FakeModel, table=True):
    """What was spent to win or keep a customer."""

    __tablename__ = "fake_costs_investments"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    occurred_on: date
    kind: str = Field(max_length=16)
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)


class FakeComplaint(FakeModel, table=True):
    """A complaint."""

    __tablename__ = "fake_costs_complaints"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    occurred_on: date
    complaint_id: int = Field(sa_type=BigId)
    severity: int | None = None


class FakeWallet(FakeModel, table=True):
    """What a customer buys in a year, from anybody."""

    __tablename__ = "fake_costs_wallet"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    as_of: date
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)


class FakeCreditLimit(FakeModel, table=True):
    """How much a customer may owe."""

    __tablename__ = "fake_costs_credit_limits"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    valid_from: date
    currency: str = Field(max_length=3)
    limit_minor: int = Field(sa_type=BigId)


class FakeReceivable(FakeModel, table=True):
    """What a customer was billed, and what of it is open."""

    __tablename__ = "fake_costs_receivables"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    document_id: int = Field(sa_type=BigId)
    document: str = Field(max_length=64)
    occurred_on: date
    due_on: date | None = None
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    open_minor: int = Field(sa_type=BigId)


class FakePayment(FakeModel, table=True):
    """What a customer paid."""

    __tablename__ = "fake_costs_payments"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId, foreign_key="customer.id")
    document_id: int = Field(sa_type=BigId)
    document: str = Field(max_length=64)
    occurred_on: date
    currency: str = Field(max_length=3)
    amount_minor: int = Field(sa_type=BigId)
    allocated_minor: int = Field(sa_type=BigId)


TABLES: dict[str, type[FakeModel]] = {
    "products": FakeProduct,
    "stock": FakeStock,
    "cost_to_serve": FakeCostToServe,
    "investments": FakeInvestment,
    "complaints": FakeComplaint,
    "wallet": FakeWallet,
    "credit_limits": FakeCreditLimit,
    "receivables": FakeReceivable,
    "payments": FakePayment,
}
"""Fact → its table."""
