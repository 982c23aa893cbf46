"""Points where people meet them: on cards, in lists, in the report, at the counter."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

import crmcore_loyalty_club
from crmcore.api import collect_evidence

STANDING = Path(crmcore_loyalty_club.__file__).parent / "schemas" / "standing.schema.json"


def test_the_card_shows_points_and_the_clubs_own_fields(company, crm):
    crm.ok("customer", "edit", "C1", "--set", "loyalty_level=gold", "--set", "loyalty_card=M-4711")
    card = crm.json("customer", "show", "C1")
    (section,) = card["sections"]
    assert section["data"] == {"points": 250, "last_booked_on": "2026-01-20"}
    assert card["attributes"] == {"loyalty_level": "gold", "loyalty_card": "M-4711"}
    assert crm.json("customer", "show", "C3")["sections"] == []
    assert "会员级别" in crm.ok("customer", "show", "C1", "--lang", "zh_CN").stdout


def test_lists_show_filter_and_sort_by_points(company, crm):
    columns = ("--columns", "code,loyalty.points,loyalty.last")
    assert crm.lines("customer", "list", *columns, "--sort", "-loyalty.points") == [
        {"code": "C1", "loyalty.points": 250, "loyalty.last": "2026-01-20"},
        {"code": "C2", "loyalty.points": 50, "loyalty.last": "2026-02-11"},
        {"code": "C3", "loyalty.points": None, "loyalty.last": None},
    ]
    assert [c["code"] for c in crm.lines("customer", "list", "--where", "loyalty.points>=100")] == ["C1"]


def test_a_member_is_found_by_the_reference_of_an_entry(company, crm):
    best, *_others = crm.lines("find", "r-3")
    assert (best["code"], best["why"]) == ("C2", "loyalty_entry reference exact")


def test_the_report_names_those_with_points(company, crm):
    report = crm.json("report", "run", "loyalty_points")
    assert report["tables"][0]["rows"] == [["C1", 250], ["C2", 50]]


def test_nobody_redeems_more_than_they_have(company, crm):
    left = crm.json("loyalty", "redeem", "C1", "KETTLE")
    Draft202012Validator(json.loads(STANDING.read_text(encoding="utf-8"))).validate(left)
    assert left == {"customer": "C1", "points": 70, "last_booked_on": "2026-03-02"}
    refused = crm("loyalty", "redeem", "C1", "KETTLE")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "C1 has 70 points, KETTLE costs 180" in refused.stderr
    assert "there is no reward 'CAR'" in crm("loyalty", "redeem", "C1", "CAR").stderr
    assert crm.json("loyalty", "show", "C1")["points"] == 70


def test_redeeming_needs_the_permission(company, crm):
    crm.ok("actor", "add", "li", "--role", "sales_representative")
    refused = crm("loyalty", "redeem", "C1", "KETTLE", "--actor", "li")
    assert refused.exit_code == 1
    assert "actor 'li' may not redeem points of members" in refused.stderr


def test_redeemed_points_are_money_spent_on_the_customer(company):
    with company.read() as ctx:
        spent = ctx.connection.execute(ctx.facts.select("investments")).all()
    assert [(row.kind, row.currency, row.amount_minor) for row in spent] == [("loyalty", "CNY", 9000)]


def test_credit_models_may_ask_for_points(company):
    with company.read() as ctx:
        found = collect_evidence(ctx, [1, 2, 3], ["loyalty_points", "lawsuits"])
    assert [(e.customer_id, e.indicator, e.value, e.plugin) for e in found] == [
        (1, "loyalty_points", 250, "loyalty_club"),
        (2, "loyalty_points", 50, "loyalty_club"),
    ]
