# ruff: noqa: S608  (hands that reach past the gate write their SQL as they like)
"""`crm history`: who changed what, when, why and from where, one line per field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crmcore.api import Contact, Customer, Interaction
from crmcore.app import App
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR, CommandLine

KEYS = {"at", "actor", "entity", "field", "before", "after", "source", "reason"}


def told(lines: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(line[name] for name in names or ("field", "before", "after")) for line in lines]


@pytest.fixture
def company(app: App, crm: CommandLine) -> CommandLine:
    return crm


def test_a_create_is_one_line_per_set_field(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "甲公司", "--set", "phone=021", "--set", "fax=9")
    lines = company.lines("history", "C1")
    assert all(set(line) == KEYS for line in lines)
    assert told(lines) == [
        ("code", None, "C1"),
        ("kind", None, "organisation"),
        ("lifecycle", None, "active"),
        ("name", None, "甲公司"),
        ("phone", None, "021"),
        ("fax", None, "9"),
    ]


def test_an_edit_says_who_when_why_and_from_where(company: CommandLine, clock: Any) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a", "--set", "phone=1")
    clock.move(hours=1)
    with company.as_actor("li", ["sales_representative"]):
        company.ok("customer", "edit", "C1", "--set", "phone=2", "--reason", "moved")
    line = company.lines("history", "C1")[-1]
    assert line["at"] == clock.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert {name: line[name] for name in KEYS - {"at"}} == {
        "actor": "li",
        "entity": "customer",
        "field": "phone",
        "before": "1",
        "after": "2",
        "source": "cli",
        "reason": "moved",
    }


def test_archive_and_restore_are_in_it(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("customer", "archive", "C1", "--reason", "closed")
    company.ok("customer", "restore", "C1")
    archived, restored = company.lines("history", "C1")[-2:]
    assert (archived["field"], archived["before"], archived["reason"]) == ("archived_at", None, "closed")
    assert (restored["before"], restored["after"]) == (archived["after"], None)


def test_what_hangs_on_a_customer_is_in_its_history_in_order(company: CommandLine, tmp_path: Any) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四", "--role", "decides")
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "报价")
    (tmp_path / "a.txt").write_text("x")
    company.ok("document", "add", "C1", tmp_path / "a.txt", "--drawer", "basic")
    company.ok("contact", "edit", "P1", "--phone", "5")
    lines = company.lines("history", "C1")
    assert list(dict.fromkeys(told(lines, "entity"))) == [
        ("customer",),
        ("contact",),
        ("contact_firm",),
        ("interaction",),
        ("document",),
    ]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert ("contact_firm", "customer", None, "C1") in told(lines, "entity", "field", "before", "after")
    assert ("contact_firm", "contact", None, "P1") in told(lines, "entity", "field", "before", "after")
    assert told(lines[-1:], "entity", "field", "after") == [("contact", "phone", "5")]


def test_the_history_of_others_is_not_in_it(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("customer", "add", "--code", "C2", "--name", "b", "--set", "contact=王五")
    company.ok("interaction", "add", "C2", "--channel", "phone", "--subject", "x")
    assert {line["entity"] for line in company.lines("history", "C1")} == {"customer"}


def test_a_parent_and_an_owner_are_told_by_code(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "G", "--name", "group")
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("customer", "edit", "C1", "--set", "parent=G", "--set", f"owner={ACTOR}")
    assert sorted(told(company.lines("history", "C1")[-2:])) == [
        ("owner", None, ACTOR),
        ("parent", None, "G"),
    ]


def test_a_field_that_there_is_not_is_refused_with_the_one_that_may_be_meant(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    result = company("history", "C1", "--field", "phonne", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "crm: no field 'phonne' was ever changed here (did you mean 'phone'?); see them all without --field\n",
    )
    assert company("history", "P1", "--field", "personal").stderr == (
        "crm: no field 'personal' was ever changed here; see them all without --field\n"
    )
    assert company("history", "P1", "--field", "credit_limit").exit_code == 1
    for name in ("parent_id", "version", "attributes"):
        assert company("history", "C1", "--field", name).exit_code == 1
    for code, name in (("C1", "parent"), ("C1", "position"), ("C1", "subject"), ("P1", "customer")):
        company.ok("history", code, "--field", name)


def test_a_field_that_the_card_no_longer_has_is_found_in_its_history(company: CommandLine, app: App) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    with app.write(ACTOR) as tx:
        number = tx.connection.exec_driver_sql("SELECT id FROM customer").scalar_one()
        tx.update(Customer, [(number, {"attributes": {"once": "there"}})])
    assert told(company.lines("history", "C1", "--field", "once")) == [("once", None, "there")]


def test_contacts_interactions_and_documents_have_a_history_of_their_own(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    company.ok("interaction", "add", "C1", "--channel", "phone", "--subject", "报价")
    assert {line["entity"] for line in company.lines("history", "P1")} == {"contact", "contact_firm"}
    (code,) = {i["code"] for i in company.lines("interaction", "list")}
    assert ("subject", None, "报价") in told(company.lines("history", code))


def test_the_newest_lines_are_kept_by_a_limit_and_stay_in_order(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    for number in range(5):
        company.ok("customer", "edit", "C1", "--set", f"phone={number}")
    assert told(company.lines("history", "C1", "--limit", 2), "after") == [("3",), ("4",)]
    assert len(company.lines("history", "C1")) == 9
    shown = company.ok("history", "C1", "--limit", 2).stdout
    assert "newest 2" in shown


def test_a_table_shows_fifty_lines_at_first(company: CommandLine, app: App) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    for number in range(60):
        with app.write(ACTOR) as tx:
            tx.update(Customer, [(1, {"phone": str(number)})])
    assert len(company.ok("history", "C1").stdout.splitlines()) == 52
    assert len(company.lines("history", "C1")) == 64


def test_one_field_can_be_asked_for(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a", "--set", "phone=1")
    company.ok("customer", "edit", "C1", "--set", "phone=2", "--set", "fax=3")
    assert told(company.lines("history", "C1", "--field", "phone")) == [
        ("phone", None, "1"),
        ("phone", "1", "2"),
    ]


def test_a_code_of_several_things_means_the_customer_and_says_so(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "X", "--name", "a")
    company.ok("contact", "add", "X", "--code", "X", "--name", "b")
    done = company.ok("history", "X", "--json")
    assert done.lines()[0]["entity"] == "customer"
    assert "--entity contact" in done.stderr
    assert {line["entity"] for line in company.lines("history", "X", "--entity", "contact")} == {
        "contact",
        "contact_firm",
    }


def test_a_code_that_never_was_is_told_in_one_sentence(company: CommandLine) -> None:
    done = company("history", "NOPE")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'NOPE'" in done.stderr
    assert company("history", "a\x00b").exit_code == 1
    assert company("history", "%").exit_code == 1


def test_a_customer_is_found_by_a_code_that_it_had_once(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "OLD", "--name", "a")
    company.ok("customer", "edit", "OLD", "--code", "NEW")
    assert company.lines("history", "OLD") == company.lines("history", "NEW")


def test_a_removed_customer_keeps_its_history_with_what_hung_on_it(company: CommandLine, app: App) -> None:
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": "C1", "name": "甲"}])
        (person,) = tx.insert(Contact, [{"code": "P1", "name": "李四"}])
        (link,) = tx.insert(
            ContactFirm, [{"contact_id": person, "customer_id": number, "roles": ["decides"]}]
        )
    with app.write(ACTOR, "import 7 was undone", "undo:7") as tx:
        tx.delete(ContactFirm, [link])
        tx.delete(Contact, [person])
        tx.delete(Customer, [number])
    lines = company.lines("history", "C1")
    assert {line["entity"] for line in lines} == {"customer", "contact", "contact_firm"}
    removed = [line for line in lines if line["source"] == "undo:7"]
    assert ("name", "甲", None) in told(removed)
    assert ("contact", "P1", None) in told(removed), "codes of removed rows are remembered"
    assert all(line["reason"] == "import 7 was undone" for line in removed)
    assert {line["entity"] for line in company.lines("history", "P1")} == {"contact", "contact_firm"}


def test_a_place_taken_away_from_a_customer_stays_in_its_history(company: CommandLine, app: App) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("contact", "add", "C1", "--code", "P1", "--name", "李四")
    with app.write(ACTOR) as tx:
        tx.delete(ContactFirm, [1])
    lines = company.lines("history", "C1")
    assert ("contact", "name", "李四") in told(lines, "entity", "field", "after")
    assert ("contact_firm", "customer", "C1") in told(lines, "entity", "field", "before")


# -- natural persons ---------------------------------------------------------------------------------------------


def erase(app: App, entity: str, number: int) -> None:
    """Destroy a person's key, as erasing a person will."""
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        statement = f"UPDATE person_key SET key = NULL WHERE entity = '{entity}' AND entity_id = {number}"
        assert connection.exec_driver_sql(statement).rowcount == 1


