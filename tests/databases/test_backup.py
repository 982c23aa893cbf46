"""A backup is the company at one moment, whole or not there, and becomes a company again on either database."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from crmcore.api import Customer
from crmcore.app import create_app
from crmcore.testing import ACTOR

pytestmark = pytest.mark.postgres
SCHEMAS = Path(__file__).parents[2] / "crmcore" / "schemas"
BOTH = pytest.mark.parametrize("to", ["sqlite", "postgres"])


def valid(name, value):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


@pytest.fixture
def target(new_place):
    """Return the words that restore into a kind of database."""
    return lambda kind: ("--database", new_place("postgres")) if kind == "postgres" else ()


@BOTH
@pytest.mark.parametrize("enabled", [True, False], ids=["enabled", "disabled"])
def test_a_restored_backup_holds_the_same(
    rich, database, to, enabled, target, placed, contents, crm, club, tmp_path
):
    app = rich(database, club_enabled=enabled)
    if not enabled:
        club.write({"migrations/0001_club.py": "raise SystemExit('code of a plugin that is not enabled')"})
    crm.ok("jobs", "run", "seal_log")
    there = contents(placed(app.config.database_url, app.config.folder))
    told = valid("backup", crm.json("db", "backup", tmp_path / "monday"))
    manifest = json.loads((tmp_path / "monday" / "manifest.json").read_bytes())
    valid("backup_manifest", manifest)
    done = valid(
        "restored", crm.json("db", "restore", tmp_path / "monday", "--to", tmp_path / "new", *target(to))
    )
    assert club.imported is False or enabled
    assert contents(placed(done["database"], tmp_path / "new")) == there
    assert done["tables"] == told["tables"] == manifest["tables"]
    assert done["anchor"] == told["anchor"] == manifest["anchor"]
    assert done["files"] == told["files"] == 3
    assert (tmp_path / "new" / "files" / "ab" / "cdef").read_text(encoding="utf-8") == "files/ab/cdef"
    assert (tmp_path / "new" / "imports" / "7-rejects.csv").exists()
    assert not (tmp_path / "new" / "imports" / "7.lock").exists()
    doctor = {
        check["name"]: check for check in crm("doctor", "--json", folder=tmp_path / "new").json()["checks"]
    }
    assert all(doctor[name]["ok"] for name in ("database", "migrations", "change log", "plugins"))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_nobody_else_may_read_a_backup_or_what_is_restored(rich, crm, tmp_path):
    rich("sqlite")
    crm.ok("db", "backup", tmp_path / "monday")
    crm.ok("db", "restore", tmp_path / "monday", "--to", tmp_path / "new")
    for folder in (tmp_path / "monday", tmp_path / "new"):
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_restored_company_works_on(rich, database, crm, tmp_path, target):
    app = rich(database)
    with app.read() as ctx:
        last = ctx.connection.exec_driver_sql("SELECT max(id) FROM customer").scalar()
    crm.ok("db", "backup", tmp_path / "monday")
    crm.ok("db", "restore", tmp_path / "monday", "--to", tmp_path / "new", *target(database))
    copy = create_app(tmp_path / "new", clock=app.clock)
    with copy.write(ACTOR) as tx:
        (new,) = tx.insert(Customer, [{"code": "NEW", "name": "新"}])
    assert new > last
    copy.close()
    assert "✓ change log" in crm("doctor", folder=tmp_path / "new").stdout


@BOTH
def test_customers_are_found_in_the_restored_company(rich, database, to, crm, tmp_path, target):
    rich(database)
    found = crm.lines("find", "食品")
    assert found
    crm.ok("db", "backup", tmp_path / "x")
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *target(to))
    assert crm("find", "食品", "--json", folder=tmp_path / "new").lines() == found


def test_people_are_told_where_it_lies_and_what_to_do_next(make_app, crm, tmp_path):
    make_app()
    shown = crm.ok("db", "backup", tmp_path / "monday").stdout
    assert f"files to {tmp_path / 'monday'}" in shown
    assert f"To bring it back: crm db restore {tmp_path / 'monday'} --to DIR" in shown
    assert "Head of the change log: 1: " in shown
    shown = crm.ok("db", "restore", tmp_path / "monday", "--to", tmp_path / "new").stdout
    assert f"Next: crm -C {tmp_path / 'new'} doctor" in shown


def test_a_backup_is_noted_and_only_for_who_manages_the_database(make_app, crm, tmp_path):
    app = make_app()
    crm.ok("actor", "add", "li", "--name", "Li", "--role", "general_manager")
    assert "may not migrate" in crm("--actor", "li", "db", "backup", tmp_path / "x").stderr
    assert list(tmp_path.glob("*x*")) == []
    crm.ok("db", "backup", tmp_path / "x")
    with app.read() as ctx:
        row = ctx.connection.exec_driver_sql("SELECT what, actor, filter FROM read_log").one()
    assert tuple(row) == ("backup", ACTOR, str(tmp_path / "x"))


def test_settings_come_along_and_the_address_is_the_new_one(make_app, crm, tmp_path):
    make_app(settings='\n# ours\n[roles]\nclerk = ["records.write"]\n')
    crm.ok("db", "backup", tmp_path / "x")
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", "--database", "sqlite:///data/own.db")
    text = (tmp_path / "new" / "crm.toml").read_text(encoding="utf-8")
    assert '# ours\n[roles]\nclerk = ["records.write"]' in text
    assert 'url = "sqlite:///data/own.db"' in text
    assert (tmp_path / "new" / "data" / "own.db").exists()


def test_places_that_are_taken_are_refused(make_app, crm, tmp_path):
    make_app()
    crm.ok("db", "backup", tmp_path / "x")
    for words in (("backup", tmp_path / "x"), ("restore", tmp_path / "x", "--to", tmp_path / "x")):
        refused = crm("db", *words)
        assert refused.exit_code == 1
        assert f"{tmp_path / 'x'} is not empty" in refused.stderr
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert crm("db", "backup", tmp_path / "link").exit_code == 1
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "empty").mkdir()
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "empty")


def test_a_server_that_is_not_empty_is_refused_and_left_alone(
    make_app, crm, tmp_path, postgres_url, contents
):
    make_app()
    crm.ok("db", "backup", tmp_path / "x")
    before = contents(postgres_url)
    refused = crm("db", "restore", tmp_path / "x", "--to", tmp_path / "new", "--database", postgres_url)
    assert "the database is not empty" in refused.stderr
    assert contents(postgres_url) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://a:secret@localhost/x", "holds a password"),
        ("sqlite:////tmp/elsewhere.db", "outside of the new folder"),
        ("sqlite:///../elsewhere.db", "outside of the new folder"),
    ],
)
def test_addresses_that_cannot_be_are_refused(make_app, crm, tmp_path, url, told):
    make_app()
    crm.ok("db", "backup", tmp_path / "x")
    refused = crm("db", "restore", tmp_path / "x", "--to", tmp_path / "new", "--database", url)
    assert told in refused.stderr
    assert "secret" not in refused.stderr
    assert not (tmp_path / "new").exists()


WRITER = """
import sys
from pathlib import Path
from crmcore.api import Customer, Interaction
from crmcore.app import create_app
app, name = create_app(Path(sys.argv[1])), sys.argv[2]
stop = Path(sys.argv[1]) / "stop"
n = 0
while not stop.exists():
    with app.write("tester") as tx:
        (customer,) = tx.insert(Customer, [{"code": f"W{name}-{n}", "name": "写"}])
        tx.insert(Interaction, [{"code": f"I{name}-{n}", "customer_id": customer, "channel": "phone",
                                 "direction": "in", "subject": "pair", "at": tx.now}])
    n += 1
