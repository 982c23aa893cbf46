"""Amount × potential on a real database, against plain lookups in what was put in."""

import random
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from crmcore.api import Customer, NotFound, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.matrix import cell_customers, matrix, matrix_report
from crmcore_abc_analysis.potentials import Estimate, record_potential
from crmcore_abc_analysis.services import Request, make_run
from crmcore_abc_analysis.tables import AbcPotential

PARETO = [("A", Fraction("0.80")), ("B", Fraction("0.95")), ("C", Fraction(1))]
PYRAMID = [("A", Fraction("0.01")), ("B", Fraction("0.05")), ("C", Fraction("0.20")), ("D", Fraction(1))]


def estimate(company, amounts, on="2025-06-30", currency="CNY"):
    """Let customers have potentials of so many minor units."""
    with company.app.write(ACTOR, plugin="abc_analysis") as tx:
        tx.insert(
            AbcPotential,
            [
                {
                    "customer_id": company.id_of(code),
                    "estimated_on": date.fromisoformat(on),
                    "amount_minor": amount,
                    "currency": currency,
                    "estimator": ACTOR,
                    "basis": "visit",
                }
                for code, amount in amounts.items()
            ],
        )


def read(company, *arguments):
    with company.app.read("abc_analysis") as ctx:
        return matrix(ctx, *arguments)


def members(company, name, limit=None):
    with company.app.read("abc_analysis") as ctx:
        return list(cell_customers(ctx, name, limit))


def run(company, **request):
    return make_run(company.app, ACTOR, Request(**request))


def cells(found):
    return {
        (c["amount_grade"], c["potential_grade"]): (c["customers"], c["amount_minor"], c["potential_minor"])
        for c in found["cells"]
        if c["customers"]
    }


@pytest.mark.parametrize(
    ("preset", "by", "ends"), [("pareto", "amount", PARETO), ("pyramid", "rank", PYRAMID)]
)
def test_the_matrix_equals_the_oracle(make_company, database, oracle, preset, by, ends):
    random.seed(11)
    company = make_company(database)
    codes = [f"C{i:03}" for i in range(150)]
    bought = {code: random.choice([-5, 0, 10, 40, 900, 7000]) for code in codes[:120]}
    could = {code: random.choice([0, 10, 10, 500, 8000]) for code in codes[40:]}
    company.add(*codes)
    company.buy("2025-05-05", bought)
    estimate(company, dict.fromkeys(could, 123_456), "2025-01-01")
    estimate(company, could)
    run(company, preset=preset)
    by_amount, by_potential = oracle(bought, by, ends), oracle(could, by, ends)
    expected: dict[tuple[str, str], tuple[int, int, int]] = {}
    for code in bought.keys() & could.keys():
        place = (by_amount[code].grade, by_potential[code].grade)
        n, amount, potential = expected.get(place, (0, 0, 0))
        expected[place] = (n + 1, amount + bought[code], potential + could[code])
    found = read(company)
    assert cells(found) == expected
    for grade, _share in ends:
        lacking = [c for c in bought if c not in could and by_amount[c].grade == grade]
        (row,) = [row for row in found["no_estimate"] if row["grade"] == grade]
        assert (row["customers"], row["amount_minor"]) == (len(lacking), sum(bought[c] for c in lacking))
        alone = [c for c in could if c not in bought and by_potential[c].grade == grade]
        (row,) = [row for row in found["no_purchases"] if row["grade"] == grade]
        assert (row["customers"], row["potential_minor"]) == (len(alone), sum(could[c] for c in alone))
        (row,) = [row for row in found["potential_classes"] if row["grade"] == grade]
        assert row["customers"] == sum(1 for c in could if by_potential[c].grade == grade)
    for (amount_grade, potential_grade), (count, _amount, _potential) in expected.items():
        listed = members(company, f"{amount_grade}/{potential_grade}")
        assert len(listed) == count
        assert listed == sorted(listed, key=lambda row: (-row["amount_minor"], row["customer"]))
        for row in listed:
            assert by_amount[row["customer"]].grade == row["amount_grade"] == amount_grade
            assert by_potential[row["customer"]].grade == row["potential_grade"] == potential_grade
            assert (row["amount_minor"], row["potential_minor"]) == (
                bought[row["customer"]],
                could[row["customer"]],
            )


