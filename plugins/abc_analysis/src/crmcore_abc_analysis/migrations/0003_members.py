"""The members of groups by customer and by head: who is removed or merged is looked for without reading all runs."""

from alembic import op

revision = "abc_analysis_0003"
down_revision = "abc_analysis_0002"
branch_labels = None
depends_on = None

_COLUMNS = ("customer_id", "head_id")


def upgrade() -> None:
    for name in _COLUMNS:
        op.create_index(f"ix_abc_member_{name}", "abc_member", [name])


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_index(f"ix_abc_member_{name}", "abc_member")
