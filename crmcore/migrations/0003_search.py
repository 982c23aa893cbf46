"""The search index, filled with the customers and contacts that are there."""

from __future__ import annotations

from alembic import op

from crmcore.builtin.search import tables
from crmcore.builtin.search.rebuilding import fill
from crmcore.builtin.search.sources import OWN

revision = "crmcore_0003"
down_revision = "crmcore_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    connection = op.get_bind()
    tables.state.create(connection)
    for statement in tables.create_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    fill(connection, OWN)


def downgrade() -> None:
    """Drop it."""
    connection = op.get_bind()
    connection.exec_driver_sql(f"DROP TABLE {tables.INDEX}")
    tables.state.drop(connection)
