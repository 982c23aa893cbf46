"""Assessing customers from the outside: the commands, and what a controller reads in them."""

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

GOOD = {
    "evidence": [
        {"indicator": "reputation", "value": "excellent", "source": "bank"},
        {"indicator": "legal_record", "value": "good", "source": "court register"},
        {"indicator": "days_beyond_terms", "value": "12", "source": "trade reference"},
        {"indicator": "management_ability", "value": "good", "source": "visit"},
        {"indicator": "years_of_trade", "value": "4", "source": "contract"},
        {"indicator": "order_trend", "value": "1.1", "source": "contract"},
        {"indicator": "collateral_cover", "value": "fair", "source": "deed"},
        {"indicator": "guarantor", "value": "fair", "source": "deed"},
        {"indicator": "industry_outlook", "value": "good", "source": "press"},
        {"indicator": "season", "value": "good", "source": "press"},
    ],
    "statements": [
        {
            "period": "2025-12-31",
            "source": "audited accounts",
            "figures": {
                "current_assets": "1800",
                "current_liabilities": "1000",
                "total_liabilities": "1500",
                "equity": "1500",
                "total_assets": "3000",
                "retained_earnings": "600",
                "ebit": "450",
                "sales": "6000",
            },
        }
    ],
}


def valid(name: str, document: Any) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    return document


@pytest.fixture
def company(make_app: Any, database: str) -> Any:
    app = make_app(["credit_5c"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"C{i}", "name": f"Customer {i}"} for i in range(1, 4)])
    return app


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "file.json") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def assess(crm: Any, code: str, *words: object) -> Any:
    return valid("assessment", crm.json("credit", "assess", code, *words, "--json"))


def test_the_default_model_gives_what_was_worked_out_by_hand(company: Any, crm: Any, write: Any) -> None:
    """Character .35*100 + .25*70 + .40*70 = 80.5; capacity .4*70 + .3*75 + .3*80 = 74.5.

    Capital: current ratio 1.8 → 80, gearing 1 → 80, Z' = .717*800/3000 + .847*600/3000 + 3.107*450/3000
    + .420*1500/1500 + .998*6000/3000 = 3.24265 → safe, 100: .3*80 + .3*80 + .4*100 = 88.
    Collateral .6*40 + .4*40 = 40; conditions 70.
    Total .30*80.5 + .25*74.5 + .20*88 + .10*40 + .15*70 = 24.15 + 18.625 + 17.6 + 4 + 10.5 = 74.875.
    """
    result = assess(crm, "C1", "--evidence", write(GOOD))
    assert result["factors"] == {
        "character": "80.50",
        "capacity": "74.50",
        "capital": "88.00",
        "collateral": "40.00",
        "conditions": "70.00",
    }
    assert (result["score"], result["grade"], result["missing"]) == ("74.88", "B", [])
    assert (result["model"], result["state"]) == ("5c", "released")


def test_explain_shows_each_answer_and_the_smallest_changes(company: Any, crm: Any, write: Any) -> None:
    assess(crm, "C1", "--evidence", write(GOOD))
    found = valid("credit_explain", crm.json("credit", "explain", "C1", "--json"))
    by_name = {one["indicator"]: one for one in found["indicators"]}
    assert by_name["altman_z1"]["value"] == "3.24265"
    assert by_name["altman_z1"]["source"] == "audited accounts"
    assert by_name["gearing"]["points"] == "80"
    assert by_name["reputation"]["source"] == "bank"
    # A is from 75 on: the least step up is 0.20*0.30*20 = 1.2 points.
    assert found["changes"]["better"]["grade"] == "A"
    assert found["changes"]["better"]["total"] == "76.08"
    assert found["changes"]["worse"] is None
    assert found["holds"] is True
    text = crm.ok("credit", "explain", "C1").stdout
    assert "audited accounts" in text


