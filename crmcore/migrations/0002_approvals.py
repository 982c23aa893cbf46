"""The requests for approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0002"
down_revision = "crmcore_0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "approval_request",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("key", sa.String(128), nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount_minor", BIG, nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("permission", sa.String(64), nullable=False),
        sa.Column("outside_policy", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(80), nullable=True),
        sa.Column("decided_for", sa.String(64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_approval_request_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_approval_request"),
        sa.UniqueConstraint("uid", name="uq_approval_request_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_approval_request_kind_key", "approval_request", ["kind", "key"], unique=False)
    op.create_index("ix_approval_request_customer_id", "approval_request", ["customer_id"], unique=False)
    op.create_index(
        "ix_approval_request_state_expires_on", "approval_request", ["state", "expires_on"], unique=False
    )
    op.create_index(
        "ix_approval_request_requested_by_decided_at",
        "approval_request",
        ["requested_by", "decided_at"],
        unique=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_approval_request_requested_by_decided_at", table_name="approval_request")
    op.drop_index("ix_approval_request_state_expires_on", table_name="approval_request")
    op.drop_index("ix_approval_request_customer_id", table_name="approval_request")
    op.drop_index("ix_approval_request_kind_key", table_name="approval_request")
    op.drop_table("approval_request")