"""


@pytest.mark.slow
def test_a_backup_while_eight_write_is_of_one_moment(make_app, database, crm, tmp_path):
    app = make_app(database=database, standing_clock=False)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(app.config.folder), str(n)]) for n in range(8)
    ]
    try:
        _wait_for(app, 8)
        for n in range(3):
            crm.ok("db", "backup", tmp_path / f"b{n}")
    finally:
        (app.config.folder / "stop").touch()
        codes = [writer.wait(60) for writer in writers]
    assert codes == [0] * 8
    counts = []
    for n in range(3):
        crm.ok("db", "restore", tmp_path / f"b{n}", "--to", tmp_path / f"r{n}")
        copy = create_app(tmp_path / f"r{n}")
        with copy.read() as ctx:
            scalar = lambda query: ctx.connection.exec_driver_sql(query).scalar()  # noqa: E731
            pairs = int(scalar("SELECT count(*) FROM customer") or 0)
            assert pairs == scalar("SELECT count(*) FROM interaction")
            assert pairs == scalar("SELECT count(*) FROM change_tx WHERE entries = 2")
            assert scalar("SELECT count(*) FROM change_log") == scalar("SELECT sum(entries) FROM change_tx")
        counts.append(pairs)
        with copy.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": "NEW", "name": "新"}])
        copy.close()
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def _wait_for(app, count):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with app.read() as ctx:
            if ctx.connection.exec_driver_sql("SELECT count(*) FROM customer").scalar() >= count:
                return
        time.sleep(0.1)
    raise AssertionError("nobody writes")


MORE = """
import sqlalchemy as sa
from alembic import op
revision = "crmcore_0099"
down_revision = "{before}"

