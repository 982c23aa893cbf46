"""A new version is taken on as a whole, or nothing of it; until then nothing is written."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer, Refused
from crmcore.app import App
from crmcore.builtin.lifecycle.enabling import accept
from crmcore.config import SCHEMAS
from crmcore.db.system import plugin_health
from crmcore.settings.validation import check, load_schema
from crmcore.testing import ACTOR, CommandLine
from tests.lifecycle.conftest import MIGRATION, SECOND, SETTINGS, fill
from tests.lifecycle.seen import lasting, rows, tables

EMPTY = "from crmcore.api import hookimpl\n"
CHECK = """
def check(connection):
    from sqlalchemy import text
    yield f"{connection.scalar(text('SELECT count(*) FROM loyal_entry'))} entries are in the way, merge them first"
"""


def add(app: App, code: str = "D") -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": code, "name": code}])


def replace(plugin: Any, version: str, **files: str) -> None:
    """Replace the wheel by another version, as pip does."""
    for path in plugin.info.iterdir():
        path.unlink()
    plugin.info.rmdir()
    plugin.version = version
    plugin.write({name.replace("__", "/") + ".py": text for name, text in files.items()})
    plugin.forget()


def revision(app: App, name: str = "loyal") -> Any:
    with app.engine.connect() as connection:
        return connection.scalar(sa.text(f"SELECT version_num FROM alembic_version_{name}"))  # noqa: S608


def test_an_upgrade_accepts_files_and_migrates_in_one_go(
    company: App, crm: CommandLine, loyal: Any, reopen: Callable[..., App]
) -> None:
    before = rows(company, ["loyal_account", "loyal_level", "customer"])
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    assert crm.json("plugins", "upgrade", "loyal") == {
        "upgraded": [{"name": "loyal", "from": "1.0", "to": "1.1"}]
    }
    again = reopen(company)
    assert revision(again) == "loyal_0002"
    assert rows(again, ["loyal_account", "loyal_level", "customer"]) == before
    add(again)
    assert crm.json("plugins", "upgrade", "loyal")["upgraded"][0] == {
        "name": "loyal",
        "from": "1.1",
        "to": "1.1",
    }


def test_until_the_upgrade_nothing_is_written_and_everything_can_be_read(
    company: App, crm: CommandLine, loyal: Any, reopen: Callable[..., App]
) -> None:
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    again = reopen(company)
    before = rows(again)
    with pytest.raises(Refused, match=r"\(1.0, now 1.1\); if that is meant, run: crm plugins upgrade loyal"):
        add(again)
    done = crm("customer", "add", "--name", "x")
    assert (done.exit_code, "crm plugins upgrade loyal" in done.stderr) == (1, True)
    for words in (["customer", "list"], ["work"], ["plugins", "list"], ["report", "list"]):
        crm.ok(*words)
    assert rows(again) == before
    crm.ok("plugins", "upgrade", "loyal")
    add(reopen(company))


def test_changed_files_of_the_same_version_are_trusted(
    company: App, crm: CommandLine, loyal: Any, reopen: Callable[..., App]
) -> None:
    loyal.code(EMPTY)
    with pytest.raises(Refused, match="run: crm plugins trust loyal"):
        add(reopen(company))
    crm.ok("plugins", "trust", "loyal")
    add(reopen(company))


def test_an_upgrade_that_changes_nothing_says_so(company: App, crm: CommandLine, loyal: Any) -> None:
    assert crm.ok("plugins", "upgrade", "loyal").stdout == "Nothing to change: loyal 1.0\n"
    loyal.code(EMPTY)
    loyal.forget()
    assert crm.ok("plugins", "upgrade", "loyal").stdout == "Upgraded: loyal 1.0\n"
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    assert crm.ok("plugins", "upgrade", "loyal").stdout == "Upgraded: loyal 1.0 → 1.1\n"


def test_files_that_change_tables_are_not_trusted_but_upgraded(
    company: App, crm: CommandLine, loyal: Any
) -> None:
    loyal.write({"migrations/0002_why.py": SECOND})
    loyal.forget()
    (line,) = [line for line in crm.lines("plugins", "list") if line["name"] == "loyal"]
    assert "run: crm plugins upgrade loyal" in line["error"]["message"]
    before = lasting(company)
    done = crm("plugins", "trust", "loyal")
    assert (done.exit_code, done.stdout) == (1, "")
    sentence = "the new files of plugin 'loyal' change its tables; run: crm plugins upgrade loyal"
    assert done.stderr == f"crm: {sentence}\n"
    assert lasting(company) == before
    crm.ok("plugins", "upgrade", "loyal")
    assert revision(company) == "loyal_0002"


def test_the_doctor_names_one_remedy_for_tables_behind_their_files(
    company: App, crm: CommandLine, loyal: Any
) -> None:
    loyal.write({"migrations/0002_why.py": SECOND})
    loyal.forget()
    said = " ".join(check["detail"] for check in crm("doctor", "--json").json()["checks"])
    assert "not up to date: loyal: loyal_0001 → loyal_0002; run: crm plugins upgrade loyal" in said
    assert "crm db migrate" not in said
    crm.ok("plugins", "upgrade", "loyal")
    (loyal.folder / "migrations" / "0002_why.py").unlink()
    loyal.forget()
    said = " ".join(check["detail"] for check in crm("doctor", "--json").json()["checks"])
    assert "newer than its files (loyal_0001); install the newer loyal" in said
    assert "crm db migrate" not in said


def test_trusting_and_releasing_answer_in_json(company: App, crm: CommandLine, loyal: Any) -> None:
    schemas = {name: load_schema(SCHEMAS / f"plugins_{name}.schema.json") for name in ("trusted", "released")}
    loyal.code(EMPTY)
    loyal.forget()
    trusted = crm.json("plugins", "trust", "loyal")
    check(trusted, schemas["trusted"], "trusted")
    assert trusted == {"trusted": ["loyal"]}
    with company.operations() as connection:
        values = {"name": "loyal", "failures": 1, "quarantined": False, "error": None}
        connection.execute(sa.insert(plugin_health), values)
    for expected in (["loyal"], []):
        released = crm.json("plugins", "release", "loyal")
        check(released, schemas["released"], "released")
        assert released == {"released": expected}


@pytest.mark.parametrize("action", ["trust", "upgrade"])
def test_what_is_not_installed_is_not_to_be_enabled_first(
    company: App, crm: CommandLine, action: str
) -> None:
    done = crm("plugins", action, "nosuch")
    assert done.stderr == "crm: there is no plugin 'nosuch'; install its package first\n"


def test_tables_behind_files_that_are_accepted_refuse_writes_too(
    company: App, reopen: Callable[..., App], crm: CommandLine, loyal: Any
) -> None:
    """An editable installation says nothing of its code, and a database may come from an older backup."""
    loyal.write({"migrations/0002_why.py": SECOND})
    record = loyal.info / "RECORD"
    with company.operations() as connection, company.unguarded(connection):
        from crmcore.plugins.discovery import installed

        query = sa.text("UPDATE plugin SET record_hash = :hash")
        connection.execute(query, {"hash": installed()["loyal"].record_hash})
    assert record.exists()
    again = reopen(company)
    with pytest.raises(
        Refused, match="at loyal_0001, its files need loyal_0002; run: crm plugins upgrade loyal"
    ):
        add(again)
    assert len(crm.lines("customer", "list")) == 3
    crm.ok("plugins", "upgrade", "loyal")
    add(reopen(company))


def test_an_older_version_than_its_tables_is_refused(
    company: App, crm: CommandLine, loyal: Any, reopen: Callable[..., App]
) -> None:
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    crm.ok("plugins", "upgrade", "loyal")
    (loyal.folder / "migrations" / "0002_why.py").unlink()
    replace(loyal, "1.0")
    before = lasting(reopen(company))
    done = crm("plugins", "upgrade", "loyal")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the tables of loyal are at loyal_0002, newer than its files (loyal_0001)" in done.stderr
    assert lasting(reopen(company)) == before


def test_a_check_on_the_old_tables_aborts_the_upgrade_with_nothing_changed(
    company: App, crm: CommandLine, loyal: Any
) -> None:
    third = (
        SECOND.replace("loyal_0002", "loyal_0003").replace("loyal_0001", "loyal_0002").replace("why", "who")
    )
    replace(loyal, "1.1", migrations__0002_why=SECOND, migrations__0003_who=third + CHECK)
    before = lasting(company)
    done = crm("plugins", "upgrade", "loyal")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "loyal_0003: 10 entries are in the way, merge them first; nothing was changed" in done.stderr
    assert lasting(company) == before


@pytest.mark.parametrize(
    "body",
    [
        "connection.execute(__import__('sqlalchemy').text('DELETE FROM loyal_entry'))\n    return []",
        "connection.exec_driver_sql('DROP TABLE loyal_entry')\n    return []",
        "connection.commit()\n    return []",
        "1 / 0",
        "raise SystemExit(0)",
        "return 5",
    ],
)
def test_a_check_that_writes_or_fails_aborts_the_upgrade_too(
    company: App, crm: CommandLine, loyal: Any, body: str
) -> None:
    replace(loyal, "1.1", migrations__0002_why=f"{SECOND}\ndef check(connection):\n    {body}\n")
    before = lasting(company)
    done = crm("plugins", "upgrade", "loyal")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert lasting(company) == before


def test_a_check_is_not_asked_where_there_are_no_tables_yet(
    make_app: Callable[..., App], crm: CommandLine, loyal: Any, database: str
) -> None:
    loyal.write({"migrations/0002_why.py": SECOND + CHECK})
    app = make_app(["loyal"], database)
    assert revision(app) == "loyal_0002"


@pytest.mark.parametrize("body", ["op.execute('INSERT INTO nowhere VALUES (1)')", "raise SystemExit(0)"])
def test_a_failure_in_the_middle_rolls_back_all_plugins_of_the_upgrade(
    company: App, crm: CommandLine, loyal: Any, install_plugin: Any, body: str
) -> None:
    first = MIGRATION.replace("loyal", "other")
    other = install_plugin(
        "other", EMPTY, {"table_prefix": "other"}, files={"migrations/0001_other.py": first}
    )
    crm.ok("plugins", "enable", "other")
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    broken = SECOND.replace("loyal", "other").replace("\ndef downgrade", f"    {body}\n\ndef downgrade")
    replace(other, "1.1", migrations__0002_why=broken)
    before = lasting(company)
    done = crm("plugins", "upgrade", "loyal", "other")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "failed and was rolled back" in done.stderr
    assert lasting(company) == before
    crm.ok("plugins", "upgrade", "loyal")


def test_who_is_required_is_upgraded_first(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any, database: str
) -> None:
    base = install_plugin("base", EMPTY)
    top = install_plugin("top", EMPTY, {"requires": ["base>=1,<3"]})
    make_app(["base", "top"], database)
    replace(base, "2.0")
    replace(top, "2.0")
    made = crm.json("plugins", "upgrade", "top", "base")["upgraded"]
    assert [line["name"] for line in made] == ["base", "top"]


def test_upgrading_needs_an_enabled_plugin_and_the_permission(
    company: App, crm: CommandLine, install_plugin: Any
) -> None:
    install_plugin("idle", EMPTY)
    done = crm("plugins", "upgrade", "idle")
    assert (done.exit_code, "is not enabled" in done.stderr) == (1, True)
    crm.ok("actor", "add", "rep", "--role", "sales_representative")
    done = crm("plugins", "upgrade", "loyal", "--actor", "rep")
    assert (done.exit_code, "may not" in done.stderr) == (1, True)


KILLED = """
import os, sys
from crmcore.app import create_app
from crmcore.db import migrations
from crmcore.builtin.lifecycle import enabling
if sys.argv[2] == "migrating":
    migrations._check_tables = lambda *_: os.kill(os.getpid(), 9)
