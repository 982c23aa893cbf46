"""Reports are data: tables, a Pareto chart, notes."""

from decimal import Decimal

import pytest

from crmcore.api import UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.reports import abc_report, grades_report
from crmcore_abc_analysis.services import Request, make_run


def report_of(company, make, **parameters):
    with company.app.read("abc_analysis") as ctx:
        return make(ctx, parameters)


@pytest.fixture
def company(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    return company


def test_the_abc_report_has_a_row_for_each_class(company):
    make_run(company.app, ACTOR, Request())
    report = report_of(company, abc_report)
    (table,) = report.tables
    assert report.title == "ABC analysis by purchases, 2025-01-01 to 2025-12-31"
    assert table.currency == "CNY"
    assert [tuple(row) for row in table.rows] == [
        ("A", 1, Decimal("0.05"), 2000, Decimal("0.095238095238")),
        ("B", 0, Decimal(0), 0, Decimal(0)),
        ("C", 3, Decimal("0.15"), 5400, Decimal("0.257142857143")),
        ("D", 16, Decimal("0.8"), 13600, Decimal("0.647619047619")),
    ]
    assert report.notes[0].endswith(": A 1 %, B 5 %, C 20 %, D 100 %.")


def test_the_pareto_chart_shows_tenths_of_the_customers(company):
    make_run(company.app, ACTOR, Request())
    (chart,) = report_of(company, abc_report).charts
    assert chart.labels == tuple(f"{first}–{first + 1}" for first in range(1, 20, 2))
    assert chart.values == tuple(Decimal(100 * (41 - 4 * i) - 200) / 100 for i in range(10))
    assert chart.line[0] == Decimal("0.185714285714")
    assert chart.line[-1] == 1
    assert list(chart.values) == sorted(chart.values, reverse=True)


def test_few_customers_have_a_bar_each(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300, "C2": 100, "C3": -50})
    make_run(company.app, ACTOR, Request())
    (chart,) = report_of(company, abc_report).charts
    assert (chart.labels, chart.values) == (("1", "2", "3"), (Decimal(3), Decimal(1), Decimal(0)))
    assert chart.line == (Decimal("0.75"), Decimal(1), Decimal(1))


def test_nothing_bought_draws_no_chart(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 0})
    make_run(company.app, ACTOR, Request())
    assert report_of(company, abc_report).charts == ()


def test_the_list_of_customers_is_in_rank_order(company):
    make_run(company.app, ACTOR, Request(by="amount"))
    report = report_of(company, grades_report, run="1")
    rows = [tuple(row) for row in report.tables[0].rows]
    assert rows[1] == (2, "C02", "C02", "A", 1900, Decimal("0.090476190476"), Decimal("0.185714285714"))
    assert [row[0] for row in rows] == list(range(1, 21))
    assert "shares of the amount" in report.notes[0]


def test_rates_stand_in_the_notes(make_company):
    company = make_company(settings='USD = "7.12"\n')
    company.sell("2025-05-01", {"C1": 300}, "USD")
    make_run(company.app, ACTOR, Request())
    assert "Converted at 1 USD = 7.12 CNY." in report_of(company, abc_report).notes


def test_shares_of_the_positive_amounts_only_are_said_to_be_such(company):
    make_run(company.app, ACTOR, Request())
    assert not any("positive" in note for note in report_of(company, abc_report).notes)
    company.sell("2025-05-01", {"R1": -500})
    make_run(company.app, ACTOR, Request())
    whole = "Shares are shares of the positive amounts, 210.00 CNY in all."
    assert whole in report_of(company, abc_report).notes


def test_a_run_that_is_no_number_is_refused(company):
    make_run(company.app, ACTOR, Request())
    with pytest.raises(UsageProblem, match="'last' is no number of a run"):
        report_of(company, abc_report, run="last")
