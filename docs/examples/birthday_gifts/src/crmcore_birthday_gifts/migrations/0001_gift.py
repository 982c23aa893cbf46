"""The table of gifts. A migration is written out: it must do the same in three years."""

import sqlalchemy as sa
from alembic import op

revision = "birthday_gifts_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "gift_given"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    customer = sa.ForeignKey("customer.id", name=f"fk_{TABLE}_customer_id_customer")
    op.create_table(
        TABLE,
        sa.Column("id", big, sa.Identity(), primary_key=True),
        sa.Column("customer_id", big, customer, nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("value_minor", big, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{TABLE}_customer_id", TABLE, ["customer_id"])


def downgrade() -> None:
    op.drop_table(TABLE)
