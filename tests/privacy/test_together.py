"""Erasing beside what else reads the past: undo of imports, reversed merges, copies, resumed imports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

from .conftest import places_with, secret_texts

FIRST = "code,name,phone,kind\nC5,爨五五,13700005555,person\nF5,样本公司,0571-5,organisation\n"
SECOND = "code,name,phone,kind\nC5,爨五五,13700006666,person\nF5,样本公司,0571-6,organisation\n"
SECRETS = ["爨五五", "13700005555", "13700006666"]


def imported(crm: CommandLine, tmp_path: Path, text: str) -> int:
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    return int(crm("import", "customers", tmp_path / "c.csv", "--json").json()["import"])


def test_undoing_an_import_brings_no_erased_value_back(people: App, crm: CommandLine, tmp_path: Path) -> None:
    first = imported(crm, tmp_path, FIRST)
    second = imported(crm, tmp_path, SECOND)
    crm.ok("person", "erase", "C5", "--reason", "asked", "--yes")
    undone = crm("imports", "undo", second)
    assert "Traceback" not in undone.stderr
    assert crm.json("customer", "show", "F5")["phone"] == "0571-5", "what is not the person's is taken back"
    assert crm.json("customer", "show", "C5")["name"] == "erased C5"
    assert "Traceback" not in crm("imports", "undo", first).stderr
    assert crm("customer", "show", "F5").exit_code == 1, "it was made by that import alone"
    assert places_with(people, SECRETS) == []
    assert crm("doctor").exit_code == 0


def test_a_merge_of_an_erased_person_that_is_reversed_brings_no_value_back(
    people: App, crm: CommandLine
) -> None:
    with people.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C5", "kind": "person", "name": "爨五五", "phone": "13700005555"}])
    crm.ok("duplicates", "merge", "C5", "C1", "--reason", "one", "--yes")
    crm.ok("person", "erase", "C1", "--reason", "asked", "--yes")
    result = crm("duplicates", "unmerge", "C5", "--reason", "two after all")
    assert "Traceback" not in result.stderr
    assert places_with(people, [*SECRETS, "爨邯郸", "13712349876"]) == []
    assert crm.ok("audit", "verify").exit_code == 0


def test_a_copy_of_the_database_knows_who_was_erased(
    make_app: Callable[..., App], crm: CommandLine, tmp_path: Path, reopen: Callable[..., App]
) -> None:
    from .conftest import fill

    app = fill(make_app())
    crm.ok("person", "erase", "P1", "C1", "--reason", "asked", "--yes")
    crm.ok("db", "copy", "--to", f"sqlite:///{app.config.folder / 'copy.db'}")
    assert places_with(app, secret_texts()) == []
    toml = app.config.path.read_text(encoding="utf-8")
    app.config.path.write_text(toml.replace("crm.db", "copy.db"), encoding="utf-8")
    assert [line["state"] for line in crm.lines("privacy", "erasures")] == ["done"] * 3
    assert crm("contact", "edit", "P1", "--phone", "1").exit_code == 1
