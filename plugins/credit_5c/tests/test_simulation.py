"""A policy tried on the past year, with the ledger: orders, what became of them, and what would have been held."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)
SCHEMA = Path(__file__).parent.parent / "src" / "crmcore_credit_5c" / "schemas" / "simulation.schema.json"
ORDERS = """document,line,date,customer,quantity,amount,state
S1,1,2025-05-01,C1,10,1000.00,released
S2,1,2025-06-01,C1,10,2000.00,released
S3,1,2025-07-01,C1,10,500.00,released
S4,1,2025-07-01,C2,10,4000.00,released
"""
INVOICES = """document,line,date,due,customer,quantity,amount,order,order_line
F1,1,2025-05-05,2025-05-20,C1,10,1000.00,S1,1
F2,1,2025-06-05,2025-06-20,C1,10,2000.00,S2,1
F3,1,2025-07-05,2025-07-20,C1,10,500.00,S3,1
F4,1,2025-07-05,2025-07-20,C2,10,4000.00,S4,1
"""
PAYMENTS = """document,date,customer,amount
P1,2025-07-15,C1,1000.00
P2,2025-07-10,C2,4000.00
"""


@pytest.fixture
def year(make_app: Any, crm: Any, database: str, tmp_path: Path) -> Any:
    """F1 is paid eight weeks late, F2 and F3 not at all, F4 in time."""
    make_app(
        ["trade_ledger", "credit_5c"], database, settings='[plugins.credit_5c]\nwithout_limit = "release"\n'
    )
    for name, text in (("orders", ORDERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        file = tmp_path / f"{name}.csv"
        file.write_text(text, "utf-8")
        crm.ok("import", name, file, "--create-customers")
    crm.ok("ledger", "allocate")
    return crm


def simulated(crm: Any, *words: object) -> dict[str, Any]:
    found = crm.json("credit", "policy", "simulate", *words, "--from", "2025-01-01", "--to", "2025-12-31")
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(found)
    return {one["policy"]: one for one in found["policies"]}


def test_the_policy_in_force_holds_what_was_ordered_while_something_was_overdue(year: Any) -> None:
    held = simulated(year)["in_force"]
    # S2 on 1 June and S3 on 1 July: F1, due on 20 May, was open. Of them nothing has been paid to this day.
    assert held["held"] == {"orders": 2, "amount_minor": 250_000, "late_minor": 0, "unpaid_minor": 250_000}
    assert held["released"] == {
        "orders": 2,
        "amount_minor": 500_000,
        "late_minor": 100_000,
        "unpaid_minor": 0,
    }
    assert [one["rule"] for one in held["by_rule"]] == ["overdue"]


def test_a_proposed_policy_stands_beside_the_one_in_force(year: Any) -> None:
    found = simulated(year, "C", "hold=overdue", "overdue_days=30")
    assert found["in_force"]["held"]["orders"] == 2
    # On 1 June F1 was overdue for 12 days, on 1 July for 42.
    assert found["proposed"]["held"] == {
        "orders": 1,
        "amount_minor": 50_000,
        "late_minor": 0,
        "unpaid_minor": 50_000,
    }
    assert simulated(year, "C", "hold=never")["proposed"]["held"]["orders"] == 0
    everything = simulated(year, "C", "hold=prepayment")["proposed"]
    assert (everything["held"]["orders"], everything["released"]["orders"]) == (4, 0)


def test_a_request_can_be_tried_before_it_is_decided(year: Any) -> None:
    made = year.json("credit", "policy", "propose", "C", "overdue_days=30", "--reason", "less holds")
    assert simulated(year, "--request", made["request"])["proposed"]["held"]["orders"] == 1
    assert year("credit", "policy", "simulate", "--request", 99).exit_code == 1
    both = year("credit", "policy", "simulate", "C", "overdue_days=3", "--request", made["request"])
    assert both.exit_code == 2


def test_people_read_the_outcome_and_that_it_was_judged_by_today(year: Any) -> None:
    days = ("--from", "2025-01-01", "--to", "2025-12-31")
    said = year.ok("credit", "policy", "simulate", "C", "overdue_days=30", *days).stdout
    assert "proposed" in said
    assert "2,500.00" in said
    assert "4 orders were judged" in said
    wrong = year("credit", "policy", "simulate", "--from", "2025-02-01", "--to", "2025-01-01")
    assert (wrong.exit_code, "2025-02-01" in wrong.stderr) == (2, True)
