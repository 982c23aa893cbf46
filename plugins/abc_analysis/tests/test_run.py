"""Making runs on a real database, with a provider of purchases that is not the ledger."""

import random
from datetime import date
from fractions import Fraction
from importlib import import_module

import pytest
import sqlalchemy as sa

from crmcore.api import BadConfig, CrmError, MissingFact, NotFound, UsageProblem
from crmcore.testing import ACTOR
from crmcore_abc_analysis import computing, services, writing
from crmcore_abc_analysis.rules.classes import PRESETS
from crmcore_abc_analysis.runs import find_run, list_grades, list_runs, run_summary
from crmcore_abc_analysis.services import Request, make_run


def run(company, **request):
    """Make a run and return it as it is printed."""
    number = make_run(company.app, ACTOR, Request(**request))
    with company.app.read("abc_analysis") as ctx:
        return run_summary(ctx, number)


def grades(company, number=None):
    with company.app.read("abc_analysis") as ctx:
        return {line["customer"]: line for line in list_grades(ctx, number)}


def states(company):
    with company.app.read("abc_analysis") as ctx:
        return {r["run"]: r["state"] for r in list_runs(ctx)}


def test_a_run_without_days_takes_the_last_full_year_both_ends_included(make_company, database):
    company = make_company(database)
    company.sell("2025-01-01", {"C1": 100})
    company.sell("2025-12-31", {"C2": 50})
    company.sell("2024-12-31", {"C3": 900})
    company.sell("2026-01-01", {"C4": 900})
    made = run(company)
    assert (made["period"], made["customers"], made["amount_minor"]) == (["2025-01-01", "2025-12-31"], 2, 150)
    assert set(grades(company)) == {"C1", "C2"}


@pytest.mark.parametrize("preset", ["pyramid", "pareto"])
def test_a_run_equals_the_oracle(make_company, database, oracle, preset):
    random.seed(7)
    company = make_company(database)
    codes = [f"C{i:03}" for i in range(120)]
    company.add(*random.sample(codes, len(codes)))
    totals: dict[str, int] = {}
    for month in range(1, 13):
        bought = {code: random.choice([-40, 0, 10, 10, 25, 300]) for code in codes if random.random() < 0.2}
        company.buy(f"2025-{month:02}-15", bought)
        for code, amount in bought.items():
            totals[code] = totals.get(code, 0) + amount
    rule = PRESETS[preset]
    run(company, preset=preset)
    lines = grades(company)
    expected = oracle(totals, rule.by, [(c.grade, Fraction(c.within)) for c in rule.cutoffs])
    assert {code: (line["rank"], line["grade"]) for code, line in lines.items()} == expected
    assert {code: line["amount_minor"] for code, line in lines.items()} == totals
    whole, reached = sum(a for a in totals.values() if a > 0), 0
    for line in lines.values():
        reached += max(line["amount_minor"], 0)
        assert line["cumulative_share"] == pytest.approx(reached / whole, abs=1e-12)


def test_equal_amounts_are_listed_by_code_whatever_order_they_were_added_in(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {"b": 5, "C": 5, "a": 5, "B": 9})
    run(company)
    assert list(grades(company)) == ["B", "C", "a", "b"]


def test_the_classes_add_up_and_name_empty_ones(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {"C1": 300, "C2": 100, "C3": -50})
    made = run(company)
    assert made["amount_minor"] == 350
    assert [(g["grade"], g["customers"], g["amount_minor"], g["share"]) for g in made["grades"]] == [
        ("A", 1, 300, 0.75),
        ("B", 0, 0, 0.0),
        ("C", 0, 0, 0.0),
        ("D", 2, 50, 0.25),
    ]


@pytest.mark.parametrize("by", ["rank", "amount"])
def test_a_period_without_purchases_gives_an_empty_run(make_company, by):
    company = make_company()
    made = run(company, by=by)
    assert (made["customers"], made["amount_minor"]) == (0, 0)
    assert {g["share"] for g in made["grades"]} == {0.0}
    assert grades(company) == {}


def test_who_bought_and_returned_everything_is_a_buyer_of_the_last_class(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 100})
    company.buy("2025-06-01", {"C1": -100})
    run(company)
    assert grades(company)["C1"] == {
        "customer": "C1", "grade": "D", "rank": 1, "amount_minor": 0, "cumulative_share": 0.0
    }  # fmt: skip


def test_the_same_inputs_and_settings_give_the_run_that_there_is(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {"C1": 300, "C2": 100})
    first = run(company)
    assert run(company) == first
    assert states(company) == {first["run"]: "current"}


