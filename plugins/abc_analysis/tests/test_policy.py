"""What a class means: service policies, and the customer card."""

from datetime import date
from decimal import Decimal

import pytest

from crmcore.api import ServicePolicy
from crmcore.testing import ACTOR
from crmcore_abc_analysis.policy import card_sections, service_policies
from crmcore_abc_analysis.services import Request, make_run


def policies(company, *codes):
    with company.app.read("abc_analysis") as ctx:
        found = service_policies([company.id_of(code) for code in codes], ctx)
        return {policy.customer_id: policy for policy in found}


def sections(company, code, as_of=None):
    with company.app.read("abc_analysis") as ctx:
        return [section.data for section in card_sections([company.id_of(code)], as_of, ctx)]


@pytest.fixture
def hundred(make_company):
    """Make a company with a hundred customers, C001 the largest."""

    def make(database="sqlite", settings=""):
        company = make_company(database, settings=settings)
        company.sell("2025-05-01", {f"C{i:03}": 100 * (101 - i) for i in range(1, 101)})
        return company

    return make


def test_each_class_is_served_by_its_policy(hundred, database):
    company = hundred(database)
    make_run(company.app, ACTOR, Request())
    codes = ("C001", "C002", "C020", "C099")
    found = policies(company, *codes)
    a, b, c, d = (found[company.id_of(code)] for code in codes)
    assert a == ServicePolicy(
        customer_id=company.id_of("C001"),
        grade="A",
        visit_interval_days=14,
        visitor="manager",
        complaint_priority=1,
        discount_ceiling=Decimal("0.08"),
        approval_level="manager",
        since=date(2026, 3, 2),
        why="class A in run 1, rank 1 of 100 by purchases from 2025-01-01 to 2025-12-31",
    )
    assert [(p.grade, p.visit_interval_days, p.visitor) for p in (b, c, d)] == [
        ("B", 30, "rep_and_manager"),
        ("C", 90, "rep"),
        ("D", None, "rep_or_phone"),
    ]
    assert [p.complaint_priority for p in (a, b, c, d)] == [1, 2, 3, 4]
    assert a.discount_ceiling > b.discount_ceiling > c.discount_ceiling > d.discount_ceiling == 0


def test_one_word_of_a_policy_can_be_changed(hundred):
    company = hundred(settings="[plugins.abc_analysis.policies.A]\nvisit_interval_days = 7\n")
    make_run(company.app, ACTOR, Request())
    (policy,) = policies(company, "C001").values()
    assert (policy.visit_interval_days, policy.visitor) == (7, "manager")


def test_without_a_class_there_is_no_policy_unless_the_company_names_one(hundred):
    company = hundred()
    company.add("NEW")
    assert policies(company, "NEW", "C001") == {}
    make_run(company.app, ACTOR, Request())
    assert policies(company, "NEW") == {}
    named = hundred(settings='[plugins.abc_analysis]\ndefault_grade = "D"\n')
    named.add("NEW")
    (policy,) = policies(named, "NEW").values()
    assert (policy.grade, policy.since) == ("D", date(2026, 3, 2))
    assert policy.why == "no purchases were classed: the policy of class D holds by default"


def test_an_own_class_without_a_policy_gives_none(hundred):
    company = hundred(
        settings='[plugins.abc_analysis]\npreset = "own"\nown_cutoffs = [{grade = "Z", within = "1"}]\n'
    )
    make_run(company.app, ACTOR, Request())
    assert policies(company, "C001") == {}


def test_thousands_of_customers_are_answered_at_once(hundred, database):
    company = hundred(database)
    make_run(company.app, ACTOR, Request())
    ids = [company.id_of("C001"), *range(10_000, 50_000)]
    with company.app.read("abc_analysis") as ctx:
        assert [p.grade for p in service_policies(ids, ctx)] == ["A"]


def test_the_card_shows_the_class(hundred, database, clock):
    company = hundred(database)
    assert sections(company, "C002") == []
    make_run(company.app, ACTOR, Request())
    (section,) = sections(company, "C002")
    assert section == {
        "grade": "B",
        "rank": 2,
        "customers": 100,
        "amount_minor": 9900,
        "currency": "CNY",
        "share": pytest.approx(99 / 5050, abs=1e-12),
        "period": ["2025-01-01", "2025-12-31"],
        "run": 1,
        "since": "2026-03-02",
    }


def test_the_card_of_a_past_day_shows_the_class_of_that_day(hundred, clock):
    company = hundred()
    make_run(company.app, ACTOR, Request())
    clock.move(days=10)
    make_run(company.app, ACTOR, Request(preset="pareto"))
    assert sections(company, "C002")[0]["grade"] == "A"
    assert sections(company, "C002", date(2026, 3, 11))[0]["grade"] == "B"
    assert sections(company, "C002", date(2026, 3, 1)) == []


def test_the_card_labels_each_value(hundred):
    company = hundred()
    make_run(company.app, ACTOR, Request())
    with company.app.read("abc_analysis") as ctx:
        (section,) = card_sections([company.id_of("C001")], None, ctx)
    assert (section.name, section.title) == ("grade", "Customer class")
    assert list(section.labels) == list(section.data)
