"""Which due time a run of a job was for; no two runs make the same attempt at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crmcore_0011"
down_revision = "crmcore_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; runs of before were by hand."""
    op.add_column("job_run", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job_run", sa.Column("attempt", sa.Integer(), nullable=True))
    op.create_index("uq_job_run_due", "job_run", ["name", "due_at", "attempt"], unique=True)


def downgrade() -> None:
    """Drop them; the runs stay."""
    op.drop_index("uq_job_run_due", table_name="job_run")
    op.drop_column("job_run", "attempt")
    op.drop_column("job_run", "due_at")
