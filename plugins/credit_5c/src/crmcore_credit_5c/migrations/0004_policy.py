"""Versions of the policy by grade."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "credit_5c_0004"
down_revision = "credit_5c_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_policy",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("policy", JsonText, nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("approval_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_policy_valid_from", "credit_policy", ["valid_from", "id"])


def downgrade() -> None:
    op.drop_table("credit_policy")