def test_another_purchase_gives_another_run(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300, "C2": 100})
    first = run(company)["run"]
    company.buy("2025-05-01", {"C1": 0})
    second = run(company)["run"]
    assert states(company) == {first: "old", second: "current"}
    assert grades(company, first) == grades(company, second)


def test_purchases_outside_the_period_change_no_run(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300})
    first = run(company)["run"]
    company.buy("2024-05-01", {"C1": 7})
    assert run(company)["run"] == first


def test_going_back_to_an_earlier_rule_publishes_its_run_again(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i}": 10 + i for i in range(30)})
    first = run(company)["run"]
    second = run(company, preset="increments")["run"]
    assert run(company, preset="pyramid")["run"] == first
    assert states(company) == {first: "current", second: "old"}


def test_a_preset_written_out_by_hand_is_another_setting_than_the_preset(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 300})
    assert run(company)["run"] != run(company, preset="own")["run"]


def test_several_currencies_are_converted_at_the_rates_of_the_company(make_company, database):
    company = make_company(database, settings='USD = "7.12"\nJPY = "0.0485"\n')
    company.sell("2025-05-01", {"C1": 1000})
    company.buy("2025-05-02", {"C1": 101}, "USD")
    company.buy("2025-05-02", {"C1": 52}, "USD")
    company.buy("2025-05-03", {"C1": 100}, "JPY")
    made = run(company)
    # 1.53 USD × 7.12 = 10.8936 → 10.89; 100 JPY × 0.0485 = 4.85; sums are converted, not single purchases.
    assert (made["currency"], made["amount_minor"]) == ("CNY", 1000 + 1089 + 485)


def test_rounding_of_converted_sums_is_a_setting(make_company):
    rates = 'USD = "0.5"\n'
    company = make_company(settings=rates)
    company.sell("2025-05-01", {"C1": 5}, "USD")
    assert run(company)["amount_minor"] == 3
    other = make_company(settings=rates + '[plugins.abc_analysis]\nrounding = "half_even"\n')
    other.sell("2025-05-01", {"C1": 5}, "USD")
    assert run(other)["amount_minor"] == 2


def test_a_currency_without_a_rate_is_refused_and_nothing_is_written(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 1000})
    company.buy("2025-05-02", {"C1": 100}, "USD")
    with pytest.raises(CrmError, match="no exchange rate from USD to CNY on 2025-12-31"):
        run(company)
    assert states(company) == {}


def test_another_rate_gives_another_run(make_company):
    company = make_company(settings='USD = "7.12"\n')
    company.sell("2025-05-01", {"C1": 100}, "USD")
    first = run(company)["run"]
    path = company.app.config.path
    path.write_text(path.read_text("utf-8").replace('"7.12"', '"7.2"'), "utf-8")
    company.app.refresh()
    second = run(company)
    assert (second["run"] != first, second["amount_minor"]) == (True, 720)


def test_amounts_may_be_compared_in_another_currency(make_company):
    company = make_company(settings='USD = "8"\n[plugins.abc_analysis]\ncurrency = "USD"\n')
    company.sell("2025-05-01", {"C1": 800})
    made = run(company)
    assert (made["currency"], made["amount_minor"]) == ("USD", 100)


def test_own_cutoffs_come_from_the_settings(make_company):
    company = make_company(
        settings="""
[plugins.abc_analysis]
preset = "own"
own_by = "amount"
own_cutoffs = [{grade = "Gold", within = "0.5"}, {grade = "Rest", within = "1"}]
"""
    )
    company.sell("2025-05-01", {"C1": 50, "C2": 30, "C3": 20})
    assert [(g["grade"], g["customers"]) for g in run(company)["grades"]] == [("Gold", 1), ("Rest", 2)]


@pytest.mark.parametrize(
    ("cutoffs", "sentence"),
    [
        ('{grade = "A", within = "0.5"}, {grade = "B", within = "0.4"}, {grade = "C", within = "1"}', "class B ends no later"),
        ('{grade = "A", within = "0.5"}', "the last class, A, leaves customers out"),
        ('{grade = "A", within = "0.5"}, {grade = "A", within = "1"}', "class A stands there twice"),
    ],
)  # fmt: skip
def test_own_cutoffs_that_are_no_rule_are_refused_in_a_sentence(make_company, cutoffs, sentence):
    company = make_company(settings=f"[plugins.abc_analysis]\nown_cutoffs = [{cutoffs}]\n")
    with pytest.raises(BadConfig, match=sentence):
        run(company)


def test_half_a_period_is_refused(make_company):
    with pytest.raises(UsageProblem, match="give --from and --to, or neither"):
        run(make_company(), start=date(2025, 1, 1))
    with pytest.raises(
        UsageProblem, match="ends before it begins: --from 2025-02-01 is after --to 2025-01-31"
    ):
        run(make_company(), start=date(2025, 2, 1), end=date(2025, 1, 31))


