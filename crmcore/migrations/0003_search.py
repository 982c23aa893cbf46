"""The search index, empty; where there are rows already, a note says that it waits to be built."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "crmcore_0003"
down_revision = "crmcore_0002"
branch_labels = None
depends_on = None

_SQLITE = (
    "CREATE VIRTUAL TABLE search_index USING fts5(terms, tokenize='ascii', detail=none, columnsize=0)",
    "INSERT INTO search_index (search_index, rank) VALUES ('automerge', 16)",
)
_POSTGRESQL = (
    "CREATE TABLE search_index (doc bigint NOT NULL, terms tsvector NOT NULL, CONSTRAINT pk_search_index PRIMARY KEY (doc))",
    "CREATE INDEX ix_search_index_terms ON search_index USING gin (terms)",
)


def upgrade() -> None:
    """Make the index."""
    connection = op.get_bind()
    op.create_table(
        "search_state",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("value", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    )
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        "INSERT INTO search_state (name, value) SELECT 'waits', 'true'"
        " WHERE EXISTS (SELECT 1 FROM customer) OR EXISTS (SELECT 1 FROM contact)"
    )


def downgrade() -> None:
    """Drop it."""
    op.get_bind().exec_driver_sql("DROP TABLE search_index")
    op.drop_table("search_state")
