"""One person under several codes: whoever was merged, in however many steps, is given and erased together."""

from __future__ import annotations

import json

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

from .conftest import places_with

NAMES = {"D1": "爨一一一", "D2": "爨二二二", "D3": "爨三三三", "D4": "爨四四四"}
PHONES = {code: f"1371111000{code[1]}" for code in NAMES}


@pytest.fixture
def chain(people: App, crm: CommandLine) -> App:
    """Return a company in which D1 was merged into D2, that into D3, and D4 into D3, too."""
    with people.write(ACTOR) as tx:
        rows = [{"code": c, "kind": "person", "name": n, "phone": PHONES[c]} for c, n in NAMES.items()]
        tx.insert(Customer, rows)
    for gone, into in (("D1", "D2"), ("D2", "D3"), ("D4", "D3")):
        crm.ok("duplicates", "merge", gone, into, "--reason", f"{NAMES[gone]} is the same", "--yes")
    return people


@pytest.mark.parametrize("code", ["D3", "D1", "D2", "D4"])
def test_whoever_is_named_all_of_a_chain_are_erased(chain: App, crm: CommandLine, code: str) -> None:
    planned = crm("person", "erase", code, "--json").json()
    done = crm.json("person", "erase", code, "--reason", "asked", "--yes")
    for work in (planned, done):
        assert {p["code"] for p in work["persons"]} == set(NAMES)
    assert places_with(chain, [*NAMES.values(), *PHONES.values()]) == []
    assert {line["code"] for line in crm.lines("privacy", "erasures")} == set(NAMES)
    assert crm.json("customer", "show", "C1")["name"] == "爨邯郸", "nobody else"
    assert crm.ok("audit", "verify").exit_code == 0


def test_all_of_a_chain_are_given_and_restricted_together(chain: App, crm: CommandLine) -> None:
    content = crm.json("person", "export", "D1")
    assert sorted([content["person"]["code"], *content["same_person"]]) == sorted(NAMES)
    text = json.dumps(content, ensure_ascii=False)
    assert all(value in text for value in (*NAMES.values(), *PHONES.values()))
    crm.ok("person", "restrict", "D4")
    assert not set(NAMES) & {
        line["code"] for line in crm.lines("customer", "list", "--where", "archived=any")
    }
    crm.ok("person", "unrestrict", "D1")
    assert "D3" in {line["code"] for line in crm.lines("customer", "list")}


def test_who_was_merged_by_mistake_and_parted_again_is_not_erased_with_the_other(
    chain: App, crm: CommandLine
) -> None:
    crm.ok("duplicates", "unmerge", "D4", "--reason", "somebody else")
    done = crm.json("person", "erase", "D3", "--reason", "asked", "--yes")
    assert {p["code"] for p in done["persons"]} == {"D1", "D2", "D3"}
    assert crm.json("customer", "show", "D4")["name"] == NAMES["D4"]
    assert places_with(chain, [NAMES[c] for c in ("D1", "D2", "D3")]) == []


def test_parting_erased_ones_brings_no_value_back(chain: App, crm: CommandLine) -> None:
    crm.ok("person", "erase", "D3", "--reason", "asked", "--yes")
    for code in ("D4", "D2", "D1"):
        result = crm("duplicates", "unmerge", code, "--reason", "two after all")
        assert "Traceback" not in result.stderr
        assert "unexpected error" not in result.stderr
    assert places_with(chain, [*NAMES.values(), *PHONES.values()]) == []
    assert crm("doctor").exit_code == 0
