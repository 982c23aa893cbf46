"""Who fell to a worse class is put before those who serve the customer."""

from datetime import date

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis.movements import drop_alerts, drop_items
from crmcore_abc_analysis.services import Request, make_run


@pytest.fixture
def company(make_company, database):
    """Twenty customers; in 2025 the best of 2024 buys little, the second nothing, and a small one much."""
    company = make_company(database)
    company.sell("2024-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(3, 21)})
    company.buy("2025-05-01", {"C01": 5})
    company.buy("2025-06-01", {"C20": 9000})
    make_run(company.app, ACTOR, Request(date(2024, 1, 1), date(2024, 12, 31)))
    return company


def items(company, actor="boss", since=None):
    with company.app.read("abc_analysis") as ctx:
        return list(drop_items(actor, since, ctx))


def alerts(company, run=None):
    with company.app.read("abc_analysis") as ctx:
        return list(drop_alerts(run, ctx))


def test_the_first_run_has_nobody_falling(company):
    assert items(company) == []
    assert alerts(company) == []


def test_drops_are_work_with_the_command_that_explains_them(company):
    make_run(company.app, ACTOR, Request())
    assert [(i.title, i.severity, i.command) for i in items(company)] == [
        ("C01 fell from class A to D", "critical", "crm abc explain C01"),
        ("C02 was in class C and buys nothing any more", "warning", "crm abc explain C02 --run 1"),
    ]
    first, second = items(company)
    assert (first.key, first.customer_id) == (f"abc:drop:2:{company.id_of('C01')}", company.id_of("C01"))
    assert first.key != second.key


def test_work_that_arose_before_the_day_asked_for_is_left_out(company):
    make_run(company.app, ACTOR, Request())
    assert len(items(company, since=date(2026, 3, 2))) == 2
    assert items(company, since=date(2026, 3, 3)) == []


def test_who_owns_customers_sees_theirs_and_those_of_nobody(company):
    company.add("X1", owner="anna")
    company.add("X2", owner="ben")
    company.buy("2024-06-01", {"X1": 1950, "X2": 1960})
    make_run(company.app, ACTOR, Request(date(2024, 1, 1), date(2024, 12, 31)))
    make_run(company.app, ACTOR, Request())
    assert [i.title.split()[0] for i in items(company, "boss")] == ["C01", "X2", "X1", "C02"]
    assert [i.title.split()[0] for i in items(company, "anna")] == ["C01", "X1", "C02"]


def test_one_alert_tells_how_many_fell(company):
    second = make_run(company.app, ACTOR, Request())
    (alert,) = alerts(company)
    assert (alert.title, alert.severity) == (
        "customers who fell to a worse class in run 2: 2 (A: 1, C: 1)",
        "critical",
    )
    assert alerts(company, str(second)) == [alert]


@pytest.mark.parametrize("run", ["1", "99", "import:7"])
def test_a_run_without_drops_or_of_somebody_else_alerts_nobody(company, run):
    make_run(company.app, ACTOR, Request())
    assert alerts(company, run) == []


def test_another_rule_makes_nobody_fall(company):
    make_run(company.app, ACTOR, Request(date(2024, 1, 1), date(2024, 12, 31), preset="increments"))
    assert items(company) == []


def test_returns_that_come_later_make_a_customer_fall_in_the_same_period(make_company):
    company = make_company()
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, Request())
    company.buy("2025-12-30", {"C01": -2000})
    make_run(company.app, ACTOR, Request())
    assert [i.title for i in items(company)] == ["C01 fell from class A to D"]
