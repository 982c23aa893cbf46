"""What a person gets who asks what is held, what the company keeps, and who is no longer needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import CommandLine

from .conftest import SECRETS, WORDS, fill, texts_of
from .test_consents import check

PAPER = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="reads the paper with pdftotext")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file() and "crm.db" not in p.name}


def test_everything_held_is_given_as_one_document(people: App, crm: CommandLine) -> None:
    content = crm.json("person", "export", "P1")
    check(content, "person_export")
    text = json.dumps(content, ensure_ascii=False)
    for secret in (*texts_of(SECRETS["contact"]), WORDS["subject"], WORDS["notes"], WORDS["position"]):
        assert secret in text
    assert WORDS["old_mobile"] in text, "past values are held, too"
    assert not any(secret in text for secret in texts_of(SECRETS["customer"])), "nothing of somebody else"
    places = next(part for part in content["parts"] if part["table"] == "contact_firm")
    assert [row["customer"] for row in places["rows"]] == ["F1", "F2"]
    of_customer = json.dumps(crm.json("person", "export", "C1"), ensure_ascii=False)
    for secret in (*texts_of(SECRETS["customer"]), WORDS["wish"], WORDS["why"], WORDS["firm_subject"]):
        assert secret in of_customer


@PAPER
def test_what_was_changed_of_the_person_is_given_where_nothing_of_it_is_secret(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    crm.ok("customer", "edit", "C1", "--set", "lifecycle=former", "--reason", "gave up")
    changes = crm.json("person", "export", "C1")["history"]
    assert ({"lifecycle": "active"}, {"lifecycle": "former"}) in [(c["before"], c["after"]) for c in changes]
    assert crm("--lang", "zh_CN", "person", "export", "C1", "--pdf", tmp_path / "c1.pdf").exit_code == 0
    command = ["pdftotext", "-layout", str(tmp_path / "c1.pdf"), "-"]
    text = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    assert re.search("客户状态 +现有客户 +旧客户", text)
    assert "lifecycle" not in text


def test_giving_is_recorded_and_leaves_nothing_else(people: App, crm: CommandLine, tmp_path: Path) -> None:
    before = tree(people.config.folder)
    target = tmp_path / "outside" / "p1.json"
    target.parent.mkdir()
    assert crm("person", "export", "P1", "--out", target).stdout.startswith("All that is held of P1")
    assert json.loads(target.read_text(encoding="utf-8"))["person"]["code"] == "P1"
    assert target.stat().st_mode & 0o077 == 0
    assert tree(people.config.folder) == before
    with people.read() as ctx:
        query = sa.text("SELECT what, entity, filter FROM read_log ORDER BY id DESC LIMIT 1")
        assert tuple(ctx.connection.execute(query).one()) == ("export", "person", '{"code":"P1"}')
    again = crm("person", "export", "P1", "--out", target)
    assert (again.exit_code, "--force" in again.stderr) == (3, True)
    told = crm.json("person", "export", "P1", "--out", target, "--force")
    check(told, "person_files")
    inside = crm("person", "export", "P1", "--out", people.config.folder / "p1.json")
    assert (inside.exit_code, "lies in the workspace" in inside.stderr) == (1, True)
    assert crm.json("person", "export", "P1")["reads"][0]["what"] == "export"


def test_a_code_of_two_is_asked_back(people: App, crm: CommandLine) -> None:
    with people.write("tester") as tx:
        from crmcore.api import Contact

        tx.insert(Contact, [{"code": "C1", "name": "同号"}])
    refused = crm("person", "export", "C1")
    assert "say which: contact:C1 or customer:C1" in refused.stderr
    assert crm.json("person", "export", "contact:C1")["person"]["entity"] == "contact"
    assert crm.json("person", "export", "customer:C1")["person"]["entity"] == "customer"


def test_the_inventory_names_every_personal_column_of_every_table(people: App, crm: CommandLine) -> None:
    lines = crm.lines("privacy", "inventory")
    for line in lines:
        check(line, "privacy_field")
        assert line["purpose"], line
    found = {(line["table"], line["field"]) for line in lines}
    for info in people.tables.values():
        if info.persons and info.entity != "customer":
            assert {(info.entity, name) for name in info.personal_columns} <= found
    card = {
        f.name: f
        for f in people.catalogue.fields.values()
        if f.personal and f.source in {"column", "attribute"}
    }
    assert {("customer", name) for name in card} <= found
    account = next(line for line in lines if line["field"] == "bank_account")
    assert account["sensitivity"] == "sensitive"
    assert all(line["encrypted_in_log"] for line in lines)


RULES = """
[[plugins.privacy.retention]]
persons = "contact"
after = "last_interaction"
months = 6
action = "erase"

