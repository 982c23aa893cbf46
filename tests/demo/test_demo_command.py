"""`crm demo` from the first word to the last: what a newcomer sees, and what is in the company afterwards."""

from __future__ import annotations

import csv
import json
import shlex
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from crmcore.builtin.demo.folder import prepare
from crmcore.builtin.demo.trading import gini
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def crm_once():
    return CommandLine()


@pytest.fixture(scope="module")
def made(crm_once, home):
    """Make the demo once for all tests; its folder and what was printed."""
    folder = home / "demo"
    return folder, crm_once.json("demo", "--dir", folder)


def test_what_it_prints_as_json_keeps_the_schema(made):
    errors = list(Draft202012Validator(load_schema(SCHEMAS / "demo.schema.json")).iter_errors(made[1]))
    assert errors == []


def test_every_row_of_every_file_is_taken_and_nothing_is_warned_of(made):
    folder, printed = made
    assert [done["file"] for done in printed["imports"]][:4] == [
        "customers.csv",
        "contacts.csv",
        "interactions.csv",
        "products.csv",
    ]
    for done in printed["imports"]:
        with (folder / "demo-files" / done["file"]).open(encoding="utf-8-sig", newline="") as file:
            rows = sum(1 for _ in csv.reader(file)) - 1
        assert done["read"] == rows, done
        assert done["rejected"] == 0, done
        assert done["created"] + done["updated"] == rows, done
        assert done["possible_duplicates"] == 0, done
        assert done["warnings"] == [], done


def test_the_files_again_change_nothing(made, crm_once):
    folder, _printed = made
    for entity in ("customers", "contacts", "interactions"):
        again = crm_once.json("import", entity, folder / "demo-files" / f"{entity}.csv", folder=folder)
        assert again["unchanged"] == again["read"] > 0, again


def test_every_field_of_a_card_arrives(made, crm_once):
    folder, _printed = made
    with (folder / "demo-files" / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["上级客户编码"] and row["店面租期起"])
    card = crm_once.json("customer", "show", row["客户代号"], folder=folder)
    for field, header in {
        "name": "客户名称",
        "tax_id": "税籍号码",
        "owner": "业务员",
        "parent": "上级客户编码",
    }.items():
        assert card[field] == row[header]
    assert {"address", "bank_account", "annual_turnover", "premises_rented_to", "longitude"} <= set(
        card["attributes"]
    )
    assert card["attributes"]["registered_capital"] == int(row["注册资本(万元)"])
    people = {person["name"]: person for person in card["contacts"]}
    assert "legal_representative" in people[row["法定代表"]]["roles"]
    assert people[row["联络人"]]["phone"] == row["联络电话"]
    assert all(person["position"] and person["mobile"] for person in people.values())


def test_the_grades_are_those_of_about_1500_buyers_with_the_stated_inequality(made, crm_once):
    folder, printed = made
    year = date.today().year - 1  # noqa: DTZ011  (the demo's period is that of the company's calendar)
    assert printed["abc"]["period"] == [f"{year}-01-01", f"{year}-12-31"]
    assert 1400 <= printed["abc"]["customers"] <= 1600
    amounts = [line["amount_minor"] for line in crm_once.lines("abc", "grades", folder=folder)]
    assert len(amounts) == printed["abc"]["customers"]
    assert 0.72 <= gini([amount for amount in amounts if amount > 0]) <= 0.82


def test_the_commands_that_are_proposed_work(made, crm_once):
    _folder, printed = made
    assert len(printed["next"]) >= 4
    for command in printed["next"]:
        _program, *words = shlex.split(command)
        crm_once.ok(*words)


def test_representatives_find_work(made, crm_once):
    folder, _printed = made
    assert crm_once.lines("work", "--actor", "hd01", folder=folder)


def test_the_workspace_is_sound(made, crm_once):
    folder, _printed = made
    checks = crm_once("doctor", "--json", folder=folder).json()["checks"]
    assert [check for check in checks if not check["ok"]] == []


def test_a_second_call_is_stopped_by_a_guard_and_keeps_the_company(made, crm_once):
    folder, _printed = made
    before = (folder / "crm.db").stat()
    again = crm_once("demo", "--dir", folder)
    assert again.exit_code == 3
    assert "--force" in again.stderr
    assert again.stdout == ""
    assert (folder / "crm.db").stat().st_ino == before.st_ino


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_with_other_things_is_left_alone(crm_once, tmp_path, force):
    (tmp_path / "letters.txt").write_text("dear")
    result = crm_once("demo", "--dir", tmp_path, *force)
    assert result.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_force_makes_the_same_company_afresh_and_in_chinese_people_read_it(home, made, crm_once):
    folder = home / "chinese"
    prepare(folder, force=False)
    (folder / "rubbish.txt").write_text("of an earlier demo")
    result = crm_once.ok("demo", "--dir", folder, "--force", "--lang", "zh_CN")
    typed = [line for line in result.stdout.splitlines() if line.startswith("$ ")]
    assert [line.split(str(folder))[1].split()[:2] for line in typed] == [
        ["abc", "run"],
        ["customer", "show"],
        ["abc", "explain"],
    ]
    assert typed[1].split()[-1] == typed[2].split()[-1]
    assert "正在导入 customers.csv" in result.stderr
    assert not (folder / "rubbish.txt").exists()
    for file in (made[0] / "demo-files").iterdir():
        assert (folder / "demo-files" / file.name).read_bytes() == file.read_bytes(), file.name


def test_cdnow_is_imported_whole_and_classed_in_dollars(home, crm_once):
    folder = home / "cdnow"
    result = crm_once("demo", "--dir", folder, "--dataset", "cdnow", "--json")
    if "could not be downloaded" in result.stderr:
        pytest.skip(result.stderr.splitlines()[-1])
    printed = json.loads(result.stdout)
    assert [(done["file"], done["created"], done["rejected"]) for done in printed["imports"]] == [
        ("customers.csv", 23_570, 0),
        ("purchases.csv", 69_659, 0),
    ]
    assert printed["abc"]["customers"] == 23_570
    assert printed["abc"]["currency"] == "USD"
    assert printed["abc"]["amount_minor"] == 250_031_563
    assert Path(printed["directory"]) == folder
