"""`crm abc worst`: who brings least, by what is known of it."""

import random
from collections import Counter

import pytest

from crmcore_abc_analysis.analyses.worst import worst, worst_report

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
CODES = [f"C{i:02}" for i in range(15)]


def listed(found):
    return [(c["customer"], c["amount_minor"]) for c in found["customers"]]


def test_with_costs_the_worst_are_those_of_least_profit(make_company, database, crm, check_schema):
    company = make_company(database, facts="all", settings='USD = "7"\n')
    company.add("LARGE", "SMALL", "SLOW", "VISITED")
    company.buy("2025-02-01", {"LARGE": 100_000, "SLOW": 90_000}, cost_minor=60_000)
    company.buy("2025-02-01", {"SMALL": 100}, "USD", cost_minor=40)
    company.buy("2024-02-01", {"SMALL": 100_000}, cost_minor=200_000)
    company.spend("2025-03-01", {"LARGE": 50_000, "VISITED": 300})
    company.spend("2025-03-01", {"LARGE": 1000}, on="investments", kind="samples")
    # A year of 1,000,000 owed costs 6 %.
    owed = {"customer": "SLOW", "occurred_on": "2025-01-01", "amount_minor": 1_000_000, "open_minor": 0}
    company.fact("receivables", [owed])
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "worst")
    check_schema(found, "worst")
    assert (found["basis"], found["needs"], found["count"], found["below_zero"]) == ("profit", [], 4, 3)
    assert listed(found) == [("SLOW", -30_000), ("LARGE", -11_000), ("VISITED", -300), ("SMALL", 420)]
    assert found["customers"][1] == {
        "customer": "LARGE",
        "name": "LARGE",
        "amount_minor": -11_000,
        "purchases_minor": 100_000,
        "margin_minor": 40_000,
        "cost_to_serve_minor": -50_000,
        "investments_minor": -1000,
        "cost_of_credit_minor": None,
        "without_cost_minor": 0,
    }
    assert found["customers"][0]["cost_of_credit_minor"] == -60_000
    assert "By customer profit: 3 of 4 customers cost us money." in crm.ok("abc", "worst").stdout


def test_they_are_those_of_a_run_by_profit(make_company, database, crm):
    source = random.Random(3)
    company = make_company(database, facts="all", settings='USD = "7.13"\n')
    company.add(*CODES)
    for _ in range(80):
        currency = source.choice(["CNY", "USD"])
        amount, cost = source.randint(-50, 400), source.choice([None, source.randint(0, 300)])
        company.buy(
            f"2025-0{source.randint(1, 9)}-05", {source.choice(CODES): amount}, currency, cost_minor=cost
        )
    for _ in range(20):
        company.spend("2025-05-05", {source.choice(CODES): source.randint(1, 500)})
    crm.ok("abc", "run", *YEAR, "--basis", "profit")
    by_run = {line["customer"]: line["amount_minor"] for line in crm.lines("abc", "grades")}
    found = crm.json("abc", "worst", "--limit", 100)
    assert listed(found) == sorted(listed(found), key=lambda row: (row[1], row[0]))
    assert by_run.keys() == dict(listed(found)).keys()
    # A part in another currency is converted by itself, so that the parts add up: the last unit may differ.
    assert all(abs(by_run[code] - amount) <= 2 for code, amount in listed(found))
    parts = ("margin", "cost_to_serve", "investments", "cost_of_credit")
    for customer in found["customers"]:
        assert sum(customer[f"{part}_minor"] or 0 for part in parts) == customer["amount_minor"]


def test_without_cost_facts_the_margin_decides(make_company, crm, check_schema):
    company = make_company()
    company.add("C1", "C2", "C3")
    company.buy("2025-05-01", {"C1": 100, "C2": 100}, cost_minor=120)
    company.buy("2025-05-01", {"C1": 100}, cost_minor=10)
    company.buy("2025-05-01", {"C2": 30, "C3": 7})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "worst")
    check_schema(found, "worst")
    assert (found["basis"], listed(found)) == ("margin", [("C2", -20), ("C1", 70)])
    assert found["needs"] == ["cost_to_serve", "investments", "receivables", "payments"]
    assert found["customers"][0]["without_cost_minor"] == 30
    text = crm.ok("abc", "worst").stdout
    assert "By margin, since no other costs are recorded: 0 of 2 customers lose money." in text
    assert (found["below_zero"], found["unsure"]) == (0, 1)
    assert "Not counted are 1 customers who may lose money" in text
    assert "no data: needs fact cost_to_serve" in text
    assert "Purchases without a cost are left out of the margin" in text


