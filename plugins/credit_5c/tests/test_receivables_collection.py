"""DSO, its like, and the forecast, as the command line shows them."""

from __future__ import annotations

import pytest


@pytest.fixture
def company(make_receivables, database):
    """K1 sold to in January and February; it pays ten days late."""
    company = make_receivables(database)
    company.add("K1", "K2")
    paid = company.invoice("K1", "2026-01-05", "2026-01-20", 62_000)
    company.settle(paid, "2026-01-30", 62_000)
    company.invoice("K1", "2026-02-01", "2026-02-20", 28_000)
    company.invoice("K1", "2026-02-28", "2026-03-20", 14_000)
    return company


def test_dso_is_receivables_over_sales_times_days(company, crm, check_receivables_schema):
    found = crm.json("credit", "dso", "--from", "2026-01-01", "--to", "2026-02-28")
    # 42,000 open of 104,000 sold in 59 days.
    assert (found["dso"], found["days"]) == ("23.8", 59)
    # (0 + 104,000 - 42,000) / (104,000 - 14,000).
    assert found["cei"] == "0.6889"
    assert found["days_beyond_terms"] == "10.0"
    assert found["not_assessable"] == {}
    check_receivables_schema(found, "dso")


def test_countback_uses_up_the_latest_sales_first(company, crm):
    words = ("credit", "dso", "--to", "2026-01-31", "--method", "countback")
    assert crm.json(*words)["dso"] == "0.0"
    # On 2 March 42,000 are open: nothing sold in March (2 days), 42,000 in February (28 days).
    assert crm.json("credit", "dso", "--method", "countback")["dso"] == "30.0"


def test_what_cannot_be_reckoned_is_null_with_a_sentence(company, crm, check_receivables_schema):
    found = crm.json("credit", "dso", "--from", "2025-01-01", "--to", "2025-12-31")
    assert (found["dso"], found["cei"], found["days_beyond_terms"]) == (None, None, None)
    assert set(found["not_assessable"]) == {"dso", "cei", "days_beyond_terms"}
    assert "nothing was sold on credit" in found["not_assessable"]["dso"]
    check_receivables_schema(found, "dso")
    text = crm.ok("credit", "dso", "--from", "2025-01-01", "--to", "2025-12-31").stdout
    assert "Not assessable: there was nothing to collect in the period." in text


def test_one_customer_has_figures_of_its_own(company, crm):
    assert crm.json("credit", "dso", "--customer", "K2")["dso"] is None
    found = crm.json("credit", "dso", "--customer", "K1")
    assert (found["customer"], found["ending_minor"]) == ("K1", 42_000)


def test_a_period_that_runs_backwards_is_a_mistake(company, crm):
    refused = crm("credit", "dso", "--from", "2026-02-01", "--to", "2026-01-01")
    assert refused.exit_code == 2
    assert "runs backwards" in refused.stderr


def test_people_read_the_figures(company, crm):
    text = crm.ok("credit", "dso", "--from", "2026-01-01", "--to", "2026-02-28").stdout
    assert "23.8" in text
    assert "68.89 %" in text


def test_money_is_expected_as_late_as_the_customer_usually_pays(company, crm, check_receivables_schema):
    company.invoice("K2", "2026-02-20", "2026-03-04", 500)
    company.invoice("K1", "2026-02-25", None, -1_000)
    found = crm.json("credit", "forecast", "--by", "week")
    # K1 pays ten days late: due on 20 February → today's week; due on 20 March → 30 March. K2 has paid nothing yet
    # and is taken to pay as late as all do, 14 March. The credit note counts at once.
    assert [(one["from"], one["expected_minor"]) for one in found["periods"] if one["expected_minor"]] == [
        ("2026-03-02", 27_000),
        ("2026-03-09", 500),
        ("2026-03-30", 14_000),
    ]
    assert {one["from"]: one["due_minor"] for one in found["periods"]} == {
        "2026-03-02": 27_500,
        "2026-03-09": 0,
        "2026-03-16": 14_000,
        "2026-03-30": 0,
    }
    assert (found["total_minor"], found["usual_delay_days"]) == (41_500, "10.0")
    check_receivables_schema(found, "forecast")
    months = crm.json("credit", "forecast", "--by", "month")["periods"]
    assert [(one["from"], one["expected_minor"]) for one in months] == [("2026-03-01", 41_500)]


def test_people_read_the_forecast(company, crm):
    text = crm.ok("credit", "forecast").stdout
    assert "2026-03-30" in text
    assert "140.00" in text
