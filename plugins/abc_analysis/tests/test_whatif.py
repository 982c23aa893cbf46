"""What other cut-offs would change, against runs that were really made and sums over single customers."""

from datetime import date
from fractions import Fraction
from random import Random

import pytest

from crmcore.api import NotFound, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.manual import set_grade
from crmcore_abc_analysis.policies.changing import set_policy
from crmcore_abc_analysis.policies.cutoffs import Wish
from crmcore_abc_analysis.policies.load import load_json, load_on
from crmcore_abc_analysis.policies.whatif import whatif, whatif_json
from crmcore_abc_analysis.policies.whatif_report import whatif_report
from crmcore_abc_analysis.services import Request, make_run

ENDS = {
    "pyramid": (
        "rank",
        [("A", Fraction(1, 100)), ("B", Fraction(1, 20)), ("C", Fraction(1, 5)), ("D", Fraction(1))],
    ),
    "increments": (
        "rank",
        [("A", Fraction(1, 100)), ("B", Fraction(6, 100)), ("C", Fraction(26, 100)), ("D", Fraction(1))],
    ),
    "pareto": ("amount", [("A", Fraction(80, 100)), ("B", Fraction(95, 100)), ("C", Fraction(1))]),
}
DAYS = {"A": 14, "B": 30, "C": 90, "D": 0}
CEILINGS = {"A": Fraction(8, 100), "B": Fraction(5, 100), "C": Fraction(2, 100), "D": Fraction(0)}
YEAR = Request(date(2025, 1, 1), date(2025, 12, 31))
LATER = date(2026, 12, 31)


def tried(company, limit=None, **options):
    with company.app.read("abc_analysis") as ctx:
        return whatif_json(whatif(ctx, Wish(**options)), limit)


def visits_of(grades):
    exact = sum((Fraction(365, DAYS[g]) for g in grades if DAYS[g]), start=Fraction(0))
    return round(exact * 10) / 10


def moves_of(printed):
    return {(move["customer"], move["from"], move["to"]) for move in printed["moves"]}


@pytest.mark.parametrize("preset", ["increments", "pareto"])
@pytest.mark.parametrize("seed", range(2))
def test_whatif_equals_the_sum_over_single_customers(
    make_company, database, oracle, preset, seed, check_schema
):
    random = Random(seed)
    company = make_company(database)
    codes = [f"C{i:03}" for i in range(150)]
    for code in codes:
        company.add(code, owner=random.choice(["anna", "ben", None]))
    amounts = {c: random.choice([-5, 100, random.randint(1, 10**6)]) for c in random.sample(codes, 120)}
    company.buy("2025-05-01", amounts)
    make_run(company.app, ACTOR, YEAR)
    by_hand = {code: random.choice("ABCD") for code in random.sample(codes, 10)}
    for code, grade in by_hand.items():
        set_grade(company.app, ACTOR, code, grade, "because", LATER)

    was, now = ({c: e.grade for c, e in oracle(amounts, *ENDS[p]).items()} for p in ("pyramid", preset))
    printed = tried(company, preset=preset)
    check_schema(printed, "whatif")
    expected = {(c, was[c], now[c]) for c in amounts if was[c] != now[c] and c not in by_hand}
    assert moves_of(printed) == expected
    assert printed["moved"] == len(expected) == len(printed["moves"])
    assert [m["customer"] for m in printed["moves"]] == sorted(
        (c for c, *_ in expected), key=lambda c: (-amounts[c], c)
    )
    assert printed["visits_per_year"] == {
        "before": visits_of({**was, **by_hand}.values()),
        "after": visits_of({**now, **by_hand}.values()),
    }
    assert printed["hand_set"] == len(by_hand.keys() & amounts.keys())
    assert sum(cell["customers"] for cell in printed["matrix"]) == 120 - printed["hand_set"]
    for name, grades in (("before", was), ("after", now)):
        cost = sum(CEILINGS[{**grades, **by_hand}[c]] * max(a, 0) for c, a in amounts.items())
        whole = sum(max(a, 0) for a in amounts.values())
        assert printed["discounts"]["cost_minor"][name] == round(cost)
        assert printed["discounts"]["ceiling"][name] == pytest.approx(float(cost / whole))
    assert printed["limits"] == {"answered": False, "needs": ["credit_limits"]}


