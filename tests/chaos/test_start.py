"""A plugin that cannot even be imported, one that fails again and again, and what a company does about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.testing import CommandLine
from tests.chaos.conftest import process_state

SOUND = """
from crmcore.api import CardSection, Refusal, WorkItem, hookimpl

@hookimpl
def card_sections(customer_ids):
    return [CardSection(i, "part", "Part", {}) for i in customer_ids]

@hookimpl
def work_items():
    return [WorkItem("k", None, None, "Call")]
"""
GUARD = """
@hookimpl
def validate_changes(changes):
    return []
"""
AT_IMPORT = {
    "import nowhere": "ModuleNotFoundError",
    "from crmcore.api import nothing_of_this_name": "ImportError",
    "def (:": "SyntaxError",
    "raise SystemExit(0)": "SystemExit",
    "raise ValueError('not today')": "ValueError",
    "raise GeneratorExit": "GeneratorExit",
    "def f(): f()\nf()": "RecursionError",
    "input('Licence key: ')": "EOFError",
}
HARMLESS_AT_IMPORT = (
    "print('noise')",
    "import os; os.environ['CRM_ACTOR'] = 'somebody'; os.chdir('/')",
    "import decimal; decimal.getcontext().prec = 1",
    "import sys; sys.stdout.close(); sys.stderr = None",
    "import logging; logging.basicConfig(stream=__import__('sys').stdout); logging.error('noise')",
)


def break_it(plugin: Any, code: str) -> None:
    """Change the module as an editor does; nobody has to trust it anew."""
    plugin.folder.joinpath("plugin.py").write_text(code, encoding="utf-8")
    plugin.forget()


def commands(crm: CommandLine, folder: Path) -> dict[str, tuple[object, ...]]:
    file = folder / "customers.csv"
    file.write_text("code,name\nZ9,imported\n", encoding="utf-8")
    return {
        "list": ("customer", "list", "--json"),
        "show": ("customer", "show", "K1", "--json"),
        "work": ("work", "--json"),
        "reports": ("report", "list", "--json"),
        "jobs": ("jobs", "list", "--json"),
        "job": ("jobs", "run", "deliver_changes", "--json"),
        "export": ("export", "customers", folder / "out.csv", "--json"),
        "migrate": ("db", "migrate", "--json"),
        "plugins": ("plugins", "list", "--json"),
        "aside": ("--no-plugins", "customer", "show", "K1", "--json"),
        "add": ("customer", "add", "--name", "new", "--json"),
        "edit": ("customer", "edit", "K1", "--set", "name=other", "--json"),
        "import": ("import", "customers", file, "--json"),
        "doctor": ("doctor", "--json"),
    }


WRITES = {"add", "edit", "import"}


@pytest.mark.parametrize("code", [*AT_IMPORT, *HARMLESS_AT_IMPORT])
def test_every_command_works_or_refuses_when_a_guard_fails_or_acts_up_at_import(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, tmp_path: Path, code: str
) -> None:
    plugin = install_plugin("broken", SOUND + GUARD)
    install_plugin("sound", SOUND)
    make_app(["broken", "sound"])
    crm.ok("customer", "add", "--code", "K1", "--name", "first")
    break_it(plugin, f"{code}\n{SOUND}{GUARD}")
    fails = code in AT_IMPORT
    for name, words in commands(crm, tmp_path).items():
        plugin.forget()
        state = process_state()
        done = crm(*words)
        assert process_state() == state, name
        assert "noise" not in done.stdout, name
        assert "Traceback" not in done.stderr, name
        refused = fails and (name in WRITES or name == "doctor")
        assert (done.exit_code != 0) is refused, f"{name}: {done.stderr}"
        if fails and name in WRITES:
            assert "plugin 'broken' decides on this and cannot run (" in done.stderr
            assert "crm plugins disable broken" in done.stderr
        if name == "show":
            parts = [one["plugin"] for one in done.json()["sections"]]
            assert parts == (["sound"] if fails else ["broken", "sound"])
            assert ("plugin 'broken' cannot run (" in done.stderr) is fails, "a part that is missing is told"
        if fails and name == "plugins":
            shown = next(row for row in done.lines() if row["name"] == "broken")
            assert (shown["state"], shown["error"]["hook"]) == ("broken", "import")
            assert shown["error"]["type"] == AT_IMPORT[code]
    names = {one["code"]: one["name"] for one in crm.lines("customer", "list")}
    assert names["K1"] == ("first" if fails else "other")


@pytest.mark.parametrize("code", list(AT_IMPORT))
def test_what_cannot_be_imported_cannot_be_enabled(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, code: str
) -> None:
    install_plugin("broken", code)
    make_app()
    before = (crm.folder or Path()).joinpath("crm.toml").read_bytes()
    done = crm("plugins", "enable", "broken", "--json")
    assert done.exit_code == 1
    assert f"plugin 'broken' cannot be enabled: import failed ({AT_IMPORT[code]}: " in done.stderr
    assert done.stdout == ""
    assert (crm.folder or Path()).joinpath("crm.toml").read_bytes() == before


def test_ctrl_c_at_import_is_the_users(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    plugin = install_plugin("broken", SOUND)
    make_app(["broken"])
    break_it(plugin, "raise KeyboardInterrupt")
    done = crm("work", "--json")
    assert (done.exit_code, done.stderr.strip()) == (1, "crm: interrupted")
    break_it(plugin, SOUND)
    shown = next(row for row in crm.lines("plugins", "list") if row["name"] == "broken")
    assert (shown["state"], shown["error"]) == ("enabled", None)


FAILING = {
    "work_items": ("work", "--json"),
    "card_sections": ("customer", "show", "K1", "--json"),
    "observe_changes": ("customer", "add", "--name", "new", "--json"),
    "validate_changes": ("customer", "add", "--name", "new", "--json"),
    "reports": ("report", "list", "--json"),
    "code_generator": ("customer", "add", "--name", "new", "--json"),
}
MOODY = """
from pathlib import Path
from crmcore.api import hookimpl

