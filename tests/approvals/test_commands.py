"""`crm approvals …`, as people and scripts use it, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import CommandLine

ENGLISH = re.compile(r"[a-z]+(?:[ ,;]+[a-z]+){2,}")


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(SCHEMAS / f"{name}.schema.json"), format_checker=FormatChecker())


def matches(value: Any, name: str = "approval") -> Any:
    """Hold a value, or each of many, against a published schema, and hand it back."""
    for one in value if isinstance(value, list) else [value]:
        validator(name).validate(json.loads(json.dumps(one)))
    return value


@pytest.fixture
def ask(crm: CommandLine) -> Callable[..., Any]:
    """Make a request with the command, as `rep`."""

    def request(subject: str = "8% off", *words: object, actor: str = "rep") -> Any:
        given = ("approvals", "request", "--subject", subject, *words)
        return matches(crm.json(*given, "--actor", actor))

    return request


def test_a_request_is_made_shown_approved_and_told(company, crm, ask):
    made = ask("8% off for the fair", "--reason", "old friend", "--customer", "C1", "--amount", "1000.50")
    assert (made["number"], made["state"], made["kind"], made["plugin"]) == (
        1,
        "requested",
        "general",
        "approvals",
    )
    assert (made["customer"], made["amount_minor"], made["currency"]) == ("C1", 100_050, "CNY")
    shown = matches(crm.json("approvals", "show", 1))
    assert shown.pop("deciders") == ["boss", "second", "tester"]
    assert shown.pop("cannot_be_approved") is None
    assert shown == made
    text = crm.ok("approvals", "show", 1).stdout
    for part in ("8% off for the fair", "1,000.50 CNY", "boss, second, tester", "Reason: old friend", "rep"):
        assert part in text
    done = crm.ok("approvals", "approve", 1, "--reason", "for once", "--actor", "boss").stdout
    assert done == "Request 1 is approved: 8% off for the fair\n"
    shown = matches(crm.json("approvals", "show", 1))
    assert (shown["state"], shown["decided_by"], shown["decision_reason"]) == ("approved", "boss", "for once")
    assert shown["deciders"] == []
    assert "Decision: for once" in crm.ok("approvals", "show", 1).stdout
    (item,) = [one for one in crm.lines("work", "--actor", "rep") if one["plugin"] == "approvals"]
    assert (item["key"], item["command"]) == ("approval:1:answer", "crm approvals show 1")


def test_each_decision_answers_with_the_request(company, crm, ask):
    for _ in range(3):
        ask()
    answers = [
        crm.json("approvals", "approve", 1, "--actor", "boss"),
        crm.json("approvals", "reject", 2, "--reason", "no", "--actor", "boss"),
        crm.json("approvals", "withdraw", 3, "--actor", "rep"),
    ]
    assert [matches(one)["state"] for one in answers] == ["approved", "rejected", "withdrawn"]
    assert crm.ok("approvals", "list", "--state", "rejected").stdout.count("8% off") == 1


def test_what_is_refused_ends_with_1_and_one_sentence(company, crm, ask):
    ask()
    for words, sentence in (
        (("approve", 1, "--actor", "rep"), "crm: request 1 is your own; somebody else must decide on it\n"),
        (
            ("reject", 1, "--actor", "boss"),
            "crm: a rejection needs a reason; say with --reason why request 1",
        ),
        (("approve", 7), "crm: there is no request 7; list them with: crm approvals list\n"),
        (("show", 7), "crm: there is no request 7"),
        (
            ("withdraw", 1, "--actor", "boss"),
            "crm: request 1 was made by 'rep', who alone may withdraw it; you may reject it\n",
        ),
        (
            ("withdraw", 1, "--actor", "head"),
            "crm: request 1 was made by 'rep', who alone may withdraw it\n",
        ),
        (
            ("request", "--subject", "x", "--amount", "much"),
            "amount = 'much' is not allowed: it is no number",
        ),
        (
            ("request", "--subject", "x", "--amount", "NaN"),
            "amount = 'NaN' is not allowed: the amount is no number",
        ),
        (("request", "--subject", "x", "--amount", "1.001"), "CNY has 2 decimals"),
        (
            ("request", "--subject", "x", "--amount", "-5"),
            "amount = '-5' is not allowed: it must not be below 0",
        ),
        (
            ("request", "--subject", "x", "--amount", "5", "--currency", "XYZ"),
            "currency = 'XYZ' is not allowed: ISO 4217 has no such currency",
        ),
        (
            ("request", "--subject", "x", "--amount", "5", "--currency", "eur"),
            "currency = 'eur' is not allowed: ISO 4217 has no such currency (did you mean 'EUR'?)",
        ),
        (("list", "--kind", "generel"), "there is no kind of request 'generel' (did you mean 'general'?)"),
        (("request", "--subject", "x", "--currency", "CNY"), "an amount needs its currency"),
        (("request", "--subject", "x", "--customer", "C9"), "there is no customer 'C9'"),
        (("request", "--subject", "x", "--actor", "guest"), "actor 'guest' may not change customers"),
    ):
        result = crm("approvals", *words)
        assert (result.exit_code, result.stdout) == (1, ""), words
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1
    assert crm("approvals", "list", "--after", 2**63).exit_code == 2
    for line in ("approve", "approve x", "approve 0", "list --state open", "request"):
        assert crm("approvals", *line.split()).exit_code == 2, line


def test_lists_choose_by_scope_state_and_kind_the_newest_first(company, crm, ask):
    ask("one")
    ask("two", actor="boss")
    ask("three")
    crm.ok("approvals", "reject", 3, "--reason", "no", "--actor", "second")

    def subjects(*words: object) -> list[str]:
        return [one["subject"] for one in matches(crm.lines("approvals", "list", *words))]

    assert subjects() == subjects("--all") == ["three", "two", "one"]
    assert subjects("--mine", "--actor", "rep") == ["three", "one"]
    assert subjects("--inbox", "--actor", "boss") == ["one"]
    assert subjects("--inbox", "--actor", "second") == ["two", "one"]
    assert subjects("--inbox", "--actor", "guest") == []
    assert subjects("--state", "requested") == ["two", "one"]
    assert subjects("--state", "expired") == []
    assert subjects("--kind", "general", "--limit", 1, "--after", 3) == ["two"]
    table = crm.ok("approvals", "list", "--limit", 2).stdout
    assert "There may be more: --after 2" in table
    assert "waits for a decision" in table


def test_a_deputy_finds_in_the_inbox_what_they_may_decide(company, crm, ask, clock):
    ask()
    ask("own", actor="clerk")
    today = clock().date()
    days = ("--from", str(today - timedelta(days=2)), "--until", str(today + timedelta(days=2)))
    crm.ok("actor", "deputy", "clerk", "--of", "boss", *days)
    assert [one["number"] for one in crm.lines("approvals", "list", "--inbox", "--actor", "clerk")] == [1]
    assert "clerk" in crm.json("approvals", "show", 1)["deciders"]
    crm.ok("approvals", "approve", 1, "--actor", "clerk")
    assert crm.json("approvals", "show", 1)["decided_for"] == "boss"
    assert "clerk for boss" in crm.ok("approvals", "show", 1).stdout


def test_the_kinds_of_all_plugins_are_listed(bonus_company, crm):
    kinds = matches(crm.lines("approvals", "kinds"), "approval_kind")
    assert [(k["name"], k["plugin"], k["permission"], k["does_something"]) for k in kinds] == [
        ("bonus_points", "bonus", None, True),
        ("bonus_wish", "bonus", "approve", False),
        ("documents_loan", "documents", "documents.lend", True),
        ("general", "approvals", "approve", False),
    ]
    assert (kinds[0]["expires_days"], kinds[0]["outside_policy"], kinds[1]["expires_days"]) == (7, None, None)
    assert "depends" in crm.ok("approvals", "kinds").stdout


def test_requests_of_a_kind_that_is_gone_are_still_listed(bonus_company, crm, wish):
    wish(bonus_company, kind="bonus_wish")
    crm.ok("plugins", "disable", "bonus")
    assert [one["number"] for one in crm.lines("approvals", "list", "--kind", "bonus_wish")] == [1]
    gone = crm("approvals", "list", "--kind", "bonus_points")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "there is no kind of request 'bonus_points'" in gone.stderr


def test_small_amounts_need_no_decision_where_the_company_says_so(make_app, staffed, crm, ask):
    limits = '\n[plugins.approvals.approve_up_to]\ngeneral = "500.00"\nbonus_points = "1"\n'
    staffed(make_app(settings=limits))
    states = {amount: ask("a", "--amount", amount)["state"] for amount in ("0", "500.00", "500.01")}
    assert states == {"0": "approved", "500.00": "approved", "500.01": "requested"}
    assert ask("without an amount")["state"] == "requested"
    assert ask("in euro", "--amount", "1", "--currency", "EUR")["state"] == "requested"
    shown = crm.json("approvals", "show", 1)
    assert (shown["decided_by"], shown["decision_reason"]) == (
        "plugin:approvals",
        "up to 500.00 CNY needs no decision by the company's settings",
    )
    assert crm.lines("work", "--actor", "rep") == []


@pytest.mark.parametrize("limit", ['"much"', "500", '"-1"'])
def test_a_limit_that_is_none_is_named(make_app, staffed, crm, limit):
    staffed(make_app(settings=f"\n[plugins.approvals.approve_up_to]\ngeneral = {limit}\n"))
    result = crm("approvals", "request", "--subject", "x", "--amount", "1")
    assert result.exit_code == 1
    assert "approve_up_to.general" in result.stderr


def test_a_limit_finer_than_the_currency_is_shown_as_it_was_written(make_app, staffed, crm, ask):
    staffed(make_app(settings='\n[plugins.approvals.approve_up_to]\ngeneral = "0.005"\n'))
    ask("a", "--amount", "0")
    assert crm.json("approvals", "show", 1)["decision_reason"].startswith("up to 0.005 CNY needs")


@pytest.mark.parametrize(
    "words",
    [
        ("approvals", "list"),
        ("approvals", "list", "--state", "approved"),
        ("approvals", "show", "1"),
        ("approvals", "show", "2"),
        ("approvals", "show", "9"),
        ("approvals", "kinds"),
        ("approvals", "reject", "1"),
        ("approvals", "approve", "2"),
        ("approvals", "approve", "1", "--actor", "rep"),
        ("approvals", "approve", "1", "--actor", "guest"),
        ("approvals", "withdraw", "1"),
        ("approvals", "request", "--subject", "折扣", "--amount", "x"),
        ("approvals", "request", "--subject", "折扣", "--amount", "5"),
        ("work",),
        ("work", "--actor", "rep"),
    ],
)
def test_nothing_english_is_left_in_chinese(small, crm, ask, words):
    ask("八折", "--reason", "老客户", "--customer", "C1", "--amount", "1000")
    ask("九折")
    crm.ok("approvals", "approve", 2, "--actor", "boss")
    result = crm("--lang", "zh_CN", *words)
    text = re.sub(r"crm( [a-z-]+)+|[a-z_]+(, [a-z_]+)+", "", result.stdout + result.stderr)
    assert re.search("[\u4e00-\u9fff]", text)
    assert ENGLISH.findall(text) == []