else:
    enabling.store = lambda *_, **__: os.kill(os.getpid(), 9)
enabling.accept(create_app(sys.argv[1]), ["loyal"], "tester", "upgrade")
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["migrating", "recording"])
def test_a_kill_in_the_middle_of_an_upgrade_leaves_a_company_that_can_be_upgraded(
    make_app: Callable[..., App],
    loyal: Any,
    crm: CommandLine,
    python: Callable[..., Any],
    reopen: Callable[..., App],
    when: str,
) -> None:
    app = make_app(["loyal"], settings=SETTINGS)
    fill(app)
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    before = rows(app)
    app.close()
    assert python(KILLED, app.config.folder, when).exit_code == -9
    again = reopen(app)
    if when == "migrating":
        assert rows(again) == before
    with pytest.raises(Refused, match="crm plugins upgrade loyal"):
        add(again)
    crm.ok("plugins", "upgrade", "loyal")
    again = reopen(app)
    assert revision(again) == "loyal_0002"
    assert "alembic_tmp" not in str(tables(again))
    add(again)


def test_two_administrators_who_upgrade_at_once_both_find_it_done(
    company: App, loyal: Any, reopen: Callable[..., App]
) -> None:
    replace(loyal, "1.1", migrations__0002_why=SECOND)
    apps = [reopen(company), reopen(company)]
    for app in apps:
        assert app.database_plugins["loyal"].version == "1.0"
    done: list[object] = []

    def upgrade(app: App) -> None:
        try:
            done.append(accept(app, ["loyal"], ACTOR, "upgrade"))
        except Exception as error:  # noqa: BLE001  (the thread's failure is the test's)
            done.append(error)

    threads = [threading.Thread(target=upgrade, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [["loyal"], ["loyal"]]
    again = reopen(company)
    assert revision(again) == "loyal_0002"
    add(again)


WAITING = """
import sys, time
from crmcore.app import create_app
from crmcore.builtin.lifecycle.lock import one_at_a_time
@one_at_a_time
def hold(app):
    print("held", flush=True)
    time.sleep(60)
hold(create_app(sys.argv[1]))
"""


@pytest.mark.slow
def test_an_administrator_who_dies_holds_nobody_up(company: App, reopen: Callable[..., App]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(company.config.folder)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.kill()
    assert accept(reopen(company), ["loyal"], ACTOR, "trust") == ["loyal"]
