"""Concentration of a run, against formulas over all pairs of customers."""

from decimal import Decimal
from fractions import Fraction

import pytest

from crmcore_abc_analysis.analyses.concentration import concentration_report

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")


def gini_of_all_pairs(amounts):
    differences = sum(abs(one - two) for one in amounts for two in amounts)
    return Fraction(differences, 2 * len(amounts) * sum(amounts))


def shown(share):
    return float(round(Fraction(share), 12))


@pytest.mark.parametrize(
    "amounts",
    [
        {"C1": 100},
        {f"C{i:02}": 100 for i in range(20)},
        {"C1": 500, "C2": 300, "C3": 300, "C4": 0, "C5": -100},
        {"BIG": 9_500, **{f"C{i:03}": 5 for i in range(100)}},
    ],
    ids=["one customer", "all the same", "ties and returns", "95 percent"],
)
def test_concentration_equals_the_formulas(make_company, database, crm, check_schema, amounts):
    make_company(database).sell("2025-05-01", amounts)
    crm.ok("abc", "run", *YEAR)
    printed = crm.json("abc", "concentration")
    check_schema(printed, "concentration")
    counted = sorted(max(amount, 0) for amount in amounts.values())
    whole = sum(counted)
    assert (printed["customers"], printed["amount_minor"]) == (len(counted), whole)
    assert printed["buying"] == sum(amount > 0 for amount in counted)
    assert printed["gini"] == shown(gini_of_all_pairs(counted))
    assert printed["effective_customers"] == shown(Fraction(whole**2, sum(a * a for a in counted)))
    assert printed["largest_share"] == shown(Fraction(counted[-1], whole))
    assert [best["within"] for best in printed["best"]] == [0.01, 0.05, 0.1, 0.2, 0.5]
    for best in printed["best"]:
        assert best["share"] == shown(Fraction(sum(counted[-best["customers"] :]), whole))
    twenty = [amount for amount in counted for _ in range(20)]
    assert printed["lorenz"] == [
        shown(Fraction(sum(twenty[: step * len(counted)]), 20 * whole)) for step in range(21)
    ]


def test_nobody_bought_anything(make_company, database, crm, check_schema):
    make_company(database).sell("2025-05-01", {"C1": 0, "C2": -5})
    crm.ok("abc", "run", *YEAR)
    printed = crm.json("abc", "concentration")
    check_schema(printed, "concentration")
    assert (printed["gini"], printed["lorenz"], printed["best"]) == (None, [], [])
    assert "Nobody bought anything" in crm.ok("abc", "concentration").stdout


def test_an_empty_run_is_not_concentrated(make_company, crm, check_schema):
    make_company().add("C1")
    crm.ok("abc", "run", *YEAR)
    printed = crm.json("abc", "concentration")
    check_schema(printed, "concentration")
    assert (printed["customers"], printed["gini"]) == (0, None)


def test_a_run_is_chosen_by_its_number(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300, "C2": 100})
    first = crm.json("abc", "run", *YEAR)["run"]
    company.buy("2025-06-01", {"C2": 200})
    crm.ok("abc", "run", *YEAR)
    assert crm.json("abc", "concentration")["gini"] == 0
    assert crm.json("abc", "concentration", "--run", first)["gini"] == 0.25
    result = crm("abc", "concentration", "--run", "99")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no run 99" in result.stderr


def test_a_group_is_one_customer(make_company, database, crm):
    company = make_company(database)
    company.sell("2025-05-01", {"HEAD": 100, "SUB": 300, "C3": 400})
    company.group("HEAD", "SUB")
    crm.ok("abc", "run", "--level", "group", *YEAR)
    printed = crm.json("abc", "concentration")
    assert (printed["customers"], printed["gini"]) == (2, 0)


def test_the_lorenz_curve_is_a_chart_beside_the_diagonal(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300, "C2": 100})
    crm.ok("abc", "run", *YEAR)
    with company.app.read("abc_analysis") as ctx:
        report = concentration_report(ctx, {})
    (curve,) = report.charts
    assert curve.kind == "curve"
    assert curve.values[::10] == (Decimal(0), Decimal("0.25"), Decimal(1))
    assert curve.line[::10] == (Decimal(0), Decimal("0.5"), Decimal(1))
    assert curve.labels == ("share of customers", "share of amount")
    shown = crm.ok("abc", "concentration").stdout
    for part in ("Concentration of customers, 2025-01-01 to 2025-12-31", "0.2500", "1.60", "75.00%"):
        assert part in shown
