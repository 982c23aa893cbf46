"""The indexes of lists: customers of an owner, in a state and since a day by code, interactions by their time."""

from __future__ import annotations

from alembic import op

revision = "crmcore_0006"
down_revision = "crmcore_0005"
branch_labels = None
depends_on = None

_BY_CODE = ("owner", "lifecycle", "since")


def upgrade() -> None:
    """Make them; the one of owners alone is the beginning of a new one."""
    op.drop_index("ix_customer_owner", table_name="customer")
    for name in _BY_CODE:
        op.create_index(f"ix_customer_{name}_code", "customer", [name, "code"], unique=False)
    op.create_index("ix_interaction_at", "interaction", ["at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_interaction_at", table_name="interaction")
    for name in reversed(_BY_CODE):
        op.drop_index(f"ix_customer_{name}_code", table_name="customer")
    op.create_index("ix_customer_owner", "customer", ["owner"], unique=False)
