"""Pairs of customers that may be one, and the keys by which they are found; these are filled at the first search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0008"
down_revision = "crmcore_0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "duplicate_pair",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("low_id", BIG, nullable=False),
        sa.Column("high_id", BIG, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("certainty", sa.String(16), nullable=False),
        sa.Column("why", JSON, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["low_id"], ["customer.id"], name="fk_duplicate_pair_low_id_customer"),
        sa.ForeignKeyConstraint(["high_id"], ["customer.id"], name="fk_duplicate_pair_high_id_customer"),
        sa.PrimaryKeyConstraint("id", name="pk_duplicate_pair"),
        sa.UniqueConstraint("uid", name="uq_duplicate_pair_uid"),
        sa.UniqueConstraint("low_id", "high_id", name="uq_duplicate_pair_low_id_high_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_duplicate_pair_high_id", "duplicate_pair", ["high_id"], unique=False)
    op.create_index("ix_duplicate_pair_state_score", "duplicate_pair", ["state", "score"], unique=False)
    op.create_table(
        "duplicate_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "customer_id", name="pk_duplicate_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_duplicate_key_customer_id", "duplicate_key", ["customer_id"], unique=False)
    op.create_table(
        "duplicate_state",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("value", JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("duplicate_state")
    op.drop_index("ix_duplicate_key_customer_id", table_name="duplicate_key")
    op.drop_table("duplicate_key")
    op.drop_index("ix_duplicate_pair_state_score", table_name="duplicate_pair")
    op.drop_index("ix_duplicate_pair_high_id", table_name="duplicate_pair")
    op.drop_table("duplicate_pair")