def upgrade():
    op.add_column("document", sa.Column("more", sa.String(9), nullable=True))
"""


@pytest.fixture
def newer(monkeypatch, tmp_path):
    """Return the function that makes this program one with another migration of the core."""
    from shutil import copytree

    from crmcore.db import migrations

    def make():
        folder = tmp_path / "newer"
        before = migrations.head_of("crmcore", migrations.CORE_FOLDER)
        copytree(migrations.CORE_FOLDER, folder)
        (folder / "0099_more.py").write_text(MORE.format(before=before), encoding="utf-8")
        monkeypatch.setattr(migrations, "CORE_FOLDER", folder)

    return make


@BOTH
def test_a_backup_of_an_older_version_is_brought_up(make_app, database, to, crm, tmp_path, target, newer):
    make_app(database=database)
    crm.ok("db", "backup", tmp_path / "x")
    newer()
    crm.ok("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *target(to))
    copy = create_app(tmp_path / "new")
    with copy.read() as ctx:
        assert (
            ctx.connection.exec_driver_sql("SELECT version_num FROM alembic_version_crmcore").scalar()
            == "crmcore_0099"
        )
        ctx.connection.exec_driver_sql("SELECT more FROM document")
    copy.close()


def test_a_backup_of_a_newer_version_is_refused(make_app, crm, tmp_path, newer, monkeypatch):
    with monkeypatch.context() as patch:
        from crmcore.db import migrations

        older = migrations.CORE_FOLDER
        newer()
        make_app()
        crm.ok("db", "backup", tmp_path / "x")
        patch.setattr(migrations, "CORE_FOLDER", older)
        refused = crm("db", "restore", tmp_path / "x", "--to", tmp_path / "new")
    assert refused.exit_code == 1
    assert "install the newer crmcore" in refused.stderr
    assert not (tmp_path / "new").exists()


def test_the_ledger_and_its_classes_come_along(make_app, database, crm, tmp_path, placed, contents, target):
    app = make_app(["trade_ledger", "abc_analysis"], database)
    (tmp_path / "customers.csv").write_text("code,name\nA1,甲\nB1,乙\n", encoding="utf-8")
    (tmp_path / "sales.csv").write_text(
        "document,date,customer_code,amount,currency\nD1,2026-01-05,A1,100.50,CNY\nD2,2026-01-06,B1,7,CNY\n",
        encoding="utf-8",
    )
    crm.ok("import", "customers", tmp_path / "customers.csv")
    crm("import", "purchases", tmp_path / "sales.csv")
    crm.ok("jobs", "run", "seal_log")
    there = contents(placed(app.config.database_url, app.config.folder))
    crm.ok("db", "backup", tmp_path / "x")
    other = "postgres" if database == "sqlite" else "sqlite"
    done = crm.json("db", "restore", tmp_path / "x", "--to", tmp_path / "new", *target(other))
    assert contents(placed(done["database"], tmp_path / "new")) == there
    crm.ok("customer", "list", folder=tmp_path / "new")
