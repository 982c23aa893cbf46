"""A proposal is read in the language of whoever reads it, whoever asked; programs read the same in every language."""

from __future__ import annotations

import json
from typing import Any

import pytest

EN = {"CRM_LANG": "en", "COLUMNS": "300"}
ZH = {"CRM_LANG": "zh_CN", "COLUMNS": "300"}
SETTINGS = """auto_renew_limits = true
limit_rules = [
  {base = "avg_monthly_purchases", times = {A = "2"}, floor = "100", cap = "90000", round_to = "1000"},
  {base = "net_assets", times = {A = "0.1"}},
  {base = "requested", times = {B = "1"}},
  {base = "requested"},
]
policy = {A = {payment_days = 30, cap = "80000", deposit = "0", hold = "limit", overdue_days = 9, review_days = 90}}"""
ENGLISH = (
    "average monthly purchases",
    "net assets",
    "amount asked for",
    "ceiling of",
    "not assessable",
    "at least",
)
CHINESE = ("近 6 个月的月均采购额", "净资产", "申请金额")


@pytest.fixture
def trade(make_trade: Any, database: str) -> Any:
    made = make_trade(database, SETTINGS)
    made.add("K1")
    made.grade("K1", "A")
    for month in (10, 11, 12):
        made.row("purchases", "K1", 5_000_000 + month, on=f"2025-{month}-15")
    return made


@pytest.mark.parametrize("asked_in", [EN, ZH])
def test_each_reader_sees_a_proposal_in_their_language(trade: Any, crm: Any, asked_in: Any) -> None:
    with crm.as_actor("li", roles=["sales_representative"]):
        made = crm.ok("credit", "limit", "propose", "K1", "--reason", "盼复", env=asked_in).stdout
        assert any(words in made for words in (ENGLISH if asked_in is EN else CHINESE))
    with crm.as_actor("boss", roles=["general_manager"]):
        for words in (("list",), ("show", 1)):
            assert "K1 的信用额度：50,000.00 CNY" in crm.ok("approvals", *words, env=ZH).stdout
            assert "credit limit of K1: 50,000.00 CNY" in crm.ok("approvals", *words, env=EN).stdout
        crm.ok("credit", "limit", "approve", 1, "--reason", "可以")
    chinese = crm.ok("credit", "limit", "show", "K1", env=ZH).stdout
    english = crm.ok("credit", "limit", "show", "K1", env=EN).stdout
    assert not any(words in chinese for words in ENGLISH)
    assert all(words in chinese for words in CHINESE)
    assert not any(words in english for words in CHINESE)
    # (50,000.10 + 50,000.11 + 50,000.12) / 6 = 25,000.055, of which the base shows what is above a cent.
    said = "25,000.05 × 2 = 50,000.11, so 50,000.00 CNY (at least 100.00; at most 90,000.00; in steps of 1,000.00, rounded down)"
    assert f"average monthly purchases of 6 months {said}" in english
    assert "net assets: not assessable, it is not known" in english


def test_a_rule_without_a_factor_says_so_to_each_reader(trade: Any, crm: Any) -> None:
    made = crm.json("credit", "limit", "propose", "K1", "--requested", "7000", env=ZH)
    said = "amount asked for: not assessable, the rule names no factor for the grade"
    assert [one["explain"] for one in made["proposals"] if one["status"] == "grade_unnamed"] == [said]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "fine")
    assert said in crm.ok("credit", "limit", "show", "K1", env=EN).stdout
    assert "not assessable" not in crm.ok("credit", "limit", "show", "K1", env=ZH).stdout


@pytest.mark.parametrize("asked_in", [EN, ZH])
def test_programs_read_the_same_whoever_asks_and_whoever_reads(
    trade: Any, crm: Any, check_limit_schema: Any, asked_in: Any
) -> None:
    made = crm.json("credit", "limit", "propose", "K1", "--requested", "7000", env=asked_in)
    check_limit_schema(made, "limit_proposal")
    assert "amount asked for" in json.dumps(made["proposals"])
    asked = [crm.json("approvals", "show", 1, env=env) for env in (EN, ZH)]
    assert asked[0] == asked[1]
    assert asked[0]["subject"] == "credit limit of K1: 7,000.00 CNY"
    assert asked[0]["payload"]["workings"] == made["proposals"]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "可以", env=ZH)
    shown = [crm.json("credit", "limit", "show", "K1", env=env) for env in (EN, ZH)]
    assert shown[0] == shown[1]
    assert shown[0]["proposals"] == made["proposals"]


