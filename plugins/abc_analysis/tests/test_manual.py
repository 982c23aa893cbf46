"""Classes set by hand: `crm abc set|unset|manual|grade`, on both databases, on past days, in groups, in `crm work`."""

from datetime import date, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from crmcore.api import Actor
from crmcore.app import create_app
from crmcore.testing import ACTOR
from crmcore_abc_analysis.manual import grade_on, list_manual, manual_grades, manual_items, set_grade
from crmcore_abc_analysis.services import Request, make_run
from crmcore_abc_analysis.tables import AbcManual

END = "2026-12-31"


@pytest.fixture(autouse=True)
def _commands_on_the_clock(clock, monkeypatch):
    """Let commands look at the clock that stands still, as the app does."""
    monkeypatch.setattr("crmcore.app.create_app", partial(create_app, clock=clock))


@pytest.fixture
def company(make_company, database):
    """Twenty customers, C01 the largest; a run of 2025 gives one A, no B, three C."""
    company = make_company(database)
    company.sell("2025-05-01", {f"C{i:02}": 100 * (21 - i) for i in range(1, 21)})
    return company


def by_hand(company, *codes, on=date(2026, 3, 2)):
    """Return code → class set by hand."""
    with company.app.read("abc_analysis") as ctx:
        ids = {company.id_of(code): code for code in codes} if codes else None
        found = manual_grades(ctx, list(ids) if ids is not None else None, on)
        known = {company.id_of(code): code for code in (codes or ("C01", "C02", "C03"))}
        return {known[number]: row.grade for number, row in found.items()}


def items(company, actor=ACTOR, since=None):
    with company.app.read("abc_analysis") as ctx:
        return list(manual_items(actor, since, ctx))


def test_a_class_set_by_hand_holds_from_today_through_its_last_day(company, crm, clock):
    make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    crm.ok("abc", "set", "C05", "A", "--reason", "promised a big order", "--until", "2026-03-10")
    classes = {
        day: crm.json("abc", "grade", "C05", "--on", day)["grade"]
        for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-10", "2026-03-11")
    }
    assert classes == {
        "2026-03-01": None,
        "2026-03-02": "D",
        "2026-03-03": "A",
        "2026-03-10": "A",
        "2026-03-11": "D",
    }


def test_grade_tells_the_effective_class_and_where_it_comes_from(company, crm, clock, check_schema):
    made = make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    crm.ok("abc", "set", "C05", "A", "--reason", "promised a big order", "--until", END)
    clock.move(days=1)
    found = crm.json("abc", "grade", "C05")
    check_schema(found, "grade_on")
    decision = {"reason": "promised a big order", "author": ACTOR, "until": END}
    nobody = {"reason": None, "author": None, "until": None}
    assert found == {
        "customer": "C05",
        "on": "2026-03-04",
        "grade": "A",
        "source": "hand",
        "run": made,
        "since": "2026-03-03",
        "computed_grade": "D",
        **decision,
        "history": [
            {
                "from": "2026-03-02",
                "to": "2026-03-02",
                "grade": "D",
                "source": "run",
                "run": made,
                **nobody,
            },
            {"from": "2026-03-03", "to": None, "grade": "A", "source": "hand", "run": None, **decision},
        ],
    }


def test_the_history_goes_over_all_publications_and_what_people_set(company, crm, clock, check_schema):
    first = make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    make_run(company.app, ACTOR, Request(preset="increments"))
    clock.move(days=1)
    company.buy("2025-06-01", {"C05": 90_000})
    third = make_run(company.app, ACTOR, Request())
    clock.move(days=1)
    crm.ok("abc", "set", "C05", "B", "--reason", "too few people", "--until", "2026-03-06")
    clock.move(days=1)
    crm.ok("abc", "unset", "C05", "--reason", "two more people")
    clock.move(days=1)
    trial = make_run(company.app, ACTOR, Request(by="amount"))
    found = crm.json("abc", "grade", "C05")
    check_schema(found, "grade_on")
    changes = [(h["from"], h["to"], h["grade"], h["source"], h["run"]) for h in found["history"]]
    assert changes == [
        ("2026-03-02", "2026-03-02", "D", "run", first),
        ("2026-03-03", "2026-03-03", "C", "run", 2),
        ("2026-03-04", "2026-03-04", "A", "run", third),
        ("2026-03-05", "2026-03-05", "B", "hand", None),
        ("2026-03-06", None, "A", "run", third),
    ]
    assert (found["grade"], found["run"], found["since"]) == ("A", trial, "2026-03-06")
    past = crm.json("abc", "grade", "C05", "--on", "2026-03-05")
    assert (past["grade"], past["author"], past["computed_grade"]) == ("B", ACTOR, "A")
    assert past["history"] == found["history"]


