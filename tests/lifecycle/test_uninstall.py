"""Uninstalling keeps, exports or drops by choice, and never guesses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.lifecycle import enabling as lifecycle
from crmcore.db.system import observer_cursor, observer_parked, plugin_health
from crmcore.testing import ACTOR, CommandLine
from tests.lifecycle.conftest import MANIFEST, SETTINGS
from tests.lifecycle.seen import everything, lasting, rows, tables

EMPTY = "from crmcore.api import hookimpl\n"
OWN = {"loyal_account", "loyal_entry", "loyal_level", "alembic_version_loyal"}


def add(app: App, code: str) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code}])


def settings(app: App) -> dict[str, Any]:
    return tomllib.loads(app.config.path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("options", [[], ["--keep", "--drop"], ["--drop", "--export", "x"]])
def test_without_one_of_the_three_ways_nothing_happens(
    company: App, crm: CommandLine, options: list[str], tmp_path: Path
) -> None:
    before = everything(company)
    done = crm("plugins", "uninstall", "loyal", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--keep, --export DIR or --drop" in done.stderr
    assert everything(company) == before


def test_dropping_leaves_nothing_of_the_plugin(
    company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    with company.operations() as connection:
        connection.execute(
            sa.insert(plugin_health), {"name": "loyal", "failures": 1, "quarantined": False, "error": None}
        )
        connection.execute(sa.insert(observer_cursor), {"plugin": "loyal", "xid": 0, "seq": 1})
        parked = {"plugin": "loyal", "entity": "customer", "entity_id": 1, "seq": 1, "error": "x"}
        connection.execute(sa.insert(observer_parked), parked)
    others = rows(company, ["customer", "actor", "person_key"])
    made = crm.json("plugins", "uninstall", "loyal", "--drop")
    assert made["data"] == "dropped"
    assert {t["name"]: t["rows"] for t in made["tables"]} == {
        "loyal_account": 3,
        "loyal_entry": 10,
        "loyal_level": 2,
    }
    again = reopen(company)
    assert not tables(again) & OWN
    for name in ("plugin", "plugin_health", "observer_cursor", "observer_parked"):
        assert rows(again, [name])[name] == []
    assert rows(again, ["customer", "actor", "person_key"]) == others
    assert settings(again)["plugins"]["enabled"] == []
    assert "loyal" not in settings(again)["plugins"]
    assert settings(again)["roles"] == {"clerk": ["records.write"]}
    text = again.config.path.read_text(encoding="utf-8")
    assert all(
        comment in text for comment in ("# roles of ours", "# may give", "# after", "# Change it with")
    )
    add(again, "D")


def test_the_change_log_says_what_was_dropped_in_one_entry(
    company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    before = len(rows(company, ["change_log"])["change_log"])
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    with reopen(company).read() as ctx:
        entries = ctx.connection.execute(sa.text("SELECT * FROM change_log ORDER BY seq")).mappings().all()
        reason = ctx.connection.scalar(sa.text("SELECT reason FROM change_tx ORDER BY id DESC LIMIT 1"))
    assert len(entries) == before + 1
    assert (entries[-1]["entity"], entries[-1]["operation"]) == ("plugin", "delete")
    said = json.loads(entries[-1]["before"])
    assert said["tables"] == {"loyal_account": 3, "loyal_entry": 10, "loyal_level": 2}
    assert (said["name"], said["version"]) == ("loyal", "1.0")
    assert reason == "uninstall loyal, dropping its data"


@pytest.mark.parametrize("state", ["broken", "unreadable", "gone", "disabled"])
def test_dropping_works_where_the_package_is_broken_or_gone(
    company: App, crm: CommandLine, loyal: Any, state: str, reopen: Callable[..., App]
) -> None:
    if state == "broken":
        loyal.code("raise SystemExit(3)")
    elif state == "unreadable":
        loyal.write({"plugin.json": "{"})
    elif state == "gone":
        loyal.uninstall()
    else:
        crm.ok("plugins", "disable", "loyal")
    loyal.forget()
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    again = reopen(company)
    assert not tables(again) & OWN
    assert settings(again)["roles"] == {"clerk": ["records.write"]}
    add(again, "D")


def test_after_dropping_the_plugin_can_be_enabled_as_if_it_never_was(
    company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    crm.ok("plugins", "enable", "loyal")
    assert rows(reopen(company), ["loyal_account"]) == {"loyal_account": []}
    assert crm("plugins", "uninstall", "loyal", "--drop").exit_code == 0
    assert crm.json("plugins", "plan", "uninstall", "loyal")["tables"] == []


def test_keeping_leaves_tables_and_settings_and_the_plugin_comes_back_to_them(
    company: App, crm: CommandLine, loyal: Any, reopen: Callable[..., App]
) -> None:
    before = rows(company, sorted(OWN))
    made = crm.json("plugins", "uninstall", "loyal", "--keep")
    assert (made["data"], {t["name"]: t["rows"] for t in made["tables"]}["loyal_entry"]) == ("kept", 10)
    again = reopen(company)
    assert rows(again, sorted(OWN)) == before
    assert settings(again)["plugins"]["loyal"] == {"days": 9, "greeting": "你好"}
    assert settings(again)["plugins"]["enabled"] == []
    add(again, "D")
    crm.ok("plugins", "enable", "loyal")
    assert rows(reopen(company), sorted(OWN)) == before
    crm.ok("plugins", "uninstall", "loyal", "--keep")
    loyal.uninstall()
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    assert not tables(reopen(company)) & OWN


@pytest.mark.parametrize("way", [["--keep"], ["--drop"], ["--export", "out"]])
def test_a_plugin_that_another_requires_is_guarded(
    company: App, crm: CommandLine, install_plugin: Any, way: list[str], tmp_path: Path
) -> None:
    install_plugin("top", EMPTY, {"requires": ["loyal"]})
    crm.ok("plugins", "enable", "top")
    before = everything(company)
    way = [str(tmp_path / word) if word == "out" else word for word in way]
    done = crm("plugins", "uninstall", "loyal", *way)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "plugin 'top' requires 'loyal'" in done.stderr
    assert everything(company) == before
    assert not (tmp_path / "out").exists()
    crm.ok("plugins", "uninstall", "top", "--drop")
    crm.ok("plugins", "uninstall", "loyal", *way)


def test_tables_that_others_point_into_are_guarded(
    company: App, crm: CommandLine, install_plugin: Any
) -> None:
    migration = """
