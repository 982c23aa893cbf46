"""One table of purchases."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "fake_purchases_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fake_purchase",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("cost_minor", BigId, nullable=True),
        sa.Column("quantity_micro", BigId, nullable=True),
        sa.Column("product_id", BigId, nullable=True),
        sa.Column("document_id", BigId, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("fake_purchase")
