"""Files of scorecards that somebody changed by hand: what cannot be reckoned with is one sentence with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DAYS, REGION = "factors/0/indicators/0/measure", "factors/0/indicators/1/measure"
GONE = object()


def column(name: str) -> dict[str, Any]:
    return {"column": name, "indicator": name, "value": 0.3, "coefficient": -0.7, "average": 1.25, "bins": []}


CARD: dict[str, Any] = {
    "name": "scorecard",
    "title": "Scorecard",
    "scoring": "sum",
    "base": "487.5",
    "neutral": "0",
    "grades": [{"grade": "A", "min_score": "500"}, {"grade": "B", "min_score": "400"}],
    "factors": [
        {
            "name": "card",
            "title": "Card",
            "indicators": [
                {"name": "days", "title": "Days", "measure": {"kind": "column", "of": "days", "missing": "-2",
                 "bands": [{"below": 10.5, "points": "12"}, {"below": "30", "points": "3"}, {"points": "-9"}]}},
                {"name": "region", "title": "Region", "measure": {"kind": "column", "of": "region", "missing": "0.5",
                 "otherwise": "-1", "values": [{"value": "east", "points": "4"}, {"value": "west", "points": "-3"}]}},
            ],
        }
    ],
    "fitted": {
        "made_on": "2026-03-02", "target": "outcome", "rows": 400, "bad": 100, "trend": "free", "folds": 3, "seed": 0,
        "auc": 0.8, "ks": 0.4, "gini": 0.6, "psi": 0.01, "intercept": -0.9, "protected": [],
        "scale": {"base_score": 600.0, "base_odds": 50.0, "pdo": 20.0},
        "columns": [column("days"), column("region")],
        "bands": {"bounds": [450.0, "500.5"], "shares": [0.25, "0.5", 0.25]},
    },
}  # fmt: skip


@pytest.fixture
def score(make_app: Any, crm: Any, tmp_path: Path) -> Any:
    """Return what scores four customers by a card, or any number of them."""
    make_app(["credit_5c"])

    def score(card: Any, count: int = 4) -> Any:
        rows = ["5,east", "20,west", ",north", "99,"]
        (tmp_path / "f.csv").write_text("\n".join(["days,region", *(rows * count)[:count]]) + "\n", "utf-8")
        (tmp_path / "m.json").write_text(json.dumps(card), "utf-8")
        return crm(
            *("credit", "scorecard", "score", tmp_path / "f.csv", "--model", tmp_path / "m.json", "--json")
        )

    return score


def changed(*changes: tuple[str, Any]) -> Any:
    card = json.loads(json.dumps(CARD))
    for where, value in changes:
        part = card
        *way, last = [int(step) if step.isdigit() else step for step in where.split("/")]
        for step in way:
            part = part[step]
        if value is GONE:
            del part[last]
        else:
            part[last] = value
    return card


def test_a_card_written_by_hand_scores_as_it_says(score: Any) -> None:
    found = json.loads(score(CARD).stdout)
    assert [one["score"] for one in found["scores"]] == [503.5, 487.5, 484.5, 479.0]
    assert [one["grade"] for one in found["scores"]] == ["A", "B", "B", "B"]
    assert json.loads(score(CARD, 100).stdout)["psi"] > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("base", GONE)], "m.json: the whole lacks 'base'; add it"),
        ([("base", 1e300)], "m.json: base: 1E+300 is too large"),
        ([("fitted/scale/pdo", "0")], "m.json: fitted/scale/pdo: 0 is not above 0; correct it, or fit the scorecard anew"),
        ([("fitted/scale/pdo", "1e-400")], "m.json: fitted/scale/pdo: 1e-400 is not above 0"),
        ([("fitted/scale/pdo", -20)], "m.json: fitted/scale/pdo: -20 is not above 0"),
        ([("fitted/scale/pdo", "1e400")], "m.json: fitted/scale/pdo: 1e400 is too large"),
        ([("fitted/scale/base_odds", "0")], "m.json: fitted/scale/base_odds: 0 is not above 0"),
        ([("fitted/scale/base_odds", "-5")], "m.json: fitted/scale/base_odds: -5 is not above 0"),
        ([("fitted/scale/base_odds", GONE)], "m.json: fitted: scale lacks 'base_odds'; add it"),
        ([("fitted/scale/base_score", "1e300")], "m.json: fitted/scale/base_score: 1e300 is too large"),
        ([("fitted/columns/1/average", 1e300)], "m.json: fitted/columns/1/average: 1E+300 is too large"),
        ([(f"{REGION}/steps", [{"value": v, "points": "4", "en": v, "zh": v} for v in "ab"]), (f"{REGION}/values", GONE)],
         f"m.json: {REGION}: it is no column of a scorecard with all its points; fit the scorecard anew"),
        ([(f"{REGION}/values", GONE)], f"m.json: {REGION}: nothing says how many points a value gets"),
        ([(f"{REGION}/otherwise", GONE)], f"m.json: {REGION}: it is no column"),
        ([(f"{REGION}/missing", GONE)], f"m.json: {REGION}: it is no column"),
        ([(f"{DAYS}/missing", GONE)], f"m.json: {DAYS}: it is no column"),
        ([(f"{DAYS}/kind", "field")], f"m.json: {DAYS}: it is no column"),
        ([(f"{DAYS}/bands/0", {"up_to": "10", "points": "1"})], f"m.json: {DAYS}: it is no column"),
        ([(f"{REGION}/of", "days")], f"m.json: {REGION}/of: the column 'days' is there twice; keep one of them"),
        ([("fitted/bands/shares", [])], "m.json: fitted/bands/shares: 0 shares for 3 bands sum to 0; there must be one for each"),
        ([("fitted/bands/shares", [0.5, 0.5, 0.5])], "m.json: fitted/bands/shares: 3 shares for 3 bands sum to 1.5;"),
        ([("fitted/bands/shares", [0.5, 0.5])], "m.json: fitted/bands/shares: 2 shares for 3 bands sum to 1;"),
        ([("fitted/bands/shares/0", "-0.5")], "m.json: fitted/bands/shares/0: -0.5 is no share from 0 to 1"),
        ([("fitted/bands/shares/2", 1.5)], "m.json: fitted/bands/shares/2: 1.5 is no share"),
        ([("fitted/bands/bounds/0", "500.5")], "m.json: fitted/bands/bounds/1: 500.5 is not above the band before"),
        ([("fitted/bands/bounds/0", "-1e900")], "m.json: fitted/bands/bounds/0: -1e900 is too large"),
        ([(f"{DAYS}/bands/0/below", 10**400)], "is too large; write a number below 10^100"),
        ([(f"{DAYS}/bands/0/points", "x")], f"m.json: {DAYS}/bands/0/points: 'x' is not allowed here"),
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_reckoned_with_is_refused(
    score: Any, changes: list[tuple[str, Any]], words: str
) -> None:
    for count in (4, 100):
        refused = score(changed(*changes), count)
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1), refused.stderr
        assert words in refused.stderr


def test_a_name_too_long_for_a_file_is_no_model(score: Any, crm: Any, tmp_path: Path) -> None:
    score(CARD)
    refused = crm("credit", "scorecard", "score", tmp_path / "f.csv", "--model", "x" * 5000)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "there is no credit model" in refused.stderr


def test_digits_of_another_script_are_no_numbers(score: Any, crm: Any, tmp_path: Path) -> None:
    score(CARD)
    (tmp_path / "f.csv").write_text("days,region\n５,east\n", "utf-8")
    found = crm.json("credit", "scorecard", "score", tmp_path / "f.csv", "--model", tmp_path / "m.json")
    assert (found["scores"][0]["score"], found["no_numbers"]) == (489.5, {"days": 1})
