"""Visits a year by representative, against a sum over single customers."""

from datetime import date
from fractions import Fraction
from random import Random

import pytest

from crmcore.testing import ACTOR
from crmcore_abc_analysis.manual import end_grade, set_grade
from crmcore_abc_analysis.policies.load import class_table, load_json, load_on, representative_table
from crmcore_abc_analysis.services import Request, make_run

PYRAMID = [("A", Fraction(1, 100)), ("B", Fraction(1, 20)), ("C", Fraction(1, 5)), ("D", Fraction(1))]
DAYS = {"A": 14, "B": 30, "C": 90, "D": 0}
VISITORS = {"A": ["manager"], "B": ["manager", "rep"], "C": ["rep"], "D": ["rep_or_phone"]}
YEAR = Request(date(2025, 1, 1), date(2025, 12, 31))
LATER = date(2026, 12, 31)


def loaded(company, on=None):
    with company.app.read("abc_analysis") as ctx:
        return load_json(load_on(ctx, on))


def shown(visits):
    return round(visits * 10) / 10


@pytest.mark.parametrize("seed", range(3))
def test_the_load_equals_the_sum_over_single_customers(make_company, database, oracle, seed, check_schema):
    random = Random(seed)
    company = make_company(database)
    owner_of = {f"C{i:03}": random.choice(["anna", "ben", "eve", "", None]) for i in range(150)}
    for code, owner in owner_of.items():
        company.add(code, owner=owner)
    amounts = {
        code: random.choice([-5, 100, random.randint(1, 10**6)]) for code in random.sample([*owner_of], 120)
    }
    company.buy("2025-05-01", amounts)
    make_run(company.app, ACTOR, YEAR)
    grade_of = {code: place.grade for code, place in oracle(amounts, "rank", PYRAMID).items()}
    for code in random.sample([*owner_of], 12):
        grade_of[code] = random.choice("ABCD")
        set_grade(company.app, ACTOR, code, grade_of[code], "because", LATER)

    printed = loaded(company)
    check_schema(printed, "load")
    assert (printed["run"], printed["on"], printed["customers"]) == (1, "2026-03-02", 150)
    visits = {c: Fraction(365, DAYS[g]) if DAYS[g] else Fraction(0) for c, g in grade_of.items()}
    assert printed["visits_per_year"] == shown(sum(visits.values()))
    assert len(printed["representatives"]) == 4
    for line in printed["representatives"]:
        mine = [c for c, owner in owner_of.items() if (owner or None) == line["owner"]]
        by_visitor = {
            kind: sum(visits[c] for c in mine if c in grade_of and kind in VISITORS[grade_of[c]])
            for kind in ("manager", "rep", "rep_or_phone")
        }
        own = by_visitor["rep"] + by_visitor["rep_or_phone"]
        assert line["customers"] == len(mine)
        assert line["visits_per_year"] == shown(sum(visits.get(c, 0) for c in mine))
        assert line["own_visits_per_year"] == shown(own)
        assert line["visitors"] == {kind: shown(count) for kind, count in by_visitor.items()}
        assert line["share"] == (pytest.approx(float(own / 600)) if line["owner"] else None)
    for line in printed["grades"]:
        same = [c for c in owner_of if grade_of.get(c) == line["grade"]]
        assert line["customers"] == len(same)
        assert line["visits_per_year"] == shown(sum(visits.get(c, 0) for c in same))
    most_first = [line["visits_per_year"] for line in printed["representatives"]]
    assert most_first == sorted(most_first, reverse=True)


@pytest.fixture
def company(make_company, database):
    """Twenty customers of Anna, of classes A (one), C (three) and D, and five of nobody without purchases."""
    company = make_company(database)
    company.add(*(f"C{i:02}" for i in range(1, 21)), owner="anna")
    company.add(*(f"X{i}" for i in range(5)))
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, YEAR)
    return company


def test_customers_without_a_class_cost_nothing_but_are_counted(company):
    printed = loaded(company)
    assert printed["visits_per_year"] == shown(Fraction(365, 14) + 3 * Fraction(365, 90))
    assert printed["grades"][-1] == {
        "grade": None,
        "customers": 5,
        "visit_interval_days": None,
        "visitor": None,
        "visits_per_year": 0.0,
    }


