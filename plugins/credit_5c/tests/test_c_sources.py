"""Evidence from several sources: plugins, people, statements and the card; the newest counts, all are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import crmcore_credit_5c
from crmcore.api import Customer
from crmcore.testing import ACTOR

SCHEMAS = Path(crmcore_credit_5c.__file__).parent / "schemas"
MINE = ("ahp", "assessment", "credit_batch", "credit_checklist", "credit_due_line", "credit_evidence",
        "credit_evidence_added", "credit_evidence_line", "credit_evidence_withdrawn", "credit_explain",
        "credit_model", "credit_model_line", "credit_model_shown")  # fmt: skip
VISITS = """
from datetime import date
from crmcore.api import Evidence, hookimpl

@hookimpl
def evidence(customer_ids, indicator, ctx):
    if indicator == "reputation":
        for number in customer_ids:
            yield Evidence(number, indicator, "fair", "visit", date(2026, 2, 20))
            yield Evidence(number, indicator, "poor", "visit", date(2999, 1, 1))
    if indicator == "gearing":
        for number in customer_ids:
            yield Evidence(number, indicator, 3, "visit", date(2025, 2, 20), date(2026, 1, 1))
"""


@pytest.fixture
def app(make_app: Any, install_plugin: Any) -> Any:
    install_plugin("visiting", VISITS)
    app = make_app(["credit_5c", "visiting"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C1", "name": "One", "attributes": {"registered_capital": 300}}])
    return app


def said(crm: Any, indicator: str) -> tuple[Any, ...]:
    crm.ok("credit", "assess", "C1")
    found = crm.json("credit", "explain", "C1", "--json")
    (one,) = [x for x in found["indicators"] if x["indicator"] == indicator]
    return one["value"], one["source"], [other["value"] for other in one["others"]]


def test_plugins_add_evidence_but_none_of_the_future_or_expired(app: Any, crm: Any) -> None:
    assert said(crm, "reputation") == ("fair", "plugin:visiting visit", [])
    assert said(crm, "gearing") == (None, None, ["3"])


def test_the_newest_counts_and_the_conflict_is_shown(app: Any, crm: Any) -> None:
    words = ("--indicator", "reputation", "--source", "bank")
    crm.ok("credit", "evidence", "add", "C1", *words, "--value", "good", "--date", "2026-02-01")
    assert said(crm, "reputation") == ("fair", "plugin:visiting visit", ["good"])
    added = crm.json(
        "credit", "evidence", "add", "C1", *words, "--value", "good", "--date", "2026-02-25", "--json"
    )
    assert [one["indicator"] for one in added["conflicts"]] == ["reputation"]
    assert said(crm, "reputation") == ("good", "bank", ["fair", "good"])
    text = crm.ok("credit", "evidence", "list", "C1").stdout
    good = "Keeps promises; rare delays, announced beforehand"
    assert f"Sources differ on Reputation, the first counts: {good} (bank, 2026-02-25); Complaints of" in text


def test_the_same_from_two_sources_is_no_conflict(app: Any, crm: Any) -> None:
    words = ("--indicator", "reputation", "--source", "bank", "--value", "fair")
    assert crm.json("credit", "evidence", "add", "C1", *words, "--json")["conflicts"] == []


def test_the_newest_statement_counts_and_a_withdrawn_one_does_not(app: Any, crm: Any, tmp_path: Path) -> None:
    file = tmp_path / "statements.json"
    file.write_text(json.dumps({"statements": [
        {"period": "2024-12-31", "source": "accounts", "figures": {"total_liabilities": "1", "equity": "1"}},
        {"period": "2025-12-31", "source": "accounts", "figures": {"total_liabilities": 4, "equity": 2.5}},
        {"period": "2025-12-31", "source": "tax office", "figures": {"total_liabilities": "5", "equity": "1"}},
    ]}), "utf-8")  # fmt: skip
    numbers = crm.json("credit", "evidence", "add", "C1", "--file", file, "--json")["statements"]
    assert said(crm, "gearing")[0] in {"5", "1.6"}
    assert [x["indicator"] for x in crm.json("credit", "assess", "C1", "--json")["conflicts"]] == ["gearing"]
    crm.ok("credit", "evidence", "withdraw", numbers[2], "--statement", "--reason", "another firm")
    assert said(crm, "gearing") == ("1.6", "accounts", ["3"])
    crm.ok("credit", "evidence", "withdraw", numbers[1], "--statement", "--reason", "draft")
    assert said(crm, "gearing")[0] == "1"


def test_a_field_of_the_card_is_evidence_of_today(app: Any, crm: Any) -> None:
    crm.ok("credit", "assess", "C1", "--model", "6a")
    found = crm.json("credit", "explain", "C1", "--json")
    (one,) = [x for x in found["indicators"] if x["indicator"] == "registered_capital"]
    assert (one["value"], one["source"], one["points"]) == ("300", "field:registered_capital", "80")


def test_what_is_missing_in_an_option_is_a_mistake_in_typing(app: Any, crm: Any, tmp_path: Path) -> None:
    assert crm("credit", "evidence", "add", "C1", "--indicator", "season").exit_code == 2
    file = tmp_path / "e.json"
    file.write_text("{}", "utf-8")
    assert crm("credit", "evidence", "add", "C1", "--file", file, "--value", "x").exit_code == 2
    assert crm("credit", "evidence", "add", "C1", "--file", file).exit_code == 1
    assert crm("credit", "assess", "NOBODY").exit_code == 1
    assert crm("credit", "assess", "C1", "--model", "7x").exit_code == 1


@pytest.mark.parametrize("name", MINE)
def test_a_schema_is_valid_and_so_are_its_examples(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:crmcore:schema:credit_5c:{name}:1"
    for key, part in schema["properties"].items():
        validator = Draft202012Validator({**part, "$defs": schema.get("$defs", {})})
        for value in [*part["examples"], *([part["default"]] if "default" in part else [])]:
            assert list(validator.iter_errors(value)) == [], key
