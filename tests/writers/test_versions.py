"""Who edits what somebody else has changed meanwhile is told both values, whatever the record, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine
from tests.writers.conftest import place_of
from tests.writers.oracle import Company

STALE = [
    (
        "customer",
        "customer show B00",
        "customer edit B00 --set region=East",
        "customer edit B00 --set region=West",
    ),
    ("customer", "customer show B00", "customer edit B00 --set region=East", "customer archive B00"),
    ("customer", "customer show B00", "customer archive B00", "customer restore B00"),
    ("contact", "contact show P00", "contact edit P00 --phone 1", "contact edit P00 --phone 2"),
    ("contact", "contact show P00", "contact edit P00 --phone 1", "contact archive P00"),
    (
        "interaction",
        "interaction show I00",
        "interaction edit I00 --subject a",
        "interaction edit I00 --subject b",
    ),
    ("interaction", "interaction show I00", "interaction edit I00 --subject a", "interaction done I00"),
    ("interaction", "interaction show I00", "interaction done I00", "interaction done I00 --notes again"),
    (
        "interaction",
        "interaction show I00",
        "interaction edit I00 --subject a",
        "interaction hand-over I00 tester",
    ),
    ("document", "document show D000001", "document archive D000001", "document archive D000001 --undo"),
    ("actor", "actor show li", "actor grant li sales_manager", "actor revoke li sales_representative"),
    ("actor", "actor show li", "actor revoke li sales_representative", "actor grant li sales_manager"),
    ("actor", "actor show li", "actor grant li sales_manager", "actor archive li"),
]
"""Record, how two read it, what the first does, what the second wants to do."""


@pytest.fixture
def filled(company: App, crm: CommandLine, tmp_path: Path) -> App:
    """Return a company with a document and one more actor."""
    paper = tmp_path / "paper.txt"
    paper.write_text("x", encoding="utf-8")
    crm.ok("document", "add", "B00", paper, "--drawer", "basic")
    crm.ok("actor", "add", "li", "--role", "sales_representative")
    return company


@pytest.mark.parametrize(("entity", "show", "first", "second"), STALE, ids=[case[3] for case in STALE])
def test_a_stale_edit_is_refused_with_both_values(
    filled: App, crm: CommandLine, entity: str, show: str, first: str, second: str
) -> None:
    seen = crm.json(*show.split())["version"]
    crm.ok(*first.split(), "--expect-version", seen)
    before = Company(place_of(filled)).rows(entity)
    refused = crm(*second.split(), "--expect-version", seen)
    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1
    assert f"was changed since you read it (version {seen + 1}, you saw {seen})" in refused.stderr
    assert ": now " in refused.stderr
    assert ", yours " in refused.stderr
    assert "datetime" not in refused.stderr
    assert Company(place_of(filled)).rows(entity) == before
    now = crm.json(*show.split())["version"]
    assert now == seen + 1
    crm.ok(*second.split(), "--expect-version", now)


def test_the_refusal_names_the_field_and_both_values(filled: App, crm: CommandLine) -> None:
    crm.ok("customer", "edit", "B00", "--set", "region=East", "--set", "employees=5")
    edit = (
        "customer",
        "edit",
        "B00",
        "--set",
        "region=West",
        "--set",
        "employees=7",
        "--set",
        "since=2025-01-02",
    )
    told = crm(*edit, "--expect-version", 1).stderr
    assert "customer B00 was changed since you read it" in told
    assert "region: now 'East', yours 'West'" in told
    assert "employees: now 5, yours 7" in told
    assert "since: now None, yours '2025-01-02'" in told
    del filled


@pytest.mark.parametrize(
    "second", ["contact edit P00 --position boss", "contact leave P00", "contact edit P00 --role decides"]
)
def test_a_place_at_a_customer_has_a_version_of_its_own(filled: App, crm: CommandLine, second: str) -> None:
    shown = crm.json("contact", "show", "P00")
    seen = shown["firms"][0]["version"]
    crm.ok("contact", "edit", "P00", "--position", "clerk", "--expect-place-version", seen)
    refused = crm(*second.split(), "--expect-place-version", seen)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
    firm = shown["firms"][0]["customer"]
    assert refused.stderr.startswith(
        f"crm: the place of contact P00 at {firm} was changed since you read it (version 2, you saw 1): "
    )
    assert "contact_firm" not in refused.stderr
    now = crm.json("contact", "show", "P00")
    assert now["version"] == shown["version"]
    assert now["firms"][0] == {**shown["firms"][0], "position": "clerk", "version": 2}
    crm.ok(*second.split(), "--expect-place-version", 2)
    del filled


def test_a_version_is_of_one_customer(filled: App, crm: CommandLine) -> None:
    refused = crm("customer", "archive", "B00", "B01", "--expect-version", 1)
    assert refused.exit_code == 2
    assert refused.stderr == "crm: --expect-version is of one record; name one customer\n"
    assert not any(row["archived_at"] for row in Company(place_of(filled)).rows("customer"))
    crm.ok("customer", "archive", "B00", "--expect-version", 1)


def test_every_record_shows_the_version_that_is_handed_back(filled: App, crm: CommandLine) -> None:
    shown: dict[str, Any] = {show: crm.json(*show.split()) for _entity, show, _first, _second in STALE}
    assert {record["version"] for show, record in shown.items() if "interaction" not in show} == {1}
    assert shown["interaction show I00"]["version"] == 2, "its code was changed"
    del filled
