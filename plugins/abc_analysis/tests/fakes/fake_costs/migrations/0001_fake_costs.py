"""One table for each fact."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId

revision = "fake_costs_0001"
down_revision = None
branch_labels = None
depends_on = None

FACTS = ("products", "stock", "cost_to_serve", "investments", "complaints")
MORE_FACTS = ("wallet", "credit_limits", "receivables", "payments")


def upgrade() -> None:
    _table(
        "products",
        sa.Column("product_id", BigId, nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("line", sa.String(64), nullable=True),
        sa.Column("unit", sa.String(16), nullable=True),
    )
    _table(
        "stock",
        sa.Column("product_id", BigId, nullable=False),
        _day("as_of"),
        _amount("quantity_micro"),
        _currency(),
        _amount("value_minor"),
    )
    for fact in ("cost_to_serve", "investments"):
        _table(
            fact,
            _customer(),
            _day("occurred_on"),
            sa.Column("kind", sa.String(16), nullable=False),
            _currency(),
            _amount("amount_minor"),
        )
    _table(
        "complaints",
        _customer(),
        _day("occurred_on"),
        sa.Column("complaint_id", BigId, nullable=False),
        sa.Column("severity", sa.Integer(), nullable=True),
    )
    _table("wallet", _customer(), _day("as_of"), _currency(), _amount("amount_minor"))
    _table("credit_limits", _customer(), _day("valid_from"), _currency(), _amount("limit_minor"))
    _table(
        "receivables",
        *_document(),
        sa.Column("due_on", sa.Date(), nullable=True),
        _currency(),
        _amount("amount_minor"),
        _amount("open_minor"),
    )
    _table("payments", *_document(), _currency(), _amount("amount_minor"), _amount("allocated_minor"))


def downgrade() -> None:
    for fact in (*FACTS, *MORE_FACTS):
        op.drop_table(f"fake_costs_{fact}")


def _table(fact, *columns):
    op.create_table(
        f"fake_costs_{fact}",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        *columns,
        sqlite_autoincrement=True,
    )


def _customer():
    return sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False)


def _document():
    return (
        _customer(),
        sa.Column("document_id", BigId, nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        _day("occurred_on"),
    )


def _day(name):
    return sa.Column(name, sa.Date(), nullable=False)


def _currency():
    return sa.Column("currency", sa.String(3), nullable=False)


def _amount(name):
    return sa.Column(name, BigId, nullable=False)
