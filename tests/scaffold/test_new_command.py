"""`crm plugins new`, as somebody types it; no workspace is needed."""

import json
from pathlib import Path

import jsonschema
import pytest

SCHEMAS = Path(__file__).parents[2] / "crmcore" / "schemas"


def test_new_prints_the_published_object(crm, tmp_path):
    result = crm.json("plugins", "new", "loyalty_points", "--dir", tmp_path, "--with", "entity,report")
    schema = json.loads((SCHEMAS / "plugin_new.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(result)
    folder = Path(result["folder"])
    assert folder == tmp_path / "loyalty_points"
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(there) == result["files"]
    assert result["commands"][0] == f"cd {folder}"
    assert result["commands"][1].endswith('pip install -e ".[test]"')
    assert result["commands"][2].endswith("python -m pytest")
    assert result["commands"][3].endswith("plugins check loyalty_points")


def test_new_says_where_it_is_and_what_to_type(crm, tmp_path):
    told = crm.ok("plugins", "new", "loyalty_points", "--dir", tmp_path).stdout.splitlines()
    assert told[0].startswith(f"The plugin loyalty_points is in {tmp_path}/loyalty_points: ")
    assert told[0].endswith("with entity, settings, hook, command.")
    assert told[1] == "Install, test and check it:"
    assert [line[:2] for line in told[2:]] == ["  "] * 4


def test_a_folder_is_made_where_there_is_none(crm, tmp_path):
    crm.ok("plugins", "new", "loyalty_points", "--dir", tmp_path / "a" / "b c", "--with", "hook")
    assert (tmp_path / "a" / "b c" / "loyalty_points" / "pyproject.toml").exists()


def test_a_path_with_blanks_can_be_typed_as_it_is_printed(crm, tmp_path):
    commands = crm.json("plugins", "new", "loyalty_points", "--dir", tmp_path / "b c")["commands"]
    assert commands[0] == f"cd '{tmp_path}/b c/loyalty_points'"


def test_titles_stand_in_the_plugin(crm, tmp_path):
    crm.ok("plugins", "new", "bonus", "--dir", tmp_path, "--title", "Bonus scheme", "--title-zh", "奖励计划")
    package = tmp_path / "bonus" / "src" / "crmcore_bonus"
    assert json.loads((package / "plugin.json").read_text(encoding="utf-8"))["title"] == "Bonus scheme"
    assert 'msgid "Bonus scheme"\nmsgstr "奖励计划"' in (
        package / "locale" / "zh_CN" / "LC_MESSAGES" / "crmcore_bonus.po"
    ).read_text(encoding="utf-8")
    assert (tmp_path / "bonus" / "README.zh_CN.md").read_text(encoding="utf-8").startswith("# 奖励计划\n")


def test_settings_alone_bring_a_hook_that_reads_them(crm, tmp_path):
    told = crm.ok("plugins", "new", "bonus", "--dir", tmp_path, "--with", "settings").stdout
    assert "with settings, hook." in told


@pytest.mark.parametrize(
    "name",
    ["", "Loyalty", "loyalty-points", "2points", "_points", "points_", "a__b", "积分", "../points", "a" * 32],
)
def test_what_is_no_name_is_refused_with_the_rule(crm, tmp_path, name):
    result = crm("plugins", "new", "--dir", tmp_path, "--", name)
    assert result.exit_code == 2
    assert f"{name!r} is no name for a plugin; write lower-case letters, digits and single _" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("records", "crmcore"),
        ("customer", "crmcore"),
        ("change", "crmcore"),
        ("job", "crmcore"),
        ("report", "crmcore"),
        ("crm", "crmcore"),
        ("trade_ledger", "crmcore-trade-ledger"),
        ("ledger", "crmcore-trade-ledger"),
        ("abc", "crmcore-abc-analysis"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_its_owner(crm, tmp_path, name, owner):
    result = crm("plugins", "new", name, "--dir", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"crm: the name {name!r} is taken by {owner}; choose another\n"
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_plugin_is_taken(crm, tmp_path, install_plugin):
    install_plugin("bonus", "")
    result = crm("plugins", "new", "bonus", "--dir", tmp_path)
    assert "taken by crmcore-bonus-test" in result.stderr


def test_a_folder_that_is_there_is_never_touched(crm, tmp_path):
    (tmp_path / "loyalty_points").mkdir()
    (tmp_path / "loyalty_points" / "mine.txt").write_text("mine", encoding="utf-8")
    result = crm("plugins", "new", "loyalty_points", "--dir", tmp_path)
    assert result.exit_code == 1
    assert "nothing is ever overwritten" in result.stderr
    assert [path.name for path in (tmp_path / "loyalty_points").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            "entity,raport",
            "there is no part 'raport' (did you mean 'report'?); known are entity, settings, hook",
        ),
        ("xyz", "there is no part 'xyz'; known are entity, settings, hook"),
        (",", "--with names no part; known are entity, settings, hook"),
    ],
)
def test_parts_that_there_are_not_are_named(crm, tmp_path, parts, sentence):
    result = crm("plugins", "new", "loyalty_points", "--dir", tmp_path, "--with", parts)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("title", ['a"b', "a\nb", "a@b", "x" * 81])
def test_a_title_that_no_file_could_hold_is_refused(crm, tmp_path, title):
    result = crm("plugins", "new", "bonus", "--dir", tmp_path, "--title", title)
    assert result.exit_code == 2
    assert "is no title" in result.stderr


def test_new_speaks_chinese(crm, tmp_path):
    told = crm.ok("plugins", "new", "bonus", "--dir", tmp_path, "--with", "hook", "--lang", "zh_CN").stdout
    assert told.startswith(f"插件 bonus 已写入 {tmp_path}/bonus：")
    assert "依次输入以下命令" in told
    again = crm("plugins", "new", "bonus", "--dir", tmp_path, "--lang", "zh_CN")
    assert "已存在" in again.stderr
