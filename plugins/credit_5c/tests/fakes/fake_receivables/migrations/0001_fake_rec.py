"""Three tables of facts."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "fake_receivables_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fake_rec_claim",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        _customer("fake_rec_claim"),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("open_minor", BigId, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fake_rec_settlement",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column(
            "claim_id",
            BigId,
            sa.ForeignKey("fake_rec_claim.id", name="fk_fake_rec_settlement_claim_id_fake_rec_claim"),
            nullable=False,
        ),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fake_rec_order",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        _customer("fake_rec_order"),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sqlite_autoincrement=True,
    )


def _customer(table: str) -> sa.Column[int]:
    key = sa.ForeignKey("customer.id", name=f"fk_{table}_customer_id_customer")
    return sa.Column("customer_id", BigId, key, nullable=False)


def downgrade() -> None:
    for name in ("order", "settlement", "claim"):
        op.drop_table(f"fake_rec_{name}")
