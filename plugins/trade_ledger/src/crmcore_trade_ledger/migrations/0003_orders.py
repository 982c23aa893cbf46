"""What holds orders, and what was done with them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, UtcDateTime

revision = "trade_ledger_0003"
down_revision = "trade_ledger_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables, with indexes over all that points to a document or customer."""
    _make(
        "ledger_hold",
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("permission", sa.String(100), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("how", sa.String(16), nullable=True),
    )
    _make(
        "ledger_step",
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
    )


def _make(table: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        _refers(table, "document_id", "ledger_document"),
        _refers(table, "customer_id", "customer"),
        *columns,
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    for name in ("document_id", "customer_id"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def _refers(table: str, name: str, to: str) -> sa.Column[Any]:
    return sa.Column(name, BigId, sa.ForeignKey(f"{to}.id", name=f"fk_{table}_{name}_{to}"), nullable=False)


def downgrade() -> None:
    """Drop them; orders keep their states."""
    op.drop_table("ledger_step")
    op.drop_table("ledger_hold")
