"""The life of a grade: a second pair of eyes, expiry, the books, merges, and persons who want their data."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer, customer_ids
from crmcore.app import create_app
from crmcore.testing import ACTOR
from crmcore_credit_5c.assessing.current import current_grades
from crmcore_credit_5c.assessing.reviews import ask_reviews


@pytest.fixture
def company(make_app: Any, database: str, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("crmcore.app.create_app", partial(create_app, clock=clock))

    def make(settings: str = "", kind: str = "organisation") -> Any:
        app = make_app(["credit_5c"], database, settings=f"\n[plugins.credit_5c]\n{settings}\n")
        with app.write(ACTOR) as tx:
            tx.insert(Customer, [{"code": f"C{i}", "name": f"客户{i}", "kind": kind} for i in (1, 2)])
        return app

    return make


def add(crm: Any, code: str, value: str) -> None:
    crm.ok(
        "credit", "evidence", "add", code, "--indicator", "reputation", "--value", value, "--source", "bank"
    )


def held(app: Any, code: str) -> str | None:
    with app.read("credit_5c") as ctx:
        number = customer_ids(ctx.connection, [code])[code]
        found = current_grades(ctx, [number]).get(number)
        return None if found is None else str(found.score)


def test_an_assessment_waits_for_a_second_pair_of_eyes(company: Any, crm: Any) -> None:
    app = company('second_pair_of_eyes = "always"')
    result = crm.json("credit", "assess", "C1", "--json")
    assert (result["state"], held(app, "C1")) == ("waiting", None)
    assert [x["customer"] for x in crm.lines("credit", "due", "--json")] == ["C2"]
    own = crm("approvals", "approve", result["approval"], "--reason", "ok")
    assert own.exit_code != 0, "nobody is one's own second pair of eyes"
    crm.ok("actor", "add", "cc1", "--name", "Controller", "--role", "credit_controller")
    with crm.as_actor("cc1"):
        crm.ok("approvals", "approve", result["approval"], "--reason", "looked at it")
    assert held(app, "C1") == result["score"]
    shown = crm.json("credit", "explain", "C1", "--json")
    assert (shown["state"], shown["holds"]) == ("released", True)


def test_a_rejected_assessment_does_not_count(company: Any, crm: Any) -> None:
    app = company('second_pair_of_eyes = "always"')
    result = crm.json("credit", "assess", "C1", "--json")
    crm.ok("actor", "add", "cc1", "--name", "Controller", "--role", "credit_controller")
    with crm.as_actor("cc1"):
        crm.ok("approvals", "reject", result["approval"], "--reason", "ask the bank again")
    assert (crm.json("credit", "explain", "C1", "--json")["state"], held(app, "C1")) == ("rejected", None)
    assert [x["customer"] for x in crm.lines("credit", "due", "--json")] == ["C1", "C2"], "it is due still"
    again = crm.json("credit", "assess", "C1", "--json")
    states = [x["state"] for x in crm.lines("credit", "history", "C1", "--json")]
    assert (again["state"], states) == ("waiting", ["waiting", "rejected"])


def test_a_grade_expires_and_is_due_again(company: Any, crm: Any, clock: Any) -> None:
    app = company("valid_days = 30")
    first = crm.json("credit", "assess", "C1", "--json")
    assert first["expires"] == "2026-04-01"
    clock.move(days=30)
    assert held(app, "C1") == first["score"], "the last day counts"
    clock.move(days=1)
    assert held(app, "C1") is None
    lines = {x["customer"]: x for x in crm.lines("credit", "due", "--json")}
    assert (lines["C1"]["why"], lines["C1"]["due"]) == ("expired", "2026-04-02")
    assert any(x["key"].startswith("credit:due") for x in crm.lines("work", "--json"))
    crm.ok("jobs", "run", "credit_assess_due")
    assert crm.lines("credit", "due", "--json") == []


def test_evidence_that_expires_counts_no_more(company: Any, crm: Any, clock: Any) -> None:
    company()
    words = ("--indicator", "reputation", "--value", "poor", "--source", "bank", "--expires", "2026-03-10")
    crm.ok("credit", "evidence", "add", "C1", *words)
    clock.move(days=9)
    check = crm.json("credit", "checklist", "C1", "--json")
    (line,) = [x for x in check["indicators"] if x["indicator"] == "reputation"]
    assert (line["state"], line["note"]) == ("expired", "the evidence expired on 2026-03-10")
    assert [x["state"] for x in crm.lines("credit", "evidence", "list", "C1", "--json")] == ["expired"]
    shown = crm.json("credit", "assess", "C1", "--json")
    assert "reputation" in shown["missing"]


def test_an_alarm_makes_a_customer_due_until_it_is_assessed(company: Any, crm: Any) -> None:
    app = company()
    crm.ok("credit", "batch")
    with app.write(ACTOR, plugin="credit_5c") as tx:
        number = customer_ids(tx.connection, ["C1"])["C1"]
        assert ask_reviews(tx, [(number, "pays later"), (number, "pays later")]) == 1
        assert ask_reviews(tx, [(number, "pays later")]) == 0
    (line,) = crm.lines("credit", "due", "--json")
    assert (line["customer"], line["why"], line["reason"]) == ("C1", "review", "pays later")
    crm.ok("credit", "assess", "C1")
    assert crm.lines("credit", "due", "--json") == []


def test_the_card_and_lists_show_the_grade(company: Any, crm: Any) -> None:
    company()
    result = crm.json("credit", "assess", "C1", "--json")
    card = crm.json("customer", "show", "C1", "--json")
    (section,) = [x for x in card["sections"] if x["name"] == "credit"]
    assert (section["data"]["grade"], section["data"]["score"]) == (result["grade"], result["score"])
    assert section["data"]["until"] == result["expires"]
    lines = crm.lines("customer", "list", "--columns", "code,credit.grade", "--json")
    assert {x["code"]: x["credit.grade"] for x in lines} == {"C1": result["grade"], "C2": None}


def test_evidence_goes_along_as_customers_are_merged(company: Any, crm: Any) -> None:
    app = company()
    add(crm, "C1", "excellent")
    crm.ok("credit", "assess", "C1")
    crm.ok("credit", "assess", "C2")
    crm.ok("duplicates", "merge", "C1", "C2", "--reason", "one", "--yes")
    assert [x["customer"] for x in crm.lines("credit", "evidence", "list", "C2", "--json")] == ["C2"]
    assert [x["customer"] for x in crm.lines("credit", "due", "--json")] == ["C2"]
    crm.ok("duplicates", "unmerge", "C1", "--reason", "two")
    assert [x["customer"] for x in crm.lines("credit", "evidence", "list", "C1", "--json")] == ["C1"]
    assert crm.lines("credit", "evidence", "list", "C2", "--json") == []
    assert held(app, "C1") is not None


def test_the_credit_of_a_person_is_recorded_as_read_given_and_erased(company: Any, crm: Any) -> None:
    app = company(kind="person")
    add(crm, "C1", "poor")
    crm.ok("credit", "assess", "C1")
    for words in (("explain", "C1"), ("evidence", "list", "C1"), ("checklist", "C1"), ("history", "C1")):
        crm.ok("credit", *words)
    with app.read() as ctx:
        reads = ctx.connection.exec_driver_sql("SELECT what, filter FROM read_log ORDER BY id").all()
        log = ctx.connection.exec_driver_sql("SELECT * FROM change_log").all()
    assert [tuple(row) for row in reads if row[0] == "sensitive"] == [
        ("sensitive", "C1: credit.assessment"),
        ("sensitive", "C1: credit.assessment"),
        ("sensitive", "C1: credit.evidence"),
        ("sensitive", "C1: credit.evidence"),
        ("sensitive", "C1: credit.assessment"),
    ]
    assert "'poor'" not in str(log), "what is personal stands in the log only encrypted"
    parts = {part["table"]: part["rows"] for part in crm.json("person", "export", "C1")["parts"]}
    assert parts["credit_evidence"][0]["value"] == "poor"
    assert parts["credit_assessment"][0]["grade"] == "C"
    crm.ok("person", "erase", "C1", "--reason", "asked", "--yes")
    with app.read() as ctx:
        rows = ctx.connection.exec_driver_sql("SELECT state, grade, score_centi FROM credit_assessment").all()
        left = ctx.connection.exec_driver_sql("SELECT count(*) FROM credit_evidence").scalar()
    assert ([tuple(row) for row in rows], left) == ([("erased", None, None)], 0)


def test_what_is_decided_is_never_rewritten(company: Any, crm: Any) -> None:
    app = company()
    crm.ok("credit", "assess", "C1")
    with app.read() as ctx:
        table = app.tables["credit_assessment"].table
        before = ctx.connection.execute(sa.select(table)).all()
    crm.ok("credit", "assess", "C1")
    with app.read() as ctx:
        assert ctx.connection.execute(sa.select(table).order_by(table.c.id)).all()[:1] == before
    assert before[0].assessed_on == date(2026, 3, 2)


def test_a_company_chooses_its_scale_of_grades_and_old_assessments_keep_theirs(
    company: Any, crm: Any
) -> None:
    app = company('grade_scale = "aaa_d"')
    result = crm.json("credit", "assess", "C1", "--json")
    assert (result["score"], result["grade"]) == ("42.75", "B")  # .30*50 + .25*41 + .20*50 + 0 + .15*50
    path = app.config.path
    path.write_text(path.read_text("utf-8").replace('"aaa_d"', '"own"'), "utf-8")
    shown = crm.json("credit", "explain", "C1", "--json")
    assert (shown["grade"], shown["changes"]["worse"]["grade"]) == ("B", "CCC")
    assert crm.json("credit", "assess", "C1", "--json")["grade"] == "C"
    own = '"own"\nown_grades = [{grade = "x", min_score = "1"}, {grade = "y", min_score = "2"}]'
    path.write_text(path.read_text("utf-8").replace('"own"', own), "utf-8")
    refused = crm("credit", "assess", "C1")
    assert (refused.exit_code, "own_grades: grades/1/min_score: 2 is not below" in refused.stderr) == (
        1,
        True,
    )
    path.write_text(path.read_text("utf-8").replace('"2"}', '"0.5"}'), "utf-8")
    refused = crm("credit", "assess", "C1")
    assert (refused.exit_code, "own_grades: grades/1/min_score: 0.5 is not 0" in refused.stderr) == (1, True)