@pytest.fixture
def four(make_company, database):
    """Return a company with a customer in each corner of the matrix, and one apart on either side."""
    company = make_company(database)
    company.sell("2025-05-05", {"Big": 2000, "Bigger": 2001, "Small": 50, "Smaller": 40, "Unknown": 30})
    company.add("Prospect")
    estimate(company, {"Big": 900, "Bigger": 20, "Small": 1000, "Smaller": 10, "Prospect": 30})
    run(company, preset="pareto")
    return company


def test_the_usual_names_say_what_to_do(four):
    found = {c["name"]: c["customers"] for c in read(four)["cells"] if c["customers"]}
    assert found == {"Keep and defend": 1, "Develop": 1, "Maintain": 1, "Serve simply": 1}
    assert [row["customer"] for row in members(four, "Develop")] == ["Small"]
    assert [row["customer"] for row in members(four, "Maintain")] == ["Bigger"]


def test_a_list_ends_where_it_is_told_to(four):
    estimate(four, {"Bigger": 900}, "2025-07-01")
    assert [row["customer"] for row in members(four, "Keep and defend")] == ["Bigger", "Big"]
    assert [row["customer"] for row in members(four, "Keep and defend", 1)] == ["Bigger"]


def test_who_has_no_estimate_or_no_purchases_is_counted_apart(four):
    found = read(four)
    assert {r["grade"]: r["amount_minor"] for r in found["no_estimate"] if r["customers"]} == {"C": 30}
    assert {r["grade"]: r["potential_minor"] for r in found["no_purchases"] if r["customers"]} == {"C": 30}


def test_an_own_name_counts_and_a_cell_claimed_twice_has_none(make_company):
    company = make_company(
        settings="""
[[plugins.abc_analysis.matrix_cells]]
name = "黄金客户"
amount = ["A"]
potential = ["A", "B"]
[[plugins.abc_analysis.matrix_cells]]
name = "Rest"
amount = ["A", "B", "C"]
potential = ["B", "C"]
"""
    )
    company.sell("2025-05-05", {"C1": 800, "C2": 1})
    estimate(company, {"C1": 10})
    run(company, preset="pareto")
    names = {(c["amount_grade"], c["potential_grade"]): c["name"] for c in read(company)["cells"]}
    assert names["A", "A"] == "黄金客户"
    assert names["A", "B"] is None
    assert names["A", "C"] == "Rest"
    assert names["C", "A"] is None
    assert [row["cell"] for row in members(company, "黄金客户")] == ["黄金客户"]


def test_an_unknown_cell_is_refused_with_those_there_are(four):
    with pytest.raises(UsageProblem, match=r"'Harvest'; take one of Keep and defend, .* such as A/C"):
        members(four, "Harvest")


def test_the_latest_estimate_on_the_day_counts(four):
    estimate(four, {"Smaller": 100_000}, "2025-07-01")
    estimate(four, {"Smaller": 3}, "2026-03-03")
    assert cells(read(four, date(2025, 6, 30))) != cells(read(four))
    assert [r["customer"] for r in members(four, "Develop")] == ["Smaller"]
    assert read(four, date(2025, 6, 29))["no_data"] is not None


def test_potentials_are_converted_at_the_rates_of_the_run(make_company, database):
    company = make_company(database, settings='USD = "7.125"\nEUR = "8"\n')
    company.sell("2025-05-05", {"C1": 100, "C2": 5})
    company.buy("2025-05-05", {"C1": 100}, "USD")
    run(company, preset="pareto")
    (company.app.config.path).write_text(
        company.app.config.path.read_text("utf-8").replace('USD = "7.125"', 'USD = "9"'), "utf-8"
    )
    company.app.refresh()
    estimate(company, {"C1": 1001}, currency="USD")
    estimate(company, {"C2": 3}, currency="EUR")
    found = read(company)
    converted = int((Decimal(1001) * Decimal("7.125")).quantize(Decimal(1), ROUND_HALF_UP))
    assert sum(c["potential_minor"] for c in found["cells"]) == converted + 24
    assert found["rates"] == {"EUR": "8", "USD": "7.125"}


def test_groups_are_one_customer(make_company, database):
    company = make_company(database)
    company.sell("2025-05-05", {"Head": 10, "Branch": 500, "Alone": 50})
    company.group("Head", "Branch")
    estimate(company, {"Branch": 700, "Head": 300, "Alone": 900})
    run(company, preset="pareto", level="group")
    found = read(company)
    assert found["level"] == "group"
    assert cells(found) == {("A", "A"): (1, 510, 1000), ("B", "A"): (1, 50, 900)}
    assert [row["customer"] for row in members(company, "A/A")] == ["Head"]


