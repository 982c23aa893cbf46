"""`crm abc stars`: who is small now and able to grow."""

import random
from collections import Counter
from fractions import Fraction

import pytest

from crmcore.api import Customer
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.stars import stars_report
from crmcore_abc_analysis.potentials import Estimate, record_potential

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")
OWN = """[plugins.abc_analysis]
preset = "own"
own_cutoffs = [{grade = "Gold", within = "0.25"}, {grade = "Silver", within = "0.5"}, {grade = "Rest", within = "1"}]
"""


def estimate(company, code, amount, currency=None):
    record_potential(company.app, ACTOR, Estimate(code, str(amount), currency, None, "visit"))


def codes(found):
    return [customer["customer"] for customer in found["customers"]]


@pytest.fixture
def company(make_company, database):
    """Twenty customers, of whom C02, C03 and C04 are in class C; the potential of C03 and C04 is larger."""
    company = make_company(database, settings='USD = "7"\n')
    company.sell("2025-05-01", {f"C{i:02}": 1000 * (21 - i) for i in range(1, 21)})
    for i in range(1, 21):
        estimate(company, f"C{i:02}", 300 - i)
    return company


def test_a_star_is_small_able_and_growing(company, crm, check_schema):
    company.buy("2024-12-31", {"C03": 500, "C04": 500, "C02": 500})
    company.buy("2023-01-01", {"C04": 600, "C03": 499})
    for code in ("C03", "C04"):
        estimate(company, code, 950)
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "stars")
    check_schema(found, "stars")
    assert (found["grade"], found["count"], codes(found)) == ("C", 1, ["C03"])
    assert found["periods"] == [[f"{year}-01-01", f"{year}-12-31"] for year in (2023, 2024, 2025)]
    (star,) = found["customers"]
    assert star.pop("why").startswith("bought 4.99, then 5.00, then 180.00; could buy 950.00 CNY")
    assert star == {
        "customer": "C03",
        "name": "C03",
        "grade": "C",
        "potential_grade": "A",
        "potential_minor": 95_000,
        "purchases_minor": [499, 500, 18_000],
        "unrealised_minor": 77_000,
    }


def test_potentials_are_classed_among_each_other_by_the_rule_of_the_run(make_company, database, crm):
    company = make_company(database, settings=OWN)
    company.sell("2025-05-01", {"C1": 400, "C2": 300, "C3": 200, "C4": 100})
    company.buy("2024-05-01", {"C1": 4, "C2": 3, "C3": 2, "C4": 1})
    for code, amount in {"C1": 10, "C2": 20, "C3": 30, "C4": 40}.items():
        estimate(company, code, amount)
    crm.ok("abc", "run", *YEAR)
    # By amount Gold, Silver, Rest, Rest; by potential Rest, Rest, Silver, Gold.
    assert codes(crm.json("abc", "stars")) == []
    estimate(company, "C2", 50)
    found = crm.json("abc", "stars")
    assert (found["grade"], codes(found)) == ("Silver", ["C2"])
    assert found["customers"][0]["potential_grade"] == "Gold"


def test_the_settings_name_the_class(make_company, crm):
    company = make_company(settings=OWN + '[plugins.abc_analysis.stars]\ngrade = "Rest"\n')
    company.sell("2025-05-01", {"C1": 400, "C2": 300, "C3": 200, "C4": 200})
    company.buy("2024-05-01", {"C3": 2, "C4": 1})
    for code, amount in {"C1": 10, "C2": 20, "C3": 40, "C4": 30}.items():
        estimate(company, code, amount)
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "stars")
    assert [(c["customer"], c["potential_grade"]) for c in found["customers"]] == [
        ("C3", "Gold"),
        ("C4", "Silver"),
    ]


def test_a_class_that_the_run_does_not_have_is_refused(make_company, crm):
    company = make_company(settings='[plugins.abc_analysis.stars]\ngrade = "Z"\n')
    company.sell("2025-05-01", {"C1": 400})
    crm.ok("abc", "run", *YEAR)
    result = crm("abc", "stars")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no star can be in class Z of run 1" in result.stderr


