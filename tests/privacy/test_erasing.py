"""Erasing a person: nothing of them is left in any byte, nothing of others is lost, and the log still verifies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer, Interaction
from crmcore.app import App
from crmcore.builtin.privacy.guard import exempt
from crmcore.builtin.privacy.tables import Erasure
from crmcore.entities.lookup import table_of
from crmcore.testing import ACTOR, CommandLine

from .conftest import SECRETS, WORDS, fill, more_traces, places_with, secret_texts, words_of_index

ERASE = ("person", "erase", "P1", "C1", "--reason", "asked on 2026-03-01", "--yes")


def rows(app: App, statement: str, **values: Any) -> list[Any]:
    with app.read() as ctx:
        return list(ctx.connection.execute(sa.text(statement), values))


@pytest.mark.slow
def test_nothing_of_an_erased_person_is_left_in_database_files_and_index(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    more_traces(people, crm, tmp_path)
    there = {place.partition(": ")[2] for place in places_with(people, secret_texts())}
    hidden = {WORDS["old_mobile"]}
    assert set(secret_texts()) - there <= hidden, "else the search that follows proves nothing"
    done = crm.json(*ERASE)
    assert places_with(people, secret_texts()) == []
    assert {person["code"] for person in done["persons"]} == {"P1", "P2", "C1"}
    assert done["files"] == {"documents": 1, "rejected_rows": 1}
    (left,) = [p.read_text("utf-8") for p in people.config.folder.glob("imports/*") if p.suffix != ".lock"]
    assert "周一一" in left, "the rejected row of somebody else stays"
    assert crm.ok("audit", "verify").exit_code == 0
    assert [check for check in crm("doctor", "--json").json()["checks"] if not check["ok"]] == []


def test_a_small_company_forgets_a_person_to_the_last_byte(people: App, crm: CommandLine) -> None:
    crm.ok("find", SECRETS["contact"]["name"])
    crm.ok(*ERASE)
    assert places_with(people, secret_texts()) == []
    if people.engine.dialect.name == "sqlite":
        words = words_of_index(people.config.folder / "crm.db")
        assert [w for w in words if any(c in w for c in "龘靐齉爨邯郸")] == []
    assert crm("find", SECRETS["contact"]["name"], "--json").lines() == []
    assert crm("find", SECRETS["customer"]["phone"], "--phone", "--json").lines() == []


def test_what_is_not_the_persons_stays(people: App, crm: CommandLine) -> None:
    before = crm.json("interaction", "show", "I3"), crm.json("customer", "show", "F2")["name"]
    crm.ok(*ERASE)
    assert (crm.json("interaction", "show", "I3"), crm.json("customer", "show", "F2")["name"]) == before
    card = crm.json("customer", "show", "C1")
    assert (card["name"], card["phone"], card["tax_id"], card["attributes"]) == ("erased C1", None, None, {})
    assert card["archived"]
    assert crm.json("interaction", "show", "I1")["subject"] == "(erased)"
    (number,) = rows(people, "SELECT id FROM customer WHERE code = 'C1'")[0]
    assert rows(
        people, "SELECT key FROM person_key WHERE entity = 'customer' AND entity_id = :id", id=number
    ) == [(None,)]


def test_a_plan_says_what_would_go_and_does_nothing(people: App, crm: CommandLine) -> None:
    before = crm.json("contact", "show", "P1")
    planned = crm("person", "erase", "P1", "--json")
    assert planned.exit_code == 3
    assert planned.stderr == "crm: nothing was erased yet; do it with --yes and --reason\n"
    work = planned.json()
    assert not work["done"]
    assert {t["table"]: t["erased"] for t in work["tables"]} == {
        "contact": 1,
        "contact_firm": 2,
        "interaction": 1,
    }
    assert crm.json("contact", "show", "P1") == before
    assert rows(people, "SELECT count(*) FROM person_erasure") == [(0,)]
    shown = crm("person", "erase", "P1")
    assert shown.exit_code == 3
    assert "To be erased: contact P1" in shown.stdout


def test_a_reader_of_chinese_is_told_in_chinese_who_it_is(people: App, crm: CommandLine) -> None:
    assert "联络人 P1" in crm("person", "erase", "P1", env={"CRM_LANG": "zh_CN"}).stdout


def test_a_plan_names_the_rows_of_others_that_mention_the_person(people: App, crm: CommandLine) -> None:
    firm = rows(people, "SELECT id FROM customer WHERE code = 'F2'")[0][0]
    with people.write(ACTOR) as tx:
        note = {"customer_id": firm, "channel": "phone", "at": tx.now, "code": "I9"}
        tx.insert(Interaction, [{**note, "subject": "re: 龘靐齉"}])
    places = crm("person", "erase", "P1", "--json").json()["mentions"]
    assert [(p["table"], p["column"], p["rows"]) for p in places] == [
        ("interaction", "subject", 1),
        ("change_log", "after", 1),
    ]


def test_history_and_a_past_card_say_erased(people: App, crm: CommandLine, clock: Any) -> None:
    clock.move(days=2)
    crm.ok(*ERASE)
    assert "(erased)" in crm.ok("history", "P1").stdout
    past = crm.ok("customer", "show", "C1", "--as-of", "2026-03-02").stdout
    assert "erased C1" in past
    assert not any(text in past for text in secret_texts())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("F1", "--reason", "x", "--yes"), 1, "F1 is an organisation, no natural person"),
        (("nobody", "--reason", "x", "--yes"), 1, "there is no contact and no customer 'nobody'"),
        (("P1", "--yes"), 2, "say why with --reason"),
        (("P1", "--reason", "龘靐齉 wants it", "--yes"), 1, "the reason names the person"),
        (("P1", "--reason", "龘　靐 齉 wants it", "--yes"), 1, "the reason names the person"),
        (("P1", "--reason", "tel. +86 139 8765 4321", "--yes"), 1, "the reason names the person"),
    ],
)
def test_what_cannot_be_erased_is_refused_in_one_sentence(
    people: App, crm: CommandLine, words: tuple[str, ...], code: int, sentence: str
) -> None:
    result = crm("person", "erase", *words)
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.stderr
    assert rows(people, "SELECT count(*) FROM person_erasure") == [(0,)]


def test_who_is_erased_cannot_be_erased_exported_or_restricted_again(people: App, crm: CommandLine) -> None:
    crm.ok(*ERASE)
    for words in (ERASE, ("person", "export", "P1"), ("person", "restrict", "P1")):
        result = crm(*words)
        assert (result.exit_code, "was erased on" in result.stderr) == (1, True), words
    (line, *_more) = crm.lines("privacy", "erasures")
    assert (line["code"], line["state"], line["reason"]) == ("P1", "done", "asked on 2026-03-01")


def test_only_who_may_erases(people: App, crm: CommandLine) -> None:
    with crm.as_actor("rep", ["sales_manager"]) as rep:
        for words in (
            ERASE,
            ("person", "erase", "P1"),
            ("person", "export", "P1"),
            ("person", "restrict", "P1"),
        ):
            result = rep(*words)
            assert result.exit_code == 1
            assert "may not export, restrict and erase persons" in result.stderr
    assert rows(people, "SELECT count(*) FROM person_erasure") == [(0,)]


def test_an_old_file_that_is_imported_again_brings_nobody_back(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    crm.ok(*ERASE)
    refused = crm("contact", "edit", "P1", "--phone", "13911112222")
    assert (refused.exit_code, "the person was erased" in refused.stderr) == (1, True)
    file = tmp_path / "old.csv"
    phone = SECRETS["customer"]["phone"]
    file.write_text(f"code,name,phone,kind\nC1,爨邯郸,{phone},person\nC7,新客户,,person\n", encoding="utf-8")
    done = crm("import", "customers", file, "--json").json()
    assert (done["created"], done["rejected"]) == (1, 1)
    assert crm.json("customer", "show", "C1")["name"] == "erased C1"


def test_what_is_written_of_an_erased_person_all_the_same_gets_into_no_log(
    people: App, crm: CommandLine
) -> None:
    crm.ok(*ERASE)
    with people.write(ACTOR) as tx, exempt(tx.connection):
        tx.update(Contact, [(1, {"phone": "13911112222"})])
    found = rows(people, "SELECT count(*) FROM change_log WHERE after LIKE '%13911112222%'")
    assert found == [(0,)]


def test_a_drawer_that_the_law_wants_kept_keeps_its_file(
    make_app: Callable[..., App], crm: CommandLine, tmp_path: Path
) -> None:
    app = fill(make_app(settings='\n[plugins.privacy]\nkeep_drawers = ["contracts_orders"]\n'))
    paper = tmp_path / "contract.txt"
    paper.write_text("contract", encoding="utf-8")
    crm.ok("document", "add", "C1", paper, "--drawer", "contracts_orders", "--title", "爨邯郸的合同")
    done = crm.json(*ERASE)
    (table,) = [t for t in done["tables"] if t["table"] == "document"]
    assert (table["erased"], table["kept"]) == (0, 1)
    assert "keep_drawers" in table["why_kept"]
    (document,) = crm.lines("document", "list")
    assert (document["title"], document["size"]) == ("(erased)", 8)
    crm.ok("document", "extract", document["code"], tmp_path / "again.txt")
    assert places_with(app, ["爨邯郸"]) == []


def test_two_contracts_in_one_file_keep_it_for_the_other_customer(
    people: App, crm: CommandLine, tmp_path: Path
) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("of both", encoding="utf-8")
    for code in ("C1", "F1"):
        crm.ok("document", "add", code, paper, "--drawer", "basic", "--title", f"of {code}")
    assert crm.json(*ERASE)["files"]["documents"] == 0
    (others,) = crm.lines("document", "list", "--customer", "F1")
    crm.ok("document", "extract", others["code"], tmp_path / "again.txt")
    gone = rows(people, "SELECT code FROM document WHERE sha256 = ''")[0][0]
    refused = crm("document", "extract", gone, tmp_path / "gone.txt")
    assert "was erased with its person" in refused.stderr


def test_an_import_that_runs_is_waited_for(people: App, crm: CommandLine) -> None:
    from crmcore.builtin.exchange.runs import begin

    values = {
        "entity": "contacts",
        "plugin": "exchange",
        "file_name": "f",
        "file_path": "f",
        "file_sha256": "0",
    }
    number, lock = begin(people, {**values, "file_bytes": 1, "mapping": {}, "options": {}, "actor": ACTOR})
    try:
        assert f"import {number} is running" in crm(*ERASE).stderr
    finally:
        lock.release()
    crm.ok(*ERASE)


def test_merged_customers_are_erased_together(people: App, crm: CommandLine) -> None:
    with people.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C2", "kind": "person", "name": "爨二", "phone": "13712340000"}])
    crm.ok("duplicates", "merge", "C2", "C1", "--reason", "one and the same", "--yes")
    done = crm.json("person", "erase", "C2", "--reason", "asked", "--yes")
    assert {p["code"] for p in done["persons"]} == {"C1", "C2", "P2"}
    assert places_with(people, ["爨二", "13712340000", SECRETS["customer"]["name"]]) == []


def test_erasures_are_in_the_change_log_without_a_value(people: App, crm: CommandLine) -> None:
    crm.ok(*ERASE)
    table = table_of(Erasure)
    with people.read() as ctx:
        found = ctx.connection.execute(sa.select(table).order_by(table.c.id)).mappings().all()
    assert [row["state"] for row in found] == ["done"] * 3
    contact = table_of(Contact)
    assert found[0]["counts"][contact.name] == {"erased": 2, "kept": 0}
    states = rows(people, "SELECT after FROM change_log WHERE entity = 'person_erasure' ORDER BY seq")
    assert len(states) == 9, "begun, fields gone, done, of each"