def test_a_run_of_another_basis_or_level_changes_no_effective_class(make_company, crm):
    company = make_company(facts="all")
    company.add("C1", "C2")
    company.buy("2025-05-01", {"C1": 900}, cost_minor=899)
    company.buy("2025-05-01", {"C2": 500}, cost_minor=0)
    usual = make_run(company.app, ACTOR, Request())
    before = crm.json("abc", "grade", "C1")
    make_run(company.app, ACTOR, Request(basis="margin"))
    make_run(company.app, ACTOR, Request(level="group"))
    assert crm.json("abc", "grade", "C1") == before
    assert (before["grade"], before["run"]) == ("A", usual)


def test_without_a_run_and_without_a_hand_there_is_no_class(company, crm, check_schema):
    found = crm.json("abc", "grade", "C05")
    check_schema(found, "grade_on")
    assert (found["grade"], found["source"], found["run"], found["since"]) == (None, "none", None, None)
    assert found["history"] == []


def test_the_class_without_purchases_is_the_default(make_company, crm, check_schema):
    company = make_company(settings='[plugins.abc_analysis]\ndefault_grade = "D"\n')
    company.add("NEW")
    company.sell("2025-05-01", {"C1": 100})
    make_run(company.app, ACTOR, Request())
    found = crm.json("abc", "grade", "NEW")
    check_schema(found, "grade_on")
    assert (found["grade"], found["source"], found["computed_grade"], found["since"]) == (
        "D",
        "default",
        None,
        None,
    )


def test_another_class_set_by_hand_takes_the_place_of_the_one_before(company, crm, clock):
    crm.ok("abc", "set", "C05", "A", "--reason", "big order", "--until", END)
    clock.move(days=10)
    shown = crm.ok("abc", "set", "C05", "B", "--reason", "smaller order", "--until", "2026-03-20").stdout
    assert "C05 is in class B through 2026-03-20." in shown
    assert f"takes the place of class A, which {ACTOR} had set until {END}" in shown
    assert crm.json("abc", "grade", "C05", "--on", "2026-03-11")["grade"] == "A"
    assert crm.json("abc", "grade", "C05")["grade"] == "B"
    assert crm.json("abc", "grade", "C05", "--on", "2026-03-21")["grade"] is None


def test_what_was_set_and_ended_on_one_day_never_held(company, crm):
    crm.ok("abc", "set", "C05", "A", "--reason", "a slip", "--until", END)
    crm.ok("abc", "set", "C05", "B", "--reason", "meant this", "--until", END)
    assert [h["grade"] for h in crm.json("abc", "grade", "C05")["history"]] == ["B"]
    crm.ok("abc", "unset", "C05", "--reason", "neither")
    assert crm.json("abc", "grade", "C05")["history"] == []


def test_the_list_has_what_holds_the_first_to_end_first(company, crm, clock, check_schema):
    for code, until in (("C01", "2026-05-01"), ("C02", "2026-03-05"), ("C03", "2026-04-01"), ("C04", END)):
        crm.ok("abc", "set", code, "B", "--reason", f"{code} grows", "--until", until)
    crm.ok("abc", "unset", "C04", "--reason", "shrinks")
    clock.move(days=10)
    holding = crm.lines("abc", "manual")
    everything = crm.lines("abc", "manual", "--all")
    for line in everything:
        check_schema(line, "manual")
    assert [line["customer"] for line in holding] == ["C03", "C01"]
    assert [(line["customer"], line["state"]) for line in everything] == [
        ("C02", "expired"),
        ("C03", "holds"),
        ("C01", "holds"),
        ("C04", "ended"),
    ]
    assert (everything[-1]["ended_on"], everything[-1]["ended_by"]) == ("2026-03-02", ACTOR)
    assert crm.lines("abc", "manual", "--all", "--limit", 2) == everything[:2]
    shown = crm.ok("abc", "manual", "--limit", 1).stdout
    assert "C03 grows" in shown
    assert "There are more than 1; more with --limit N, all with --json" in shown