@pytest.fixture
def person(company: CommandLine) -> CommandLine:
    company.ok("customer", "add", "--code", "N1", "--name", "张三", "--kind", "person", "--set", "phone=139")
    company.ok("customer", "edit", "N1", "--set", "phone=138", "--set", "region=华东")
    return company


def test_personal_values_are_read_with_the_persons_key(person: CommandLine) -> None:
    lines = told(person.lines("history", "N1"))
    assert ("name", None, "张三") in lines
    assert ("phone", "139", "138") in lines


def test_an_erased_persons_history_holds_without_the_values(person: CommandLine, app: App) -> None:
    erase(app, "customer", 1)
    done = person.ok("history", "N1", "--json")
    assert "张三" not in done.stdout
    assert "138" not in done.stdout
    lines = told(done.lines())
    assert ("region", None, "华东") in lines, "what is not personal stays"
    assert lines.count(("$personal", None, None)) == 2
    assert "(erased)" in person.ok("history", "N1").stdout
    assert person.json("audit", "verify")["ok"]
    person.ok("customer", "edit", "N1", "--set", "phone=137")
    assert told(person.lines("history", "N1"))[-1] == ("$personal", None, None)


def test_personal_values_that_were_changed_from_outside_are_told(person: CommandLine, tamper: Any) -> None:
    tamper(
        'UPDATE change_log SET after = replace(after, \'"sealed":"\', \'"sealed":"AAAA\') WHERE entity_id = 1'
    )
    done = person("history", "N1")
    assert done.exit_code == 1
    assert "changed from outside" in done.stderr


