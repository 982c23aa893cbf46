"""The index of entries whose row left its customer: removed, or moved to another; past cards and histories need it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crmcore_0004"
down_revision = "crmcore_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; few entries are in it: creates say nothing of before, edits seldom name the customer."""
    op.create_index(
        "ix_change_log_left",
        "change_log",
        ["entity", "entity_id"],
        sqlite_where=sa.text("instr(before, '\"customer_id\":') > 0"),
        postgresql_where=sa.text("strpos(before, '\"customer_id\":') > 0"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_change_log_left", table_name="change_log")