import sqlalchemy as sa
from alembic import op
revision = "pin_0001"
down_revision = None
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

def upgrade():
    op.create_table("pin_note", sa.Column("id", BIG, primary_key=True),
                    sa.Column("account_id", BIG, sa.ForeignKey("loyal_account.id", name="fk_pin")))

def downgrade():
    op.drop_table("pin_note")
"""
    manifest = {"requires": ["loyal"], "table_prefix": "pin"}
    install_plugin("pin", EMPTY, manifest, files={"migrations/0001_pin.py": migration})
    crm.ok("plugins", "enable", "pin")
    crm.ok("plugins", "uninstall", "pin", "--keep")
    before = everything(company)
    done = crm("plugins", "uninstall", "loyal", "--drop")
    assert done.exit_code == 3
    assert "pin_note" in done.stderr
    assert everything(company) == before
    crm.ok("plugins", "uninstall", "pin", "--drop")
    crm.ok("plugins", "uninstall", "loyal", "--drop")


def test_uninstalling_needs_the_permission(company: App, crm: CommandLine) -> None:
    crm.ok("actor", "add", "rep", "--role", "sales_representative")
    before = everything(company)
    for way in ("--keep", "--drop"):
        done = crm("plugins", "uninstall", "loyal", way, "--actor", "rep")
        assert (done.exit_code, "may not" in done.stderr) == (1, True)
    assert everything(company) == before


def test_a_plugin_that_nobody_knows_cannot_be_uninstalled(
    make_app: Callable[..., App], crm: CommandLine
) -> None:
    make_app()
    for way in ("--keep", "--drop"):
        done = crm("plugins", "uninstall", "zzz", way)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "there is no plugin 'zzz'" in done.stderr


def test_tables_that_point_to_each_other_in_a_circle_are_dropped(
    make_app: Callable[..., App],
    database: str,
    crm: CommandLine,
    install_plugin: Any,
    reopen: Callable[..., App],
) -> None:
    migration = """
