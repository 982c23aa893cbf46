"""Grades that hold over several runs, publications, classes by hand, potentials, dated policies."""

import sqlalchemy as sa
from alembic import op

from crmcore.api import BigId, JsonText, UtcDateTime

revision = "abc_analysis_0002"
down_revision = "abc_analysis_0001"
branch_labels = None
depends_on = None

_CURRENT, _BUILDING = sa.text("state = 'current'"), sa.text("state = 'building'")


def upgrade() -> None:
    op.drop_index("uq_abc_run_current", "abc_run")
    with op.batch_alter_table("abc_run") as table:
        table.add_column(sa.Column("snapshot_id", BigId, nullable=True))
        table.add_column(sa.Column("remarks", JsonText, nullable=False, server_default="{}"))
        table.add_column(sa.Column("engine", sa.String(16), nullable=False, server_default="python"))
    for name, columns, where in (
        ("uq_abc_run_current", ["basis", "level"], _CURRENT),
        ("uq_abc_run_building", ["snapshot_id"], _BUILDING),
    ):
        op.create_index(name, "abc_run", columns, unique=True, sqlite_where=where, postgresql_where=where)
    _upgrade_grades()
    op.create_table(
        "abc_publication",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("run_id", BigId, sa.ForeignKey("abc_run.id"), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False, index=True),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO abc_publication (run_id, published_on, published_at, actor)"
        " SELECT id, made_on, published_at, actor FROM abc_run"
        " WHERE published_at IS NOT NULL ORDER BY published_at, id"
    )
    op.create_table(
        "abc_member",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("run_id", BigId, sa.ForeignKey("abc_run.id"), nullable=False),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("head_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.UniqueConstraint("run_id", "customer_id", name="uq_abc_member_run_id_customer_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_abc_member_head", "abc_member", ["run_id", "head_id"])
    op.create_table(
        "abc_manual",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False, index=True),
        sa.Column("grade", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("set_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("end_reason", sa.String(500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "abc_potential",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("estimated_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("estimator", sa.String(64), nullable=False),
        sa.Column("basis", sa.String(500), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("customer_id", "estimated_on", name="uq_abc_potential_customer_id_estimated_on"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "abc_policy",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("grade", sa.String(8), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("policy", JsonText, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_abc_policy_grade", "abc_policy", ["grade", "valid_from"])


def _upgrade_grades() -> None:
    """Make each run of before a snapshot of its own; ids stay, since the change log names them."""
    op.create_table(
        "abc_grade_new",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("snapshot_id", BigId, nullable=False),
        sa.Column("run_id", BigId, nullable=False),
        sa.Column("until_run", BigId, nullable=True),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("grade", sa.String(8), nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("since_run", BigId, nullable=False),
        sa.UniqueConstraint(
            "snapshot_id", "customer_id", "run_id", name="uq_abc_grade_snapshot_id_customer_id_run_id"
        ),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO abc_grade_new (id, snapshot_id, run_id, customer_id, grade, amount_minor, since_run)"
        " SELECT id, run_id, run_id, customer_id, grade, amount_minor, since_run FROM abc_grade ORDER BY id"
    )
    _replace_grades()


def downgrade() -> None:
    for name in ("abc_policy", "abc_potential", "abc_manual", "abc_member", "abc_publication"):
        op.drop_table(name)
    _downgrade_grades()
    # One current run, as before: the one that was published last.
    op.execute(
        "UPDATE abc_run SET state = 'old' WHERE state = 'current' AND id <>"
        " (SELECT id FROM abc_run WHERE state = 'current' ORDER BY published_at DESC, id DESC LIMIT 1)"
    )
    op.drop_index("uq_abc_run_building", "abc_run")
    op.drop_index("uq_abc_run_current", "abc_run")
    with op.batch_alter_table("abc_run") as table:
        for column in ("engine", "remarks", "snapshot_id"):
            table.drop_column(column)
    op.create_index(
        "uq_abc_run_current",
        "abc_run",
        ["state"],
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    )


def _downgrade_grades() -> None:
    """Write each run out in full again."""
    op.create_table(
        "abc_grade_new",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("run_id", BigId, sa.ForeignKey("abc_run.id"), nullable=False),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("grade", sa.String(8), nullable=False),
        sa.Column("rank", BigId, nullable=False),
        sa.Column("amount_minor", BigId, nullable=False),
        sa.Column("ahead_minor", BigId, nullable=False),
        sa.Column("since_run", BigId, nullable=False),
        sa.UniqueConstraint("run_id", "customer_id"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO abc_grade_new (run_id, customer_id, grade, rank, amount_minor, ahead_minor, since_run)"
        " SELECT r.id, g.customer_id, g.grade,"
        " rank() OVER (PARTITION BY r.id ORDER BY g.amount_minor DESC), g.amount_minor,"
        " coalesce(sum(CASE WHEN g.amount_minor > 0 THEN g.amount_minor ELSE 0 END) OVER"
        " (PARTITION BY r.id ORDER BY g.amount_minor DESC"
        " GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), g.since_run"
        " FROM abc_grade g JOIN abc_run r ON coalesce(r.snapshot_id, r.id) = g.snapshot_id"
        " AND g.run_id <= r.id AND (g.until_run IS NULL OR g.until_run > r.id) ORDER BY r.id, g.customer_id"
    )
    _replace_grades()


def _replace_grades() -> None:
    op.drop_table("abc_grade")
    op.rename_table("abc_grade_new", "abc_grade")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('abc_grade', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL)"
            " FROM abc_grade"
        )
