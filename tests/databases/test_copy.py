"""A copy on another database holds the same, goes on where the first one is, and is whole or not there."""

import json
import sqlite3
from pathlib import Path

import jsonschema
import pytest

from crmcore.api import Customer
from crmcore.app import create_app
from crmcore.builtin.administration.settings.document import changed
from crmcore.testing import ACTOR

pytestmark = pytest.mark.postgres
SCHEMAS = Path(__file__).parents[2] / "crmcore" / "schemas"
BOTH = pytest.mark.parametrize("to", ["sqlite", "postgres"])


def valid(name, value):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def moved(app, url):
    """Let a workspace work with the copy."""
    path = app.config.path
    path.write_bytes(changed(path.read_bytes(), ("database", "url"), url))
    return create_app(app.config.folder, clock=app.clock)


@BOTH
@pytest.mark.parametrize("enabled", [True, False], ids=["enabled", "disabled"])
def test_a_copy_holds_the_same_rows(rich, database, to, enabled, new_place, placed, contents, crm, club):
    app = rich(database, club_enabled=enabled)
    url = new_place(to)
    result = valid("copied", crm.json("db", "copy", "--to", url))
    assert club.imported is False or enabled
    there = contents(placed(app.config.database_url, app.config.folder))
    here = contents(placed(url, app.config.folder))
    there["read_log"] = there["read_log"][:-1]  # the copy itself
    assert here == there
    assert {t["name"]: t["rows"] for t in result["tables"]} == {
        name: len(rows) for name, rows in here.items()
    }
    assert len(here["club_member"]) == 8
    assert result["anchor"]["unsealed"] == 0
    assert result["left_out"] == []


@BOTH
def test_checksums_are_the_same_on_both_databases(rich, database, to, new_place, crm):
    app = rich(database)
    url = new_place(to)
    first = crm.json("db", "copy", "--to", url)
    app.close()
    moved(app, url).close()
    back = new_place("postgres")
    second = crm.json("db", "copy", "--to", back)
    sums = [{t["name"]: t["sha256"] for t in r["tables"] if t["name"] != "read_log"} for r in (first, second)]
    assert sums[0] == sums[1]


@BOTH
def test_work_goes_on_in_the_copy(rich, database, to, new_place, crm, club):
    app = rich(database)
    with app.read() as ctx:
        last = ctx.connection.exec_driver_sql("SELECT max(id), max(code) FROM customer").one()
    url = new_place(to)
    head = crm.json("db", "copy", "--to", url)["anchor"]
    app.close()
    copy = moved(app, url)
    seen = app.config.folder / "seen.txt"
    before = seen.read_text(encoding="utf-8").split() if seen.exists() else []
    with copy.write(ACTOR) as tx:
        (new,) = tx.insert(Customer, [{"code": "NEW", "name": "新"}])
    assert new > last[0]
    with copy.operations() as connection, copy.unguarded(connection):
        number = connection.exec_driver_sql(
            "INSERT INTO club_member (customer_id, name, happy) VALUES (1, 'x', true) RETURNING id"
        ).scalar()
    assert number == 10  # 9 was given and taken away
    crm.ok("jobs", "run", "seal_log")
    doctor = {f["name"]: f for f in crm.json("doctor")["checks"]}
    assert doctor["change log"]["ok"]
    assert "wait" not in doctor["change log"]["detail"]
    with copy.read() as ctx:
        seals = ctx.connection.exec_driver_sql("SELECT position, seal FROM change_seal").all()
        assert (head["position"], head["seal"]) in map(tuple, seals)
        everything = set(map(str, ctx.connection.exec_driver_sql("SELECT seq FROM change_log").scalars()))
    crm.ok("jobs", "run", "deliver_changes")
    told = seen.read_text(encoding="utf-8").split()[len(before) :]
    assert told, "the observer is told what is new"
    assert set(before) | set(told) == everything
    copy.close()


def test_an_observer_that_waits_is_told_everything_after_the_move(rich, new_place, crm, observer):
    app = rich("postgres")
    crm.ok("customer", "add", "--name", "后")
    crm.ok("jobs", "run", "deliver_changes")
    with app.operations() as connection:
        connection.exec_driver_sql(
            "UPDATE observer_cursor SET xid = t.xid, seq = t.last_seq - 1"
            " FROM (SELECT xid, last_seq FROM change_tx ORDER BY xid OFFSET 1 LIMIT 1) t"
        )
        undelivered = set(
            connection.exec_driver_sql(
                "SELECT l.seq FROM change_log l JOIN change_tx t ON t.id = l.tx_id, observer_cursor o"
                " WHERE (t.xid, l.seq) > (o.xid, o.seq)"
            ).scalars()
        )
    assert undelivered
    (app.config.folder / "seen.txt").unlink()
    for kind in ("sqlite", "postgres"):
        url = new_place(kind)
        crm.ok("db", "copy", "--to", url)
        app.close()
        app = moved(app, url)
    crm.ok("jobs", "run", "deliver_changes")
    told = set(map(int, (app.config.folder / "seen.txt").read_text(encoding="utf-8").split()))
    assert told >= undelivered
    app.close()