import sqlalchemy as sa
from alembic import op
revision = "ring_0001"
down_revision = None

def upgrade():
    op.create_table("ring_a", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("b_id", sa.Integer()))
    op.create_table("ring_b", sa.Column("id", sa.Integer(), primary_key=True),
                    sa.Column("a_id", sa.Integer(), sa.ForeignKey("ring_a.id", name="fk_ring_b")))
    with op.batch_alter_table("ring_a") as batch:
        batch.create_foreign_key("fk_ring_a", "ring_b", ["b_id"], ["id"])
    op.execute("INSERT INTO ring_a (id) VALUES (1)")
    op.execute("INSERT INTO ring_b (id, a_id) VALUES (1, 1)")
    op.execute("UPDATE ring_a SET b_id = 1")
    op.execute("CREATE VIEW ring_view AS SELECT * FROM ring_a")

def downgrade():
    pass
"""
    install_plugin("ring", EMPTY, {"table_prefix": "ring"}, files={"migrations/0001_ring.py": migration})
    app = make_app(["ring"], database)
    crm.ok("plugins", "uninstall", "ring", "--drop")
    again = reopen(app)
    assert not {name for name in tables(again) if name.startswith("ring")}
    with again.engine.connect() as connection:
        assert sa.inspect(connection).get_view_names() == []
    crm.ok("plugins", "enable", "ring")


def test_a_failure_at_the_end_changes_nothing_and_takes_the_export_away(
    company: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmcore.builtin.lifecycle import dropping, uninstalling

    def broken(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    before = lasting(company)
    monkeypatch.setattr(dropping, "dumps", broken)
    with pytest.raises(OSError, match="No space left"):
        uninstalling.remove(company, "loyal", ACTOR, tmp_path / "out")
    assert lasting(company) == before
    assert not (tmp_path / "out").exists()


KILLED = """
import os, sys
from pathlib import Path
from crmcore.app import create_app
from crmcore.builtin.lifecycle import uninstalling
from crmcore.builtin.lifecycle import dropping
if sys.argv[2] == "before":
    dropping.dumps = lambda *_: os._exit(9)
else:
    original = Path.replace
    def killed(self, target):
        if Path(target).name == "crm.toml":
            os._exit(9)
        return original(self, target)
    Path.replace = killed
uninstalling.remove(create_app(sys.argv[1]), "loyal", "tester")
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_leaves_all_or_nothing_and_the_command_can_be_run_again(
    loyal: Any,
    make_app: Callable[..., App],
    crm: CommandLine,
    python: Callable[..., Any],
    reopen: Callable[..., App],
    when: str,
) -> None:
    from tests.lifecycle.conftest import fill

    app = make_app(["loyal"], settings=SETTINGS)
    fill(app)
    before = everything(app)
    app.close()
    assert python(KILLED, app.config.folder, when).exit_code == 9
    if when == "before":
        assert rows(reopen(app)) == before[1]
    else:
        assert "crm plugins disable loyal" in crm("customer", "add", "--name", "x").stderr
    crm.ok("plugins", "uninstall", "loyal", "--drop")
    again = reopen(app)
    assert not tables(again) & OWN
    assert "loyal" not in settings(again)["plugins"]
    add(again, "D")


def test_one_who_uninstalls_while_another_enables_waits_for_the_other(
    company: App, crm: CommandLine, reopen: Callable[..., App]
) -> None:
    """Whoever comes second sees what the first has done, whatever it read before."""
    from crmcore.builtin.lifecycle import uninstalling

    first, second = reopen(company), reopen(company)
    assert "loyal" in first.database_plugins
    assert "loyal" in second.database_plugins
    uninstalling.remove(first, "loyal", ACTOR)
    assert lifecycle.enable(second, ["loyal"], ACTOR) == ["loyal"]
    add(reopen(company), "D")
    assert MANIFEST["table_prefix"] == "loyal"
