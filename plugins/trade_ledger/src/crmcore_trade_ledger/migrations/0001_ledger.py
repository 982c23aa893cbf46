"""The ledger's tables: products, documents, lines, links, allocations, places of an import."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "trade_ledger_0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def _id() -> sa.Column[Any]:
    return sa.Column("id", BIG, sa.Identity(), primary_key=True)


def _big(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, BIG, nullable=null)


def _refers(table: str, name: str, to: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, BIG, sa.ForeignKey(f"{to}.id", name=f"fk_{table}_{name}_{to}"), nullable=null)


def _text(name: str, length: int, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=null)


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def upgrade() -> None:
    op.create_table(
        "ledger_product",
        _id(),
        _text("code", 64),
        _unique("ledger_product", "code"),
        _text("name", 200),
        _text("model", 100, null=True),
        _text("line", 64, null=True),
        _text("unit", 16, null=True),
        _text("currency", 3),
        _big("list_price_minor", null=True),
        _big("standard_cost_minor", null=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attributes", JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    _documents()
    _lines()
    op.create_table(
        "ledger_link",
        _id(),
        _refers("ledger_link", "from_line_id", "ledger_line"),
        _refers("ledger_link", "to_line_id", "ledger_line"),
        _big("quantity_micro", null=True),
        _big("net_minor"),
        _unique("ledger_link", "from_line_id", "to_line_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_link_to_line_id", "ledger_link", ["to_line_id"])
    op.create_table(
        "ledger_allocation",
        _id(),
        _refers("ledger_allocation", "payment_id", "ledger_document"),
        _refers("ledger_allocation", "document_id", "ledger_document"),
        sa.Column("allocated_on", sa.Date(), nullable=False),
        _big("amount_minor"),
        _unique("ledger_allocation", "payment_id", "document_id", "allocated_on"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_allocation_document_id", "ledger_allocation", ["document_id"])
    op.create_table(
        "ledger_place",
        _id(),
        _big("import_id"),
        _big("last_row"),
        sa.Column("rows", JSON, nullable=False),
        _unique("ledger_place", "import_id", "last_row"),
        sqlite_autoincrement=True,
    )


def _documents() -> None:
    op.create_table(
        "ledger_document",
        _id(),
        _text("kind", 16),
        _text("number", 64),
        _refers("ledger_document", "customer_id", "customer"),
        _refers("ledger_document", "bill_to_id", "customer"),
        _refers("ledger_document", "ship_to_id", "customer", null=True),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        _text("currency", 3),
        _big("net_minor"),
        _big("tax_minor"),
        _big("gross_minor"),
        _big("open_minor"),
        sa.Column("cash", sa.Boolean(), nullable=False),
        _text("state", 16),
        _text("origin", 64),
        sa.Column("version", sa.Integer(), nullable=False),
        _unique("ledger_document", "kind", "number"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_ledger_document_customer_id_occurred_on", "ledger_document", ["customer_id", "occurred_on"]
    )
    op.create_index("ix_ledger_document_occurred_on", "ledger_document", ["occurred_on"])
    is_open = sa.text("open_minor <> 0")
    op.create_index(
        "ix_ledger_document_open",
        "ledger_document",
        ["bill_to_id", "kind", "currency", "due_on", "open_minor"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _lines() -> None:
    op.create_table(
        "ledger_line",
        _id(),
        _refers("ledger_line", "document_id", "ledger_document"),
        sa.Column("line", sa.Integer(), nullable=False),
        _text("kind", 16),
        _refers("ledger_line", "customer_id", "customer"),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        _text("currency", 3),
        _refers("ledger_line", "product_id", "ledger_product", null=True),
        _big("quantity_micro", null=True),
        _text("unit", 16, null=True),
        _big("net_minor"),
        _big("tax_minor"),
        _big("cost_minor", null=True),
        sa.Column("counts", sa.SmallInteger(), nullable=False),
        _unique("ledger_line", "document_id", "line"),
        sqlite_autoincrement=True,
    )
    counts = sa.text("counts > 0")
    op.create_index(
        "ix_ledger_line_purchases",
        "ledger_line",
        ["customer_id", "currency", "occurred_on", "net_minor", "counts"],
        sqlite_where=counts,
        postgresql_where=counts,
    )


def downgrade() -> None:
    for name in ("place", "allocation", "link", "line", "document", "product"):
        op.drop_table(f"ledger_{name}")
