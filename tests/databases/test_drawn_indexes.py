"""Indexes of plugins that are not enabled come along with their conditions; those that do not are named."""

import re
import shutil
import sqlite3
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import create_app
from crmcore.db import migrations

pytestmark = pytest.mark.postgres
BOTH = pytest.mark.parametrize("to", ["sqlite", "postgres"])
PLUGINS = ("trade_ledger", "abc_analysis")
ODD = (
    "CREATE UNIQUE INDEX uq_club_plain ON club_member (customer_id) WHERE name == 'm''1'\n AND level IS NULL",
    "CREATE UNIQUE INDEX uq_club_called ON club_member (customer_id) WHERE lower(name) = 'm1'",
    "CREATE INDEX ix_club_expression ON club_member (lower(name))",
    "CREATE INDEX ix_club_order ON club_member (name COLLATE {collation})",
    "CREATE INDEX ix_club_happy ON club_member (name) WHERE happy",
)


def indexes(place):
    """Return name → (table, unique, condition) as the database itself tells it."""
    rows: Any
    if isinstance(place, Path):
        database = sqlite3.connect(place)
        rows = database.execute(
            "SELECT m.name, m.tbl_name, i.\"unique\", iif(instr(m.sql, 'WHERE'), substr(m.sql, instr(m.sql, 'WHERE') + 5), '')"
            " FROM sqlite_master m, pragma_index_list(m.tbl_name) i"
            " WHERE i.name = m.name AND m.sql IS NOT NULL"
        ).fetchall()
        database.close()
    else:
        engine = sa.create_engine(place.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT c.relname, i.indrelid::regclass::text, i.indisunique, coalesce(pg_get_expr(i.indpred, i.indrelid), '')"
                " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                " WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
            ).all()
        engine.dispose()
    return {name: (table, bool(unique), bare(condition)) for name, table, unique, condition in rows}


def bare(condition):
    """Take away what the databases write differently."""
    text = re.sub(r"::[a-z ]+|[()\"\s]", "", condition.lower())
    return text.replace("==", "=")


def of(found, *prefixes):
    return {name: told for name, told in found.items() if told[0].startswith(prefixes)}


@pytest.fixture
def address(new_place):
    """Return the words that restore into a kind of database."""
    return lambda kind: ("--database", new_place("postgres")) if kind == "postgres" else ()


@pytest.fixture
def unused(make_app, crm, database):
    """Make a company that had both plugins, and has them no more."""
    if find_spec("crmcore_abc_analysis") is None:
        pytest.skip("the plugins are not installed")
    app = make_app(list(PLUGINS), database)
    for name in reversed(PLUGINS):
        crm.ok("plugins", "disable", name)
    app = create_app(app.config.folder, clock=app.clock)
    yield app
    app.close()


@BOTH
def test_rules_of_plugins_that_are_not_enabled_come_along(unused, to, crm, tmp_path, placed, address):
    wanted = of(indexes(placed(unused.config.database_url, unused.config.folder)), "abc_", "ledger_")
    assert wanted["uq_abc_run_current"] == ("abc_run", True, "state='current'")
    assert wanted["ix_ledger_document_open"][2] == "open_minor<>0"
    crm.ok("db", "backup", tmp_path / "x")
    restored = crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *address(to))
    assert "left out" not in restored.stderr
    url = create_app(tmp_path / "new").config.database_url
    assert of(indexes(placed(url, tmp_path / "new")), "abc_", "ledger_") == wanted
    for name in PLUGINS:
        crm.ok("plugins", "enable", name, folder=tmp_path / "new")
    assert of(indexes(placed(url, tmp_path / "new")), "abc_", "ledger_") == wanted


@BOTH
def test_a_restored_first_version_is_upgraded(unused, to, crm, tmp_path, placed, address):
    app = unused
    here = indexes(placed(app.config.database_url, app.config.folder))
    first = tmp_path / "first"
    first.mkdir()
    folder = Path(str(files("crmcore_abc_analysis"))) / "migrations"
    shutil.copy(next(folder.glob("0001_*.py")), first)
    with app.operations() as connection, app.unguarded(connection):
        names = sa.inspect(connection).get_table_names()
        drawn = sa.MetaData()
        drawn.reflect(connection, only=[n for n in names if n.startswith("abc_")], resolve_fks=False)
        for name in drawn.tables:
            cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f'DROP TABLE "{name}"{cascade}')
        connection.exec_driver_sql(f'DROP TABLE "{migrations.version_table("abc_analysis")}"')
    migrations.migrate(app.engine, {"abc_analysis": first})
    crm.ok("db", "backup", tmp_path / "x")
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *address(to))
    url = create_app(tmp_path / "new").config.database_url
    restored = indexes(placed(url, tmp_path / "new"))
    assert restored["uq_abc_run_current"] == ("abc_run", True, "state='current'")
    for name in PLUGINS:
        crm.ok("plugins", "enable", name, folder=tmp_path / "new")
    upgraded = of(indexes(placed(url, tmp_path / "new")), "abc_")
    assert upgraded == of(here, "abc_")


@BOTH
def test_what_cannot_be_read_is_left_out_and_named(
    rich, database, to, crm, new_place, placed, address, tmp_path
):
    app = rich(database, club_enabled=False)
    collation = "NOCASE" if database == "sqlite" else '"C"'
    with app.operations() as connection, app.unguarded(connection):
        for text in ODD:
            equals = "=" if database == "postgres" else "=="
            connection.exec_driver_sql(text.replace("==", equals).format(collation=collation))
        if database == "sqlite":  # there a number is a condition
            connection.exec_driver_sql("CREATE INDEX ix_club_number ON club_member (name) WHERE invited_by")
    lost = {"uq_club_called", "ix_club_expression", "ix_club_happy"}
    lost |= {"ix_club_order"} if database == "sqlite" else set()
    kept = {"uq_club_plain", "ix_club_member_name"}
    (lost if to == "postgres" else kept).update({"ix_club_number"} if database == "sqlite" else ())
    crm.ok("jobs", "run", "seal_log")
    made = crm.ok("db", "backup", tmp_path / "x").stderr
    made += crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *address(to)).stderr
    assert set(re.findall(r"index (\w+) of table club_member was left out", made)) == lost
    url = create_app(tmp_path / "new").config.database_url
    found = indexes(placed(url, tmp_path / "new"))
    assert kept <= found.keys()
    assert not lost & found.keys()
    assert found["uq_club_plain"] == ("club_member", True, "name='m''1'andlevelisnull")
    if (database, to) == ("sqlite", "sqlite"):
        return  # such a copy is the file, page by page
    copied = crm.ok("db", "copy", "--to", new_place(to)).stderr
    assert set(re.findall(r"index (\w+) of table club_member was left out", copied)) == lost


@pytest.mark.parametrize("options", ["mode=ro", "", "timeout=5&uri=true"])
def test_options_of_a_file_are_refused(make_app, crm, tmp_path, options):
    make_app()
    url = f"sqlite:///{tmp_path}/y.db"
    crm.ok("db", "backup", tmp_path / "x")
    for words in (
        ("db", "copy", "--to", f"{url}?{options}"),
        ("db", "restore", tmp_path / "x", "--to", tmp_path / "new", "--database", f"{url}?{options}"),
    ):
        refused = crm(*words)
        assert refused.exit_code == 1
        assert refused.stderr == (
            f"crm: {url}: the address of a SQLite file takes no options; leave out ?{options}\n"
        )
    assert not list(tmp_path.glob("y.db*"))
    assert not (tmp_path / "new").exists()
