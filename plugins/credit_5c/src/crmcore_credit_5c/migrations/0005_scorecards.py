"""Scorecards that were fitted and proposed."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "credit_5c_0005"
down_revision = "credit_5c_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_scorecard",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False, index=True),
        sa.Column("content", JsonText, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("approval_id", BigId, nullable=True),
        sa.Column("model_version", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("credit_scorecard")
