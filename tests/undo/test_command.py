"""`crm imports undo`, and what list, show and resume say of an import that was taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crmcore.testing import CommandLine

Write = Callable[[str], Path]


def valid(schema: str, value: Any) -> Any:
    text = (files("crmcore") / "schemas" / f"{schema}.schema.json").read_text(encoding="utf-8")
    Draft202012Validator(json.loads(text)).validate(value)
    return value


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a customers file."""

    def write_file(text: str) -> Path:
        path = tmp_path / "customers.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def imported(make_app, crm: CommandLine, write: Write, database: str) -> CommandLine:
    """Return the command line of a company into which a file was imported twice, the second time changed."""
    make_app(database=database)
    crm.ok("import", "customers", write("code,name\nK1,Eins\nK2,Zwei\n"))
    crm.ok("import", "customers", write("code,name\nK1,One\nK2,Zwei\nK3,Drei\nK4,Vier\n"))
    return crm


def test_the_terminal_says_what_was_done(imported: CommandLine):
    result = imported.ok("imports", "undo", 2)
    assert result.stdout == "Import 2 was taken back\nPut back as it was: 1\nRemoved: 2\nLeft as it is: 0\n"
    assert "undone" in imported.ok("imports", "list").stdout
    shown = imported.ok("imports", "show", 2).stdout
    assert "State: undone\n" in shown
    assert "Put back as it was: 1\nRemoved: 2\nLeft as it is: 0\n" in shown


def test_json_has_one_line_per_conflict(imported: CommandLine):
    imported.ok("customer", "edit", "K1", "--name", "Mine")
    imported.ok("interaction", "add", "K3", "--channel", "phone", "--subject", "hello")
    result = valid("import_undo", imported.json("imports", "undo", 2))
    assert (result["restored"], result["removed"]) == (0, 1)
    assert [(c["entity"], c["key"], c["field"]) for c in result["conflicts"]] == [
        ("customer", "K1", "name"),
        ("customer", "K3", "interaction"),
    ]
    run = valid("import_run", imported.json("imports", "show", 2))
    assert (run["state"], run["undo"]) == ("partly_undone", {"restored": 0, "removed": 1, "conflicts": 2})
    assert valid("import_run", imported.json("imports", "show", 1))["undo"] is None


def test_conflicts_are_a_table_with_what_to_do(imported: CommandLine):
    imported.ok("customer", "edit", "K1", "--name", "Mine")
    out = imported.ok("imports", "undo", 2).stdout
    assert "customer" in out
    assert "changed since by tester on 2026-03-02" in out
    assert out.endswith("These were left as they are; once they are free: crm imports undo 2\n")


def test_conflicts_call_fields_what_the_history_calls_them(
    make_app, crm: CommandLine, write: Write, database: str
):
    make_app(database=database)
    crm.ok("import", "customers", write("code,name\nG1,Group\nG2,Other\nK1,Eins\n"))
    crm.ok("import", "customers", write("code,name,parent,address\nK1,Eins,G1,Street 1\n"))
    crm.ok("customer", "edit", "K1", "--set", "parent=G2", "--set", "address=Street 2")
    crm.ok("interaction", "add", "G1", "--channel", "phone", "--subject", "hello")
    told = {c["field"] for c in crm.json("imports", "undo", 2)["conflicts"]}
    assert told == {"parent", "address"}
    assert told == {line["field"] for line in crm.lines("history", "K1") if line["source"] == "cli"}
    chinese = crm.ok("--lang", "zh_CN", "imports", "undo", 1).stdout
    assert "attributes" not in chinese
    assert "parent" not in chinese
    for word in ("客户", "上级客户", "地址", "互动记录"):
        assert word in chinese, chinese


def test_an_undone_import_is_not_resumed(imported: CommandLine):
    imported.ok("imports", "undo", 2)
    result = imported("imports", "resume", 2)
    assert (result.exit_code, result.stderr) == (
        1,
        "crm: import 2 was taken back; import the file again instead of going on with it\n",
    )


def test_many_conflicts_are_shown_in_part(make_app, crm: CommandLine, write: Write, monkeypatch):
    monkeypatch.setattr("crmcore.builtin.exchange.cli.LISTED", 3)
    make_app()
    text = "code,name,phone\n" + "".join(f"K{i},firm {i},{i}\n" for i in range(5))
    crm.ok("import", "customers", write(text))
    crm.ok("import", "customers", write(text.replace("firm", "other")))
    crm.ok("import", "customers", write(text.replace("firm", "third")))
    out = crm.ok("imports", "undo", 2).stdout
    assert "… and 2 more (--json lists all)" in out
    assert len(crm.json("imports", "undo", 2)["conflicts"]) == 5