@pytest.mark.parametrize(("asked_in", "read_in"), [(EN, ZH), (ZH, EN)])
def test_the_credit_file_is_written_in_the_language_of_who_prints_it(
    trade: Any, crm: Any, asked_in: Any, read_in: Any
) -> None:
    crm.ok("credit", "limit", "propose", "K1", env=asked_in)
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "good accounts", env=asked_in)
    file = crm.ok("report", "run", "credit_file", "--param", "customer=K1", env=read_in).stdout
    other = ENGLISH if read_in is ZH else CHINESE
    assert not any(words in file for words in other)
    assert "good accounts" in file


def test_what_an_older_version_kept_is_shown_as_it_was_written(trade: Any, crm: Any) -> None:
    from crmcore_credit_5c.limiting.workings import shown_working

    crm.ok("credit", "limit", "propose", "K1")
    old = dict(crm.json("approvals", "show", 1)["payload"]["workings"][0])
    del old["product_minor"]
    old["explain"] = "近 6 个月：如此"
    assert shown_working(old, "CNY") == "近 6 个月：如此"


def test_why_a_limit_was_renewed_by_rule_is_told_in_the_readers_language(trade: Any, crm: Any) -> None:
    crm.ok("credit", "limit", "propose", "K1", "--requested", "7000")
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "fine")
    crm.ok("credit", "limit", "propose", "K1", "--requested", "6000", env=ZH)
    said = "a renewal that does not raise the limit needs no decision"
    assert "不提高额度的续期无需审批" in crm.ok("approvals", "show", 2, env=ZH).stdout
    assert said in crm.ok("approvals", "show", 2, env=EN).stdout
    assert "不提高额度的续期无需审批" in crm.ok("credit", "limit", "history", "K1", env=ZH).stdout
    assert said in crm.ok("credit", "limit", "history", "K1", env=EN).stdout
    assert crm.lines("credit", "limit", "history", "K1", env=ZH)[0]["decision_reason"] == said


def test_assessments_and_policies_are_told_in_the_readers_language(make_trade: Any, crm: Any) -> None:
    trade = make_trade(settings='second_pair_of_eyes = "always"')
    trade.add("K1")
    evidence = {"evidence": [{"indicator": "reputation", "value": "good", "source": "bank"}]}
    file = trade.app.config.folder / "evidence.json"
    file.write_text(json.dumps(evidence), "utf-8")
    crm.ok("credit", "assess", "K1", "--evidence", file, env=EN)
    crm.ok("credit", "policy", "propose", "A", "payment_days=31", "--reason", "x", env=EN)
    chinese = crm.ok("approvals", "list", env=ZH).stdout
    english = crm.ok("approvals", "list", env=EN).stdout
    for words in ("Credit of K1: grade", "credit policy from 2026-03-02 on: A"):
        assert words in english
        assert words not in chinese
    assert crm.lines("approvals", "list", env=ZH) == crm.lines("approvals", "list", env=EN)


@pytest.mark.parametrize(
    ("module", "payload", "said"),
    [
        ("limiting.proposing", {"limit_minor": 7, "currency": "CNY", "until": None, "workings": []}, None),
        (
            "limiting.proposing",
            {"customer": "K1", "limit_minor": 7, "currency": "CNY", "until": "2026-03-09"},
            "credit limit of K1: 0.07 CNY until 2026-03-09",
        ),
        ("policies.proposing", {"grades": [], "valid_from": "2026-03-02", "versions": 1}, None),
        ("scorecards.proposing", {"scorecard": 3}, None),
        (
            "scorecards.proposing",
            {"scorecard": 3, "name": "own", "auc": 0.8125, "ks": 0.5, "rows": 900},
            "Scorecard own: AUC 0.812, KS 0.500, 900 customers",
        ),
        ("assessing.releasing", {"assessment": 3}, None),
    ],
)
def test_each_kind_says_what_it_knows_and_nothing_of_requests_that_an_older_version_made(
    module: str, payload: dict[str, Any], said: str | None
) -> None:
    from importlib import import_module

    from crmcore.api import ApprovalRequest

    describe = import_module(f"crmcore_credit_5c.{module}").describe
    assert describe(ApprovalRequest("any", "as it was", payload=payload)) == said
