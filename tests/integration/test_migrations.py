"""What the migrations make is what the classes say, on both databases; and going down takes all of it away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from crmcore.app import App
from crmcore.db import migrations
from crmcore.db.base import metadata
from crmcore.entities.specs import core_tables
from crmcore.errors import CrmError

MODULES = (
    "crmcore.db.system",
    "crmcore.entities.tables",
    "crmcore.plugins.tables",
    "crmcore.builtin.exchange.tables",
    "crmcore.builtin.jobs.tables",
    "crmcore.builtin.approvals.tables",
    "crmcore.builtin.documents.tables",
    "crmcore.builtin.duplicates.merge_tables",
    "crmcore.builtin.duplicates.tables",
    "crmcore.builtin.privacy.tables",
)

COMPUTED = {"ix_change_log_code", "ix_change_log_left_customer_id", "ix_change_log_left_contact_id"}
"""Indexes of expressions, which SQLAlchemy does not read in SQLite."""
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    for module in MODULES:
        import_module(module)
    return make_app(database=database)


def core() -> set[str]:
    """Name the core's tables: those whose class or table stands in crmcore."""
    plugins = {"abc", "credit", "fake", "ledger"}
    return {name for name in metadata.tables if name.split("_")[0] not in plugins}


def differences(connection: sa.Connection) -> list[Any]:
    own = core()

    def include(_object: Any, name: str | None, kind: str, _reflected: Any, _other: Any) -> bool:
        return (kind != "table" or name in own) and name not in COMPUTED

    context = MigrationContext.configure(
        connection, opts={"include_object": include, "compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def test_the_tables_are_those_of_the_classes(app: App) -> None:
    with app.engine.connect() as connection:
        assert differences(connection) == []
        present = set(sa.inspect(connection).get_table_names())
    # What is made of other tables is no part of the company's data; FTS5 keeps its index in tables of its own.
    made = {name for name in present if name.startswith(("search_", "duplicate_")) and name not in core()}
    assert {"search_index", "search_state", "duplicate_key", "duplicate_state"} <= made
    assert core() | {"alembic_version_crmcore"} == present - made


def test_a_difference_would_be_seen(app: App) -> None:
    with app.engine.connect() as connection, app.unguarded(connection):
        connection.exec_driver_sql("DROP INDEX ix_customer_name")
        connection.exec_driver_sql("ALTER TABLE customer ADD COLUMN extra INTEGER")
        found = {step[0] for step in differences(connection)}
        connection.rollback()
    assert found == {"add_index", "remove_column"}


def test_every_tracked_table_never_uses_an_id_twice(app: App) -> None:
    for info in core_tables(app.catalogue).values():
        assert info.table.dialect_options["sqlite"]["autoincrement"], info.entity
        if app.engine.dialect.name == "postgresql":
            with app.read() as ctx:
                query = sa.text("SELECT pg_get_serial_sequence(:name, 'id')")
                assert ctx.connection.scalar(query, {"name": info.entity}), info.entity


def test_names_of_constraints_follow_the_convention_on_both_databases(app: App) -> None:
    with app.engine.connect() as connection:
        inspector = sa.inspect(connection)
        for name in core():
            for key in inspector.get_foreign_keys(name):
                assert (key["name"] or "").startswith(f"fk_{name}_"), key
            for index in inspector.get_indexes(name):
                assert (index["name"] or "").startswith((f"ix_{name}_", f"uq_{name}_")), index
            if app.engine.dialect.name == "postgresql":
                assert inspector.get_pk_constraint(name)["name"] == f"pk_{name}"


def test_going_down_drops_everything(app: App) -> None:
    folder = migrations.CORE_FOLDER
    script = ScriptDirectory(str(folder), version_locations=[str(folder)])
    with (
        app.engine.connect() as connection,
        app.unguarded(connection),
        connection.begin(),
        EnvironmentContext(
            Config(), script, fn=lambda revisions, _context: script._downgrade_revs("base", revisions)
        ) as environment,
    ):
        environment.configure(connection=connection, version_table=migrations.version_table(migrations.CORE))
        environment.run_migrations()
        left = set(sa.inspect(connection).get_table_names())
    assert left <= {"alembic_version_crmcore"}


def test_migrating_twice_changes_nothing(app: App) -> None:
    assert migrations.migrate(app.engine, {migrations.CORE: migrations.CORE_FOLDER}) == []


def test_a_newer_database_is_refused(make_app: Callable[..., App], reopen: Callable[..., App]) -> None:
    app = make_app()
    app.close()
    with sqlite3.connect(app.config.folder / "crm.db") as connection:
        connection.execute("UPDATE alembic_version_crmcore SET version_num = 'crmcore_0099'")
    connection.close()
    with (
        pytest.raises(CrmError, match=r"is at crmcore_0099, this program needs crmcore_\d{4};"),
        reopen(app).read(),
    ):
        pass


def test_a_database_without_tables_is_refused(
    make_app: Callable[..., App], reopen: Callable[..., App]
) -> None:
    app = make_app()
    app.close()
    path = app.config.folder / "crm.db"
    path.unlink()
    path.touch()
    with (
        pytest.raises(CrmError, match="holds no crmcore tables; make them with: crm db migrate"),
        reopen(app).read(),
    ):
        pass


BATCH = """
import sqlalchemy as sa
from alembic import op
revision = "side_0002"
down_revision = "side_0001"

def upgrade():
    with op.batch_alter_table("side_head", recreate="always") as batch:
        batch.add_column(sa.Column("more", sa.Integer(), nullable=True))

def downgrade():
    pass
"""
FIRST = """
import sqlalchemy as sa
from alembic import op
revision = "side_0001"
down_revision = None

def upgrade():
    op.create_table("side_head", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_table("side_row", sa.Column("id", sa.Integer(), primary_key=True),
                    sa.Column("head_id", sa.Integer(), sa.ForeignKey("side_head.id", ondelete="CASCADE")))
    op.execute("INSERT INTO side_head (id) VALUES (1)")
    op.execute("INSERT INTO side_row (id, head_id) VALUES (1, 1), (2, 1)")

def downgrade():
    pass
"""


def test_a_batch_recreate_does_not_empty_tables_that_cascade(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    from crmcore.builtin.lifecycle.enabling import accept
    from crmcore.testing import ACTOR

    manifest = {"table_prefix": "side", "migrations": "migrations"}
    plugin = install_plugin(
        "side", "from crmcore.api import hookimpl", manifest, files={"migrations/0001_a.py": FIRST}
    )
    app = make_app(["side"], database)
    plugin.write(
        {"migrations/0002_b.py": BATCH if database == "sqlite" else BATCH.replace(', recreate="always"', "")}
    )
    app.refresh()
    accept(app, ["side"], ACTOR, "upgrade")
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM side_row")) == 2
        if database == "sqlite":
            assert ctx.connection.exec_driver_sql("SELECT * FROM pragma_foreign_keys").scalar() == 1, (
                "on again"
            )


def test_a_migration_that_leaves_rows_pointing_nowhere_is_rolled_back(
    make_app: Callable[..., App], install_plugin: Any
) -> None:
    from crmcore.builtin.lifecycle.enabling import enable
    from crmcore.testing import ACTOR

    bad = FIRST.replace("def downgrade", "    op.execute('DELETE FROM side_head')\n\ndef downgrade")
    manifest = {"table_prefix": "side", "migrations": "migrations"}
    install_plugin("side", "from crmcore.api import hookimpl", manifest, files={"migrations/0001_a.py": bad})
    app = make_app()
    with pytest.raises(
        CrmError, match="would leave table side_row with rows that point nowhere; nothing was changed"
    ):
        enable(app, ["side"], ACTOR)
    with app.read() as ctx:
        assert "side_row" not in sa.inspect(ctx.connection).get_table_names()
