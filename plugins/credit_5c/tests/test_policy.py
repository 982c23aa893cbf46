"""The policy by grade as users meet it: shown, proposed, approved, followed by another one."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import App

SCHEMAS = Path(__file__).parent.parent / "src" / "crmcore_credit_5c" / "schemas"


@pytest.fixture
def company(make_app: Any, fake_trade: str, database: str) -> App:
    app: App = make_app([fake_trade, "credit_5c"], database)
    return app


def check(found: Any, name: str) -> Any:
    from jsonschema import Draft202012Validator

    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(found)
    return found


def terms(crm: Any, grade: str, *options: str) -> dict[str, Any]:
    found = check(crm.json("credit", "policy", "show", *options), "policy")
    return next(one for one in found["grades"] if one["grade"] == grade)


def proposed(crm: Any, *words: object, actor: str = "li") -> Any:
    with crm.as_actor(actor, roles=["credit_controller"]):
        found = crm.json("credit", "policy", "propose", *words, "--reason", "too much is paid late")
    return check(found, "policy_proposal")


def approve(crm: Any, request: int) -> Any:
    with crm.as_actor("boss", roles=["general_manager"]):
        found = crm.json("credit", "policy", "approve", request, "--reason", "agreed")
    return check(found, "policy_decision")


def today(app: App) -> date:
    with app.read("credit_5c") as ctx:
        return ctx.today


def test_before_the_first_version_the_settings_hold(company: App, crm: Any) -> None:
    found = check(crm.json("credit", "policy", "show"), "policy")
    assert found["version"] is None
    assert [one["grade"] for one in found["grades"]] == ["A", "B", "C"]
    assert "As the settings say" in crm.ok("credit", "policy", "show").stdout
    assert "最高额度" in crm.ok("--lang", "zh", "credit", "policy", "show").stdout


def test_a_policy_holds_once_the_general_manager_has_approved_it(company: App, crm: Any) -> None:
    made = proposed(crm, "C", "payment_days=0", "hold=prepayment")
    assert [(one["key"], one["before"], one["after"]) for one in made["changes"]] == [
        ("payment_days", 15, 0),
        ("hold", "overdue", "prepayment"),
    ]
    assert terms(crm, "C")["payment_days"] == 15
    with crm.as_actor("li", roles=["credit_controller"]):
        assert crm("credit", "policy", "approve", made["request"], "--reason", "mine").exit_code == 1
    done = approve(crm, made["request"])
    assert (done["state"], done["version"], done["decided_by"]) == ("approved", 1, "boss")
    assert terms(crm, "C") == {**terms(crm, "C"), "payment_days": 0, "hold": "prepayment"}
    assert terms(crm, "A")["payment_days"] == 60, "the other grades stay"
    (version,) = crm.lines("credit", "policy", "history")
    assert check(version, "policy_version")["author"] == "li"
    assert "approved by boss" in crm.ok("credit", "policy", "show").stdout


def test_a_version_of_a_later_day_waits_for_it_and_past_days_stay(company: App, crm: Any) -> None:
    day = today(company)
    later = (day + timedelta(days=30)).isoformat()
    approve(crm, proposed(crm, "B", "deposit=0.3", "--from", later)["request"])
    assert terms(crm, "B")["deposit"] == "0"
    assert terms(crm, "B", "--on", later)["deposit"] == "0.3"
    refused = crm("credit", "policy", "propose", "B", "deposit=0.1", "--from", "2020-01-01", "--reason", "x")
    assert (refused.exit_code, "2020-01-01" in refused.stderr) == (2, True)


def test_a_proposal_that_another_one_overtook_is_refused_at_approval(company: App, crm: Any) -> None:
    first = proposed(crm, "A", "review_days=300")
    second = crm("credit", "policy", "propose", "A", "review_days=200", "--reason", "too")
    assert second.exit_code == 1, "one policy waits at a time"
    assert str(first["request"]) in second.stderr
    approve(crm, first["request"])
    assert terms(crm, "A")["review_days"] == 300


def test_a_rejected_policy_changes_nothing(company: App, crm: Any) -> None:
    made = proposed(crm, "A", "cap=500000")
    with crm.as_actor("boss", roles=["general_manager"]):
        done = crm.json("credit", "policy", "reject", made["request"], "--reason", "not now")
    assert check(done, "policy_decision")["version"] is None
    assert "cap" not in terms(crm, "A")


def test_a_file_holds_a_whole_policy_and_its_order_is_that_of_the_grades(
    company: App, crm: Any, tmp_path: Path
) -> None:
    one = {"payment_days": 30, "deposit": "0", "hold": "limit", "overdue_days": 5, "review_days": 180}
    file = tmp_path / "policy.json"
    grades = [{"grade": "AAA", **one}, {"grade": "A", **one, "cap": "10000.50"}, {"grade": "D", **one}]
    file.write_text(json.dumps({"grades": grades}), "utf-8")
    approve(crm, proposed(crm, "--file", file)["request"])
    found = crm.json("credit", "policy", "show")
    assert [entry["grade"] for entry in found["grades"]] == ["AAA", "A", "D"]
    assert terms(crm, "A")["cap"] == "10000.50"
    again = crm("credit", "policy", "propose", "--file", file, "--reason", "x")
    assert (again.exit_code, "says so already" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("A", "deposit=45"), 2, "deposit = '45'"),
        (("A", "payment_days=many"), 2, "payment_days = 'many'"),
        (("A", "hold=always"), 2, "limit, overdue, prepayment, never"),
        (("A", "colour=red"), 2, "no key 'colour'"),
        (("A", "payment_days"), 2, "no KEY=VALUE"),
        (("A",), 2, "nothing to change"),
        ((), 2, "nothing to change"),
        (("E", "payment_days=3"), 2, "deposit is missing"),
        (("A B", "payment_days=3"), 2, "no grade"),
        (("A", "cap=0.001"), 2, "cap = '0.001'"),
        (("A", "review_days=0"), 2, "from 1 to 3650"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_sentence(
    company: App, crm: Any, words: tuple[str, ...], code: int, said: str
) -> None:
    refused = crm("credit", "policy", "propose", *words, "--reason", "x")
    assert refused.exit_code == code
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert crm.lines("credit", "policy", "history") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "policy.json is no JSON"),
        ("{}", "holds no policy"),
        ('{"grades": []}', "holds no policy"),
        ('{"grades": [3]}', "grades[0]"),
        ('{"grades": [{"grade": "A", "payment_days": 3}]}', "grades[0]: deposit is missing"),
        ('{"grades": [{"grade": "A", "payment_days": true}]}', "payment_days = 'true'"),
        (
            '{"grades": [{"grade": "A", "hold": "never", "hold": "limit"}]}',
            "policy.json: the key 'hold' is there twice in one object; keep one of them",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(
    company: App, crm: Any, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(content, "utf-8")
    refused = crm("credit", "policy", "propose", "--file", file, "--reason", "x")
    assert (refused.exit_code, said in refused.stderr) == (1, True)
    assert refused.stderr.count("\n") == 1
