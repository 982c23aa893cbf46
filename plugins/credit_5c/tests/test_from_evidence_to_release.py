"""From investigation to the release of an order, typed as a company types it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)
GRADES = {
    "reputation": "excellent",
    "legal_record": "good",
    "days_beyond_terms": "12",
    "management_ability": "good",
    "years_of_trade": "4",
    "order_trend": "1.1",
    "collateral_cover": "fair",
    "guarantor": "fair",
    "industry_outlook": "good",
    "season": "good",
}


def test_a_new_customer_is_graded_given_a_limit_and_delivered(make_app: Any, crm: Any, tmp_path: Any) -> None:
    make_app(["trade_ledger", "credit_5c"])
    crm.ok("customer", "add", "--code", "K1", "--name", "示例商贸有限公司")
    assert crm("credit", "limit", "propose", "K1", "--requested", "50000").exit_code == 1
    evidence = tmp_path / "evidence.json"
    entries = [{"indicator": name, "value": value, "source": "visit"} for name, value in GRADES.items()]
    evidence.write_text(json.dumps({"evidence": entries}), "utf-8")
    grade = crm.json("credit", "assess", "K1", "--evidence", evidence)["grade"]
    purchases = tmp_path / "purchases.csv"
    purchases.write_text("customer,date,amount,document\nK1,2026-01-15,300000.00,F1\n", "utf-8")
    crm.ok("import", "purchases", purchases)
    payments = tmp_path / "payments.csv"
    payments.write_text("customer,date,amount,document\nK1,2026-01-20,300000.00,P1\n", "utf-8")
    crm.ok("import", "payments", payments)
    allocations = tmp_path / "allocations.csv"
    allocations.write_text("payment,document,amount,date\nP1,F1,300000.00,2026-01-20\n", "utf-8")
    crm.ok("import", "allocations", allocations)
    made = crm.json("credit", "limit", "propose", "K1", "--requested", "60000")
    times = {"A": 2, "B": 1, "C": 0.5}[grade]
    assert made["amount_minor"] == min(6_000_000, int(5_000_000 * times))
    assert crm.json("credit", "explain", "K1")["limit_proposals"] == made["proposals"]
    with crm.as_actor("boss", roles=["general_manager"]):
        crm.ok("credit", "limit", "approve", made["request"], "--reason", "a good start")
    assert crm.json("credit", "explain", "K1")["limit_proposals"] == made["proposals"]
    limit = made["amount_minor"] // 100
    for number, amount in (("O1", limit), ("O2", 1)):
        crm.ok("order", "add", "K1", "--amount", amount, "--tax-rate", "0%", "--number", number)
    crm.ok("order", "release", "O1")
    held = crm("order", "release", "O2")
    assert (held.exit_code, "1.00" in held.stderr) == (1, True)
    exposure = crm.json("credit", "exposure", "K1")
    assert (exposure["orders_minor"], exposure["receivables_minor"], exposure["headroom_minor"]) == (
        limit * 100,
        0,
        0,
    )
