"""Amount bands of requests for approval, and decisions of whoever asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0013"
down_revision = "crmcore_0012"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Add the columns; what was asked for before belongs to no band."""
    columns: tuple[sa.Column[object], ...] = (
        sa.Column("up_to", sa.String(20), nullable=True),
        sa.Column("holders", JSON, nullable=True),
        sa.Column("deputies", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("single_person", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for column in columns:
        op.add_column("approval_request", column)


def downgrade() -> None:
    """Drop them."""
    for name in ("single_person", "deputies", "holders", "up_to"):
        op.drop_column("approval_request", name)
