"""One table of facts."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "fake_trade_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.ForeignKey("customer.id", name="fk_fake_trade_row_customer_id_customer")
    op.create_table(
        "fake_trade_row",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("customer_id", BigId, key, nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("open_minor", BigId, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("fake_trade_row")
