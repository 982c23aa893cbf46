"""Limits as users meet them: proposed by the rules, decided by the general manager, held until they end."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

SETTINGS = """limit_rules = [
  {base = "avg_monthly_purchases", months = 6, times = {A = "2.0", B = "1.0"}, round_to = "1000"},
  {base = "requested", times = {A = "1", B = "0.5"}, cap = "90000"},
]"""


@pytest.fixture
def trade(make_trade: Any, database: str) -> Any:
    made = make_trade(database, SETTINGS)
    made.add("K1")
    made.grade("K1", "A")
    for month in (10, 11, 12):
        made.row("purchases", "K1", 5_000_000 + month, on=f"2025-{month}-15")
    return made


def asking(crm: Any, *words: str, actor: str = "li", code: str = "K1") -> Any:
    with crm.as_actor(actor, roles=["sales_representative"]):
        return crm.json("credit", "limit", "propose", code, *words)


def test_the_smallest_proposal_wins_and_each_says_how_it_came_about(
    trade: Any, crm: Any, check_limit_schema: Any
) -> None:
    made = asking(crm, "--requested", "60,000.00", "--reason", "a big season")
    # (50,000.10 + 50,000.11 + 50,000.12) / 6 months × 2.0 = 50,000.11, in steps of 1,000.00
    check_limit_schema(made, "limit_proposal")
    assert made["amount_minor"] == 5_000_000
    by_base = {one["base"]: one for one in made["proposals"]}
    assert by_base["avg_monthly_purchases"]["chosen"]
    assert by_base["avg_monthly_purchases"]["base_minor"] == 2_500_005
    assert by_base["requested"]["amount_minor"] == 6_000_000
    assert "60,000.00" in by_base["requested"]["explain"]
    assert made["request"] == 1
    with crm.as_actor("boss", roles=["general_manager"]):
        assert [one["number"] for one in crm.lines("approvals", "list", "--inbox")] == [1]


def test_the_general_manager_decides_and_never_who_proposed_it(
    trade: Any, crm: Any, check_limit_schema: Any
) -> None:
    request = asking(crm)["request"]
    with crm.as_actor("li", roles=["sales_representative"]):
        refused = crm("credit", "limit", "approve", request, "--reason", "mine")
        assert refused.exit_code == 1
        assert "your own" in refused.stderr
    refused = crm("credit", "limit", "approve", request, "--reason", "x", "--actor", "li")
    assert refused.exit_code == 1
    assert crm.json("credit", "limit", "show", "K1")["limit_minor"] is None
    with crm.as_actor("wang", roles=["sales_manager"]):
        assert crm("credit", "limit", "approve", request, "--reason", "x").exit_code == 1
    with crm.as_actor("boss", roles=["general_manager"]):
        decided = crm.json("credit", "limit", "approve", request, "--reason", "a good payer")
    check_limit_schema(decided, "limit_decision")
    assert (decided["state"], decided["amount_minor"], decided["single_person"]) == (
        "approved",
        5_000_000,
        False,
    )
    shown = crm.json("credit", "limit", "show", "K1")
    check_limit_schema(shown, "limit")
    for line in crm.lines("credit", "limit", "history", "K1"):
        check_limit_schema(line, "limit_history")
    for line in crm.lines("credit", "limit", "list"):
        check_limit_schema(line, "limit_use")
    assert (shown["limit_minor"], shown["decided_by"], shown["proposed_by"]) == (5_000_000, "boss", "li")
    assert crm("credit", "limit", "approve", request, "--reason", "again", "--actor", "boss").exit_code == 1


def test_a_general_manager_does_not_decide_an_own_proposal(trade: Any, crm: Any) -> None:
    with crm.as_actor("boss", roles=["general_manager"]):
        request = crm.json("credit", "limit", "propose", "K1")["request"]
        refused = crm("credit", "limit", "approve", request, "--reason", "mine")
    assert refused.exit_code == 1
    assert crm.json("credit", "limit", "show", "K1")["limit_minor"] is None


def test_in_a_firm_of_one_person_it_is_marked(make_trade: Any, crm: Any) -> None:
    trade = make_trade(more="[plugins.approvals]\nsingle_person = true\n", settings=SETTINGS)
    trade.add("K1")
    trade.grade("K1")
    request = crm.json("credit", "limit", "propose", "K1", "--requested", "7000")["request"]
    assert crm.json("credit", "limit", "approve", request, "--reason", "alone")["single_person"]
    (line,) = crm.lines("credit", "limit", "history", "K1")
    assert line["single_person"]


def test_the_history_says_who_decided_when_and_why(
    trade: Any, crm: Any, clock: Any, check_limit_schema: Any
) -> None:
    request = asking(crm, "--reason", "a big season")["request"]
    clock.move(days=1)
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", request, "--reason", "good accounts")
    trade.limit("K1", 70)  # one that was handed on in a merge has no request
    newest, line = crm.lines("credit", "limit", "history", "K1")
    check_limit_schema(line, "limit_history")
    assert (line["reason"], line["decision_reason"], line["decided_by"]) == (
        "a big season",
        "good accounts",
        "boss",
    )
    assert line["decided_at"].startswith("2026-03-03T")
    assert (newest["request"], newest["decision_reason"]) == (None, None)
    table = crm.ok("credit", "limit", "history", "K1", env={"COLUMNS": "300"}).stdout
    for said in ("a big season", "good accounts", "boss", "2026-03-03 09:00"):
        assert said in table
    shown = crm.json("credit", "limit", "show", "K1", "--as-of", "2026-03-03")
    check_limit_schema(shown, "limit")


def test_the_history_of_the_customer_shows_a_proposal_without_its_json(trade: Any, crm: Any) -> None:
    asking(crm, "--reason", "a big season")
    shown = crm.ok("history", "K1", env={"COLUMNS": "400"}).stdout
    assert "customer: K1; limit_minor: 5000000" in shown
    assert '{"' not in shown
    (line,) = [one for one in crm.lines("history", "K1") if one["field"] == "payload"]
    assert len(line["after"]["workings"]) == 2


def test_a_limit_is_shown_with_the_reason_of_who_decided(trade: Any, crm: Any) -> None:
    request = asking(crm)["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", request, "--reason", "good accounts")
    assert crm.json("credit", "limit", "show", "K1")["decision_reason"] == "good accounts"
    assert "Reason of the decision: good accounts\n" in crm.ok("credit", "limit", "show", "K1").stdout


def test_of_an_erased_person_no_reason_of_a_decision_is_left(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok("credit", "limit", "propose", "P1", "--requested", "500")
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "his uncle vouches")
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    assert "uncle" not in crm("credit", "limit", "history", "P1", "--json").stdout
    with trade.app.read("credit_5c") as ctx:
        from crmcore.api import find_approvals

        assert find_approvals(ctx, [1])[1].decision_reason == ""


def test_a_rejected_limit_does_not_hold(trade: Any, crm: Any) -> None:
    request = asking(crm)["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        assert crm("credit", "limit", "reject", request).exit_code == 2
        crm.ok("credit", "limit", "reject", request, "--reason", "no")
    assert crm.json("credit", "limit", "show", "K1")["limit_minor"] is None
    assert asking(crm)["request"] == request + 1


def test_one_request_at_a_time(trade: Any, crm: Any) -> None:
    asking(crm)
    again = crm("credit", "limit", "propose", "K1")
    assert again.exit_code == 1
    assert "request 1" in again.stderr


def test_without_a_grade_there_is_no_proposal(trade: Any, crm: Any) -> None:
    trade.add("K2")
    refused = crm("credit", "limit", "propose", "K2", "--requested", "100")
    assert (refused.exit_code, "crm credit assess K2" in refused.stderr) == (1, True)
    trade.grade("K2", expires="2026-03-01")
    assert crm("credit", "limit", "propose", "K2", "--requested", "100").exit_code == 1


def test_what_is_not_known_is_not_nothing(trade: Any, crm: Any) -> None:
    trade.add("K3")
    trade.grade("K3", "B")
    refused = crm("credit", "limit", "propose", "K3")
    assert (refused.exit_code, "not assessable" in refused.stderr) == (1, True)
    made = asking(crm, "--requested", "8000", code="K3")
    assert made["amount_minor"] == 400_000
    assert [one["status"] for one in made["proposals"]] == ["base_unknown", "assessed"]


@pytest.mark.parametrize(
    "rule",
    [
        '{base = "requested", times = {A = "2.0", B = "2.0", C = "2.0"}}',
        '{base = "requested", floor = "10500", round_to = "1000", cap = "20000"}',
    ],
)
def test_nobody_is_proposed_more_than_was_asked_for(make_trade: Any, crm: Any, rule: str) -> None:
    trade = make_trade(settings=f"limit_rules = [{rule}]")
    trade.add("K1")
    trade.grade("K1")
    made = asking(crm, "--requested", "5000")
    assert made["amount_minor"] == 500_000
    assert not made["outside_rules"]
    ours, wish = made["proposals"]
    assert (ours["chosen"], wish["chosen"]) == (False, True)
    assert (wish["base"], wish["times"], wish["amount_minor"]) == ("requested", "1", 500_000)
    assert ours["amount_minor"] in (1_000_000, 1_050_000)


def test_a_limit_of_nothing_is_not_proposed(make_trade: Any, crm: Any) -> None:
    trade = make_trade(settings='limit_rules = [{base = "requested", round_to = "1000000"}]')
    trade.add("K1")
    trade.grade("K1")
    with crm.as_actor("li", roles=["sales_representative"]):
        refused = crm("credit", "limit", "propose", "K1", "--requested", "5000")
    assert refused.exit_code == 1
    for said in ("K1", "would be nothing", "in steps of 1,000,000.00", "crm credit limit import"):
        assert said in refused.stderr
    assert crm.lines("approvals", "list") == []


def test_a_temporary_raise_ends_by_itself(trade: Any, crm: Any, clock: Any) -> None:
    trade.limit("K1", 1_000_000)
    words = ("--temporary", "--until", "2026-03-10", "--requested", "80000")
    made = asking(crm, *words)
    assert (made["amount_minor"], made["outside_rules"]) == (8_000_000, True)
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", made["request"], "--reason", "spring")
    assert crm.json("credit", "limit", "show", "K1")["until"] == "2026-03-10"
    assert any("2026-03-10" in line["title"] for line in crm.lines("work"))
    clock.move(days=8)
    assert crm.json("credit", "limit", "show", "K1")["limit_minor"] == 8_000_000
    clock.move(days=1)
    assert crm.json("credit", "limit", "show", "K1")["limit_minor"] == 1_000_000
    assert crm.json("credit", "limit", "show", "K1", "--as-of", "2026-03-09")["limit_minor"] == 8_000_000
    assert crm.json("credit", "limit", "show", "K1", "--as-of", "2026-03-01")["limit_minor"] is None
    assert [line["limit_minor"] for line in crm.lines("credit", "limit", "history", "K1")] == [
        8_000_000,
        1_000_000,
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("--temporary",),
        ("--until", "2026-04-01"),
        ("--temporary", "--until", "2026-04-01"),
        ("--temporary", "--until", "2026-03-01", "--requested", "1"),
        ("--requested", "-1"),
        ("--requested", "1.005"),
        ("--requested", "nan"),
        ("--terms", "-1"),
    ],
)
def test_wrong_words_are_a_mistake_in_typing(make_trade: Any, crm: Any, words: tuple[str, ...]) -> None:
    trade = make_trade()
    trade.add("K1")
    trade.grade("K1")
    assert crm("credit", "limit", "propose", "K1", *words).exit_code == 2
    assert crm.lines("approvals", "list") == []


def test_terms_stand_on_the_card_once_they_are_approved(trade: Any, crm: Any) -> None:
    request = asking(crm, "--terms", "45")["request"]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", request, "--reason", "ok")
    assert crm.json("customer", "show", "K1")["attributes"]["payment_days"] == 45


def test_the_ceiling_of_the_policy_counts(make_trade: Any, crm: Any) -> None:
    policy = 'policy = {A = {payment_days = 30, cap = "20000", deposit = "0", hold = "limit", overdue_days = 9, review_days = 90}}'
    trade = make_trade(settings=policy)
    trade.add("K1")
    trade.grade("K1")
    made = crm.json("credit", "limit", "propose", "K1", "--requested", "50000")
    assert (made["amount_minor"], made["proposals"][-1]["base"]) == (2_000_000, "policy_cap")


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ('{base = "turnover"}', "limit_rules.0.base"),
        ('{base = "requested", times = {A = "x"}}', "limit_rules.0.times.A"),
        ('{base = "requested", months = 0}', "limit_rules.0.months"),
        ('{base = "requested", round_to = "0"}', "limit_rules.0.round_to"),
        ('{base = "requested", cap = "1", floor = "2"}', "limit_rules.0.floor"),
        ('{base = "requested", cap = "0.001"}', "limit_rules.0.cap"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_path(make_trade: Any, crm: Any, rule: str, path: str) -> None:
    trade = make_trade()
    trade.add("K1")
    trade.grade("K1")
    file = trade.app.config.path
    text = file.read_text("utf-8").replace(
        "[plugins.credit_5c]", f"[plugins.credit_5c]\nlimit_rules = [{rule}]"
    )
    file.write_text(text, "utf-8")
    refused = crm("credit", "limit", "propose", "K1", "--requested", "5")
    assert refused.exit_code == 1
    assert f"plugins.credit_5c.{path}" in refused.stderr


def test_a_renewal_by_rule_where_the_company_wants_it(make_trade: Any, crm: Any) -> None:
    trade = make_trade(settings="auto_renew_limits = true")
    trade.add("K1")
    trade.grade("K1")
    first = crm.json("credit", "limit", "propose", "K1", "--requested", "5000")
    assert first["state"] == "requested"
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", first["request"], "--reason", "ok")
    assert crm.json("credit", "limit", "propose", "K1", "--requested", "5000")["state"] == "approved"
    assert crm.lines("credit", "limit", "history", "K1")[0]["decided_by"] == "rule"
    assert crm.json("credit", "limit", "propose", "K1", "--requested", "5001")["state"] == "requested"


def test_a_deputy_decides_within_the_band(make_trade: Any, crm: Any) -> None:
    bands = """[plugins.approvals.bands]
