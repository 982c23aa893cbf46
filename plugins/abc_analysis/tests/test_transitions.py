"""Movements between two runs, against sums over plain lists."""

from collections import Counter
from datetime import date
from fractions import Fraction
from random import Random

import pytest

from crmcore.api import NotFound, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis.analyses.transitions import transitions_report
from crmcore_abc_analysis.movements import Mover, drop_alerts, drop_items, drop_sentence, transitions
from crmcore_abc_analysis.services import Request, make_run

LAST_YEAR = Request(date(2024, 1, 1), date(2024, 12, 31))
THIS_YEAR = Request(date(2025, 1, 1), date(2025, 12, 31))
PYRAMID = [("A", Fraction(1, 100)), ("B", Fraction(1, 20)), ("C", Fraction(1, 5)), ("D", Fraction(1))]
PLACES = {None: 9, "A": 0, "B": 1, "C": 2, "D": 3}


def year_of(random, codes):
    """Let some of the customers buy: many equal amounts, some returns."""
    buyers = random.sample(codes, random.randint(len(codes) // 2, len(codes)))
    return {
        code: random.choice([random.randint(-50, 300), random.choice([100, 200, 5000])]) for code in buyers
    }


def found(company, **options):
    with company.app.read("abc_analysis") as ctx:
        return transitions(ctx, **options)


def cells(printed):
    return {
        (c["from"], c["to"]): (c["customers"], c["amount_before_minor"], c["amount_minor"])
        for c in printed["matrix"]
        if c["customers"]
    }


@pytest.mark.parametrize("seed", range(3))
def test_transitions_equal_the_sums_over_the_purchases(make_company, database, oracle, seed, check_schema):
    random = Random(seed)
    codes = [f"C{i:03}" for i in range(120)]
    company = make_company(database)
    company.add(*codes)
    before, now = year_of(random, codes), year_of(random, codes)
    company.buy("2024-05-01", before)
    company.buy("2025-05-01", now)
    for request in (LAST_YEAR, THIS_YEAR):
        make_run(company.app, ACTOR, request)

    old, new = ({c: e.grade for c, e in oracle(y, "rank", PYRAMID).items()} for y in (before, now))
    expected: dict[tuple[str | None, str | None], tuple[int, int, int]] = {}
    for code in {*old, *new}:
        count, was_minor, now_minor = expected.get((old.get(code), new.get(code)), (0, 0, 0))
        expected[old.get(code), new.get(code)] = (
            count + 1,
            was_minor + before.get(code, 0),
            now_minor + now.get(code, 0),
        )
    printed = found(company)
    check_schema(printed, "transitions")
    assert cells(printed) == expected

    changed = [c for c in {*old, *new} if old.get(c) != new.get(c)]
    assert [(m["customer"], m["from"], m["to"]) for m in printed["movers"]] == [
        (c, old.get(c), new.get(c))
        for c in sorted(changed, key=lambda c: (-max(before.get(c, -(10**9)), now.get(c, -(10**9))), c))
    ]
    fell = {
        c
        for c, was in old.items()
        if (c in new and PLACES[new[c]] > PLACES[was]) or (c not in new and was != "D")
    }
    assert printed["drops"] == len(fell)
    assert {m["customer"] for m in printed["movers"] if m["drop"]} == fell
    with company.app.read("abc_analysis") as ctx:
        items = list(drop_items("boss", None, ctx))
    best_first = sorted(fell, key=lambda c: (-before[c], c))
    assert [i.title.split()[0] for i in items] == best_first
    assert [i.severity for i in items] == ["critical" if old[c] == "A" else "warning" for c in best_first]


@pytest.fixture
def company(make_company, database):
    """Twenty customers: the best falls to the last class, the second is gone, one is new, a small one is the best."""
    company = make_company(database)
    company.sell("2024-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(3, 20)})
    company.buy("2025-05-01", {"C01": 5, "C20": 9000})
    company.sell("2025-05-01", {"NEW": 4000})
    for request in (LAST_YEAR, THIS_YEAR):
        make_run(company.app, ACTOR, request)
    return company


def test_counts_name_the_ways_that_customers_went(company):
    printed = found(company)
    assert printed["counts"] == {"stayed": 17, "up": 1, "down": 1, "won": 1, "gone": 1, "other": 0}
    assert [(m["customer"], m["from"], m["to"], m["move"], m["drop"]) for m in printed["movers"]] == [
        ("C20", "D", "A", "up", False),
        ("NEW", None, "C", "won", False),
        ("C01", "A", "D", "down", True),
        ("C02", "C", None, "gone", True),
    ]
    assert sum(c["customers"] for c in printed["matrix"]) == 21


def test_shares_are_of_the_row(company):
    printed = found(company)
    rows = Counter[str | None]()
    for cell in printed["matrix"]:
        rows[cell["from"]] += cell["share"]
    assert {was: round(share, 9) for was, share in rows.items()} == {"A": 1, "B": 0, "C": 1, "D": 1, None: 1}


def test_the_matrix_holds_every_pair_of_classes_but_none_and_none(company):
    pairs = [(c["from"], c["to"]) for c in found(company)["matrix"]]
    every = [(was, now) for was in (*"ABCD", None) for now in (*"ABCD", None)]
    assert pairs == every[:-1]


def test_runs_are_chosen_by_their_numbers(company):
    forth, back = found(company), found(company, from_run=2, to_run=1)
    assert (forth["from"]["run"], forth["to"]["run"]) == (1, 2)
    assert cells(back) == {
        (now, was): (count, after, before) for (was, now), (count, before, after) in cells(forth).items()
    }
    assert found(company, to_run=2)["from"]["run"] == 1
    assert found(company, from_run=1)["to"]["run"] == 2
    same = found(company, from_run=2)
    assert same["movers"] == []
    assert same["counts"]["stayed"] == 20


def test_a_limit_keeps_the_largest_movers(company):
    everybody = found(company)["movers"]
    assert found(company, limit=2)["movers"] == everybody[:2]


def test_the_run_made_last_is_compared_even_if_it_is_made_again(company):
    make_run(company.app, ACTOR, LAST_YEAR)
    with pytest.raises(NotFound, match="run 1 is the first of its kind"):
        found(company)
    make_run(company.app, ACTOR, THIS_YEAR)
    assert (found(company)["from"]["run"], found(company)["to"]["run"]) == (1, 2)


def test_a_run_is_compared_with_one_of_its_own_kind(company):
    other = make_run(company.app, ACTOR, Request(date(2025, 1, 1), date(2025, 12, 31), preset="pareto"))
    with pytest.raises(NotFound, match=f"run {other} is the first of its kind"):
        found(company)
    printed = found(company, from_run=2)
    assert printed["from"]["grades"] == ["A", "B", "C", "D"]
    assert printed["to"]["grades"] == ["A", "B", "C"]
    assert printed["counts"]["other"] == 0
    assert printed["counts"]["up"] + printed["counts"]["stayed"] == 20


def test_classes_without_a_common_order_move_neither_up_nor_down(make_company, database):
    settings = """
[plugins.abc_analysis]
own_cutoffs = [{grade = "Gold", within = "0.1"}, {grade = "Silver", within = "1"}]
"""
    company = make_company(database, settings=settings)
    company.sell("2025-05-01", {f"C{i:02}": 100 * i for i in range(1, 21)})
    make_run(company.app, ACTOR, THIS_YEAR)
    make_run(company.app, ACTOR, Request(date(2025, 1, 1), date(2025, 12, 31), preset="own"))
    printed = found(company, from_run=1)
    assert printed["counts"] == {"stayed": 0, "up": 0, "down": 0, "won": 0, "gone": 0, "other": 20}
    assert printed["drops"] == 0


def test_a_rerun_after_few_changes_moves_only_those(company):
    company.buy("2025-12-01", {"C19": 50000})
    make_run(company.app, ACTOR, THIS_YEAR)
    printed = found(company, from_run=2, to_run=3)
    assert [(m["customer"], m["from"], m["to"]) for m in printed["movers"]] == [
        ("C19", "D", "A"),
        ("C20", "A", "C"),
        ("C04", "C", "D"),
    ]
    assert printed["counts"]["won"] == printed["counts"]["gone"] == 0
    assert sum(c["amount_minor"] - c["amount_before_minor"] for c in printed["matrix"]) == 50000


def test_a_trial_of_another_basis_alarms_nobody(make_company, database):
    company = make_company(database)
    company.add(*(f"C{i:02}" for i in range(1, 21)))
    company.buy("2024-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)}, cost_minor=10)
    company.buy("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)}, cost_minor=10)
    company.buy("2025-06-01", {"C01": 1}, cost_minor=5000)
    for request in (LAST_YEAR, THIS_YEAR):
        make_run(company.app, ACTOR, request)
    for request in (LAST_YEAR, THIS_YEAR):
        trial = Request(request.start, request.end, basis="margin")
        make_run(company.app, ACTOR, trial)
    assert found(company)["drops"] == 1
    with company.app.read("abc_analysis") as ctx:
        assert list(drop_items("boss", None, ctx)) == []
        assert list(drop_alerts(None, ctx)) == []
        assert list(drop_alerts("4", ctx)) == []


def test_a_fall_from_potential_is_not_said_to_be_one_of_purchases():
    drop = Mover(1, "C1", "Acme", None, "A", None, 5, None)
    assert (
        drop_sentence(drop, "potential")
        == "Acme was in class A and has no estimate of its potential any more"
    )
    assert drop_sentence(drop) == "Acme was in class A and buys nothing any more"


def test_the_report_shows_matrix_movements_and_movers(company):
    with company.app.read("abc_analysis") as ctx:
        report = transitions_report(ctx, {})
        with pytest.raises(UsageProblem, match="'x' is no number of a run"):
            transitions_report(ctx, {"to_run": "x"})
    (chart,) = report.charts
    assert (chart.kind, chart.labels, chart.rows) == (
        "matrix",
        ("A", "B", "C", "D", "gone"),
        ("A", "B", "C", "D", "new"),
    )
    assert sum(chart.values) == 21
    assert chart.values[-1] == 0
    flows, movers = report.tables
    assert sum(row[2] for row in flows.rows) == 21
    assert [row[0] for row in movers.rows] == [m["customer"] for m in found(company)["movers"]]
    assert flows.currency == movers.currency == "CNY"
    assert report.notes == (
        "Run 2 is compared with run 1, 2024-01-01 to 2024-12-31.",
        "Customers who stayed: 17, up: 1, down: 1, won: 1, gone: 1; who fell or is missed: 2.",
    )


def test_amounts_of_two_currencies_stand_with_their_currency(make_company):
    company = make_company(settings='USD = "7"\n')
    company.sell("2024-05-01", {"C1": 700, "C2": 100})
    make_run(company.app, ACTOR, LAST_YEAR)
    path = company.app.config.path
    path.write_text(path.read_text("utf-8") + '[plugins.abc_analysis]\ncurrency = "USD"\n', "utf-8")
    company.app.refresh()
    company.buy("2025-05-01", {"C1": 100, "C2": 900}, "USD")
    make_run(company.app, ACTOR, THIS_YEAR)
    with company.app.read("abc_analysis") as ctx:
        movers = transitions_report(ctx, {"from_run": "1"}).tables[1]
    assert movers.currency is None
    assert [(row[0], *row[-2:]) for row in movers.rows] == [
        ("C2", "1.00 CNY", "9.00 USD"),
        ("C1", "7.00 CNY", "1.00 USD"),
    ]


def test_the_command_prints_what_its_schema_promises(company, crm, check_schema):
    printed = crm.json("abc", "transitions")
    check_schema(printed, "transitions")
    assert printed == found(company)
    assert (
        crm.json("abc", "transitions", "--from-run", 1, "--to-run", 2, "--limit", 1)["movers"]
        == (printed["movers"][:1])
    )


def test_the_command_shows_who_moved_and_how_to_see_more(company, crm):
    shown = crm.ok("abc", "transitions", "--limit", 2).stdout
    for part in ("Movements between classes, 2025-01-01 to 2025-12-31", "Who moved", "C20", "gone", "new"):
        assert part in shown
    assert "4 customers moved in all; more with --limit N, all with --json" in shown
    assert "more with" not in crm.ok("abc", "transitions").stdout


def test_one_run_alone_has_nobody_moving(make_company, crm):
    company = make_company()
    company.sell("2025-05-01", {"C1": 5})
    make_run(company.app, ACTOR, THIS_YEAR)
    result = crm("abc", "transitions")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        "run 1 is the first of its kind, so nobody has moved; compare it with another: --from-run N"
        in result.stderr
    )
