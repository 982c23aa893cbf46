"""The ledger's tables: products, documents with their lines, what came from what, what settled what, orders' steps.

`open_minor` and `counts` are worked out by the rules whenever a document changes, so that what is asked most
(who owes what, who bought what) reads one narrow index. Some indexes are partial: `info` says on which rows. The
migrations make them so; SQLAlchemy's own option for it would load the dialect of PostgreSQL at every command.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import Field, Index, SQLModel

from crmcore.api import BigId, JsonText, UtcDateTime, metadata

_AUTOINCREMENT = {"sqlite_autoincrement": True}


class LedgerModel(SQLModel, registry=registry(metadata=metadata)):
    """Base of the ledger's tables."""


class Product(LedgerModel, table=True):
    """What we sell (产品): prices are per unit, without tax."""

    __tablename__ = "ledger_product"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=200)
    model: str | None = Field(default=None, max_length=100)
    line: str | None = Field(default=None, max_length=64)
    unit: str | None = Field(default=None, max_length=16)
    currency: str = Field(max_length=3)
    list_price_minor: int | None = Field(default=None, sa_type=BigId)
    standard_cost_minor: int | None = Field(default=None, sa_type=BigId)
    archived_at: datetime | None = None
    version: int = 1
    attributes: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)


class LedgerDocument(LedgerModel, table=True):
    """An order, delivery, invoice, return or payment (单据).

    Amounts bear their sign: returns and credit notes are negative. Of a payment, gross is the money received.
    Who is billed owes: the customer itself where nobody else is named.
    """

    __tablename__ = "ledger_document"
    __table_args__ = (
        sa.UniqueConstraint("kind", "number"),
        Index("ix_ledger_document_customer_id_occurred_on", "customer_id", "occurred_on"),
        Index("ix_ledger_document_occurred_on", "occurred_on"),
        Index(
            "ix_ledger_document_open",
            *("bill_to_id", "kind", "currency", "due_on", "open_minor"),
            info={"where": "open_minor <> 0"},
        ),
        Index("ix_ledger_document_bill_to_id", "bill_to_id"),
        Index("ix_ledger_document_ship_to_id", "ship_to_id", info={"where": "ship_to_id IS NOT NULL"}),
        _AUTOINCREMENT,
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str = Field(max_length=16)
    number: str = Field(max_length=64)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    bill_to_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    ship_to_id: int | None = Field(default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    occurred_on: date
    due_on: date | None = None
    currency: str = Field(max_length=3)
    net_minor: int = Field(sa_type=BigId)
    tax_minor: int = Field(sa_type=BigId)
    gross_minor: int = Field(sa_type=BigId)
    open_minor: int = Field(sa_type=BigId)
    cash: bool = False
    state: str = Field(max_length=16)
    origin: str = Field(max_length=64)
    version: int = 1


class LedgerLine(LedgerModel, table=True):
    """One line of a document; whose it is and when stands here too, so that purchases are read from one index."""

    __tablename__ = "ledger_line"
    __table_args__ = (
        sa.UniqueConstraint("document_id", "line"),
        Index(
            "ix_ledger_line_purchases",
            *("customer_id", "currency", "occurred_on", "net_minor", "counts"),
        ),
        Index("ix_ledger_line_product_id", "product_id", info={"where": "product_id IS NOT NULL"}),
        _AUTOINCREMENT,
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_document.id")])
    line: int
    kind: str = Field(max_length=16)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")])
    occurred_on: date
    currency: str = Field(max_length=3)
    product_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_product.id")]
    )
    quantity_micro: int | None = Field(default=None, sa_type=BigId)
    unit: str | None = Field(default=None, max_length=16)
    net_minor: int = Field(sa_type=BigId)
    tax_minor: int = Field(sa_type=BigId)
    cost_minor: int | None = Field(default=None, sa_type=BigId)
    counts: int = Field(sa_type=sa.SmallInteger)


class LedgerLink(LedgerModel, table=True):
    """What a line was made from: order → delivery → invoice → return, with the part taken over."""

    __tablename__ = "ledger_link"
    __table_args__ = (sa.UniqueConstraint("from_line_id", "to_line_id"), _AUTOINCREMENT)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    from_line_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_line.id")])
    to_line_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_line.id")], index=True)
    quantity_micro: int | None = Field(default=None, sa_type=BigId)
    net_minor: int = Field(sa_type=BigId)


class LedgerAllocation(LedgerModel, table=True):
    """Which payment, or credit note in its place, settled how much of which document (核销)."""

    __tablename__ = "ledger_allocation"
    __table_args__ = (sa.UniqueConstraint("payment_id", "document_id", "allocated_on"), _AUTOINCREMENT)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    payment_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_document.id")])
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_document.id")], index=True)
    allocated_on: date
    amount_minor: int = Field(sa_type=BigId)


class LedgerPlace(LedgerModel, table=True):
    """How many rows of each document a chunk of an import held, for files without a line column.

    `rows` is a list of document id, rows, document id, rows, …: a resumed import counts on from here.
    """

    __tablename__ = "ledger_place"
    __table_args__ = (sa.UniqueConstraint("import_id", "last_row"), _AUTOINCREMENT)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    import_id: int = Field(sa_type=BigId)
    last_row: int = Field(sa_type=BigId)
    rows: list[int] = Field(sa_type=JsonText)


class LedgerHold(LedgerModel, table=True):
    """Why an order was not released (订单冻结): one row per rule that held it, until the rule lets go or somebody goes over it.

    customer_id is who is billed, of whom the reason speaks. permission: who has it may release over the hold, None =
    nobody may. how: what ended it: `gone`, `overridden` or `cancelled`.
    """

    __tablename__ = "ledger_hold"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_document.id")], index=True)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    plugin: str = Field(max_length=64)
    rule: str = Field(max_length=64)
    reason: str | None = Field(default=None, max_length=500)
    permission: str | None = Field(default=None, max_length=100)
    since: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    how: str | None = Field(default=None, max_length=16)
    version: int = 1


class LedgerStep(LedgerModel, table=True):
    """What somebody did with an order: `add`, `release`, `release_over_hold`, `cancel`, `cancel_rest`.

    customer_id is who is billed.
    """

    __tablename__ = "ledger_step"
    __table_args__ = (_AUTOINCREMENT,)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    document_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("ledger_document.id")], index=True)
    customer_id: int = Field(sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True)
    step: str = Field(max_length=32)
    actor: str = Field(max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str | None = Field(default=None, max_length=500)
    version: int = 1
