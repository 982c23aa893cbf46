"""Lists of contacts, interactions, documents and actors: chosen by what people ask for, page after page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import CommandLine


@pytest.fixture
def company(small_company: Any, database: str, crm: CommandLine, tmp_path: Path) -> CommandLine:
    """Return the command line in the small company, with some documents."""
    small_company(database=database)
    for name, customer, drawer in (
        ("Contract 1.txt", "K001", "contracts_orders"),
        ("contract 2.txt", "K002", "contracts_orders"),
        ("100%.txt", "K001", "basic"),
    ):
        (tmp_path / name).write_text(name, encoding="utf-8")
        crm.ok("document", "add", customer, tmp_path / name, "--drawer", drawer)
    return crm


def codes(crm: CommandLine, entity: str, *words: str) -> list[str]:
    return [line["code"] for line in crm.lines(entity, "list", *words)]


@pytest.mark.parametrize("entity", ["contact", "interaction", "document", "actor"])
def test_pages_put_together_are_the_whole_list(company: CommandLine, entity: str) -> None:
    whole = codes(company, entity)
    assert len(whole) >= 3
    found: list[str] = []
    while page := codes(company, entity, "--limit", "2", *(("--after", found[-1]) if found else ())):
        found += page
    assert found == whole


@pytest.mark.parametrize("entity", ["contact", "interaction", "document", "actor"])
def test_a_list_does_not_go_on_behind_what_is_not_there(company: CommandLine, entity: str) -> None:
    refused = company(entity, "list", "--after", "NOBODY", "--json")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"there is no {entity} 'NOBODY'" in refused.stderr


def test_contacts_are_found_by_customer_and_text(company: CommandLine) -> None:
    everybody = {c["code"]: c for c in company.lines("contact", "list")}
    one = next(iter(everybody.values()))
    assert one["code"] in codes(company, "contact", "--text", one["name"])
    for text in (one["phone"], one["mobile"], one["email"]):
        if text:
            expected = {
                c["code"]
                for c in everybody.values()
                if any(text.lower() in (c[n] or "").lower() for n in ("phone", "mobile", "email"))
            }
            assert set(codes(company, "contact", "--text", text.upper())) == expected
    firm = one["firms"][0]["customer"]
    at_firm = [c["code"] for c in everybody.values() if firm in {f["customer"] for f in c["firms"]}]
    assert codes(company, "contact", "--customer", firm) == at_firm
    assert codes(company, "contact", "--text", "%") == []


def test_interactions_are_found_by_person_text_and_days(company: CommandLine) -> None:
    everything = company.lines("interaction", "list")
    with_person = [i for i in everything if i["contact"]]
    person = with_person[0]["contact"]
    assert codes(company, "interaction", "--contact", person) == [
        i["code"] for i in with_person if i["contact"] == person
    ]
    subject = everything[3]["subject"]
    assert codes(company, "interaction", "--text", subject) == [
        i["code"] for i in everything if subject in i["subject"] or subject in (i["notes"] or "")
    ]
    company.ok(
        "interaction", "add", "K001", "--channel", "visit", "--subject", "eve", "--at", "2020-05-31 23:59"
    )
    company.ok(
        "interaction", "add", "K001", "--channel", "visit", "--subject", "day", "--at", "2020-06-01 00:00"
    )
    company.ok(
        "interaction", "add", "K001", "--channel", "visit", "--subject", "end", "--at", "2020-06-30 23:59"
    )
    shown = [
        line["subject"]
        for line in company.lines("interaction", "list", "--since", "2020-06-01", "--until", "2020-06-30")
    ]
    assert shown == ["end", "day"], "days are the company's, whose midnight is not that of UTC"
    assert company("interaction", "list", "--contact", "P9").exit_code == 1


def test_documents_are_found_by_drawer_and_text(company: CommandLine) -> None:
    titles = {d["code"]: d["title"] for d in company.lines("document", "list")}

    def found(*words: str) -> list[str]:
        return [titles[code] for code in codes(company, "document", *words)]

    assert found("--text", "CONTRACT") == ["Contract 1.txt", "contract 2.txt"]
    assert found("--text", "contract", "--customer", "K002") == ["contract 2.txt"]
    assert found("--text", "0%") == ["100%.txt"]
    assert found("--drawer", "basic") == ["100%.txt"]