[[plugins.privacy.retention]]
persons = "customer"
after = "archived"
months = 1
"""


@pytest.fixture
def ruled(make_app: Callable[..., App]) -> App:
    return fill(make_app(settings=RULES))


def test_rules_of_retention_say_who_is_due_and_the_job_erases_them(
    ruled: App, crm: CommandLine, clock: Any
) -> None:
    assert crm.lines("privacy", "retention") == []
    crm.ok("customer", "archive", "C1")
    clock.move(days=40)
    (due,) = crm.lines("privacy", "retention")
    check(due, "privacy_due")
    assert (due["code"], due["action"], due["since"], due["due_on"]) == (
        "C1",
        "tell",
        "2026-03-02",
        "2026-04-02",
    )
    clock.move(days=150)
    assert sorted(line["code"] for line in crm.lines("privacy", "retention")) == ["C1", "P1", "P2"]
    done = crm.json("jobs", "run", "privacy_retention")
    assert done["summary"] == {"erased": 2, "told": 1}
    assert [line["code"] for line in crm.lines("privacy", "retention")] == ["C1"]
    assert crm.json("jobs", "run", "privacy_retention")["summary"] == {"erased": 0, "told": 1}
    assert "6 months after the last interaction" in crm.ok("privacy", "inventory").stdout


def test_it_is_said_that_nobody_is_due(ruled: App, crm: CommandLine, clock: Any) -> None:
    assert crm.ok("privacy", "retention").stdout == "Nobody is due.\n"
    crm.ok("customer", "archive", "C1")
    clock.move(days=40)
    listed = crm.ok("privacy", "retention").stdout
    assert ("C1" in listed, "Nobody" in listed) == (True, False)


def test_it_is_said_that_there_are_no_rules_of_retention(people: App, crm: CommandLine) -> None:
    said = crm.ok("privacy", "retention").stdout
    assert said.startswith("There are no rules of retention")
    assert "[[plugins.privacy.retention]]" in said
    assert crm.lines("privacy", "retention") == []


def test_a_restricted_person_is_not_erased_by_a_rule(ruled: App, crm: CommandLine, clock: Any) -> None:
    crm.ok("person", "restrict", "P1")
    clock.move(days=300)
    assert crm.json("jobs", "run", "privacy_retention")["summary"] == {"erased": 1, "told": 0}
    assert crm.json("contact", "show", "P1")["name"] == SECRETS["contact"]["name"]


@PAPER
def test_it_can_be_handed_out_on_paper(
    make_app: Callable[..., App], crm: CommandLine, tmp_path: Path
) -> None:
    fill(make_app())
    target = tmp_path / "p1.pdf"
    before = tree(tmp_path / "company")
    assert before
    told = crm.json("person", "export", "P1", "--pdf", target, "--out", tmp_path / "p1.json")
    assert tree(tmp_path / "company") == before, "it leaves nothing in the workspace"
    inside = crm("person", "export", "P1", "--pdf", tmp_path / "company" / "p1.pdf")
    assert (inside.exit_code, "lies in the workspace" in inside.stderr) == (1, True)
    assert len(told["files"]) == 2
    assert target.read_bytes().startswith(b"%PDF")
    command = ["pdftotext", str(target), "-"]
    text = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    text = re.sub(r"[\u200b\s]", "", text)
    for secret in (SECRETS["contact"]["mobile"], "@geheim", WORDS["subject"], WORDS["old_mobile"], "tester"):
        assert secret in text


def test_rejected_rows_that_name_the_person_are_given_too(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "code,name,customer,phone\nX1,某某,nobody,１３９ 8765 4321\nX2,周一一,nobody,1\n", encoding="utf-8"
    )
    crm("import", "contacts", file)
    content = check(crm.json("person", "export", "P1"), "person_export")
    (part,) = [part for part in content["parts"] if part["table"] == "import_rejects"]
    assert len(part["rows"]) == 1
    assert "１３９ 8765 4321" in part["rows"][0]["row"]
    assert "import_rejects" not in str(crm.json("person", "export", "P2")["parts"])


ALL_ERASE = """
[[plugins.privacy.retention]]
persons = "customer"
after = "archived"
months = 1
action = "erase"

[[plugins.privacy.retention]]
persons = "customer"
after = "last_interaction"
months = 6
action = "erase"
"""


def test_who_was_merged_does_not_take_along_who_is_needed(
    make_app: Callable[..., App], crm: CommandLine, clock: Any
) -> None:
    app = fill(make_app(settings=ALL_ERASE))
    with app.write("tester") as tx:
        tx.insert(Customer, [{"code": "C5", "kind": "person", "name": "爨五五"}])
    crm.ok("duplicates", "merge", "C5", "C1", "--reason", "one", "--yes")
    clock.move(days=200)
    crm.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "still a customer")
    assert crm.lines("privacy", "retention") == [], "archived as it was merged, its talks are the other's"
    assert crm.json("jobs", "run", "privacy_retention")["summary"] == {"erased": 0, "told": 0}
    assert crm.json("customer", "show", "C5")["name"] == SECRETS["customer"]["name"]
    clock.move(days=200)
    assert [line["code"] for line in crm.lines("privacy", "retention")] == ["C1"]
    assert crm.json("jobs", "run", "privacy_retention")["summary"] == {"erased": 3, "told": 0}


def test_a_restricted_contact_does_not_go_along_with_a_customer(people: App, crm: CommandLine) -> None:
    crm.ok("person", "restrict", "P2", "--reason", "wants it kept for a claim")
    done = crm.json("person", "erase", "C1", "--reason", "asked", "--yes")
    assert [person["code"] for person in done["persons"]] == ["C1"]
    assert crm.json("contact", "show", "P2")["name"] == "爨小妹"
    crm.ok("person", "erase", "P2", "--reason", "asked", "--yes")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--out", "x.json", "--pdf", "./x.json"), 2, "name the same file"),
        (("--out", "no/such/x.json"), 1, "there is no folder no/such; make it first"),
        (("--out", "folder"), 1, "folder is a folder or a device; name a file"),
        (("--out", "pipe", "--force"), 1, "pipe is a folder or a device; name a file"),
    ],
)
def test_a_place_that_can_be_no_file_is_refused_and_left_as_it_is(
    people: App,
    crm: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    place = tmp_path / "outside"
    (place / "folder").mkdir(parents=True)
    os.mkfifo(place / "pipe")
    monkeypatch.chdir(place)
    result = crm("person", "export", "P1", *words)
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.stderr
    assert (place / "pipe").is_fifo()
    assert sorted(path.name for path in place.iterdir()) == ["folder", "pipe"]
