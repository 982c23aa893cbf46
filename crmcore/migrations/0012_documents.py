"""Loans of papers, and the log of copies handed out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crmcore_0012"
down_revision = "crmcore_0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "document_loan",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("document_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("borrower", sa.String(64), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("lent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_to", sa.String(64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_loan_document_id_document"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_document_loan_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_loan"),
        sa.UniqueConstraint("uid", name="uq_document_loan_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_document_loan_document_id", "document_loan", ["document_id"], unique=False)
    op.create_index("ix_document_loan_customer_id", "document_loan", ["customer_id"], unique=False)
    op.create_index("ix_document_loan_state_due_on", "document_loan", ["state", "due_on"], unique=False)
    op.create_table(
        "document_hand_out",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("document_id", BIG, nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("recipient", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("handed_out_by", sa.String(64), nullable=False),
        sa.Column("handed_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_hand_out_document_id_document"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name="fk_document_hand_out_customer_id_customer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_hand_out"),
        sa.UniqueConstraint("uid", name="uq_document_hand_out_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_document_hand_out_document_id", "document_hand_out", ["document_id"], unique=False)
    op.create_index("ix_document_hand_out_customer_id", "document_hand_out", ["customer_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_document_hand_out_customer_id", table_name="document_hand_out")
    op.drop_index("ix_document_hand_out_document_id", table_name="document_hand_out")
    op.drop_table("document_hand_out")
    op.drop_index("ix_document_loan_state_due_on", table_name="document_loan")
    op.drop_index("ix_document_loan_customer_id", table_name="document_loan")
    op.drop_index("ix_document_loan_document_id", table_name="document_loan")
    op.drop_table("document_loan")
