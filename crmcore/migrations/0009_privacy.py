"""Consents, restrictions and erasures of natural persons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0009"
down_revision = "crmcore_0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _of_person(
        "person_consent",
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("how", sa.String(500), nullable=True),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_how", sa.String(500), nullable=True),
        sa.Column("recorded_by", sa.String(64), nullable=False),
    )
    _of_person(
        "person_restriction",
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(64), nullable=True),
    )
    op.create_index("ix_person_restriction_lifted_at", "person_restriction", ["lifted_at"], unique=False)
    op.create_table(
        "person_erasure",
        sa.Column("id", BIG, nullable=False),
        sa.Column("entity", sa.String(16), nullable=False),
        sa.Column("entity_id", BIG, nullable=False),
        sa.Column("person_uid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person_erasure"),
        sa.UniqueConstraint("person_uid", name="uq_person_erasure_person_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_erasure_state", "person_erasure", ["state"], unique=False)


def _of_person(table: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("contact_id", BIG, nullable=True),
        sa.Column("customer_id", BIG, nullable=True),
        *columns,
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=f"fk_{table}_contact_id_contact"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=f"fk_{table}_customer_id_customer"),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("uid", name=f"uq_{table}_uid"),
        sqlite_autoincrement=True,
    )
    for column in ("contact_id", "customer_id"):
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("person_erasure")
    op.drop_table("person_restriction")
    op.drop_table("person_consent")
