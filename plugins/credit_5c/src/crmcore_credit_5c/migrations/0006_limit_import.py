"""Limits that are proposed by a file."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "credit_5c_0006"
down_revision = "credit_5c_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_limit_import",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("approval_id", BigId, nullable=True, index=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "credit_limit_import_row",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("import_id", BigId, sa.ForeignKey("credit_limit_import.id"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("limit_minor", BigId, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("payment_days", sa.Integer(), nullable=True),
        sa.Column("after_id", BigId, nullable=True),
        sa.Column("skipped", sa.String(16), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_limit_import_row_import", "credit_limit_import_row", ["import_id", "line"])
    op.create_index("ix_credit_limit_import_row_customer", "credit_limit_import_row", ["customer_id"])


def downgrade() -> None:
    op.drop_table("credit_limit_import_row")
    op.drop_table("credit_limit_import")