def test_set_and_unset_print_what_the_list_prints(company, crm, check_schema):
    made = crm.json("abc", "set", "C01", "B", "--reason", "less  sales\n", "--until", END)
    check_schema(made, "manual")
    assert crm.lines("abc", "manual") == [made]
    assert (made["reason"], made["set_on"], made["state"]) == ("less  sales", "2026-03-02", "holds")
    ended = crm.json("abc", "unset", "C01", "--reason", "sells again")
    check_schema(ended, "manual")
    assert ended == {**made, "ended_on": "2026-03-02", "ended_by": ACTOR, "state": "ended"}


def test_nothing_set_by_hand_is_said(company, crm):
    assert crm.ok("abc", "manual").stdout == "No class is set by hand.\n"
    assert crm.lines("abc", "manual") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set", "C99", "A", "--reason", "r", "--until", END), "there is no customer 'C99'"),
        (("set", "C01", "X", "--reason", "r", "--until", END), "no class 'X'; the classes are A, B, C, D"),
        (("set", "C01", "a", "--reason", "r", "--until", END), "there is no class 'a'; did you mean 'A'?"),
        (
            ("set", "C01", "A", "--reason", " \t", "--until", END),
            "the reason is empty; say why with --reason",
        ),
        (
            ("set", "C01", "A", "--reason", "r" * 501, "--until", END),
            "the reason has 501 characters; at most 500 can be kept",
        ),
        (
            ("set", "C01", "A", "--reason", "r", "--until", "2026-03-01"),
            "the last day is past: --until 2026-03-01 is before today, 2026-03-02",
        ),
        (("set", "C01", "A", "--reason", "r"), "--until"),
        (("set", "C01", "A", "--until", END), "--reason"),
        (("unset", "C01", "--reason", "r"), "customer C01 has no class that was set by hand"),
        (("unset", "C99", "--reason", "r"), "there is no customer 'C99'"),
        (("unset", "C01", "--reason", ""), "the reason is empty"),
        (("grade", "C99"), "there is no customer 'C99'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(make_company, crm, words, sentence):
    make_company().add("C01")
    result = crm("abc", *words)
    assert result.exit_code in {1, 2}
    assert sentence in result.stderr
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert crm.lines("abc", "manual", "--all") == []


def test_own_classes_and_classes_with_a_policy_can_be_set(make_company, crm):
    company = make_company(
        settings="""[plugins.abc_analysis]
preset = "own"
own_cutoffs = [{grade = "Gold", within = "0.1"}, {grade = "Iron", within = "1"}]
[plugins.abc_analysis.policies.Key]
visit_interval_days = 7
visitor = "manager"
complaint_priority = 1
discount_ceiling = "0.1"
approval_level = "general_manager"
"""
    )
    company.add("C01")
    for grade in ("Gold", "Iron", "Key", "A"):
        crm.ok("abc", "set", "C01", grade, "--reason", "r", "--until", END)
    refused = crm("abc", "set", "C01", "Silver", "--reason", "r", "--until", END)
    assert "the classes are Gold, Iron, Key, A, B, C, D" in refused.stderr


def test_a_class_may_end_today_and_hold_for_ever(company, crm):
    crm.ok("abc", "set", "C01", "B", "--reason", "r", "--until", "2026-03-02")
    crm.ok("abc", "set", "C02", "B", "--reason", "r", "--until", "9999-12-31")
    for code in ("C01", "C02"):
        assert crm.json("abc", "grade", code)["grade"] == "B"


def test_hand_set_classes_are_found_in_batches(company):
    for code, grade in (("C01", "B"), ("C02", "A")):
        set_grade(company.app, ACTOR, code, grade, "r", date(2026, 3, 10))
    assert by_hand(company) == by_hand(company, "C01", "C02", "C03") == {"C01": "B", "C02": "A"}
    assert by_hand(company, "C02") == {"C02": "A"}
    assert by_hand(company, on=date(2026, 3, 11)) == by_hand(company, on=date(2026, 3, 1)) == {}
    with company.app.read("abc_analysis") as ctx:
        assert manual_grades(ctx, [], ctx.today) == {}
        assert len(manual_grades(ctx, [company.id_of("C01"), *range(10**6, 10**6 + 10_000)], ctx.today)) == 1


def test_of_several_that_hold_the_one_set_last_counts(company):
    """Other programs may write rows that overlap; `crm abc set` ends the one before."""
    row = {"customer_id": company.id_of("C01"), "reason": "r", "author": ACTOR, "until": date(2026, 12, 31)}
    rows = [
        {**row, "grade": "A", "set_on": date(2026, 3, 1)},
        {**row, "grade": "B", "set_on": date(2026, 3, 2), "until": date(2026, 3, 10)},
        {**row, "grade": "C", "set_on": date(2026, 2, 1)},
    ]
    with company.app.write(ACTOR, plugin="abc_analysis") as tx:
        tx.insert(AbcManual, rows)
    for day, grade in (("2026-02-15", "C"), ("2026-03-01", "A"), ("2026-03-10", "B"), ("2026-03-11", "A")):
        assert by_hand(company, on=date.fromisoformat(day)) == {"C01": grade}
        with company.app.read("abc_analysis") as ctx:
            assert grade_on(ctx, "C01", date.fromisoformat(day))["grade"] == grade


def test_the_class_of_a_groups_head_holds_for_its_members(make_company, crm, database):
    company = make_company(database, settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.sell("2025-05-01", {"HEAD": 10, "M1": 900, "M2": 5, "SOLO": 100})
    company.group("HEAD", "M1", "M2")
    make_run(company.app, ACTOR, Request())
    assert [crm.json("abc", "grade", code)["grade"] for code in ("HEAD", "M1", "M2", "SOLO")] == [*"AAA", "D"]
    set_grade(company.app, ACTOR, "HEAD", "C", "pays late", date(2026, 12, 31))
    set_grade(company.app, ACTOR, "M2", "B", "pays at once", date(2026, 12, 31))
    assert [crm.json("abc", "grade", code)["grade"] for code in ("HEAD", "M1", "M2", "SOLO")] == [*"CCB", "D"]
    with company.app.read("abc_analysis") as ctx:
        every, some = (manual_grades(ctx, ids, ctx.today) for ids in (None, [company.id_of("M1")]))
        assert {number: row.grade for number, row in every.items()} == {
            company.id_of("HEAD"): "C",
            company.id_of("M1"): "C",
            company.id_of("M2"): "B",
        }
        assert [row.grade for row in some.values()] == ["C"]


def test_a_class_that_soon_ends_waits_for_its_owner_and_its_author(company, crm, clock):
    with company.app.write(ACTOR) as tx:
        tx.insert(Actor, [{"code": code, "name": code} for code in ("anna", "ben")])
    company.add("X1", owner="anna")
    for code, until in (("X1", "2026-03-20"), ("C01", "2026-03-16"), ("C02", "2026-03-02")):
        set_grade(company.app, ACTOR, code, "B", "r", date.fromisoformat(until))
    assert [(i.title, i.due, i.command) for i in items(company)] == [
        (
            f"class B of C02, set by hand by {ACTOR}, holds until 2026-03-02",
            date(2026, 3, 2),
            "crm abc grade C02",
        ),
        (
            f"class B of C01, set by hand by {ACTOR}, holds until 2026-03-16",
            date(2026, 3, 16),
            "crm abc grade C01",
        ),
    ]
    clock.move(days=4)
    assert [i.key for i in items(company, "anna")] == ["abc:manual:1"]
    assert [i.customer_id for i in items(company)] == [company.id_of("C01"), company.id_of("X1")]
    assert items(company, "ben") == items(company, "") == []
    assert "set by hand by tester" in crm.ok("work").stdout
    crm.ok("abc", "unset", "X1", "--reason", "r")
    assert items(company, "anna") == []


def test_work_is_asked_for_from_the_day_on_which_notice_is_given(company):
    set_grade(company.app, ACTOR, "C01", "B", "r", date(2026, 3, 10))
    assert len(items(company, since=date(2026, 3, 2))) == 1
    assert items(company, since=date(2026, 3, 3)) == []


def test_how_early_notice_is_given_is_a_setting(make_company):
    company = make_company(settings="[plugins.abc_analysis]\nmanual_notice_days = 0\n")
    company.add("C01", "C02")
    set_grade(company.app, ACTOR, "C01", "B", "r", date(2026, 3, 2))
    set_grade(company.app, ACTOR, "C02", "B", "r", date(2026, 3, 3))
    assert [i.customer_id for i in items(company)] == [company.id_of("C01")]


def test_archived_customers_make_no_work(company, crm):
    set_grade(company.app, ACTOR, "C01", "B", "r", date(2026, 3, 10))
    crm.ok("customer", "archive", "C01")
    assert items(company) == []


def test_what_people_decide_is_logged_and_a_natural_persons_reason_is_sealed(company, crm):
    company.add("P01", kind="person")
    for code in ("C01", "P01"):
        crm.ok("abc", "set", code, "B", "--reason", "is in hospital", "--until", END)
    crm.ok("abc", "unset", "C01", "--reason", "is well again")
    with company.app.read() as ctx:
        log = ctx.connection.execute(
            sa.text(
                'SELECT c.operation, c."after", t.reason, t.actor FROM change_log c'
                " JOIN change_tx t ON t.id = c.tx_id WHERE c.entity = 'abc_manual' ORDER BY c.seq"
            )
        ).all()
    assert [(row.operation, row.reason, row.actor) for row in log] == [
        ("create", "crm abc set", ACTOR),
        ("create", "crm abc set", ACTOR),
        ("update", "crm abc unset", ACTOR),
    ]
    assert ["hospital" in row.after for row in log] == [True, False, False]


def test_a_class_set_by_somebody_who_may_not_write_is_refused(company, crm):
    crm.ok("actor", "add", "guest")
    refused = crm("abc", "set", "C01", "A", "--reason", "r", "--until", END, "--actor", "guest")
    assert refused.exit_code == 1
    assert crm.lines("abc", "manual", "--all") == []


def test_the_terminal_tells_class_reason_and_history(company, crm, clock):
    make_run(company.app, ACTOR, Request())
    assert crm.ok("abc", "grade", "C05").stdout.startswith(
        "C05 on 2026-03-02: class D in run 1, since 2026-03-02\n"
    )
    clock.move(days=1)
    crm.ok("abc", "set", "C05", "A", "--reason", "{big} [b]order", "--until", END)
    shown = crm.ok("abc", "grade", "C05").stdout
    assert f"C05 on 2026-03-03: class A, set by hand by {ACTOR} until {END}: {{big}} [b]order\n" in shown
    assert "In run 1 it is in class D.\n" in shown
    assert "2026-03-02  2026-03-02  D" in shown
    ended = crm.ok("abc", "unset", "C05", "--reason", "no order").stdout
    assert f"Class A of C05, set by hand by {ACTOR}, has ended.\nC05 on 2026-03-03: class D in run 1" in ended


def test_many_customers_are_listed_without_a_statement_for_each(make_company):
    company = make_company()
    codes = [f"C{i:03}" for i in range(60)]
    company.add(*codes)
    until = date(2026, 3, 10)
    row = {"grade": "B", "reason": "r", "author": ACTOR, "set_on": date(2026, 3, 1)}
    with company.app.write(ACTOR, plugin="abc_analysis") as tx:
        ids = [company_id for (company_id,) in tx.connection.execute(sa.text("SELECT id FROM customer"))]
        tx.insert(
            AbcManual,
            [{**row, "customer_id": n, "until": until + timedelta(days=i)} for i, n in enumerate(ids)],
        )
    statements = []
    with company.app.read("abc_analysis") as ctx:
        sa.event.listen(ctx.connection, "before_cursor_execute", lambda *a: statements.append(a[2]))
        assert len(list(list_manual(ctx))) == 60
        assert len(list(manual_items(ACTOR, None, ctx))) == 7
    # Each of the two lists, and for each whether anybody is restricted at all.
    assert sum(statement.startswith("SELECT") for statement in statements) == 4