def test_missing_evidence_is_treated_as_the_model_says_and_shown(company: Any, crm: Any) -> None:
    """Nothing is known: all neutral (50) but for the collateral and the years of trade, which are the worst."""
    result = assess(crm, "C1")
    assert result["factors"]["collateral"] == "0.00"
    assert result["factors"]["capacity"] == "41.00"  # .4*50 + .3*20 + .3*50
    assert result["grade"] == "C"
    assert len(result["missing"]) == 13
    found = crm.json("credit", "explain", "C1", "--json")
    notes = {one["indicator"]: (one["how"], one["note"]) for one in found["indicators"]}
    assert notes["collateral_cover"] == ("worst", "nobody has entered evidence")
    assert notes["gearing"] == ("neutral", "there is no financial statement that counts")
    assert notes["order_trend"][1] == "no enabled plugin provides the fact 'purchases'"


def test_assessments_stay_as_they_were_when_evidence_changes(company: Any, crm: Any, write: Any) -> None:
    first = assess(crm, "C1", "--evidence", write(GOOD))
    crm.ok(
        "credit",
        "evidence",
        "add",
        "C1",
        "--indicator",
        "reputation",
        "--value",
        "poor",
        "--source",
        "supplier",
    )
    second = assess(crm, "C1")
    assert second["score"] == "64.38"  # 74.875 - 0.30*0.35*100 = 64.375
    assert second["conflicts"][0]["indicator"] == "reputation"
    assert [one["value"] for one in second["conflicts"][0]["values"]] == ["poor", "excellent"]
    old = crm.json("credit", "explain", "C1", "--assessment", first["assessment"], "--json")
    assert (old["score"], old["holds"]) == ("74.88", False)
    lines = [valid("assessment", line) for line in crm.lines("credit", "history", "C1", "--json")]
    assert [line["assessment"] for line in lines] == [second["assessment"], first["assessment"]]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"indicator": "reputation", "value": "good", "source": "x", "date": "2999-01-01"},
            "evidence/0/date: 2999",
        ),
        (
            {
                "indicator": "reputation",
                "value": "good",
                "source": "x",
                "date": "2020-01-01",
                "expires": "2021-01-01",
            },
            "evidence/0/expires: it expired on 2021-01-01",
        ),
        ({"indicator": "reputatoin", "value": "good", "source": "x"}, "did you mean 'reputation'?"),
        ({"indicator": "reputation", "value": "superb", "source": "x"}, "excellent, good, fair, poor"),
        ({"indicator": "gearing", "value": "low", "source": "x"}, "evidence/0/value: 'low' is no number"),
        ({"indicator": "gearing", "value": "1"}, "evidence/0 lacks 'source'"),
        ({"indicator": "gearing", "value": "1", "source": "x", "date": "2026-02-30"}, "evidence/0/date"),
    ],
)
def test_wrong_evidence_is_refused_in_one_sentence_and_nothing_is_stored(
    company: Any, crm: Any, write: Any, entry: Any, words: str
) -> None:
    good = {"indicator": "season", "value": "good", "source": "press"}
    result = crm("credit", "assess", "C1", "--evidence", write({"evidence": [entry, good]}), "--json")
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert crm.lines("credit", "evidence", "list", "C1", "--json") == []
    assert crm.lines("credit", "history", "C1", "--json") == []


def test_evidence_is_listed_withdrawn_and_on_the_checklist(company: Any, crm: Any, write: Any) -> None:
    added = crm.json("credit", "evidence", "add", "C1", "--file", write(GOOD), "--json")
    valid("credit_evidence_added", added)
    assert (len(added["evidence"]), len(added["statements"])) == (10, 1)
    check = valid("credit_checklist", crm.json("credit", "checklist", "C1", "--json"))
    assert (check["there"], check["missing"], check["expired"]) == (13, 0, 0)
    done = crm.json(
        "credit", "evidence", "withdraw", added["evidence"][0], "--reason", "wrong firm", "--json"
    )
    valid("credit_evidence_withdrawn", done)
    again = crm("credit", "evidence", "withdraw", added["evidence"][0], "--reason", "wrong firm")
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    check = crm.json("credit", "checklist", "C1", "--json")
    assert (check["there"], check["missing"]) == (12, 1)
    lines = [
        valid("credit_evidence_line", x) for x in crm.lines("credit", "evidence", "list", "C1", "--json")
    ]
    assert len(lines) == 10
    assert len(crm.lines("credit", "evidence", "list", "C1", "--all", "--json")) == 11
    crm.ok("credit", "checklist", "C1")
    crm.ok("credit", "evidence", "list", "C1")


