"""Many persons at once, others who write meanwhile, and the language of who erases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

from crmcore.api import Contact, Customer, Interaction
from crmcore.app import App
from crmcore.builtin.privacy import rules
from crmcore.errors import CrmError
from crmcore.i18n import set_language
from crmcore.testing import ACTOR, CommandLine

from .conftest import places_with, secret_texts

ERASE = ("person", "erase", "P1", "C1", "--reason", "asked", "--yes")


def test_hundreds_are_erased_in_one_go(people: App, crm: CommandLine) -> None:
    count = 150
    rows = [
        {
            "code": f"M{i:04}",
            "kind": "person",
            "name": f"龖{i:04}",
            "phone": f"1380000{i:04}",
            "attributes": {"email": f"m{i:04}@geheim.example", "address": f"不存在路{i:04}号"},
        }
        for i in range(count)
    ]
    with people.write(ACTOR) as tx:
        tx.insert(Customer, rows)
    codes = [row["code"] for row in rows]
    assert len(crm("person", "erase", *codes, "--json").json()["persons"]) == count
    done = crm.json("person", "erase", *codes, "--reason", "asked", "--yes")
    assert len(done["persons"]) == count
    assert places_with(people, ["龖", "1380000", "m0001@geheim", "不存在路0001"]) == []


def test_who_writes_meanwhile_is_neither_lost_nor_does_it_bring_a_value_back(
    people: App, crm: CommandLine
) -> None:
    stop, written, refused = threading.Event(), [], []

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                with people.write(ACTOR) as tx:
                    talk = {"channel": "phone", "at": tx.now, "customer_id": 1, "subject": f"talk {number}"}
                    tx.insert(Interaction, [{**talk, "code": f"W{number}"}])
                written.append(number)
                with people.write(ACTOR) as tx:
                    tx.update(Contact, [(1, {"phone": "13900112233"})])
            except CrmError as error:
                refused.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = crm(*ERASE)
        while result.exit_code and "other processes" in result.stderr:
            result = crm("privacy", "go-on")
        assert result.exit_code == 0, result.stderr
    finally:
        stop.set()
        writer.join()
    crm.ok("privacy", "go-on")
    assert [line["state"] for line in crm.lines("privacy", "erasures")] == ["done"] * 3
    assert crm.json("contact", "show", "P1")["name"] == "erased P1"
    assert any("erased" in sentence for sentence in refused), "who came later was told"
    with people.read() as ctx:
        there = ctx.connection.exec_driver_sql(
            "SELECT count(*) FROM interaction WHERE code LIKE 'W%%'"
        ).scalar()
    assert there == len(written), "nothing of others is lost"
    assert crm.ok("audit", "verify").exit_code == 0
    assert places_with(people, [*secret_texts(), "13900112233"]) == []


def in_chinese(ask: Callable[[], str]) -> str:
    context = copy_context()
    context.run(set_language, "zh_CN")
    return context.run(ask)


def test_what_stands_in_the_place_of_a_person_is_in_the_language_of_who_erases(
    people: App, crm: CommandLine
) -> None:
    crm.ok("--lang", "zh_CN", *ERASE)
    assert crm.json("customer", "show", "C1")["name"] == in_chinese(lambda: rules.pseudonym("C1"))
    assert crm.json("interaction", "show", "I1")["subject"] == in_chinese(rules.erased_word) == "（已抹除）"
    assert places_with(people, secret_texts()) == []
    assert crm("doctor").exit_code == 0
    assert "erased on" in crm(*ERASE).stderr


@pytest.mark.parametrize("kind", ["contact", "customer"])
def test_erasing_twice_is_refused_and_changes_nothing(people: App, crm: CommandLine, kind: str) -> None:
    code = {"contact": "P1", "customer": "C1"}[kind]
    words: tuple[Any, ...] = ("person", "erase", f"{kind}:{code}", "--reason", "asked", "--yes")
    crm.ok(*words)
    before = crm.lines("privacy", "erasures")
    again = crm(*words)
    assert (again.exit_code, "was erased on" in again.stderr) == (1, True)
    assert crm.lines("privacy", "erasures") == before
