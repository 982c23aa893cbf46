"""The providers that the other tests rely on give what they were given."""

from datetime import date

import pytest

from crmcore.api import MissingFact

DAY = date(2025, 3, 4)
ROWS = {
    "products": ({"code": "P1", "name": "Pipe"}, (1, "P1", "Pipe", None, None)),
    "stock": (
        {"product": "P1", "as_of": "2025-03-04", "quantity_micro": 5, "value_minor": 7},
        (1, DAY, 5, "CNY", 7),
    ),
    "complaints": (
        {"customer": "C1", "occurred_on": "2025-03-04", "complaint_id": 9},
        (1, DAY, 9, None),
    ),
    "wallet": ({"customer": "C1", "as_of": "2025-03-04", "amount_minor": 7}, (1, DAY, "CNY", 7)),
    "credit_limits": (
        {"customer": "C1", "valid_from": "2025-03-04", "limit_minor": 7},
        (1, DAY, "CNY", 7),
    ),
    "receivables": (
        {"customer": "C1", "occurred_on": "2025-03-04", "amount_minor": 7, "open_minor": 3},
        (1, 1, "D1", DAY, None, "CNY", 7, 3),
    ),
    "payments": (
        {"customer": "C1", "occurred_on": "2025-03-04", "amount_minor": 7, "allocated_minor": 3},
        (1, 1, "D1", DAY, "CNY", 7, 3),
    ),
}


def rows_of(company, fact):
    with company.app.read("abc_analysis") as ctx:
        return [tuple(row) for row in ctx.connection.execute(ctx.facts.select(fact))]


@pytest.mark.parametrize("fact", ROWS)
def test_a_fact_has_the_rows_that_were_put_in(make_company, database, fact):
    company = make_company(database, facts="all")
    company.add("C1")
    row, expected = ROWS[fact]
    company.fact(fact, [row])
    assert rows_of(company, fact) == [expected]


def test_money_is_spent_on_customers(make_company, database):
    company = make_company(database, facts=["cost_to_serve", "investments"])
    company.add("C1", "C2")
    company.spend("2025-03-04", {"C2": 5})
    company.spend("2025-03-04", {"C1": 6}, on="investments", kind="gift", currency="USD")
    assert rows_of(company, "cost_to_serve") == [(2, DAY, "visit", "CNY", 5)]
    assert rows_of(company, "investments") == [(1, DAY, "gift", "USD", 6)]


def test_only_the_facts_asked_for_are_provided(make_company):
    company = make_company(facts=["stock"])
    assert rows_of(company, "stock") == []
    with pytest.raises(MissingFact, match="no enabled plugin provides the fact 'wallet'"):
        rows_of(company, "wallet")


def test_purchases_have_products_costs_and_groups(make_company, database):
    company = make_company(database, facts=["products"])
    company.add("C1", "C2")
    company.group("C1", "C2")
    company.products("P1", "P2", line="pipes")
    company.buy("2025-03-04", {"C2": 100}, product="P2", cost_minor=60, quantity_micro=2_000_000)
    assert rows_of(company, "purchases") == [(2, DAY, "CNY", 100, 60, 2_000_000, 2, 3, 1)]
    assert rows_of(company, "products") == [(1, "P1", "P1", "pipes", None), (2, "P2", "P2", "pipes", None)]