@pytest.fixture
def company(make_company, database):
    """Twenty customers: by the pyramid one A and three C, by increments one A, one B and four C."""
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, YEAR)
    return company


def test_increments_move_the_second_and_two_more(company, check_schema):
    printed = tried(company, preset="increments")
    check_schema(printed, "whatif")
    assert printed["moves"] == [
        {"customer": "C02", "from": "C", "to": "B"},
        {"customer": "C05", "from": "D", "to": "C"},
        {"customer": "C06", "from": "D", "to": "C"},
    ]
    assert printed["visits_per_year"] == {"before": 38.2, "after": 54.5}
    assert [
        (c["grade"], c["within"], c["least_minor"], c["customers"]) for c in printed["rule"]["classes"]
    ] == [
        ("A", "0.01", 2000, 1),
        ("B", "0.06", 1900, 1),
        ("C", "0.26", 1500, 4),
        ("D", "1", None, 14),
    ]


def test_the_visits_before_are_those_of_the_load(company):
    company.add("X1", owner="anna")
    set_grade(company.app, ACTOR, "X1", "A", "because", LATER)
    with company.app.read("abc_analysis") as ctx:
        load = load_json(load_on(ctx))
    printed = tried(company, preset="increments")
    assert printed["visits_per_year"]["before"] == load["visits_per_year"]
    assert {line["owner"]: line["before"] for line in printed["representatives"]} == {
        line["owner"]: line["visits_per_year"] for line in load["representatives"]
    }


@pytest.mark.parametrize("preset", ["increments", "pareto"])
def test_whatif_comes_true(company, crm, preset):
    printed = tried(company, preset=preset)
    make_run(company.app, ACTOR, Request(YEAR.start, YEAR.end, preset=preset))
    transitions = crm.json("abc", "transitions", "--from-run", 1)
    assert [(m["customer"], m["from"], m["to"]) for m in transitions["movers"]] == [
        (m["customer"], m["from"], m["to"]) for m in printed["moves"]
    ]
    with company.app.read("abc_analysis") as ctx:
        assert load_json(load_on(ctx))["visits_per_year"] == printed["visits_per_year"]["after"]


def test_the_same_cutoffs_move_nobody(company):
    printed = tried(company)
    assert (printed["moves"], printed["moved"]) == ([], 0)
    assert printed["visits_per_year"]["before"] == printed["visits_per_year"]["after"]
    assert tried(company, cutoffs=("A=0.01", "B=0.05", "C=0.2", "D")) == {
        **printed,
        "rule": {**printed["rule"], "preset": "own"},
    }


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"cutoffs": ("A=0.10", "B")}, {"A": 2, "B": 18}),
        ({"cutoffs": ("A=0.10", "B=1")}, {"A": 2, "B": 18}),
        ({"cutoffs": ("A=0.5", "B"), "by": "amount"}, {"A": 6, "B": 14}),
        ({"cutoffs": ("A=19", "B=0.01", "C"), "by": "threshold"}, {"A": 2, "B": 18, "C": 0}),
        ({"cutoffs": ("A=1000", "B=15.00", "C"), "by": "threshold"}, {"A": 0, "B": 6, "C": 14}),
        ({"cutoffs": ("All",)}, {"All": 20}),
        ({"by": "amount"}, {"A": 12, "B": 4, "C": 4}),
        ({"by": "rank", "preset": "pareto"}, {"A": 16, "B": 3, "C": 1}),
    ],
)
def test_other_cutoffs_make_classes_of_other_sizes(company, options, sizes):
    printed = tried(company, **options)
    assert {c["grade"]: c["customers"] for c in printed["rule"]["classes"]} == sizes


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cutoffs": ("A=1%", "B")}, "--cutoff A=1%: write a class and where it ends"),
        ({"cutoffs": ("A", "B=1")}, "--cutoff A: only the last class may stand alone"),
        ({"cutoffs": ("A=0.2", "B=0.1", "C")}, "class B ends no later than the class before it"),
        ({"cutoffs": ("A=0.2", "B=0.5")}, "the last class, B, leaves customers out"),
        ({"cutoffs": ("A=0.2", "B=0.9", "A")}, "class A stands there twice"),
        ({"cutoffs": ("A=5", "B=6", "C"), "by": "threshold"}, "class B begins no lower"),
        ({"cutoffs": ("A=5", "B=4"), "by": "threshold"}, "the last class, B, takes the rest"),
        ({"cutoffs": ("A=0.015", "B"), "by": "threshold"}, "--cutoff A=0.015: CNY has 2 decimals"),
        ({"cutoffs": ("A=0.1", "B"), "preset": "pareto"}, "come from --preset or from --cutoff"),
    ],
)
def test_cutoffs_that_are_no_rule_are_refused_in_one_sentence(company, options, sentence):
    with pytest.raises(UsageProblem, match=sentence):
        tried(company, **options)