def test_one_day_is_a_period(make_company):
    company = make_company()
    company.sell("2025-05-01", {"C1": 50})
    day = date(2025, 5, 1)
    assert run(company, start=day, end=day)["customers"] == 1


def test_without_a_provider_of_purchases_the_sentence_says_what_to_enable(make_app):
    app = make_app(["abc_analysis"])
    with pytest.raises(MissingFact, match="trade_ledger"):
        make_run(app, ACTOR, Request())


def test_without_a_run_the_sentence_says_how_to_make_one(make_company):
    company = make_company()
    with company.app.read("abc_analysis") as ctx:
        with pytest.raises(NotFound, match="crm abc run"):
            find_run(ctx)
        with pytest.raises(NotFound, match="there is no run 7"):
            find_run(ctx, 7)


def test_a_failing_run_leaves_nothing(make_company, database, monkeypatch):
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i}": 10 + i for i in range(6)})
    published = run(company, preset="increments")["run"]
    monkeypatch.setattr(computing, "CHUNK", 2)
    monkeypatch.setattr(services, "_publish", _disk_full)
    with pytest.raises(OSError, match="disk full"):
        run(company)
    monkeypatch.undo()
    assert states(company) == {published: "current"}
    with company.app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM abc_grade")) == 6
    assert run(company)["run"] > published


def test_what_a_killed_run_left_is_never_seen_and_is_removed_a_day_later(make_company, clock, monkeypatch):
    company = make_company()
    company.sell("2025-05-01", {f"C{i}": 10 + i for i in range(6)})
    published = run(company)["run"]
    monkeypatch.setattr(services, "_publish", _disk_full)
    monkeypatch.setattr(writing.Writing, "discard", _disk_full)
    with pytest.raises(OSError, match="disk full"):
        run(company, preset="increments")
    monkeypatch.undo()
    left = max(states(company))
    assert states(company) == {published: "current", left: "building"}
    with company.app.read("abc_analysis") as ctx, pytest.raises(NotFound):
        find_run(ctx, left)
    again = run(company, preset="increments")["run"]
    assert states(company) == {published: "old", left: "building", again: "current"}
    clock.move(days=2)
    run(company, preset="pareto")
    assert left not in states(company)


def _disk_full(*_arguments):
    raise OSError("disk full")


def test_many_chunks_make_one_run(make_company, monkeypatch):
    monkeypatch.setattr(computing, "CHUNK", 2)
    company = make_company()
    company.sell("2025-05-01", {f"C{i}": 10 + i for i in range(7)})
    run(company)
    assert [line["rank"] for line in grades(company).values()] == [1, 2, 3, 4, 5, 6, 7]


def test_runs_are_logged_in_full_and_classes_by_range(make_company, database):
    company = make_company(database)
    company.sell("2025-05-01", {"C1": 300, "C2": 100})
    run(company)
    with company.app.read() as ctx:
        log = ctx.connection.execute(
            sa.text(
                "SELECT entity, operation, entity_id FROM change_log WHERE entity LIKE 'abc%' ORDER BY seq"
            )
        ).all()
    assert [tuple(row) for row in log] == [
        ("abc_run", "create", 1),
        ("abc_grade", "append", None),
        ("abc_run", "update", 1),
        ("abc_publication", "create", 1),
    ]


def test_a_run_remembers_settings_checksum_actor_and_duration(make_company):
    company = make_company(settings='USD = "7.12"\n')
    company.sell("2025-05-01", {"C1": 300}, "USD")
    run(company)
    with company.app.read("abc_analysis") as ctx:
        (made,) = list_runs(ctx)
    assert made["settings"]["cutoffs"][2] == {"grade": "C", "within": "0.2"}
    assert (made["settings"]["by"], made["settings"]["rounding"]) == ("rank", "half_up")
    assert (made["rates"], made["actor"], made["purchases"]) == ({"USD": "7.12"}, ACTOR, 1)
    assert len(made["settings_version"]) == 12
    assert made["duration_ms"] >= 0


def test_two_runs_cannot_both_be_current(make_company, database):
    company = make_company(database)
    run(company)
    run(company, preset="pareto")
    with company.app.engine.connect() as connection, company.app.unguarded(connection):
        connection.rollback()
        with pytest.raises(sa.exc.IntegrityError), connection.execution_options(crm_write=True).begin():
            connection.exec_driver_sql("UPDATE abc_run SET state = 'current'")


def test_the_search_for_cycles_goes_on_after_a_run(make_company):
    gc = import_module("gc")
    run(make_company())
    assert gc.isenabled()