def test_thresholds_hold_for_potential_too(make_company, database):
    company = make_company(database)
    company.sell("2025-05-05", {"C1": 20_000_000, "C2": 100})
    estimate(company, {"C1": 4_999_999, "C2": 100_000_000})
    run(company, by="threshold")
    assert cells(read(company)) == {
        ("B", "D"): (1, 20_000_000, 4_999_999),
        ("D", "A"): (1, 100, 100_000_000),
    }


def test_a_run_by_another_basis_does_not_change_the_matrix(make_company):
    company = make_company()
    company.sell("2025-05-05", {"C1": 100})
    company.buy("2025-05-06", {"C1": 100}, cost_minor=60)
    estimate(company, {"C1": 5})
    run(company)
    before = read(company)
    run(company, basis="margin")
    run(company, basis="potential")
    assert read(company) == before


def test_without_a_run_it_is_said_how_to_make_one(make_company):
    company = make_company()
    with pytest.raises(NotFound, match="crm abc run --basis purchases"):
        read(company)
    company.sell("2025-05-05", {"C1": 100})
    estimate(company, {"C1": 5})
    run(company, basis="potential")
    with pytest.raises(NotFound, match="there is no run by purchases yet"):
        read(company)


def test_without_estimates_there_is_no_data(make_company, crm, check_schema):
    company = make_company()
    company.sell("2025-05-05", {"C1": 100})
    run(company)
    said = "no data: needs estimates; record them with: crm abc potential set"
    printed = crm.json("abc", "matrix")
    check_schema(printed, "matrix")
    assert (printed["no_data"], printed["cells"], printed["potential_classes"]) == (said, [], [])
    assert sum(row["customers"] for row in printed["no_estimate"]) == 1
    assert said in crm.ok("abc", "matrix").stdout
    assert crm.lines("abc", "matrix", "--cell", "Develop") == []


def test_an_estimate_of_today_is_seen_beside_the_run_of_last_year(make_company, crm):
    company = make_company()
    company.sell("2025-05-05", {"C1": 100})
    run(company)
    record_potential(company.app, ACTOR, Estimate("C1", "5", None, None, "visit"))
    assert read(company)["no_data"] is None


# -- command line and report ---------------------------------------------------------------------------------


def test_the_commands_print_what_their_schemas_promise(four, crm, check_schema):
    printed = crm.json("abc", "matrix")
    check_schema(printed, "matrix")
    assert (len(printed["cells"]), printed["no_data"]) == (9, None)
    lines = crm.lines("abc", "matrix", "--cell", "Keep and defend")
    for line in lines:
        check_schema(line, "matrix_cell")
    assert [line["customer"] for line in lines] == ["Big"]
    assert crm.json("abc", "matrix", "--on", "2025-06-30") == {**printed, "on": "2025-06-30"}
    shown = crm.ok("abc", "matrix").stdout
    assert "Customers by class of amount (down) and class of potential (across)" in shown
    assert "Serve simply" in shown
    assert "Prospect" not in shown
    assert "Smaller" in crm.ok("abc", "matrix", "--cell", "Serve simply", "--limit", 1).stdout
    assert crm("abc", "matrix", "--cell", "nothing").exit_code == 2


def test_the_report_has_a_chart_of_counts_row_by_row(four):
    with four.app.read("abc_analysis") as ctx:
        report = matrix_report(ctx, {})
    (chart,) = report.charts
    assert (chart.kind, chart.labels, chart.rows) == ("matrix", ("A", "B", "C"), ("A", "B", "C"))
    table, apart = report.tables
    assert [int(value) for value in chart.values] == [row[3] for row in table.rows]
    assert [(row[1], row[2]) for row in apart.rows] == [("C", 1), ("C", 1)]
    assert "run 1" in report.notes[0]


def test_a_company_of_one_customer_has_a_matrix(make_company):
    company = make_company()
    company.sell("2025-05-05", {"C1": 100})
    estimate(company, {"C1": 5})
    run(company)
    assert cells(read(company)) == {("A", "A"): (1, 100, 5)}


def test_archived_customers_count_as_in_the_run(make_company):
    company = make_company()
    company.sell("2025-05-05", {"C1": 100})
    estimate(company, {"C1": 5})
    run(company)
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(company.id_of("C1"), {"archived_at": tx.now})])
    assert cells(read(company)) == {("A", "A"): (1, 100, 5)}