def test_a_run_is_chosen_by_its_number(company):
    make_run(company.app, ACTOR, Request(YEAR.start, YEAR.end, preset="increments"))
    assert tried(company, preset="increments")["moves"] == []
    assert len(tried(company, preset="increments", run=1)["moves"]) == 3
    with pytest.raises(NotFound, match="there is no run 9"):
        tried(company, run=9)


def test_members_of_a_group_are_visited_as_their_group_would_be(make_company, database):
    company = make_company(database, settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.add(*(f"C{i:02}" for i in range(1, 23)), owner="anna")
    company.group("C02", "C21", "C22")
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, YEAR)
    printed = tried(company, preset="increments")
    assert moves_of(printed) == {("C02", "C", "B"), ("C05", "D", "C"), ("C06", "D", "C")}
    assert printed["visits_per_year"] == {
        "before": visits_of("A" + "CCC" + "CC"),
        "after": visits_of("A" + "BBB" + "CCCC"),
    }
    set_grade(company.app, ACTOR, "C02", "A", "because", LATER)
    again = tried(company, preset="increments")
    assert moves_of(again) == {("C05", "D", "C"), ("C06", "D", "C")}
    assert again["visits_per_year"] == {
        "before": visits_of("A" + "AAA" + "CC"),
        "after": visits_of("A" + "AAA" + "CCCC"),
    }
    assert again["hand_set"] == 1


def test_limits_of_those_who_move_are_added_up(make_company, database, check_schema):
    company = make_company(database, settings='USD = "7"\n', facts=["credit_limits"])
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    make_run(company.app, ACTOR, YEAR)
    company.fact(
        "credit_limits",
        [
            {"customer": "C01", "valid_from": "2025-01-01", "limit_minor": 9000},
            {"customer": "C02", "valid_from": "2025-01-01", "limit_minor": 1},
            {"customer": "C02", "valid_from": "2025-06-01", "limit_minor": 100},
            {"customer": "C02", "valid_from": "2026-12-01", "limit_minor": 7777},
            {"customer": "C05", "valid_from": "2026-03-02", "limit_minor": 10, "currency": "USD"},
        ],
    )
    printed = tried(company, preset="increments")
    check_schema(printed, "whatif")
    assert printed["limits"] == {
        "answered": True,
        "up": {"customers": 2, "limit_minor": 170},
        "down": {"customers": 0, "limit_minor": 0},
    }
    make_run(company.app, ACTOR, Request(YEAR.start, YEAR.end, preset="increments"))
    assert tried(company, preset="pyramid")["limits"]["down"] == {"customers": 2, "limit_minor": 170}
    renamed = tried(company, cutoffs=("Gold=0.05", "Rest"))
    check_schema(renamed, "whatif")
    assert renamed["limits"]["other"] == {"customers": 3, "limit_minor": 9170}


def test_discounts_are_of_the_sales_whatever_the_classes_are_cut_by(make_company, database):
    company = make_company(database, settings='USD = "7"\n')
    company.add("C1", "C2", "C3")
    company.buy("2025-05-01", {"C1": 1000}, cost_minor=990)
    company.buy("2025-05-01", {"C2": 100}, "USD", cost_minor=50)
    company.buy("2025-05-01", {"C3": 500}, cost_minor=600)
    make_run(company.app, ACTOR, Request(YEAR.start, YEAR.end, basis="margin"))
    printed = tried(company, cutoffs=("A=0.34", "B=0.67", "C"))
    # By margin: C2 (350), C1 (10), C3 (-100, so in the last class); two may be A.
    assert {c["grade"]: c["customers"] for c in printed["rule"]["classes"]} == {"A": 2, "B": 0, "C": 1}
    after = Fraction(8, 100) * (700 + 1000) + Fraction(2, 100) * 500
    assert printed["discounts"]["cost_minor"]["after"] == round(after)
    assert printed["discounts"]["ceiling"]["after"] == pytest.approx(float(after / 2200))


