"""What the administrators' commands print as JSON keeps to its published schema."""

import json
from pathlib import Path

import jsonschema
import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas"


def valid(name: str, value: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)


def test_init_prints_the_workspace(crm, tmp_path):
    result = crm.json("init", tmp_path / "company")
    valid("workspace", result)
    assert Path(result["folder"], "crm.toml").exists()


def test_migrate_prints_what_changed(make_app, crm, database):
    make_app(database=database)
    result = crm.json("db", "migrate")
    valid("migrated", result)
    assert result == {"migrated": [], "indexes": []}


def test_plugins_enable_list_settings_disable(make_app, crm, database):
    make_app(database=database)
    enabled = crm.json("plugins", "enable", "trade_ledger", "abc_analysis")
    valid("plugins_enabled", enabled)
    assert enabled == {"enabled": ["trade_ledger", "abc_analysis"]}
    lines = crm.lines("plugins", "list")
    for line in lines:
        valid("plugin_line", line)
    states = {line["name"]: line["state"] for line in lines}
    assert states["trade_ledger"] == states["abc_analysis"] == "enabled"
    for line in crm.lines("plugins", "settings", "abc_analysis"):
        valid("plugin_setting", line)
    disabled = crm.json("plugins", "disable", "abc_analysis")
    valid("plugins_disabled", disabled)
    assert {line["name"]: line["state"] for line in crm.lines("plugins", "list")}[
        "abc_analysis"
    ] == "disabled"


def test_doctor_prints_its_checks(make_app, crm, database):
    make_app(database=database)
    result = crm.json("doctor")
    valid("doctor", result)
    assert [check["name"] for check in result["checks"] if not check["ok"]] == []


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_doctor_speaks_the_users_language_but_for_names(make_app, crm, language):
    make_app()
    names = [check["name"] for check in crm.json("doctor", "--lang", language)["checks"]]
    assert "migrations" in names
