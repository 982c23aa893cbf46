"""Indexes of entries that past cards and histories look for: what a row pointed to, and which code it had."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crmcore_0005"
down_revision = "crmcore_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the index of rows that left another hold those that left any other, no longer a customer alone."""
    op.drop_index("ix_change_log_left", table_name="change_log")
    _make("ix_change_log_left", "operation", '_id":')
    _make("ix_change_log_code", "operation", '"code":"')


def downgrade() -> None:
    """Make the index of customers again."""
    op.drop_index("ix_change_log_code", table_name="change_log")
    op.drop_index("ix_change_log_left", table_name="change_log")
    _make("ix_change_log_left", "entity_id", '"customer_id":')


def _make(name: str, second: str, text: str) -> None:
    op.create_index(
        name,
        "change_log",
        ["entity", second],
        sqlite_where=sa.text(f"instr(before, '{text}') > 0"),
        postgresql_where=sa.text(f"strpos(before, '{text}') > 0"),
    )
