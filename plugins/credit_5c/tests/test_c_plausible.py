"""Numbers that an indicator cannot have are refused with their place, and nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR


@pytest.fixture
def app(make_app: Any) -> Any:
    app = make_app(["credit_5c"])
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C1", "name": "One"}])
    return app


@pytest.mark.parametrize(
    ("indicator", "value", "words"),
    [
        (
            "share_overdue",
            "45",
            "45 is no share from 0 to 1, which share_overdue asks for; write it like 0.45",
        ),
        ("share_overdue", "-0.1", "is no share"),
        ("returns_share", 1.01, "is no share"),
        ("years_of_trade", "-1", "-1 is below 0, which years_of_trade never is"),
        ("days_beyond_terms", -3, "is below 0"),
        ("gearing", "-2", "-2 is below 0: a negative gearing is not assessable"),
        ("altman_z1", "1000000000001", "is too large for altman_z1"),
        ("gearing", "1e13", "is too large for gearing"),
        ("gearing", "1e400", "is too large for gearing"),
        ("gearing", "1e999999", "is no number"),
    ],
)
def test_what_cannot_be_is_refused(
    app: Any, crm: Any, tmp_path: Path, indicator: str, value: Any, words: str
) -> None:
    file = tmp_path / "e.json"
    good = {"indicator": "reputation", "value": "good", "source": "bank"}
    bad = {"indicator": indicator, "value": value, "source": "bank"}
    file.write_text(json.dumps({"evidence": [good, bad]}), "utf-8")
    for command in (("evidence", "add", "C1", "--file", file), ("assess", "C1", "--evidence", file)):
        refused = crm("credit", *command)
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert "e.json: evidence/1/value: " in refused.stderr
        assert words in refused.stderr
    by_hand = ("--indicator", indicator, f"--value={value}", "--source", "bank")
    assert words in crm("credit", "evidence", "add", "C1", *by_hand).stderr
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []


@pytest.mark.parametrize(
    ("indicator", "value"),
    [
        ("share_overdue", "0"),
        ("share_overdue", 1),
        ("days_beyond_terms", "0"),
        ("interest_cover", "-4"),
        ("altman_z1", "-1.5"),
        ("gearing", "1000000000000"),
    ],
)
def test_what_can_be_is_taken(app: Any, crm: Any, indicator: str, value: Any) -> None:
    crm.ok(
        *("credit", "evidence", "add", "C1", "--indicator", indicator, f"--value={value}", "--source", "bank")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"statements": [{"period": "2025-12-31", "currency": "XXQ", "source": "x", "figures": {"equity": "1"}}]}',
         "e.json: statements/0/currency: ISO 4217 has no currency XXQ; use a code such as CNY"),
        ('{"statements": [{"period": "2025-12-31", "source": "x", "figures": {"equity": 1e400}}]}',
         "e.json: statements/0/figures/equity: 1E+400 is too large for equity"),
        ('{"evidence": [{"indicator": "season", "value": "good", "value": "poor", "source": "x"}]}',
         "e.json: the key 'value' is there twice in one object"),
    ],
)  # fmt: skip
def test_a_file_that_says_two_things_or_too_much_is_refused(
    app: Any, crm: Any, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "e.json"
    file.write_text(text, "utf-8")
    refused = crm("credit", "evidence", "add", "C1", "--file", file)
    assert (refused.exit_code, words in refused.stderr) == (1, True)
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []
