"""Runs of the classification, and the class of each customer in them."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "abc_analysis_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "abc_run",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("by", sa.String(16), nullable=False),
        sa.Column("preset", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("settings", JsonText, nullable=False),
        sa.Column("settings_version", sa.String(16), nullable=False),
        sa.Column("rates", JsonText, nullable=False),
        sa.Column("input_checksum", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("purchases", BigId, nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("positive_minor", BigId, nullable=False),
        sa.Column("duration_ms", BigId, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_abc_run_fingerprint", "abc_run", ["fingerprint"])
    current = sa.text("state = 'current'")
    op.create_index(
        "uq_abc_run_current",
        "abc_run",
        ["state"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_table(
        "abc_grade",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("run_id", BigId, sa.ForeignKey("abc_run.id"), nullable=False),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("grade", sa.String(8), nullable=False),
        sa.Column("rank", BigId, nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("ahead_minor", BigId, nullable=False),
        sa.Column("since_run", BigId, nullable=False),
        sa.UniqueConstraint("run_id", "customer_id"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("abc_grade")
    op.drop_table("abc_run")
