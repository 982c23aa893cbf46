"""Indexes over all that points to a customer or product: past cards need them, and whoever deletes one of those."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "trade_ledger_0002"
down_revision = "trade_ledger_0001"
branch_labels = None
depends_on = None

_PURCHASES = ["customer_id", "currency", "occurred_on", "net_minor", "counts"]


def upgrade() -> None:
    """Let the index of purchases hold all lines, nearly all are purchases; add those that were not there."""
    op.drop_index("ix_ledger_line_purchases", table_name="ledger_line")
    op.create_index("ix_ledger_line_purchases", "ledger_line", _PURCHASES)
    op.create_index("ix_ledger_line_product_id", "ledger_line", ["product_id"], **_set("product_id"))
    op.create_index("ix_ledger_document_bill_to_id", "ledger_document", ["bill_to_id"])
    op.create_index("ix_ledger_document_ship_to_id", "ledger_document", ["ship_to_id"], **_set("ship_to_id"))


def downgrade() -> None:
    """Drop them, and let the index of purchases hold what counts."""
    op.drop_index("ix_ledger_document_ship_to_id", table_name="ledger_document")
    op.drop_index("ix_ledger_document_bill_to_id", table_name="ledger_document")
    op.drop_index("ix_ledger_line_product_id", table_name="ledger_line")
    op.drop_index("ix_ledger_line_purchases", table_name="ledger_line")
    op.create_index("ix_ledger_line_purchases", "ledger_line", _PURCHASES, **_where("counts > 0"))


def _set(column: str) -> dict[str, Any]:
    return _where(f"{column} IS NOT NULL")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