def test_without_any_cost_the_purchases_decide(make_company, database, crm, check_schema):
    company = make_company(database, facts=["investments"])
    company.sell("2025-05-01", {"C1": 100, "C2": -5, "b": 50, "B": 50})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "worst", "--limit", 3)
    check_schema(found, "worst")
    assert (found["basis"], listed(found)) == ("purchases", [("C2", -5), ("B", 50), ("b", 50)])
    assert (found["count"], found["below_zero"]) == (4, 1)
    assert "purchases.cost_minor" in found["needs"]
    assert "no data: needs the cost of purchases" in crm.ok("abc", "worst").stdout


def test_who_may_lose_money_is_not_said_to_cost_us_money(make_company, database, crm):
    company = make_company(database, facts=["cost_to_serve"])
    company.add("SURE", "UNSURE", "FREE")
    company.buy("2025-05-01", {"SURE": 100}, cost_minor=50)
    company.buy("2025-05-01", {"SURE": 10, "UNSURE": 1000, "FREE": 1000})
    company.spend("2025-05-01", {"SURE": 70, "UNSURE": 70})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "worst")
    assert listed(found) == [("UNSURE", -70), ("SURE", -20)]
    assert (found["below_zero"], found["unsure"]) == (1, 1)
    costly = crm.json("abc", "questions")["questions"][1]
    assert [customer["customer"] for customer in costly["customers"]] == ["SURE"]


def test_a_period_without_purchases_is_said_to_be_one(make_company, crm, check_schema):
    company = make_company()
    company.add("C1")
    crm.ok("abc", "potential", "set", "C1", "100", "--basis", "visit")
    crm.ok("abc", "run", *YEAR, "--basis", "potential")
    found = crm.json("abc", "worst")
    check_schema(found, "worst")
    assert (found["count"], "purchases.cost_minor" in found["needs"]) == (0, False)
    text = crm.ok("abc", "worst").stdout
    assert "Nobody bought anything from 2025-01-01 to 2025-12-31." in text
    assert "cost of purchases" not in text
    costly = crm.json("abc", "questions")["questions"][1]
    assert costly["answered"] is False
    assert costly["note"] == "Nobody bought anything from 2025-01-01 to 2025-12-31."


def test_groups_are_taken_together(make_company, database, crm):
    company = make_company(database, facts=["cost_to_serve"])
    company.add("HEAD", "ARM", "SOLO")
    company.group("HEAD", "ARM")
    company.buy("2025-05-01", {"HEAD": 100, "ARM": 100, "SOLO": 100}, cost_minor=50)
    company.spend("2025-05-01", {"ARM": 70})
    crm.ok("abc", "run", *YEAR, "--level", "group")
    assert listed(crm.json("abc", "worst")) == [("HEAD", 30), ("SOLO", 50)]


def test_any_company_equals_the_oracle(make_company, database, crm):
    source = random.Random(5)
    company = make_company(database, facts=["cost_to_serve", "investments"], settings='JPY = "0.05"\n')
    company.add(*CODES)
    expected: Counter[str] = Counter()
    for _ in range(60):
        code, amount, cost = source.choice(CODES), source.randint(-9, 99), source.randint(0, 60)
        year = source.choice(["2024", "2025"])
        company.buy(f"{year}-12-31", {code: amount}, cost_minor=cost)
        expected[code] += (amount - cost) * (year == "2025")
    for fact in ("cost_to_serve", "investments"):
        for code in source.sample(CODES, 6):
            company.spend("2025-01-01", {code: 20}, on=fact)
            company.spend("2025-01-01", {code: 2}, on=fact, currency="JPY")
            expected[code] -= 20 + 10
    crm.ok("abc", "run", *YEAR)
    found = dict(listed(crm.json("abc", "worst", "--limit", 99)))
    assert found == {code: expected[code] for code in found}
    assert all(expected[code] == 0 for code in set(expected) - set(found))


def test_before_the_first_run_there_is_nothing_to_list(make_company, crm):
    make_company().add("C1")
    assert "there is no run yet" in crm("abc", "worst").stderr


def test_the_report_takes_a_limit(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {f"C{i:02}": i for i in range(20)})
    crm.ok("abc", "run", *YEAR)
    with company.app.read("abc_analysis") as ctx:
        assert [row[0] for row in worst_report(ctx, {"limit": "2"}).tables[0].rows] == ["C00", "C01"]
        assert len(list(worst_report(ctx, {}).tables[0].rows)) == 10
        assert len(worst(ctx, None)["customers"]) == 20


@pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x")])
def test_a_limit_is_a_number(make_company, crm, words):
    make_company()
    assert crm("abc", "worst", *words).exit_code == 2