# -- how it looks ------------------------------------------------------------------------------------------------

NASTY = "[red]x[/b]\x1b[31m\u202eevil\u2066 甲"


def test_the_table_survives_every_text_and_shows_no_control_character(
    company: CommandLine, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.write(ACTOR, NASTY) as tx:
        (number,) = tx.insert(Customer, [{"code": "C1", "name": NASTY, "attributes": {"notes": NASTY}}])
        tx.insert(
            Interaction,
            [{"code": "I1", "customer_id": number, "channel": "phone", "subject": NASTY, "at": tx.now}],
        )
    for width in ("200", "60", "20"):
        for words in ((), ("--lang", "zh_CN")):
            shown = company.ok("history", "C1", *words, env={"COLUMNS": width}).stdout
            assert not set(shown) & {"\x1b", "\u202e", "\u2066"}
            assert "[red]x[/b]" in shown


def test_a_terminal_gets_a_table_too(company: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "[/a] 甲")
    monkeypatch.setattr("crmcore.builtin.reports.terminal.sys.stdout.isatty", lambda: True, raising=False)
    assert "C1" in company.ok("history", "C1", env={"COLUMNS": "180"}).stdout


def test_people_read_their_own_words(company: CommandLine) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a", "--set", "contact=李四")
    company.ok("customer", "archive", "C1")
    shown = company.ok("history", "C1").stdout
    for word in ("customer C1", "contact P000001", "created", "archived", "organisation", "Name"):
        assert word in shown


def test_sensitive_fields_in_a_history_are_recorded_as_read(
    company: CommandLine, rows: Callable[..., Any]
) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a", "--set", "phone=1")
    company.ok("history", "C1")
    assert rows("SELECT * FROM read_log") == []
    company.ok("customer", "edit", "C1", "--set", "bank_account=123")
    company.ok("history", "C1", "--field", "phone")
    assert rows("SELECT * FROM read_log") == []
    company.ok("history", "C1", "--json")
    (read,) = rows("SELECT what, entity, count, filter FROM read_log")
    assert tuple(read.values()) == ("sensitive", "customer", 1, "C1: bank_account")


def test_a_log_without_a_header_does_not_stop_a_history(company: CommandLine, tamper: Any, rows: Any) -> None:
    company.ok("customer", "add", "--code", "C1", "--name", "a")
    company.ok("customer", "edit", "C1", "--set", "phone=1")
    newest = rows("SELECT max(id) AS id FROM change_tx")[0]["id"]
    tamper(f"DELETE FROM change_tx WHERE id = {newest}")
    assert json.loads(company.ok("history", "C1", "--json", "--limit", "1").stdout)["field"] == "name"
