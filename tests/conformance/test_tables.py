"""Tables: migrations on both databases, and what is marked as personal."""

from __future__ import annotations

import pytest

from crmcore.builtin.conformance.findings import NOT_RUN
from crmcore.builtin.conformance.migrating import check_postgres, check_sqlite
from crmcore.builtin.conformance.personal import check_personal


@pytest.fixture
def migrated(subject, database, request):
    """Check the migrations of a plugin on either database."""

    def check(plugin):
        if database == "sqlite":
            return check_sqlite(subject(plugin))
        return check_postgres(subject(plugin, postgres=request.getfixturevalue("postgres_server")))

    return check


def test_migrations_that_keep_the_rows_pass(migrated, stamps):
    assert migrated(stamps) == (True, "2 migrations, up and down with rows")


def test_without_postgresql_that_check_is_not_run(subject, stamps):
    assert check_postgres(subject(stamps)) == (True, NOT_RUN)
    assert NOT_RUN == "not run"


RECREATED = """import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId

revision = "stamps_0002"
down_revision = "stamps_0001"


def upgrade():
    op.drop_table("stamps_stamp")
    op.create_table(
        "stamps_stamp",
        sa.Column("id", BigId, sa.Identity(), primary_key=True),
        sa.Column("customer_id", BigId, sa.ForeignKey("customer.id"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade():
    op.drop_column("stamps_stamp", "phone")
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "migrations/0002_phone.py",
            None,
            RECREATED,
            "the migration stamps_0002 loses rows: table 'stamps_stamp' has 0 of 3 rows",
        ),
        (
            "migrations/0002_phone.py",
            "def downgrade():",
            "def downgrade():\n    op.execute('DELETE FROM stamps_stamp')",
            "the migration stamps_0002 loses rows: table 'stamps_stamp' has 0 of 3 rows",
        ),
        (
            "migrations/0002_phone.py",
            "String(64)",
            "Integer()",
            "stamps_stamp.phone: the migrations say INTEGER",
        ),
        (
            "migrations/0002_phone.py",
            '"phone", sa.String(64), nullable=True',
            '"phone", sa.String(64), nullable=False, server_default=""',
            "stamps_stamp.phone: the migrations and its class differ on whether it may be NULL",
        ),
        (
            "tables.py",
            "    version: int",
            "    given_by: int\n    version: int",
            "no migration makes column stamps_stamp.given_by",
        ),
        (
            "tables.py",
            "    version: int = 1\n",
            "",
            "the migrations make column stamps_stamp.version, which its class does not have",
        ),
        (
            "migrations/0002_phone.py",
            "stamps_0002",
            "stamps_second",
            "must have revision = 'stamps_0002', not 'stamps_second'",
        ),
        (
            "migrations/0001_stamps.py",
            '    op.drop_table("stamps_stamp")',
            "    pass",
            "going down leaves stamps_stamp",
        ),
        (
            "migrations/0001_stamps.py",
            "def downgrade():",
            "    op.create_table('stamps_old', sa.Column('id', BigId, primary_key=True))\n\n\ndef downgrade():",
            "the migrations make table 'stamps_old', which models() does not name",
        ),
        (
            "migrations/0001_stamps.py",
            "ix_stamps_stamp_customer_id",
            "by_customer",
            "the migrations make by_customer",
        ),
    ],
)
def test_a_migration_that_is_not_as_it_should_be_fails(migrated, stamps, file, old, new, told):
    if old is None:
        stamps.files[file] = new
    else:
        stamps.change(file, old, new)
    ok, detail = migrated(stamps)
    assert not ok
    assert told in detail


def test_a_migration_that_raises_fails(migrated, stamps):
    stamps.change("migrations/0002_phone.py", "def upgrade():", "def upgrade():\n    raise KeyError('phone')")
    with pytest.raises(KeyError):
        migrated(stamps)


def test_going_down_all_the_way_leaves_nothing(migrated, stamps):
    stamps.change(
        "migrations/0001_stamps.py",
        '    op.drop_table("stamps_stamp")',
        '    op.rename_table("stamps_stamp", "gone")',
    )
    ok, detail = migrated(stamps)
    assert not ok
    assert "going down leaves gone" in detail


def test_a_step_that_cannot_be_undone_may_say_so(migrated, stamps):
    stamps.change(
        "migrations/0002_phone.py", "def downgrade():", "def downgrade():\n    raise NotImplementedError"
    )
    assert migrated(stamps)[0]


def test_tables_without_migration_fail(subject, stamps):
    for file in [name for name in stamps.files if name.startswith("migrations/")]:
        del stamps.files[file]
    assert check_sqlite(subject(stamps)) == (False, "it has tables and no migration that makes them")


def test_what_is_personal_and_marked_passes(subject, stamps):
    ok, detail = check_personal(subject(stamps))
    assert ok
    assert detail.startswith("1 personal columns, 1 references to customers")


@pytest.mark.parametrize("hook", ["export_persons", "erase_persons", "move_references"])
def test_hooks_that_follow_from_its_tables_must_be_answered(subject, stamps, hook):
    stamps.change("plugin.py", f"@hookimpl\ndef {hook}(", f"def not_{hook}(")
    ok, detail = check_personal(subject(stamps))
    assert not ok
    assert f"it must answer the hook {hook}" in detail


@pytest.mark.parametrize(
    "column", ["mobile", "e_mail", "contact_name", "delivery_address", "wechat", "id_number", "home_phone"]
)
def test_a_column_that_looks_personal_must_be_marked(subject, stamps, column):
    stamps.change("tables.py", "    version: int", f"    {column}: str\n    version: int")
    ok, detail = check_personal(subject(stamps))
    assert (ok, detail) == (
        False,
        f"stamps_stamp.{column} looks personal and is not among TableSpec.personal",
    )


def test_a_birthday_is_personal_and_a_count_of_phones_is_not(subject, stamps):
    stamps.change(
        "tables.py", "from sqlalchemy import", "from datetime import date\n\nfrom sqlalchemy import"
    )
    stamps.change(
        "tables.py", "    version: int", "    birthday: date\n    mobile_phone: int\n    version: int"
    )
    assert check_personal(subject(stamps))[1].startswith("stamps_stamp.birthday looks personal")


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "plugin.py",
            'customer_references=("customer_id",), ',
            "",
            "stamps_stamp.customer_id names a customer and is not",
        ),
        ("plugin.py", 'personal=("phone",)', 'personal=("phone", "fax")', "has no column 'fax'"),
        ("plugin.py", 'person="customer_id"', "person=None", "does not say whose"),
        (
            "plugin.json",
            '"references_customers": true',
            '"references_customers": false',
            "references_customers must be true",
        ),
        (
            "plugin.json",
            '"table": "stamps_stamp"',
            '"table": "stamps_card"',
            "does not say for which purpose table 'stamps_stamp'",
        ),
    ],
)
def test_what_spec_and_manifest_do_not_say_fails(subject, stamps, file, old, new, told):
    ok, detail = check_personal(subject(stamps.change(file, old, new)))
    assert not ok
    assert told in detail
