"""Steps of dunning, alarms, customers marked as unlikely to pay."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "credit_5c_0003"
down_revision = "credit_5c_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_dunning",
        *_of_customer("credit_dunning"),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_dunning_customer", "credit_dunning", ["customer_id", "done_on"])
    op.create_table(
        "credit_alarm",
        *_of_customer("credit_alarm"),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("matter", sa.String(200), nullable=False),
        sa.Column("details", JsonText, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_by", sa.String(64), nullable=True),
        sa.Column("close_note", sa.String(500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("customer_id", "kind", "matter", name="uq_credit_alarm_customer_id_kind_matter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_alarm_state", "credit_alarm", ["state", "customer_id"])
    op.create_table(
        "credit_unlikely",
        *_of_customer("credit_unlikely"),
        sa.Column("marked_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("end_reason", sa.String(500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_unlikely_customer", "credit_unlikely", ["customer_id", "marked_on"])


def _of_customer(table: str) -> list[Any]:
    return [
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column(
            "customer_id",
            BigId,
            sa.ForeignKey("customer.id", name=f"fk_{table}_customer_id_customer"),
            nullable=False,
        ),
    ]


def downgrade() -> None:
    for name in ("unlikely", "alarm", "dunning"):
        op.drop_table(f"credit_{name}")
