"""Rewards and entries. A migration is written out: it must do the same in three years."""

import sqlalchemy as sa
from alembic import op

revision = "loyalty_club_0001"
down_revision = None
branch_labels = None
depends_on = None

REWARD, ENTRY = "loyalty_reward", "loyalty_entry"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        REWARD,
        sa.Column("id", big, sa.Identity(), primary_key=True),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("code", name=f"uq_{REWARD}_code"),
        sqlite_autoincrement=True,
    )
    customer = sa.ForeignKey("customer.id", name=f"fk_{ENTRY}_customer_id_customer")
    reward = sa.ForeignKey(f"{REWARD}.id", name=f"fk_{ENTRY}_reward_id_{REWARD}")
    op.create_table(
        ENTRY,
        sa.Column("id", big, sa.Identity(), primary_key=True),
        sa.Column("customer_id", big, customer, nullable=False),
        sa.Column("reward_id", big, reward, nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("reference", name=f"uq_{ENTRY}_reference"),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{ENTRY}_customer_id", ENTRY, ["customer_id"])
    op.create_index(f"ix_{ENTRY}_reward_id", ENTRY, ["reward_id"])


def downgrade() -> None:
    op.drop_table(ENTRY)
    op.drop_table(REWARD)