def test_the_policies_of_today_count(company):
    set_policy(company.app, ACTOR, "B", {"visit_interval_days": "73"}, "fewer")
    assert tried(company, preset="increments")["visits_per_year"]["after"] == visits_of("A" + "CCCC") + 5


def test_the_report_says_what_would_change(company):
    set_grade(company.app, ACTOR, "C20", "C", "because", LATER)
    with company.app.read("abc_analysis") as ctx:
        report = whatif_report(whatif(ctx, Wish(preset="increments")), 2)
    assert report.notes == (
        "3 of 20 customers would move.",
        "Customers who keep a class that was set by hand: 1.",
        "Visits a year: 42.3, then 58.5.",
        "Discount ceiling on average: 1.29%, then 1.85%; at full use 2.70 CNY, then 3.89 CNY.",
        "Credit limits: no data: needs fact credit_limits",
    )
    (chart,) = report.charts
    assert (chart.rows, chart.labels, sum(chart.values)) == (tuple("ABCD"), tuple("ABCD"), 19)
    assert {table.name: len(list(table.rows)) for table in report.tables} == {
        "rule": 4,
        "moves": 2,
        "visits": 2,
    }


def test_the_command_prints_what_its_schema_promises(company, crm, check_schema):
    printed = crm.json("abc", "whatif", "--preset", "increments")
    check_schema(printed, "whatif")
    assert printed == tried(company, preset="increments")
    words = ("--by", "threshold", "--cutoff", "A=19", "--cutoff", "B", "--run", 1, "--limit", 1)
    own = crm.json("abc", "whatif", *words)
    check_schema(own, "whatif")
    assert own["moves"] == [{"customer": "C02", "from": "C", "to": "A"}]
    assert own["moved"] == 19


def test_the_command_shows_who_would_move_and_how_to_see_more(company, crm):
    shown = crm.ok("abc", "whatif", "--preset", "increments", "--limit", 2).stdout
    for part in (
        "What if: run 1, 2025-01-01 to 2025-12-31, with other cut-offs",
        "Who would move",
        "Visits a year: 38.2, then 54.5.",
        "no data: needs fact credit_limits",
        "3 customers would move in all; more with --limit N, all with --json",
    ):
        assert part in shown


def test_without_a_run_there_is_nothing_to_try(make_company, crm):
    make_company()
    result = crm("abc", "whatif", "--preset", "increments")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no run yet; make one with: crm abc run" in result.stderr


def notes_of(company, **options):
    with company.app.read("abc_analysis") as ctx:
        return whatif_report(whatif(ctx, Wish(**options)), 5).notes


def test_where_other_classes_count_for_service_is_said(make_company, check_schema):
    company = make_company()
    company.sell("2025-05-01", {"C1": 100, "C2": 50})
    first = make_run(company.app, ACTOR, YEAR)
    assert not any("another run" in note for note in notes_of(company))
    usual = make_run(company.app, ACTOR, Request(date(2024, 7, 1), date(2025, 12, 31), preset="pareto"))
    printed = tried(company, run=first)
    check_schema(printed, "whatif")
    assert (printed["run"], printed["service_run"]) == (first, usual)
    assert f"Visits and service follow the classes of another run: {usual}." in notes_of(company, run=first)


def test_classes_without_a_policy_are_named(make_company, check_schema):
    company = make_company()
    company.sell("2025-05-01", {"C1": 100, "C2": 50})
    make_run(company.app, ACTOR, YEAR)
    cutoffs = ("A=0.5", "E=0.9", "F")
    printed = tried(company, cutoffs=cutoffs)
    check_schema(printed, "whatif")
    assert printed["without_policy"] == ["E", "F"]
    said = "No service policy for: E, F; their visits and discounts count as none."
    assert said in notes_of(company, cutoffs=cutoffs)
    assert tried(company)["without_policy"] == []


@pytest.mark.parametrize("command", ["run", "whatif"])
def test_thresholds_and_a_preset_do_not_go_together(make_company, crm, command):
    company = make_company()
    company.sell("2025-05-01", {"C1": 100})
    make_run(company.app, ACTOR, YEAR)
    refused = crm("abc", command, "--preset", "pareto", "--by", "threshold")
    assert (refused.exit_code, "--preset pareto says nothing" in refused.stderr) == (2, True)
    crm.ok("abc", command, "--preset", "own", "--by", "threshold")