credit_5c_limit = [{up_to = "10000", role = "sales_manager"}, {permission = "credit.approve"}]
"""
    trade = make_trade(more=bands)
    trade.add("K1", "K2")
    for code, amount in (("K1", "10000"), ("K2", "10000.01")):
        trade.grade(code)
        crm.ok("credit", "limit", "propose", code, "--requested", amount)
    with crm.as_actor("wang", roles=["sales_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "small")
        assert crm("credit", "limit", "approve", 2, "--reason", "too large").exit_code == 1
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 2, "--reason", "fine")


def test_in_whose_name_a_deputy_decided_is_shown(make_trade: Any, crm: Any, check_limit_schema: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2")
    for code in ("K1", "K2"):
        trade.grade(code)
        crm.ok("credit", "limit", "propose", code, "--requested", "500")
    crm.ok("actor", "add", "lin", "--name", "Lin", "--role", "general_manager")
    crm.ok("actor", "add", "rep", "--name", "Rep", "--role", "sales_representative")
    crm.ok("actor", "deputy", "rep", "--of", "lin", "--from", "2026-03-01", "--until", "2026-03-09")
    for actor, request in (("rep", 1), ("lin", 2)):
        with crm.as_actor(actor):
            crm.ok("credit", "limit", "approve", request, "--reason", "fine")
    for name, schema in (("history", "limit_history"), ("show", "limit")):
        for code, by, absent in (("K1", "rep", "lin"), ("K2", "lin", None)):
            (found,) = crm.lines("credit", "limit", name, code)
            check_limit_schema(found, schema)
            assert (found["decided_by"], found["decided_for"]) == (by, absent)
        assert "rep for lin" in crm.ok("credit", "limit", name, "K1", env={"COLUMNS": "300"}).stdout
    filed = crm.ok("report", "run", "credit_file", "--param", "customer=K1", "--format", "json").stdout
    assert "rep for lin" in filed


def test_members_see_the_limit_of_their_group(make_trade: Any, crm: Any, check_limit_schema: Any) -> None:
    trade = make_trade()
    trade.add("TOP")
    trade.add("SUB", parent="TOP")
    trade.limit("TOP", 500)
    shown = crm.json("credit", "limit", "show", "SUB")
    check_limit_schema(shown, "limit")
    assert (shown["limit_minor"], shown["group"]["limit_minor"], shown["group"]["customer"]) == (
        None,
        500,
        "TOP",
    )


def test_people_are_shown_the_same(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("K1")
    trade.grade("K1")
    assert "no credit limit" in crm.ok("credit", "limit", "show", "K1").stdout
    assert "1 " in crm.ok("credit", "limit", "propose", "K1", "--requested", "1234.5").stdout
    with crm.as_actor("boss", roles=["general_manager"]):
        assert "1,234.50" in crm.ok("credit", "limit", "approve", 1, "--reason", "ok").stdout
    for words in (("show", "K1"), ("history", "K1"), ("list",)):
        assert "1,234.50" in crm.ok("credit", "limit", *words).stdout, words


def test_the_fact_tells_what_holds_on_each_day(make_trade: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2")
    trade.limit("K1", 100)
    trade.limit("K1", 150, until="2026-03-10")
    trade.limit("K2", 70, until="2026-03-05")
    with trade.app.read("credit_5c") as ctx:
        rows = sorted(tuple(row) for row in ctx.connection.execute(ctx.facts.select("credit_limits")))
    one, two = trade.id_of("K1"), trade.id_of("K2")
    assert [(number, str(day), currency, amount) for number, day, currency, amount in rows] == [
        (one, "2026-03-02", "CNY", 150),
        (one, "2026-03-11", "CNY", 100),
        (two, "2026-03-02", "CNY", 70),
        (two, "2026-03-06", "CNY", 0),
    ]


def test_the_list_of_customers_shows_limits(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2")
    trade.limit("K1", 123_456)
    lines = crm.lines("customer", "list", "--columns", "code,credit.limit")
    assert {line["code"]: line["credit.limit"] for line in lines} == {"K1": 123_456, "K2": None}


def test_the_list_of_customers_shows_limits_from_the_first_hour_of_the_day(
    make_trade: Any, crm: Any, clock: Any, database: str
) -> None:
    trade = make_trade(database)
    trade.add("K1")
    clock.now = clock.now.replace(
        year=2036, hour=17
    )  # 1 o'clock of the next day in Shanghai, where the company is
    trade.limit("K1", 6_000_000)
    assert crm.json("credit", "limit", "show", "K1")["since"] == "2036-03-03"
    (line,) = crm.lines("customer", "list", "--columns", "code,credit.limit", "--where", "credit.limit>1")
    assert line["credit.limit"] == 6_000_000


def test_a_merged_customer_hands_its_limit_on_unless_the_other_has_one(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2", "K3")
    trade.limit("K1", 100)
    trade.limit("K3", 40)
    crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    assert crm.json("credit", "limit", "show", "K2")["limit_minor"] == 100
    crm.json("duplicates", "merge", "K2", "K3", "--reason", "one", "--yes")
    assert crm.json("credit", "limit", "show", "K3")["limit_minor"] == 40


def test_what_waits_on_a_customer_that_is_merged_waits_on_the_other(make_trade: Any, crm: Any) -> None:
    trade = make_trade(settings=SETTINGS)
    trade.add("K1", "K2")
    trade.grade("K1")
    trade.grade("K2")
    asking(crm, "--requested", "30000")
    crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    assert crm.json("credit", "limit", "show", "K2")["waiting"] == 1
    with crm.as_actor("li", roles=["sales_representative"]):
        refused = crm("credit", "limit", "propose", "K2", "--requested", "50000")
    assert refused.exit_code == 1
    assert "request 1 on the limit of K2 waits already" in refused.stderr
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "fine")
    assert crm.json("credit", "limit", "show", "K2")["limit_minor"] == 3_000_000


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_of_two_that_wait_after_a_merge_one_alone_is_approved(
    make_trade: Any, crm: Any, clock: Any, database: str, first: int, second: int
) -> None:
    trade = make_trade(database, SETTINGS)
    trade.add("K1", "K2")
    trade.grade("K1")
    trade.grade("K2")
    for code, amount in (("K1", "30000"), ("K2", "50000")):
        asking(crm, "--requested", amount, code=code)
        clock.move(seconds=1)
    crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    with crm.as_actor("boss", roles=["general_manager"]):
        decided = crm.json("credit", "limit", "approve", first, "--reason", "fine")
        clock.move(seconds=1)
        refused = crm("credit", "limit", "approve", second, "--reason", "fine too")
        assert refused.exit_code == 1
        assert f"decided by request {first} while request {second} waited; reject this one" in refused.stderr
        assert crm.json("credit", "limit", "show", "K2")["limit_minor"] == decided["amount_minor"]
        crm.ok("credit", "limit", "reject", second, "--reason", "ask anew")
    asking(crm, "--requested", "50000", code="K2")


def test_what_stands_behind_a_raise_is_handed_on_with_it(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2", "K3")
    for amount, until in ((70, None), (100, None), (300, "2026-05-31")):
        trade.limit("K1", amount, until=until)
    crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    assert crm.json("credit", "limit", "show", "K2")["limit_minor"] == 300
    assert crm.json("credit", "limit", "show", "K2", "--as-of", "2026-06-01")["limit_minor"] == 100
    trade.limit("K3", 500, until="2026-04-30")
    crm.json("duplicates", "merge", "K2", "K3", "--reason", "one", "--yes")
    on = {
        day: crm.json("credit", "limit", "show", "K3", "--as-of", day)["limit_minor"]
        for day in ("2026-04-30", "2026-05-01", "2026-06-01")
    }
    assert on == {"2026-04-30": 500, "2026-05-01": 300, "2026-06-01": 100}


def test_a_person_is_given_their_limit_and_words_are_erased(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.grade("P1")
    crm.ok("credit", "limit", "propose", "P1", "--requested", "500", "--reason", "his uncle vouches")
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", 1, "--reason", "ok")
    parts = crm.json("person", "export", "P1")["parts"]
    (rows,) = [part["rows"] for part in parts if part["table"] == "credit_limit"]
    assert rows[0]["reason"] == "his uncle vouches"
    crm.ok("person", "erase", "P1", "--reason", "asked", "--yes")
    with trade.app.read() as ctx:
        found = ctx.connection.exec_driver_sql("SELECT limit_minor, reason, grade FROM credit_limit").all()
    assert [tuple(row) for row in found] == [(50_000, None, None)]


def test_the_card_shows_grade_and_limit_together(make_trade: Any, crm: Any, clock: Any) -> None:
    trade = make_trade()
    trade.add("K1", "K2")
    trade.grade("K1", "B")
    trade.limit("K1", 100_000, until="2026-03-31")
    trade.limit("K2", 7)
    (credit,) = [one for one in crm.json("customer", "show", "K1")["sections"] if one["name"] == "credit"]
    names = ("grade", "limit_minor", "limit_until", "headroom_minor")
    assert [credit["data"][name] for name in names] == ["B", 100_000, "2026-03-31", 100_000]
    (alone,) = [one for one in crm.json("customer", "show", "K2")["sections"] if one["name"] == "credit"]
    assert alone["data"]["limit_minor"] == 7
    clock.move(days=30)
    assert not any("limit_minor" in one["data"] for one in crm.json("customer", "show", "K1")["sections"])
    then = crm.json("customer", "show", "K1", "--as-of", "2026-03-05")["sections"]
    assert [one["data"]["limit_minor"] for one in then if one["name"] == "credit"] == [100_000]


def test_net_assets_are_those_of_the_newest_statement(make_trade: Any, crm: Any) -> None:
    from crmcore_credit_5c.tables.evidence import CreditStatement

    trade = make_trade(
        rates='\nUSD = "7.00"\n', settings='limit_rules = [{base = "net_assets", times = {A = "0.1"}}]'
    )
    trade.add("K1")
    trade.grade("K1")
    of = {"customer_id": trade.id_of("K1"), "source": "audited", "added_by": "li"}
    with trade.app.write("tester", plugin="credit_5c") as tx:
        made = {**of, "added_on": tx.ctx.today, "added_at": tx.now}
        figures: list[tuple[date, str, dict[str, str]]] = [
            (date(2025, 12, 31), "USD", {"total_assets": "3000.005", "total_liabilities": "1000"}),
            (date(2024, 12, 31), "CNY", {"equity": "9999999"}),
        ]
        rows = [
            {**made, "period_end": day, "currency": currency, "figures": values}
            for day, currency, values in figures
        ]
        tx.insert(CreditStatement, rows)
    # (3,000.005 - 1,000) USD, below a cent cut off, × 7.00 × 0.1
    assert crm.json("credit", "limit", "propose", "K1")["amount_minor"] == 140_000


def test_who_reads_the_limit_of_a_person_is_recorded(make_trade: Any, crm: Any) -> None:
    trade = make_trade()
    trade.add("P1", kind="person")
    trade.add("K1")
    for code in ("P1", "K1"):
        crm.ok("credit", "limit", "show", code)
        crm.ok("credit", "limit", "history", code)
        crm.ok("credit", "exposure", code)
    read = crm.lines("audit", "reads", "--what", "sensitive")
    assert len(read) == 3
    assert all("P1" in str(line) for line in read)