def test_customers_without_a_class_cost_what_the_usual_policy_says(make_company, database):
    company = make_company(
        database, settings='[plugins.abc_analysis]\ndefault_grade = "C"\nvisits_per_year = 10\n'
    )
    company.add("X1", "X2", owner="anna")
    printed = loaded(company)
    assert printed["run"] is None
    (anna,) = printed["representatives"]
    assert anna["visits_per_year"] == shown(Fraction(730, 90))
    assert anna["share"] == pytest.approx(730 / 90 / 10)


def test_archived_customers_are_not_visited(company):
    from crmcore.api import Customer

    with company.app.write(ACTOR) as tx:
        tx.archive(Customer, [company.id_of("C01")])
    assert loaded(company)["visits_per_year"] == shown(3 * Fraction(365, 90))


def test_a_past_day_has_the_classes_and_policies_of_that_day(company, clock):
    before = loaded(company)["visits_per_year"]
    clock.move(days=10)
    set_grade(company.app, ACTOR, "C20", "A", "because", LATER)
    clock.move(days=10)
    end_grade(company.app, ACTOR, "C20", "enough")
    company.buy("2025-06-01", {"C20": 10**6, "C02": -5000})
    make_run(company.app, ACTOR, YEAR)
    with_hand = shown(2 * Fraction(365, 14) + 3 * Fraction(365, 90))
    assert [loaded(company, date(2026, 3, day))["visits_per_year"] for day in (1, 2, 11, 12, 21)] == [
        0.0,
        before,
        before,
        with_hand,
        with_hand,
    ]
    assert loaded(company, date(2026, 3, 22)) == {**loaded(company), "on": "2026-03-22"}
    assert loaded(company, date(2026, 3, 1))["run"] is None


def test_members_are_visited_as_their_group(make_company, database):
    company = make_company(database, settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.add(*(f"C{i:02}" for i in range(1, 21)), owner="anna")
    company.group("C20", "C19", "C18")
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 20)})
    company.buy("2025-05-01", {"C20": 10**6})
    make_run(company.app, ACTOR, YEAR)
    year_of_a = Fraction(365, 14)
    # 18 groups: rank 1 is A, ranks 2 to 4 are C; three customers are in the group of rank 1.
    assert loaded(company)["visits_per_year"] == shown(3 * year_of_a + 3 * Fraction(365, 90))
    set_grade(company.app, ACTOR, "C20", "B", "because", LATER)
    set_grade(company.app, ACTOR, "C18", "D", "because", LATER)
    assert loaded(company)["visits_per_year"] == shown(2 * Fraction(365, 30) + 3 * Fraction(365, 90))


def test_the_tables_name_nobody_and_no_class(company):
    with company.app.read("abc_analysis") as ctx:
        load = load_on(ctx)
    assert [(row[0], row[2]) for row in class_table(load).rows] == [
        ("A", "14"),
        ("B", "30"),
        ("C", "90"),
        ("D", "on demand"),
        ("(no class)", "(no policy)"),
    ]
    anna, nobody = representative_table(load).rows
    assert (anna[0], anna[1], nobody[0], nobody[1], nobody[-1]) == ("anna", 20, "(nobody)", 5, None)


def test_the_command_prints_what_its_schema_promises(company, crm, check_schema):
    printed = crm.json("abc", "load")
    check_schema(printed, "load")
    assert {**printed, "on": "2026-03-02"} == loaded(company)  # the command looks at the real clock
    assert crm.json("abc", "load", "--on", "2026-03-01")["run"] is None
    assert crm("abc", "load", "--on", "soon").exit_code == 2


def test_the_command_shows_classes_and_representatives(company, crm):
    shown_text = crm.ok("abc", "load").stdout
    for part in ("Visits a year by class", "one can make 600", "anna", "(nobody)", "38.2"):
        assert part in shown_text
    assert "there is no run yet" in crm.ok("abc", "load", "--on", "2026-03-01").stdout