def test_without_estimates_there_is_no_answer(make_company, crm, check_schema):
    company = make_company()
    company.sell("2025-05-01", {"C1": 400})
    crm.ok("abc", "run", *YEAR)
    found = crm.json("abc", "stars")
    check_schema(found, "stars")
    assert (found["answered"], found["needs"], found["count"]) == (False, ["potential"], None)
    assert "no data: needs fact potential" in found["note"]
    assert "no data: needs fact potential" in crm.ok("abc", "stars").stdout


def test_an_archived_customer_is_no_star(make_company, crm, clock):
    company = make_company(settings=OWN)
    company.sell("2025-05-01", {"C1": 400, "C2": 300, "C3": 200, "C4": 100})
    company.buy("2024-05-01", {"C2": 3})
    estimate(company, "C2", 50)
    crm.ok("abc", "run", *YEAR)
    assert codes(crm.json("abc", "stars")) == ["C2"]
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(company.id_of("C2"), {"archived_at": clock.now})])
    assert codes(crm.json("abc", "stars")) == []


def test_a_group_rises_as_one(make_company, database, crm):
    company = make_company(database, settings=OWN)
    company.sell("2025-05-01", {"C1": 400, "ARM": 100, "LEG": 200, "C3": 200, "C4": 100})
    company.add("HEAD")
    company.group("HEAD", "ARM", "LEG")
    company.buy("2024-05-01", {"ARM": 30})
    company.buy("2023-05-01", {"LEG": 20})
    estimate(company, "HEAD", 50)
    crm.ok("abc", "run", *YEAR, "--level", "group")
    (star,) = crm.json("abc", "stars")["customers"]
    assert (star["customer"], star["purchases_minor"]) == ("HEAD", [20, 30, 300])


@pytest.mark.parametrize("seed", [1, 2])
def test_any_company_equals_the_oracle(make_company, database, crm, oracle, seed):
    source = random.Random(seed)
    company = make_company(database, settings='USD = "7"\n' + OWN)
    names = [f"C{i:02}" for i in range(24)]
    company.add(*names)
    bought: dict[str, Counter[str]] = {"2023": Counter(), "2024": Counter(), "2025": Counter()}
    for _ in range(150):
        code, year, amount = source.choice(names), source.choice([*bought]), source.randint(-2, 9)
        currency = source.choice(["CNY", "USD"])
        company.buy(f"{year}-07-01", {code: amount}, currency)
        bought[year][code] += amount * (7 if currency == "USD" else 1)
    potentials = {code: source.randint(1, 50) for code in source.sample(names, 18)}
    for code, amount in potentials.items():
        estimate(company, code, amount)
    crm.ok("abc", "run", *YEAR)
    ends = [("Gold", Fraction(1, 4)), ("Silver", Fraction(1, 2)), ("Rest", Fraction(1))]
    now, could = oracle(bought["2025"], "rank", ends), oracle(potentials, "rank", ends)
    expected = [
        code
        for code in potentials
        if code in now
        and now[code].grade == "Silver"
        and could[code].grade == "Gold"
        and bought["2023"][code] < bought["2024"][code] < bought["2025"][code]
    ]
    found = crm.json("abc", "stars", "--limit", 100)
    assert sorted(codes(found)) == sorted(expected)
    gains = [c["unrealised_minor"] for c in found["customers"]]
    assert gains == sorted(gains, reverse=True)
    assert gains == [100 * potentials[c] - bought["2025"][c] for c in codes(found)]


def test_the_report_shows_the_three_periods(company, crm):
    company.buy("2024-12-31", {"C03": 500})
    estimate(company, "C03", 900)
    crm.ok("abc", "run", *YEAR)
    with company.app.read("abc_analysis") as ctx:
        report = stars_report(ctx, {"limit": "5"})
    (row,) = report.tables[0].rows
    assert row[4:8] == (0, 500, 18_000, 90_000)
    assert "Stars: 1, in class C of run 1." in report.notes
    assert "From 2024-01-01" in crm.ok("abc", "stars").stdout