def test_zero_denominators_and_negative_equity_are_not_assessable(company: Any, crm: Any, write: Any) -> None:
    figures = {
        "current_assets": "1", "current_liabilities": "0", "equity": "-5", "total_liabilities": "6",
        "total_assets": "1", "retained_earnings": "-5", "ebit": "0", "sales": "0",
    }  # fmt: skip
    crm.ok("credit", "assess", "C1", "--evidence", write({"statements": [
        {"period": "2025-12-31", "source": "accounts", "figures": figures}]}))  # fmt: skip
    found = crm.json("credit", "explain", "C1", "--json")
    notes = {one["indicator"]: one["note"] for one in found["indicators"] if one["factor"] == "capital"}
    assert set(notes) == {"current_ratio", "gearing", "altman_z1"}
    assert all(note.startswith("not assessable") for note in notes.values())


def test_due_and_batch(company: Any, crm: Any, write: Any) -> None:
    assert [x["why"] for x in crm.lines("credit", "due", "--json")] == ["never"] * 3
    assess(crm, "C1", "--evidence", write(GOOD))
    lines = [valid("credit_due_line", x) for x in crm.lines("credit", "due", "--json")]
    assert [x["customer"] for x in lines] == ["C2", "C3"]
    crm.ok("credit", "due")
    done = valid("credit_batch", crm.json("credit", "batch", "--json"))
    assert (done["assessed"], done["grades"]) == (2, {"C": 2})
    assert crm.lines("credit", "due", "--json") == []
    assert crm.json("credit", "batch", "--all", "--json")["assessed"] == 3
    assert crm("credit", "batch", "--all", "--due").exit_code == 2


def test_where_nobody_is_due_a_sentence_says_so(company: Any, crm: Any) -> None:
    crm.ok("credit", "batch")
    assert crm.ok("credit", "due").stdout == "Nobody is due for a credit assessment.\n"
    said = crm.ok("credit", "batch").stdout
    assert said == "Nobody is due for a credit assessment; assess all the same with: crm credit batch --all\n"
    assert crm.ok("credit", "due", "--json").stdout == ""
    assert crm.json("credit", "batch")["assessed"] == 0


def test_factors_and_indicators_stand_in_the_order_of_the_model(company: Any, crm: Any, write: Any) -> None:
    model = json.loads((SCHEMAS.parent / "models" / "5c.json").read_text("utf-8"))
    factors = [one["name"] for one in model["factors"]]
    result = assess(crm, "C1", "--evidence", write(GOOD))
    shown = crm.json("credit", "explain", "C1", "--json")
    past = crm.lines("credit", "history", "C1", "--json")
    assert [list(one["factors"]) for one in (result, shown, past[0])] == [factors] * 3
    asked = [one["name"] for factor in model["factors"] for one in factor["indicators"]]
    assert [one["indicator"] for one in shown["indicators"]] == asked


def test_people_read_titles_and_descriptions_in_their_language(company: Any, crm: Any, write: Any) -> None:
    good: Any = GOOD
    assess(crm, "C1", "--evidence", write({"evidence": good["evidence"][:1]}))
    text = crm.ok("--lang", "zh", "credit", "explain", "C1").stdout
    assert "倍数" not in text
    for words in ("要素", "品格：还款意愿", "商业信誉", "一贯守信，供应商与银行均予好评", "诉讼与处罚"):
        assert words in text
    assert "character" not in text
    assert "legal_record" not in text
    for command in (("assess", "C1"), ("checklist", "C1"), ("evidence", "list", "C1")):
        plain = crm.ok("credit", *command).stdout
        assert "reputation" not in plain
    assert crm.json("credit", "explain", "C1", "--json")["indicators"][0]["value"] == "excellent"
