"""Restricted persons: kept and shown to who may, not changed, not listed, not found, not handed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Contact, Interaction, Refused, restricted_ids
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

EDITS = (
    ("contact", "edit", "P1", "--phone", "1"),
    ("contact", "archive", "P1"),
    ("contact", "leave", "P1", "F1"),
    ("customer", "edit", "C1", "--set", "phone=1"),
    ("interaction", "add", "C1", "--channel", "phone", "--subject", "hello"),
    ("interaction", "edit", "I1", "--subject", "changed"),
)
LISTS = (
    ("contact", "list"),
    ("customer", "list"),
    ("interaction", "list"),
    ("find", "龘靐齉"),
    ("find", "爨邯郸"),
)


@pytest.fixture
def restricted(people: App, crm: CommandLine) -> App:
    for code in ("P1", "C1"):
        done = crm.json("person", "restrict", code, "--reason", "says it is wrong")
        assert (done["restricted"], done["reason"], done["by"]) == (True, "says it is wrong", ACTOR)
    return people


def test_nothing_of_a_restricted_person_is_changed_until_that_is_lifted(
    restricted: App, crm: CommandLine
) -> None:
    for words in EDITS:
        result = crm(*words)
        assert (result.exit_code, "the person is restricted" in result.stderr) == (1, True), (words, result)
    with pytest.raises(Refused, match="restricted"), restricted.write(ACTOR) as tx:
        tx.delete(Interaction, [1])
    for code in ("P1", "C1"):
        assert crm.json("person", "unrestrict", code)["restricted"] is False
    for words in EDITS[:1] + EDITS[3:]:
        crm.ok(*words)


def test_others_are_changed_as_ever(restricted: App, crm: CommandLine) -> None:
    crm.ok("customer", "edit", "F1", "--set", "phone=1")
    crm.ok("interaction", "edit", "I3", "--subject", "changed")
    with restricted.write(ACTOR) as tx:
        refused: list[int] = []
        ids = [1, 2]
        tx.update(
            Contact, [(i, {"phone": "1"}) for i in ids], refused=lambda place, _refusal: refused.append(place)
        )
    assert refused == [0], "of a batch only who is restricted is left out"


def test_lists_search_and_exports_leave_them_out(restricted: App, crm: CommandLine, tmp_path: Path) -> None:
    for words in LISTS:
        found = {line["code"] for line in crm.lines(*words)}
        assert found.isdisjoint({"P1", "C1", "I1", "I2"}), words
    for name in ("contacts", "customers", "interactions"):
        crm.ok("export", name, tmp_path / f"{name}.csv")
        text = (tmp_path / f"{name}.csv").read_text(encoding="utf-8-sig")
        assert not any(word in text for word in ("龘靐齉", "爨邯郸", "谈她的离婚官司")), name
    assert "龘靐齉" not in crm.ok("customer", "show", "F1", "--json").stdout
    crm.ok("person", "unrestrict", "P1")
    assert "P1" in crm.ok("contact", "list", "--json").stdout


def test_they_are_shown_to_who_may_and_to_nobody_else(restricted: App, crm: CommandLine) -> None:
    assert "(restricted)" in crm.ok("contact", "show", "P1").stdout
    assert crm.json("customer", "show", "C1")["restricted"] is True
    with crm.as_actor("rep", ["sales_manager"]) as rep:
        for words in (("contact", "show", "P1"), ("customer", "show", "C1"), ("history", "P1")):
            assert rep(*words).exit_code == 1, words
        rep.ok("contact", "show", "P2")


def test_a_restricted_person_can_get_their_data_and_be_erased(restricted: App, crm: CommandLine) -> None:
    content = crm.json("person", "export", "P1")
    assert content["restricted"] is True
    assert {part["table"] for part in content["parts"]} >= {"contact", "person_restriction"}
    crm.ok("person", "erase", "P1", "C1", "--reason", "asked", "--yes")


def test_plugins_learn_who_is_restricted(restricted: App) -> None:
    with restricted.read() as ctx:
        assert sorted(restricted_ids(ctx, "contact")) == [1]
        assert len(restricted_ids(ctx)) == 1


def test_twice_is_refused(restricted: App, crm: CommandLine) -> None:
    assert crm("person", "restrict", "P1").stderr == "crm: P1 is restricted already\n"
    crm.ok("person", "unrestrict", "P1")
    assert crm("person", "unrestrict", "P1").stderr == "crm: P1 is not restricted\n"


def test_an_import_leaves_restricted_persons_as_they_are(
    restricted: App, crm: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "c.csv"
    file.write_text("code,name,phone\nC1,爨邯郸,0571-1\nF1,示例商贸,0571-2\n", encoding="utf-8")
    done = crm("import", "customers", file, "--json").json()
    assert (done["updated"], done["rejected"]) == (1, 1)
    assert "0571-1" not in crm.ok("customer", "show", "C1", "--json").stdout


def test_what_is_about_them_is_shown_to_nobody_else_either(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("about her", encoding="utf-8")
    code = crm.json("document", "add", "C1", paper, "--drawer", "basic", "--title", "paper")["code"]
    for person in ("P1", "C1"):
        crm.ok("person", "restrict", person)
    about = (
        ("interaction", "show", "I1"),
        ("interaction", "show", "I2"),
        ("history", "I1"),
        ("document", "show", code),
        ("document", "extract", code, tmp_path / "out.txt"),
    )
    with crm.as_actor("rep", ["sales_manager"]) as rep:
        for words in about:
            result = rep(*words)
            assert (result.exit_code, "may not export, restrict and erase persons" in result.stderr) == (
                1,
                True,
            ), words
        rep.ok("interaction", "show", "I3")
        rep.ok("history", "I3")
    for words in about:
        crm.ok(*words)


def test_nobody_is_asked_to_work_on_them_and_nothing_is_counted_of_them(
    people: App, crm: CommandLine, clock: Any
) -> None:
    for code in ("I1", "I2", "I3"):
        crm.ok("interaction", "edit", code, "--due", "2026-03-02")
    before = crm.lines("work")
    assert {one["customer"] for one in before} >= {"F1", "C1", "F2"}
    counted = crm.json("report", "run", "composition", "--param", "by=channel")
    for code in ("P1", "C1"):
        crm.ok("person", "restrict", code)
    assert {one["customer"] for one in crm.lines("work")} == {"F2"}, "neither follow-ups nor requests"
    assert crm.lines("approvals", "list") == []
    after = crm.json("report", "run", "composition", "--param", "by=channel")
    assert _customers(counted) - _customers(after) == 1
    clock.move(days=1)
    past = crm.json("customer", "show", "F1", "--as-of", "2026-03-02")
    assert past["contacts"] == []


def _customers(report: Any) -> int:
    rows = report["tables"][0]["rows"]
    return sum(int(cell) for row in rows for cell in row if isinstance(cell, int))
