"""Models of a company's own, comparisons in pairs, and what is wrong with them: one sentence, nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import crmcore_credit_5c
from crmcore.api import Customer
from crmcore.testing import ACTOR

PACKAGE = Path(crmcore_credit_5c.__file__).parent
OWN = {
    "name": "dealers",
    "title": {"en": "Dealers", "zh": "经销商"},
    "grades": [
        {"grade": grade, "min_score": least}
        for grade, least in [("AAA", "90"), ("AA", "80"), ("A", "70"), ("BBB", "60"), ("BB", "50"), ("B", "40"),
                             ("CCC", "30"), ("CC", "20"), ("C", "10"), ("D", "0")]
    ],
    "factors": [
        {
            "name": "firm",
            "title": "Firm",
            "weight": "1",
            "indicators": [
                {"name": "shop", "title": "Shop", "weight": "0.5", "missing": "incomplete",
                 "measure": {"kind": "scale", "steps": [
                     {"value": "own", "points": "100", "en": "Owned", "zh": "自有"},
                     {"value": "rented", "points": "45", "en": "Rented", "zh": "租赁"}]}},
                {"name": "form", "title": "Legal form", "weight": "0.5",
                 "measure": {"kind": "field", "of": "legal_form", "otherwise": "20",
                             "values": [{"value": "limited", "points": "90"}]}},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def app(make_app: Any) -> Any:
    app = make_app(["credit_5c"])
    with app.write(ACTOR) as tx:
        tx.insert(
            Customer, [{"code": "C1", "name": "One", "legal_form": "limited"}, {"code": "C2", "name": "Two"}]
        )
    return app


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: Any, name: str = "own.json") -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    return write


def valid(name: str, document: Any) -> Any:
    schema = json.loads((PACKAGE / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    return document


def changed(where: str, value: Any) -> Any:
    model = json.loads(json.dumps(OWN))
    part = model
    *way, last = [int(step) if step.isdigit() else step for step in where.split("/")]
    for step in way:
        part = part[step]
    part[last] = value
    return model


def test_a_company_adds_a_model_without_code(app: Any, crm: Any, write: Any) -> None:
    file = write(OWN)
    assert valid("credit_model_line", crm.json("credit", "model", "check", file, "--json"))["version"] == 0
    stored = valid("credit_model_line", crm.json("credit", "model", "import", file, "--json"))
    assert (stored["version"], stored["shipped"]) == (1, False)
    assert crm.json("credit", "model", "import", file, "--json")["version"] == 1, (
        "the same again is no new version"
    )
    lines = [valid("credit_model_line", x) for x in crm.lines("credit", "model", "list", "--json")]
    assert [(x["name"], x["default"]) for x in lines] == [
        ("5c", True), ("5p", False), ("6a", False), ("dealers", False),
    ]  # fmt: skip
    valid("credit_model_shown", crm.json("credit", "model", "show", "dealers", "--json"))
    crm.ok("credit", "model", "show")
    crm.ok("credit", "model", "list")
    crm.ok("credit", "evidence", "add", "C1", "--indicator", "shop", "--value", "rented", "--source", "visit")
    result = crm.json("credit", "assess", "C1", "--model", "dealers", "--json")
    assert (result["score"], result["grade"]) == ("67.50", "BBB")  # (45 + 90) / 2


def test_a_new_version_leaves_old_assessments_as_they_were(app: Any, crm: Any, write: Any) -> None:
    crm.ok("credit", "model", "import", write(OWN))
    crm.ok("credit", "evidence", "add", "C1", "--indicator", "shop", "--value", "own", "--source", "visit")
    old = crm.json("credit", "assess", "C1", "--model", "dealers", "--json")
    crm.ok("credit", "model", "import", write(changed("factors/0/indicators/1/measure/values/0/points", "0")))
    new = crm.json("credit", "assess", "C1", "--model", "dealers", "--json")
    assert [(x["model_version"], x["score"]) for x in (old, new)] == [(1, "95.00"), (2, "50.00")]
    shown = crm.json("credit", "explain", "C1", "--assessment", old["assessment"], "--json")
    assert shown["changes"]["worse"]["indicator"] == "shop"  # 67.5; another legal form would come to 60
    assert shown["changes"]["worse"]["total"] == "67.50"


def test_a_model_that_insists_gives_no_grade_without(app: Any, crm: Any, write: Any) -> None:
    crm.ok("credit", "model", "import", write(OWN))
    result = valid("assessment", crm.json("credit", "assess", "C2", "--model", "dealers", "--json"))
    assert (result["score"], result["grade"], result["state"]) == (None, None, "incomplete")
    assert (result["missing"], result["expires"]) == (["shop", "form"], None)
    crm.ok("credit", "assess", "C2", "--model", "dealers")


def test_a_shipped_model_is_overridden_by_its_own_next_version(app: Any, crm: Any, write: Any) -> None:
    content = json.loads((PACKAGE / "models" / "5c.json").read_text("utf-8"))
    content["grades"][0]["min_score"] = "90"
    assert crm.json("credit", "model", "import", write(content), "--json")["version"] == 2
    assert crm.json("credit", "assess", "C1", "--json")["model_version"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed("factors/0/indicators/0/weight", "45"), "own.json: factors/0/indicators/0/weight: 45 is more than the whole; write 0.45"),
        (changed("factors/0/indicators/0/weight", 45), "write 0.45 for 45 %"),
        (changed("factors/0/indicators/0/weight", "0.4"), "factors/0/indicators: the weights sum to 0.9"),
        (changed("factors/0/of", "firm"), "factors/0/of: the factors stand below each other in a circle"),
        (changed("factors/0/indicators/1/measure/of", "beauty"), "factors/0/indicators/1/measure/of: the customer card has no field"),
        (changed("factors/0/indicators/1/measure", {"kind": "facts", "of": "beauty", "bands": [{"points": "1"}]}), "there is no indicator 'beauty'"),
        (changed("factors/0/indicators", OWN["factors"][0]["indicators"][:1]), "at least two"),  # type: ignore[index]
        (changed("factors/0/ahp", [["1", "3"], ["1/2", "1"]]), "factors/0/ahp/1/0"),
        (changed("factors/0/colour", "red"), "factors/0 has 'colour', which is not known"),
        (changed("grades/0", {"grade": "AAA"}), "grades/0 lacks 'min_score'"),
        (changed("title", 7), "own.json: title: 7 is not allowed here"),
        (changed("factors/0/indicators/0/weight", None), "weight: null is not allowed here; wanted is: Share of the whole"),
        (changed("factors/0/indicators/1/measure", {"kind": "column", "of": "nocol", "bands": [{"points": "1"}]}), "the customer card has no field 'nocol'"),
        (changed("grades/9/min_score", "5"), "grades/9/min_score: 5 is not 0; the last grade is that of all others"),
        ('{"name": "a", "title": "b", "name": "c"}', "own.json: the key 'name' is there twice in one object"),
        ("{", "own.json is no JSON"),
        ("[" * 100_000, "own.json is"),
        ('{"a": NaN}', "own.json is no JSON"),
        ("[]", "own.json: the whole"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_place_and_nothing_is_stored(
    app: Any, crm: Any, write: Any, content: Any, words: str
) -> None:
    file = write(content)
    for command in ("check", "import"):
        result = crm("credit", "model", command, file)
        assert (result.exit_code, result.stdout) == (1, "")
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
    assert len(crm.lines("credit", "model", "list", "--json")) == 3


def test_a_column_of_a_model_that_is_no_scorecard_is_a_field_of_the_card(
    app: Any, crm: Any, write: Any
) -> None:
    crm.ok("credit", "model", "import", write(changed("factors/0/indicators/1/measure/kind", "column")))
    crm.ok("credit", "evidence", "add", "C1", "--indicator", "shop", "--value", "own", "--source", "visit")
    assert crm.json("credit", "assess", "C1", "--model", "dealers", "--json")["score"] == "95.00"


def test_only_who_may_imports_models(app: Any, crm: Any, write: Any) -> None:
    crm.ok("actor", "add", "rep1", "--name", "Rep", "--role", "sales_representative")
    with crm.as_actor("rep1"):
        for words in (("model", "import", write(OWN)), ("assess", "C1")):
            assert crm("credit", *words).exit_code == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, 3], [0.5, 1]], "1/0: 0.5 is not the reciprocal"),
        ([[1, 3]], "0: the row has 2 numbers"),
        ([[2]], "0/0: 2"),
        ([[1, 0], [1, 1]], "0/1"),
        ([[1, True], [1, 1]], "0/1"),
        ([[1, "x"], [1, 1]], "0/1: 'x' is no comparison"),
        ([[1, 1e200, 1], [1e-200, 1, 1e200], [1, 1e-200, 1]], "0/1: 1e+200 is no comparison"),
        ([], "no rows"),
        ({}, "no JSON array of rows"),
        ([[1, 5, 0.2], [0.2, 1, 5], [5, 0.2, 1]], "rows 1, 2 and 3"),
    ],
)
def test_comparisons_that_are_none_are_refused(app: Any, crm: Any, write: Any, rows: Any, words: str) -> None:
    result = crm("credit", "ahp", write(rows, "matrix.json"), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


def test_ahp_prints_weights_in_the_order_of_the_file(app: Any, crm: Any, write: Any) -> None:
    file = write('[[1, "1/3"], [3, 1]]')
    found = valid("ahp", crm.json("credit", "ahp", file, "--json"))
    assert found["weights"] == pytest.approx([0.25, 0.75])
    assert (found["ci"], found["cr"]) == (0, 0)
    crm.ok("credit", "ahp", file)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("models/*.json")), ids=lambda path: path.name)
def test_a_shipped_model_is_allowed_by_the_schema(path: Path) -> None:
    valid("credit_model", json.loads(path.read_text("utf-8")))