@hookimpl
def {hook}({arguments}):
    if Path(__file__).with_name("bad").exists():
        raise ValueError("the third time")
    return {good}
"""
GOOD = {"code_generator": '{"mine": lambda pattern, numbers, today: [f"M{n}" for n in numbers]}'}
ARGUMENTS = {"observe_changes": "changes", "validate_changes": "changes"}


@pytest.mark.parametrize("hook", list(FAILING))
def test_the_third_failure_is_quarantine_until_release(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, hook: str
) -> None:
    good = GOOD.get(hook, "None" if hook == "observe_changes" else "[]")
    code = MOODY.format(hook=hook, arguments=ARGUMENTS.get(hook, ""), good=good)
    if hook != "work_items":
        code += SOUND.partition("@hookimpl\ndef work_items")[1] + SOUND.partition("def work_items")[2]
    code = code.replace("from crmcore.api import hookimpl", "from crmcore.api import WorkItem, hookimpl")
    plugin = install_plugin("moody", code)
    strategies = '\n[strategies]\ncode_generator = "mine"\n' if hook == "code_generator" else ""
    app = make_app((), settings="")
    crm.ok("customer", "add", "--code", "K1", "--name", "first")
    crm.ok("plugins", "enable", "moody")
    with app.config.path.open("a", encoding="utf-8") as file:
        file.write(strategies)
    plugin.folder.joinpath("bad").touch()
    closes = hook in {"validate_changes", "code_generator"}
    for failures in (1, 2, 3):
        done = crm(*FAILING[hook])
        assert (done.exit_code != 0) is closes, done.stderr
        assert "plugin 'moody' " in done.stderr
        with app.read() as ctx:
            kept = ctx.connection.execute(sa.text("SELECT failures, quarantined FROM plugin_health")).one()
        assert (kept.failures, bool(kept.quarantined)) == (failures, failures == 3)
    shown = next(row for row in crm.lines("plugins", "list") if row["name"] == "moody")
    assert shown["state"] == "quarantined"
    assert (shown["error"]["type"], shown["error"]["hook"]) == ("ValueError", hook)
    told = crm.ok("plugins", "list", env={"COLUMNS": "200"}).stdout
    assert f"the third time ({hook}, 20" in told, "people read hook and time, too"
    assert "moody" not in {one["plugin"] for one in crm.lines("work")}, "nothing of it is called"
    again = crm(*FAILING[hook])
    assert (again.exit_code != 0) is closes, "what it decides on stays closed, what it chose too"
    assert closes or "quarantined" in again.stderr or hook in {"observe_changes", "reports"}
    plugin.folder.joinpath("bad").unlink()
    assert crm.ok("plugins", "release", "moody").stdout == "Released: moody\n"
    assert crm.ok(*FAILING[hook]).stderr == ""
    assert next(r for r in crm.lines("plugins", "list") if r["name"] == "moody")["state"] == "enabled"


def test_a_generator_of_codes_in_quarantine_is_named_not_called_unknown(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine
) -> None:
    code = MOODY.format(hook="code_generator", arguments="", good=GOOD["code_generator"])
    plugin = install_plugin("codes", code)
    make_app(["codes"], settings='\n[strategies]\ncode_generator = "mine"\n')
    plugin.folder.joinpath("bad").touch()
    for _ in range(3):
        crm("customer", "add", "--name", "new")
    done = crm("customer", "add", "--name", "new")
    assert done.exit_code == 1
    assert (
        "plugin 'codes' cannot run (the third time); repair it or run: crm plugins disable codes"
        in done.stderr
    )
    crm.ok("customer", "add", "--code", "A", "--name", "a code of one's own is no matter of theirs")


MIGRATION = """
import os
import sqlalchemy as sa
from alembic import op
revision = "{number}"
down_revision = {before}

def upgrade():
    {body}
"""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("print('noise'); os.environ['CRM_ACTOR'] = 'somebody'", ""),
        ("raise SystemExit(0)", "(SystemExit: 0)"),
        ("raise GeneratorExit", "(GeneratorExit: GeneratorExit)"),
        (
            "op.create_table('half_done', sa.Column('id', sa.Integer())); raise ValueError('no')",
            "(ValueError: no)",
        ),
        ("input('Sure? ')", "(EOFError: EOF when reading a line)"),
    ],
)
def test_a_migration_is_set_apart_and_fails_by_name_with_nothing_changed(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, body: str, says: str
) -> None:
    first = MIGRATION.format(number="grow_0001", before=None, body="pass")
    plugin = install_plugin(
        "grow", SOUND, {"migrations": "migrations"}, files={"migrations/0001_x.py": first}
    )
    app = make_app(["grow"])
    second = MIGRATION.format(number="grow_0002", before="'grow_0001'", body=body)
    plugin.folder.joinpath("migrations/0002_x.py").write_text(second, encoding="utf-8")
    state = process_state()
    done = crm("db", "migrate", "--json")
    assert process_state() == state
    assert "noise" not in done.stdout
    if not says:
        assert done.json() == {"migrated": ["grow"], "indexes": []}
        return
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.removeprefix("Sure? ").startswith("crm: plugin 'grow' failed in ")
    assert says in done.stderr
    with app.read() as ctx:
        assert "half_done" not in sa.inspect(ctx.connection).get_table_names()