def test_a_log_with_numbers_of_another_server_is_put_right(make_app, crm, new_place, observer):
    """So it is after pg_restore on a younger server: its readers wait for numbers that are far away."""
    app = make_app(["watcher"], "postgres")
    crm.ok("customer", "add", "--name", "甲公司")
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("DELETE FROM change_seal")
        connection.exec_driver_sql("DELETE FROM observer_cursor")
        connection.exec_driver_sql("UPDATE change_tx SET xid = xid + 1000000000000")
    (app.config.folder / "seen.txt").unlink(missing_ok=True)
    crm.ok("jobs", "run", "seal_log")
    assert "wait for the sealer" in crm("doctor").stdout
    url = new_place("postgres")
    crm.ok("db", "copy", "--to", url)
    app.close()
    copy = moved(app, url)
    crm.ok("jobs", "run", "seal_log")
    crm.ok("jobs", "run", "deliver_changes")
    assert "wait for the sealer" not in crm("doctor").stdout
    with copy.read() as ctx:
        everything = list(ctx.connection.exec_driver_sql("SELECT seq FROM change_log ORDER BY seq").scalars())
    assert list(map(int, (app.config.folder / "seen.txt").read_text(encoding="utf-8").split())) == everything
    copy.close()


def test_a_database_that_is_not_empty_is_refused(rich, crm, new_place, tmp_path, make_app):
    app = rich("postgres")
    assert "it holds 'actor'" in crm("db", "copy", "--to", app.config.database_url).stderr.replace("pk_", "")
    (tmp_path / "copy.db").write_bytes(b"")
    refused = crm("db", "copy", "--to", new_place("sqlite"))
    assert refused.exit_code == 1
    assert "already exists" in refused.stderr
    assert (tmp_path / "copy.db").read_bytes() == b""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://crm:secret@localhost/crm", "holds a password"),
        ("postgresql://crm@localhost/crm?password=secret", "holds a password"),
        ("mysql://localhost/crm", "allowed is text that matches"),
        ("sqlite://", "allowed is text that matches"),
        ("sqlite:////nowhere/at/all.db", "there is no folder /nowhere/at"),
    ],
)
def test_an_address_that_cannot_be_is_refused(make_app, crm, url, told):
    make_app()
    refused = crm("db", "copy", "--to", url)
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert "secret" not in refused.stderr


def test_only_who_manages_the_database_may_copy_it(make_app, crm, tmp_path):
    make_app()
    crm.ok("actor", "add", "li", "--name", "Li", "--role", "general_manager")
    refused = crm("--actor", "li", "db", "copy", "--to", f"sqlite:///{tmp_path / 'x.db'}")
    assert "may not migrate, back up and copy the database" in refused.stderr
    assert not (tmp_path / "x.db").exists()


def test_copying_is_noted_in_the_read_log(make_app, crm, tmp_path):
    app = make_app()
    crm.ok("db", "copy", "--to", f"sqlite:///{tmp_path / 'x.db'}")
    with app.read() as ctx:
        row = ctx.connection.exec_driver_sql("SELECT what, entity, filter FROM read_log").one()
    assert tuple(row) == ("copy", "database", f"sqlite:///{tmp_path / 'x.db'}")


def test_tables_of_nobody_are_left_out_with_a_warning(make_app, crm, database, new_place, placed, contents):
    app = make_app(database=database)
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("CREATE TABLE scratch (x int)")
        connection.exec_driver_sql("CREATE VIEW looked AS SELECT * FROM customer")
    for kind in ("sqlite", "postgres"):
        url = new_place(kind)
        done = crm("db", "copy", "--to", url, "--json")
        assert done.json()["left_out"] == ["scratch"]
        assert "scratch" in done.stderr
        assert "scratch" not in contents(placed(url, app.config.folder))
        if kind == "sqlite":
            views = "SELECT count(*) FROM sqlite_master WHERE type = 'view'"
            assert sqlite3.connect(placed(url, app.config.folder)).execute(views).fetchone() == (0,)


def test_text_that_postgresql_cannot_hold_is_told(make_app, crm, new_place):
    app = make_app()
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("UPDATE actor SET name = 'a' || char(0) || 'b'")
    url = new_place("postgres")
    refused = crm("db", "copy", "--to", url)
    assert refused.exit_code == 1
    assert "NUL" in refused.stderr
    with app.operations() as connection, app.unguarded(connection):
        connection.exec_driver_sql("UPDATE actor SET name = 'ab'")
    crm.ok("db", "copy", "--to", url)  # it is as empty as it was


def test_a_copy_among_the_company_s_own_files_is_refused(small_company, crm):
    app = small_company().app
    folder = app.config.folder
    for name in ("files", "imports"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "deep").mkdir()
        for place in (f"sqlite:///{name}/x.db", f"sqlite:///{folder}/{name}/deep/x.db"):
            refused = crm("db", "copy", "--to", place)
            assert refused.exit_code == 1
            assert "which every backup holds; choose a folder outside" in refused.stderr
        assert not list((folder / name).rglob("x.db*"))
    crm.ok("db", "copy", "--to", "sqlite:///beside.db")
