"""Credit models, evidence, financial statements, assessments, and what makes them due."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "credit_5c_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_model",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("content", JsonText, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("imported_on", sa.Date(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("name", "version", name="uq_credit_model_name_version"),
        sqlite_autoincrement=True,
    )
    _create_evidence()
    _create_assessments()


def _create_evidence() -> None:
    op.create_table(
        "credit_evidence",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("indicator", sa.String(64), nullable=False),
        sa.Column("value", sa.String(200), nullable=True),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("evidence_on", sa.Date(), nullable=False),
        sa.Column("document", sa.String(64), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        *_added_and_withdrawn(),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_evidence_customer", "credit_evidence", ["customer_id", "indicator"])
    op.create_table(
        "credit_statement",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("figures", JsonText, nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("document", sa.String(64), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        *_added_and_withdrawn(),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_statement_customer", "credit_statement", ["customer_id", "period_end"])


def _added_and_withdrawn() -> list[sa.Column[Any]]:
    return [
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_by", sa.String(64), nullable=True),
        sa.Column("withdraw_reason", sa.String(500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _create_assessments() -> None:
    op.create_table(
        "credit_assessment",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("model", sa.String(40), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("model_digest", sa.String(64), nullable=False),
        sa.Column("score_centi", sa.Integer(), nullable=True),
        sa.Column("grade", sa.String(8), nullable=True),
        sa.Column("scale", JsonText, nullable=True),
        sa.Column("factors", JsonText, nullable=False),
        sa.Column("inputs", JsonText, nullable=False),
        sa.Column("missing", JsonText, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("assessor", sa.String(64), nullable=False),
        sa.Column("assessed_on", sa.Date(), nullable=False),
        sa.Column("assessed_at", UtcDateTime(), nullable=False),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("released_by", sa.String(64), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("approval_id", BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_assessment_customer", "credit_assessment", ["customer_id", "state", "id"])
    op.create_index("ix_credit_assessment_expires", "credit_assessment", ["state", "expires_on"])
    op.create_table(
        "credit_review",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_credit_review_customer", "credit_review", ["customer_id", "done_on"])


def downgrade() -> None:
    for name in ("credit_review", "credit_assessment", "credit_statement", "credit_evidence", "credit_model"):
        op.drop_table(name)
