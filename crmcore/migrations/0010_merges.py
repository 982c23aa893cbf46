"""Which customer was merged into which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crmcore_0010"
down_revision = "crmcore_0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "customer_merge",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("from_id", BIG, nullable=False),
        sa.Column("into_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("code", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tx_id", BIG, nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_customer_merge_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_customer_merge"),
        sa.UniqueConstraint("uid", name="uq_customer_merge_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_customer_merge_customer_id", "customer_merge", ["customer_id"], unique=False)
    merged = sa.text("state = 'merged'")
    op.create_index(
        "uq_customer_merge_from_id",
        "customer_merge",
        ["from_id"],
        unique=True,
        sqlite_where=merged,
        postgresql_where=merged,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("uq_customer_merge_from_id", table_name="customer_merge")
    op.drop_index("ix_customer_merge_customer_id", table_name="customer_merge")
    op.drop_table("customer_merge")
