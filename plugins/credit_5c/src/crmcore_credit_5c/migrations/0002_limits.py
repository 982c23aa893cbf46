"""Decisions on limits."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "credit_5c_0002"
down_revision = "credit_5c_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_limit",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("limit_minor", BigId, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("payment_days", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(8), nullable=True),
        sa.Column("assessment_id", BigId, nullable=True),
        sa.Column("approval_id", BigId, nullable=True),
        sa.Column("workings", JsonText, nullable=False),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.Column("proposed_by", sa.String(64), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("single_person", sa.Boolean(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_limit_customer", "credit_limit", ["customer_id", "valid_from"])
    op.create_index("ix_credit_limit_ends", "credit_limit", ["ends_on"])


def downgrade() -> None:
    op.drop_table("credit_limit")
