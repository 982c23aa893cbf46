"""What a class means: service policies, and the customer card."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.event import listen

from crmcore.api import Customer, ServicePolicy
from crmcore.testing import ACTOR
from crmcore_abc_analysis.manual import end_grade, set_grade
from crmcore_abc_analysis.policies.changing import set_policy
from crmcore_abc_analysis.policies.service import card_sections, service_policies
from crmcore_abc_analysis.services import Request, make_run
from crmcore_abc_analysis.tables import AbcPotential

GROUPS = '[plugins.abc_analysis]\nlevel = "group"\n'


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
        why="class A in run 1 by purchases from 2025-01-01 to 2025-12-31",
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


def test_nobody_one_and_thousands_of_customers_are_answered_at_once(hundred, database):
    company = hundred(database)
    make_run(company.app, ACTOR, Request())
    set_grade(company.app, ACTOR, "C002", "A", "promised a big order", date(2026, 12, 31))
    assert policies(company) == {}
    assert [p.grade for p in policies(company, "C001").values()] == ["A"]
    ids = [company.id_of("C001"), *range(10_000, 20_000), company.id_of("C002")]
    statements = []
    with company.app.read("abc_analysis") as ctx:
        listen(ctx.connection, "before_cursor_execute", lambda *a: statements.append(a[2]))
        assert [p.grade for p in service_policies(ids, ctx)] == ["A", "A"]
        asked = [statement for statement in statements if statement.startswith("SELECT")]
        assert len(asked) == 2 + 2 * 3, "by parts of 5,000 customers, never for each"
        assert [s.data["grade"] for s in card_sections(ids, None, ctx)] == ["A", "A"]
        assert list(card_sections([], None, ctx)) == []


def test_a_class_set_by_hand_decides_how_a_customer_is_served(hundred, database, clock):
    company = hundred(database)
    company.add("NEW")
    make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    for code, grade in (("C099", "A"), ("NEW", "B")):
        set_grade(company.app, ACTOR, code, grade, "promised a big order", date(2026, 3, 31))
    hand, new = policies(company, "C099", "NEW").values()
    assert (hand.grade, hand.visit_interval_days, hand.since) == ("A", 14, date(2026, 3, 3))
    assert hand.why == "set by hand by tester until 2026-03-31: promised a big order"
    assert (new.grade, new.visitor) == ("B", "rep_and_manager")
    end_grade(company.app, ACTOR, "NEW", "no order came")
    assert list(policies(company, "C099", "NEW")) == [company.id_of("C099")]
    clock.move(days=29)
    (computed,) = policies(company, "C099", "NEW").values()
    assert (computed.grade, computed.why) == (
        "D",
        "class D in run 1 by purchases from 2025-01-01 to 2025-12-31",
    )


def test_customers_are_served_by_the_version_of_the_day(hundred, database, clock):
    company = hundred(database)
    make_run(company.app, ACTOR, Request())
    set_policy(company.app, ACTOR, "A", {"visit_interval_days": "7"}, "they asked for it", date(2026, 3, 5))
    set_policy(company.app, ACTOR, "D", {"visit_interval_days": "180"}, "find stars")
    first = policies(company, "C001", "C099")
    clock.move(days=3)
    second = policies(company, "C001", "C099")
    assert [p.visit_interval_days for p in first.values()] == [14, 180]
    assert [p.visit_interval_days for p in second.values()] == [7, 180]


@pytest.mark.parametrize(
    ("basis", "why"),
    [
        ("margin", "class A in run 1 by gross margin from 2025-01-01 to 2025-12-31"),
        ("profit", "class A in run 1 by customer profit from 2025-01-01 to 2025-12-31"),
    ],
)
def test_the_reason_names_the_basis(make_company, basis, why):
    company = make_company(settings=f'[plugins.abc_analysis]\nbasis = "{basis}"\n', facts="all")
    company.add("C1", "C2")
    company.buy("2025-05-01", {"C1": 900, "C2": 90}, cost_minor=10)
    make_run(company.app, ACTOR, Request())
    assert [p.why for p in policies(company, "C1").values()] == [why]


def test_members_of_a_group_are_served_as_their_group(make_company, database):
    company = make_company(database, settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.sell("2025-05-01", {"HEAD": 10, "M1": 900, "M2": 5, "SOLO": 100})
    company.group("HEAD", "M1", "M2")
    make_run(company.app, ACTOR, Request())
    assert {p.grade for p in policies(company, "HEAD", "M1", "M2").values()} == {"A"}
    set_grade(company.app, ACTOR, "HEAD", "C", "pays late", date(2026, 12, 31))
    set_grade(company.app, ACTOR, "M2", "B", "pays at once", date(2026, 12, 31))
    found = policies(company, "HEAD", "M1", "M2", "SOLO")
    grades = {code: found[company.id_of(code)].grade for code in ("HEAD", "M1", "M2", "SOLO")}
    assert grades == {"HEAD": "C", "M1": "C", "M2": "B", "SOLO": "D"}


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


def test_a_class_set_by_hand_stands_on_the_card_with_its_reason(hundred, database, clock):
    company = hundred(database)
    company.add("NEW")
    make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    for code in ("C002", "NEW"):
        set_grade(company.app, ACTOR, code, "A", "promised a big order", date(2026, 3, 31))
    (card,) = sections(company, "C002")
    assert (card["grade"], card["computed_grade"], card["rank"], card["since"]) == ("A", "B", 2, "2026-03-03")
    decision = {
        "grade": "A",
        "since": "2026-03-03",
        "set_by_hand": True,
        "reason": "promised a big order",
        "author": ACTOR,
        "until": "2026-03-31",
        "computed_grade": None,
    }
    assert sections(company, "NEW") == [decision]
    assert sections(company, "C002", date(2026, 3, 2))[0]["grade"] == "B"
    clock.move(days=60)
    assert sections(company, "NEW") == []
    assert sections(company, "NEW", date(2026, 3, 31)) == [decision]


def test_the_potential_stands_on_the_card_as_far_as_it_was_known(hundred, database, clock):
    company = hundred(database)
    estimates = [
        {"estimated_on": date(2025, 6, 1), "amount_minor": 500_00, "currency": "CNY"},
        {"estimated_on": date(2026, 2, 1), "amount_minor": 800_00, "currency": "USD"},
        {"estimated_on": date(2026, 4, 1), "amount_minor": 900_00, "currency": "USD"},
    ]
    about = {"customer_id": company.id_of("C001"), "estimator": "hd01", "basis": "site visit"}
    with company.app.write(ACTOR, plugin="abc_analysis") as tx:
        tx.insert(AbcPotential, [{**about, **estimate} for estimate in estimates])
    assert sections(company, "C001") == [
        {"amount_minor": 80_000, "currency": "USD", "estimated_on": "2026-02-01", "estimator": "hd01"}
    ]
    seen, entered = sections(company, "C001"), date(2026, 3, 2)
    assert sections(company, "C001", date(2026, 3, 1)) == [], "it was entered the day after"
    clock.move(days=1)
    with company.app.write(ACTOR, plugin="abc_analysis") as tx:
        tx.update(AbcPotential, [(2, {"amount_minor": 1})])
        tx.delete(AbcPotential, [1])
        tx.insert(AbcPotential, [{**about, **estimates[1], "estimated_on": date(2026, 3, 1)}])
    assert sections(company, "C001", entered) == seen
    assert sections(company, "C001")[0]["estimated_on"] == "2026-03-01"


def test_a_class_set_for_a_group_is_on_the_past_cards_of_who_was_in_it(hundred, database, clock):
    company = hundred(database, settings=GROUPS)
    head, member, day = company.id_of("C001"), company.id_of("C002"), date(2026, 3, 2)
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(member, {"parent_id": head})])
    set_grade(company.app, ACTOR, "C001", "A", "strategic", date(2026, 12, 31))
    seen = sections(company, "C002")
    assert [section["grade"] for section in seen] == ["A"]
    clock.move(days=1)
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(member, {"parent_id": None})])
    assert sections(company, "C002") == []
    assert sections(company, "C002", day) == seen


def test_cards_in_a_list_go_without_the_rank(hundred):
    company = hundred()
    make_run(company.app, ACTOR, Request())
    with company.app.read("abc_analysis") as ctx:
        first, second = card_sections([company.id_of("C001"), company.id_of("C002")], None, ctx)
    assert [(s.data["grade"], "rank" in s.data) for s in (first, second)] == [("A", False), ("B", False)]
    assert list(first.labels) == list(first.data)
