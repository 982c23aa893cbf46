"""A plan says everything and does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import crmcore
from crmcore.app import App
from crmcore.testing import CommandLine
from tests.lifecycle.conftest import MANIFEST, MIGRATION, PLUGIN, SECOND, SETTINGS
from tests.lifecycle.seen import everything, files

EMPTY = "from crmcore.api import hookimpl\n"
SCHEMA = json.loads(
    (Path(crmcore.__file__).parent / "schemas" / "plugin_plan.schema.json").read_text(encoding="utf-8")
)


def plan(crm: CommandLine, action: str, name: str = "loyal", *words: str) -> dict[str, Any]:
    made: dict[str, Any] = crm.json("plugins", "plan", action, name, *words)
    Draft202012Validator(SCHEMA).validate(made)
    return made


def test_a_plan_to_uninstall_names_all_that_goes(company: App, crm: CommandLine) -> None:
    made = plan(crm, "uninstall")
    assert made["tables"] == [
        {"name": "loyal_account", "rows": 3, "change": "dropped"},
        {"name": "loyal_entry", "rows": 10, "change": "dropped"},
        {"name": "loyal_level", "rows": 2, "change": "dropped"},
    ]
    assert made["settings"] == {"days": 9, "greeting": "你好"}
    assert made["permissions"] == ["loyal.give"]
    assert made["roles"] == {"clerk": ["loyal.give"]}
    assert (made["jobs"], made["reports"], made["commands"]) == (
        ["loyal_expire"],
        ["loyal_points"],
        ["loyal"],
    )
    assert (made["required_by"], made["refusals"], made["problem"]) == ([], [], None)


@pytest.mark.parametrize("action", ["enable", "disable", "upgrade", "uninstall"])
def test_a_plan_changes_no_row_and_no_file(company: App, crm: CommandLine, action: str) -> None:
    before = everything(company)
    plan(crm, action)
    crm.ok("plugins", "plan", action, "loyal")
    assert everything(company) == before


def test_a_plan_to_enable_leaves_no_trace_in_a_company_that_has_settings_for_it(
    make_app: Callable[..., App], loyal: Any, crm: CommandLine
) -> None:
    app = make_app(settings=SETTINGS)
    before = everything(app)
    made = plan(crm, "enable")
    assert [(t["name"], t["change"]) for t in made["tables"]] == [
        ("loyal_account", "created"),
        ("loyal_entry", "created"),
        ("loyal_level", "created"),
    ]
    assert made["migrations"] == ["0001_loyal.py"]
    assert (made["effect"], made["refusals"], made["enabled"]) == ("gained", [], False)
    assert everything(app) == before


GIVING = {
    "requires": [],
    "permissions": [
        {"name": "giver.give", "title": "Give", "roles": ["general_manager", "sales_manager"]},
        {"name": "giver.take", "title": "Take", "roles": ["general_manager", "service_desk"]},
        {"name": "records.export", "title": "Not its own", "roles": ["reader"]},
        {"name": "giver.look", "title": "Look"},
    ],
}
CLERK = '\n[roles]\nservice_desk = ["records.write"]\nsales_manager = ["giver.give"]\n'


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_plan_says_which_roles_get_which_permissions(
    make_app: Callable[..., App], install_plugin: Any, crm: CommandLine, language: str
) -> None:
    make_app(settings=CLERK)
    install_plugin("giver", EMPTY, GIVING)
    made = plan(crm, "enable", "giver")
    assert made["grants"] == {"general_manager": ["giver.give", "giver.take"]}
    assert made["not_granted"] == {"service_desk": ["giver.take"]}
    text = crm.ok("plugins", "plan", "enable", "giver", env={"CRM_LANG": language}).stdout
    assert "general_manager: giver.give, giver.take\n" in text
    assert "service_desk: giver.take" in text
    if language == "en":
        assert "gained: permissions of roles: general_manager: giver.give, giver.take\n" in text
        said = "crm.toml sets these roles itself, without these permissions: service_desk: giver.take; add them in [roles]"
        assert said in text
    crm.ok("plugins", "enable", "giver")
    text = crm.ok("plugins", "plan", "disable", "giver", env={"CRM_LANG": language}).stdout
    assert "general_manager: giver.give, giver.take\n" in text
    assert "service_desk" not in text


def test_a_plan_for_a_plugin_that_gives_roles_nothing_says_nothing_of_them(
    company: App, crm: CommandLine
) -> None:
    made = plan(crm, "disable")
    assert (made["grants"], made["not_granted"]) == ({}, {})
    assert "permissions of roles" not in crm.ok("plugins", "plan", "disable", "loyal").stdout


def test_a_plan_to_disable_keeps_the_tables(company: App, crm: CommandLine) -> None:
    made = plan(crm, "disable")
    assert {t["change"] for t in made["tables"]} == {"kept"}
    assert made["effect"] == "lost"


def test_a_plan_to_uninstall_and_keep_says_that_the_data_stays(company: App, crm: CommandLine) -> None:
    made = plan(crm, "uninstall", "loyal", "--keep")
    assert {t["change"] for t in made["tables"]} == {"kept"}
    assert (made["effect"], made["changes"], made["keeps_data"]) == ("lost", True, True)
    text = crm.ok("plugins", "plan", "uninstall", "loyal", "--keep").stdout
    assert text.startswith("To uninstall loyal 1.0 with --keep would change this; nothing was done:\n")
    assert "removed" not in text
    assert "taken out" not in text
    before = everything(company)
    done = crm("plugins", "plan", "disable", "loyal", "--keep")
    assert (done.exit_code, "--keep goes with uninstall only" in done.stderr) == (2, True)
    crm.ok("plugins", "uninstall", "loyal", "--keep")
    assert everything(company)[1]["loyal_entry"] == before[1]["loyal_entry"]


@pytest.mark.parametrize("words", [["disable"], ["enable"], ["upgrade"], ["uninstall", "--keep"]])
def test_a_plan_says_so_where_there_is_nothing_to_do(
    company: App, crm: CommandLine, words: list[str]
) -> None:
    action, *options = words
    if action in {"disable", "uninstall"}:
        crm.ok("plugins", "disable", "loyal")
    made = plan(crm, action, "loyal", *options)
    assert (made["changes"], made["effect"], made["refusals"]) == (False, "kept", [])
    (line,) = crm.ok("plugins", "plan", action, "loyal", *options).stdout.splitlines()
    assert line.startswith("There is nothing to change: ")
    assert "loyal 1.0" in line


def test_a_plan_to_uninstall_what_was_never_enabled_has_nothing_to_change(
    make_app: Callable[..., App], loyal: Any, crm: CommandLine
) -> None:
    make_app()
    made = plan(crm, "uninstall")
    assert (made["changes"], made["effect"], made["tables"]) == (False, "kept", [])
    assert (
        crm.ok("plugins", "plan", "uninstall", "loyal").stdout
        == "There is nothing to change: this company has nothing of loyal 1.0.\n"
    )


def test_a_plan_to_drop_a_disabled_plugin_names_its_data_and_calls_nothing_lost(
    company: App, crm: CommandLine
) -> None:
    crm.ok("plugins", "disable", "loyal")
    made = plan(crm, "uninstall")
    assert (made["changes"], made["effect"]) == (True, "kept")
    text = crm.ok("plugins", "plan", "uninstall", "loyal").stdout
    assert "table loyal_entry with 10 rows is dropped" in text
    assert "lost:" not in text
    assert "provided:" not in text


@pytest.mark.parametrize("action", ["enable", "upgrade"])
def test_a_plan_with_older_files_than_the_tables_says_it_as_the_upgrade_does(
    company: App, crm: CommandLine, loyal: Any, action: str
) -> None:
    second = loyal.folder / "migrations" / "0002_why.py"
    loyal.write({"migrations/0002_why.py": SECOND})
    crm.ok("plugins", "upgrade", "loyal")
    second.unlink()
    loyal.forget()
    sentence = (
        "the tables of loyal are at loyal_0002, newer than its files (loyal_0001); install the newer loyal"
    )
    assert plan(crm, action)["refusals"] == [sentence]
    assert sentence in crm("plugins", "upgrade", "loyal").stderr
    (line,) = [line for line in crm.lines("plugins", "list") if line["name"] == "loyal"]
    assert line["error"]["message"] == sentence
    assert "newer than its files" in crm.ok("plugins", "list").stdout


def test_a_plan_to_upgrade_names_columns_that_come_and_go(company: App, crm: CommandLine, loyal: Any) -> None:
    more = SECOND.replace("batch.add_column", 'batch.drop_column("points")\n        batch.add_column', 1)
    loyal.write({"migrations/0002_why.py": more})
    made = plan(crm, "upgrade")
    assert made["columns"] == [
        {"table": "loyal_entry", "name": "why", "change": "added"},
        {"table": "loyal_entry", "name": "points", "change": "dropped"},
    ]
    assert made["migrations"] == ["0002_why.py"]
    assert {t["name"]: t["change"] for t in made["tables"]} == {
        "loyal_account": "kept",
        "loyal_entry": "altered",
        "loyal_level": "kept",
    }
    assert "column loyal_entry.why is added" in crm.ok("plugins", "plan", "upgrade", "loyal").stdout


def test_a_plan_to_upgrade_asks_the_checks_and_tries_the_migrations(
    company: App, crm: CommandLine, loyal: Any
) -> None:
    check = """
