"""The general manager's page, and the command that prints it or writes it to a file."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from crmcore.api import NotFound, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.overview import overview_report
from crmcore_abc_analysis.services import Request, make_run

LAST_YEAR = Request(date(2024, 1, 1), date(2024, 12, 31))
THIS_YEAR = Request(date(2025, 1, 1), date(2025, 12, 31))
FORMER = {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)}
LATTER = {**{f"C{i:02}": 100 * (21 - i) for i in range(3, 20)}, "C01": 5, "C20": 9000}


@pytest.fixture
def company(make_company, database):
    """Twenty customers of Anna; the best falls, the second is gone, the last becomes the best."""
    company = make_company(database, settings="[plugins.abc_analysis]\nvisits_per_year = 1\n")
    company.add(*FORMER, owner="anna")
    company.buy("2024-05-01", FORMER)
    company.buy("2025-05-01", LATTER)
    make_run(company.app, ACTOR, LAST_YEAR)
    return company


def page(company, **parameters):
    with company.app.read("abc_analysis") as ctx:
        report = overview_report(ctx, parameters)
        return report, {table.name: [tuple(row) for row in table.rows] for table in report.tables}


def gini(amounts):
    """Mean difference of all pairs over twice the mean."""
    values = list(amounts)
    differences = sum(abs(one - other) for one in values for other in values)
    return round(float(Fraction(differences, 2 * len(values) * sum(values))), 3)


def test_the_page_compares_a_run_with_the_one_before(company):
    make_run(company.app, ACTOR, THIS_YEAR)
    report, tables = page(company)
    assert report.title == "Customers at a glance, 2025-01-01 to 2025-12-31"
    now, before, change = tables["key_figures"]
    assert now[:3] == ("now", 19, sum(LATTER.values()))
    assert before[:3] == ("before", 20, sum(FORMER.values()))
    assert change == ("change", -1, *(one - other for one, other in zip(now[2:], before[2:], strict=True)))
    assert (float(now[4]), float(before[4])) == (gini(LATTER.values()), gini(FORMER.values()))
    assert before[3] == Decimal("0.095238095238")
    assert [row[0] for row in tables["grades"]] == ["A", "B", "C", "D"]
    assert tables["drops"] == [("C01", "A\u00a0→\u00a0D", 2000), ("C02", "C\u00a0→\u00a0gone", 1900)]
    assert [(chart.name, chart.kind) for chart in report.charts] == [
        ("pareto", "pareto"),
        ("transitions", "matrix"),
    ]
    assert "Customers who stayed" in report.notes[2]


def test_the_page_says_who_has_more_visits_than_it_can_make_and_what_is_missing(company):
    make_run(company.app, ACTOR, THIS_YEAR)
    report, tables = page(company)
    ((owner, customers, visits, used),) = tables["representatives"]
    assert (owner, customers, visits) == ("anna", 20, Decimal("38.2"))
    assert used == pytest.approx(Decimal(3 * 365) / 90)
    assert "More visits than the 1 that one can make: anna." in report.notes
    assert report.notes[-1].startswith(
        "No data: needs the facts stock, cost_to_serve, investments, complaints"
    )


def test_the_first_run_has_nothing_to_be_compared_with(company):
    report, tables = page(company)
    assert "Run 1 is the first of its kind, so there is nothing to compare it with." in report.notes
    assert [row[0] for row in tables["key_figures"]] == ["now"]
    assert "drops" not in tables
    assert [chart.name for chart in report.charts] == ["pareto"]


def test_a_run_that_does_not_count_for_service_says_which_does(company):
    make_run(company.app, ACTOR, THIS_YEAR)
    report, _tables = page(company, run="1")
    assert "Visits and service follow the classes of another run: 2." in report.notes
    assert report.title.endswith("2024-01-01 to 2024-12-31")


def test_a_year_without_purchases_has_a_page(make_company, database):
    company = make_company(database)
    make_run(company.app, ACTOR, THIS_YEAR)
    report, tables = page(company)
    assert tables["key_figures"] == [("now", 0, 0, Decimal(0), None)]
    assert report.charts == ()


def test_what_is_no_run_is_refused(company):
    with pytest.raises(UsageProblem, match="'x' is no number of a run"):
        page(company, run="x")
    with pytest.raises(NotFound, match="there is no run 9"):
        page(company, run="9")


def test_the_command_prints_and_writes_the_page(company, crm, tmp_path):
    make_run(company.app, ACTOR, THIS_YEAR)
    shown = crm.ok("abc", "report").stdout
    for part in ("Customers at a glance", "Key figures", "Who fell or is missed: the largest 2 of 2", "anna"):
        assert part in shown
    assert "2024-01-01" in crm.ok("abc", "report", "--run", 1).stdout
    printed = crm.json("abc", "report")
    assert [table["name"] for table in printed["tables"]] == [
        "key_figures",
        "grades",
        "drops",
        "representatives",
    ]
    assert crm.ok("abc", "report", "--format", "json").json()["tables"] == printed["tables"]
    for name, start in (("page.html", b"<!DOCTYPE html>"), ("page.xlsx", b"PK"), ("page.csv", b"")):
        file = tmp_path / name
        crm.ok("abc", "report", "--out", file)
        assert file.read_bytes().startswith(start)
        assert crm("abc", "report", "--out", file).exit_code == 3
        crm.ok("abc", "report", "--out", file, "--force")
