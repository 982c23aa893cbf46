"""Ageing, as the command line shows it."""

from __future__ import annotations

import pytest

RATES = 'USD = "7.12"\n'


def by_bucket(found):
    return {one["bucket"]: (one["amount_minor"], one["customers"]) for one in found["buckets"]}


@pytest.fixture
def company(make_receivables, database):
    """K1 owes in each bucket (one invoice half paid, a credit note), K2 in dollars, K3 has no due day."""
    company = make_receivables(database, settings=RATES)
    company.add("K1", "K2", "K3", "K4")
    company.invoice("K1", "2026-02-20", "2026-03-02", 100)
    company.invoice("K1", "2026-02-01", "2026-03-01", 200)
    half = company.invoice("K1", "2026-01-01", "2026-01-31", 400)
    company.settle(half, "2026-02-20", 150)
    company.invoice("K1", "2026-01-01", "2026-01-30", 800)
    company.invoice("K1", "2025-12-01", "2025-12-02", 1_600)
    company.invoice("K1", "2025-11-01", "2025-12-01", 3_200)
    company.invoice("K1", "2026-02-25", None, -50)
    company.invoice("K2", "2026-02-01", "2026-02-28", 1_000, "USD")
    company.invoice("K3", "2026-02-10", None, 70)
    paid = company.invoice("K4", "2026-02-01", "2026-02-15", 999)
    company.settle(paid, "2026-03-01", 999)
    return company


def test_each_document_falls_in_the_bucket_of_its_days_past_due(company, crm, check_receivables_schema):
    found = crm.json("credit", "ageing")
    assert by_bucket(found) == {
        "current": (100, 1),
        "1-30": (200 + 250 + 7_120 + 70 - 50, 3),
        "31-60": (800, 1),
        "61-90": (1_600, 1),
        ">90": (3_200, 1),
    }
    assert found["currency"] == "CNY"
    assert found["total_minor"] == sum(amount for amount, _count in by_bucket(found).values())
    check_receivables_schema(found, "ageing")


def test_on_a_past_day_what_was_settled_since_is_open_again(company, crm):
    found = by_bucket(crm.json("credit", "ageing", "--as-of", "2026-02-15"))
    assert found == {
        "current": (200 + 7_120 + 999, 3),
        "1-30": (400 + 800 + 70, 2),
        "31-60": (0, 0),
        "61-90": (1_600 + 3_200, 1),
        ">90": (0, 0),
    }


def test_by_invoice_days_count_from_the_document(company, crm):
    found = by_bucket(crm.json("credit", "ageing", "--by", "invoice", "--customer", "K1"))
    assert found == {
        "current": (0, 0),
        "1-30": (100 + 200 - 50, 1),
        "31-60": (250 + 800, 1),
        "61-90": (0, 0),
        ">90": (1_600 + 3_200, 1),
    }


def test_a_group_counts_as_one_customer(company, crm):
    company.group("K1", "K3")
    assert by_bucket(crm.json("credit", "ageing"))["1-30"][1] == 3
    assert by_bucket(crm.json("credit", "ageing", "--group"))["1-30"][1] == 2
    alone = crm.json("credit", "ageing", "--customer", "K3")
    assert alone["total_minor"] == 70
    whole = crm.json("credit", "ageing", "--customer", "K3", "--group")
    assert whole["total_minor"] == 100 + 200 + 250 + 800 + 1_600 + 3_200 - 50 + 70


def test_the_customers_are_listed_those_who_owe_most_first(company, crm, check_receivables_schema):
    found = crm.json("credit", "ageing", "--detail")
    assert [(one["customer"], one["total_minor"]) for one in found["debtors"]] == [
        ("K2", 7_120),
        ("K1", 6_100),
        ("K3", 70),
    ]
    check_receivables_schema(found, "ageing")
    company.group("K2", "K1")
    (head, other) = crm.json("credit", "ageing", "--detail", "--group")["debtors"]
    assert (head["customer"], head["total_minor"], other["customer"]) == ("K2", 13_220, "K3")
    assert head["buckets"]["1-30"] == 200 + 250 + 7_120 - 50


def test_people_read_a_table(company, crm):
    text = crm.ok("credit", "ageing", "--detail", "--limit", "1").stdout
    assert "not yet due" in text
    assert "K2" in text
    assert "K3" not in text
    assert "There are more than 1" in text


def test_own_buckets_are_those_of_the_settings(make_receivables, crm):
    company = make_receivables(settings="[plugins.credit_5c]\nageing_bounds = [9, 5]\n")
    company.add("K1")
    company.invoice("K1", "2026-01-01", "2026-02-20", 5)
    found = by_bucket(crm.json("credit", "ageing"))
    assert found == {"current": (0, 0), "1-5": (0, 0), "6-9": (0, 0), ">9": (5, 1)}


def test_without_a_rate_nothing_is_shown_of_one_customer(make_receivables, crm):
    company = make_receivables()
    company.add("K1")
    company.invoice("K1", "2026-01-01", "2026-02-20", 5, "USD")
    refused = crm("credit", "ageing", "--customer", "K1", "--json")
    assert refused.exit_code == 1
    assert "no exchange rate from USD to CNY" in refused.stderr


def test_without_a_ledger_the_missing_fact_is_named(make_app, crm):
    make_app(["credit_5c"])
    refused = crm("credit", "ageing", "--json")
    assert refused.exit_code == 1
    assert "receivables" in refused.stderr


def test_an_unknown_customer_is_named(company, crm):
    refused = crm("credit", "ageing", "--customer", "K9", "--json")
    assert (refused.exit_code, "K9" in refused.stderr) == (1, True)