def check(connection):
    from sqlalchemy import text
    yield f"{connection.scalar(text('SELECT count(*) FROM loyal_entry'))} entries are in the way"
"""
    loyal.write({"migrations/0002_why.py": SECOND + check})
    assert plan(crm, "upgrade")["refusals"] == ["loyal_0002: 10 entries are in the way"]
    loyal.write({"migrations/0002_why.py": SECOND.replace("loyal_entry", "nowhere")})
    loyal.forget()
    (refusal,) = plan(crm, "upgrade")["refusals"]
    assert "nowhere" in refusal


@pytest.mark.parametrize("state", ["broken", "unreadable", "gone"])
def test_a_plan_to_uninstall_works_where_the_package_is_broken_or_gone(
    company: App, crm: CommandLine, loyal: Any, state: str
) -> None:
    if state == "broken":
        loyal.code("raise SystemExit(3)")
        loyal.forget()
    elif state == "unreadable":
        loyal.write({"plugin.json": "{"})
        loyal.forget()
    else:
        loyal.uninstall()
    before = everything(company)
    made = plan(crm, "uninstall")
    assert [(t["name"], t["rows"]) for t in made["tables"]] == [
        ("loyal_account", 3),
        ("loyal_entry", 10),
        ("loyal_level", 2),
    ]
    assert made["settings"] == {"days": 9, "greeting": "你好"}
    assert made["problem"]
    assert made["roles"] == {"clerk": ["loyal.give"]}
    assert "its package cannot be read" in crm.ok("plugins", "plan", "uninstall", "loyal").stdout
    assert everything(company) == before


def test_a_plan_says_who_requires_the_plugin(company: App, crm: CommandLine, install_plugin: Any) -> None:
    install_plugin("top", EMPTY, {"requires": ["loyal"]})
    crm.ok("plugins", "enable", "top")
    for action in ("uninstall", "disable"):
        made = plan(crm, action)
        assert made["required_by"] == ["top"]
        assert "plugin 'top' requires 'loyal'" in made["refusals"][0]


def test_a_plan_to_enable_says_why_it_would_be_refused(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    app = make_app()
    install_plugin("top", EMPTY, {"requires": ["base"]})
    install_plugin("late", EMPTY, {"api": ">=7"})
    install_plugin("bad", "import nowhere")
    install_plugin(
        "clash", EMPTY, {"commands": [{"name": "customer", "help": "h", "target": "click:Command"}]}
    )
    before = files(app)
    assert "requires 'base'" in plan(crm, "enable", "top")["refusals"][0]
    assert "needs crmcore >=7" in plan(crm, "enable", "late")["refusals"][0]
    assert "No module named 'nowhere'" in plan(crm, "enable", "bad")["refusals"][0]
    assert plan(crm, "enable", "clash")["refusals"]
    assert "is not enabled" in plan(crm, "upgrade", "top")["refusals"][0]
    assert files(app) == before


def test_a_plan_of_a_plugin_that_nobody_knows_is_an_error(
    make_app: Callable[..., App], crm: CommandLine
) -> None:
    make_app()
    done = crm("plugins", "plan", "uninstall", "zzz")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no plugin 'zzz'" in done.stderr


def test_two_plugins_whose_prefixes_begin_alike_keep_apart(
    company: App, crm: CommandLine, install_plugin: Any
) -> None:
    migration = MIGRATION.replace("loyal_", "loyal_more_").replace('"loyal_more_0001"', '"more_0001"')
    install_plugin(
        "more", EMPTY, {"table_prefix": "loyal_more"}, files={"migrations/0001_more.py": migration}
    )
    crm.ok("plugins", "enable", "more")
    assert [t["name"] for t in plan(crm, "uninstall")["tables"]] == [
        "loyal_account",
        "loyal_entry",
        "loyal_level",
    ]
    assert len(plan(crm, "uninstall", "more")["tables"]) == 3


def test_the_core_s_tables_are_nobody_else_s(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    make_app()
    install_plugin("import", EMPTY, {"table_prefix": "import"})
    crm.ok("plugins", "enable", "import")
    assert plan(crm, "uninstall", "import")["tables"] == []
    crm.ok("plugins", "uninstall", "import", "--drop")
    assert crm.ok("imports", "list").exit_code == 0


def test_a_secret_in_the_settings_is_not_shown(
    make_app: Callable[..., App], crm: CommandLine, install_plugin: Any
) -> None:
    schema = {"type": "object", "properties": {"key": {"type": "string", "x-secret": True}}}
    install_plugin(
        "safe",
        PLUGIN and EMPTY,
        MANIFEST | {"commands": []},
        files={"settings.schema.json": json.dumps(schema)},
    )
    make_app(settings='\n[plugins.safe]\nkey = "hunter2"\n')
    assert "hunter2" not in crm.ok("plugins", "plan", "uninstall", "safe", "--json").stdout
    assert "hunter2" not in crm.ok("plugins", "plan", "uninstall", "safe").stdout
