"""A run writes only what differs from the one before of its kind, and past runs stay as they were."""

import random
from importlib import import_module

import pytest
import sqlalchemy as sa

from crmcore.testing import ACTOR
from crmcore_abc_analysis import computing, services, writing
from crmcore_abc_analysis.runs import find_run, grades, holding, list_grades, list_runs
from crmcore_abc_analysis.services import Request, make_run


def rows(company):
    with company.app.read() as ctx:
        return ctx.connection.execute(sa.text("SELECT count(*), coalesce(max(id), 0) FROM abc_grade")).one()


def listed(company, number):
    with company.app.read("abc_analysis") as ctx:
        return [(r["customer"], r["grade"], r["rank"], r["amount_minor"]) for r in list_grades(ctx, number)]


def run(company, **wanted):
    return make_run(company.app, ACTOR, Request(**wanted))


@pytest.fixture
def company(make_company, database):
    company = make_company(database, settings='USD = "7.12"\n')
    company.sell("2025-03-01", {f"C{i:03}": 1000 - i for i in range(200)})
    return company


def test_a_second_run_writes_only_who_changed(company):
    first = run(company)
    before = listed(company, first)
    company.buy("2025-04-01", {"C150": 5, "C160": -3})
    written = rows(company)[1]
    second = run(company)
    assert second != first
    # The two and nobody else: the others keep amount and class.
    assert rows(company)[1] - written == 2
    assert listed(company, first) == before
    amounts = {code: amount for code, _grade, _rank, amount in before}
    assert {c: a for c, _g, _r, a in listed(company, second)} == {**amounts, "C150": 855, "C160": 837}


def test_who_is_pushed_down_by_others_is_written_too(company):
    run(company)
    company.buy("2025-04-01", {"C199": 5000})
    written = rows(company)[1]
    number = run(company)
    # Two places in A: C199 takes one, C001 falls to B; ten in B: C009 falls to C; forty in C: C039 falls to D.
    assert rows(company)[1] - written == 4
    grades = {c: g for c, g, _r, _a in listed(company, number)}
    assert [grades[c] for c in ("C199", "C001", "C009", "C039")] == ["A", "B", "C", "D"]


def test_a_customer_who_bought_nothing_any_more_leaves(company):
    first = run(company)
    with company.app.write(ACTOR) as tx:
        model = import_module("fake_purchases.tables").TABLES["purchases"]
        table = model.__table__
        (number,) = tx.connection.scalars(sa.select(table.c.id).order_by(table.c.id).limit(1))
        tx.delete(model, [number])
    second = run(company)
    assert "C000" in dict(line[:2] for line in listed(company, first))
    assert "C000" not in dict(line[:2] for line in listed(company, second))


def test_the_classes_of_many_runs_are_those_of_runs_written_in_full(company, monkeypatch):
    rng = random.Random(5)
    numbers = []
    for turn in range(6):
        codes = rng.sample(range(200), 5)
        company.buy("2025-05-01", {f"C{i:03}": rng.randrange(-300, 300) for i in codes})
        numbers.append(run(company))
        if turn == 3:
            numbers.append(run(company, preset="pareto"))
    full = [listed(company, number) for number in numbers]
    with company.app.read("abc_analysis") as ctx:
        shared = {row["run"]: row["written_from"] for row in list_runs(ctx)}
    # After another rule was in force, the day since when each has its class is a new one: written in full.
    assert [shared[number] for number in numbers] == [None, 1, 1, 1, None, None, numbers[5]]
    # The same company, each run written in full.
    monkeypatch.setattr(writing, "_most_alike", lambda *_: None)
    assert full[-1] == listed(company, _again(company))
    assert [len(lines) for lines in full] == [200] * 7


def _again(company):
    """Make the last run once more, in full: a tiny change of a setting makes it another one."""
    return run(company, level="group")


def test_a_run_that_changes_most_is_written_in_full(company):
    run(company)
    company.buy("2025-06-01", {f"C{i:03}": 1 for i in range(150)})
    number = run(company)
    with company.app.read("abc_analysis") as ctx:
        assert {row["run"]: row["written_from"] for row in list_runs(ctx)}[number] is None


def test_while_another_run_changes_the_snapshot_a_run_is_written_in_full(company, monkeypatch):
    first = run(company)
    company.buy("2025-04-01", {"C150": 5})
    stopped = pytest.raises(KeyboardInterrupt)
    monkeypatch.setattr(writing.Writing, "_write_rows", _stop)
    monkeypatch.setattr(writing.Writing, "discard", lambda *_: None)
    with stopped:
        run(company)
    monkeypatch.undo()
    number = run(company)
    with company.app.read("abc_analysis") as ctx:
        made = {row["run"]: (row["state"], row["written_from"]) for row in list_runs(ctx)}
    assert made[first + 1] == ("building", first)
    assert made[number] == ("current", None)


def _stop(*_):
    raise KeyboardInterrupt


def test_a_run_that_fails_half_way_leaves_the_snapshot_as_it_was(company, monkeypatch):
    first = run(company)
    before = listed(company, first), rows(company)[0]
    company.buy("2025-04-01", {"C150": 5, "C199": 9000})
    real = writing.Writing._write_rows

    def fail(self, *arguments):
        real(self, *arguments)
        raise OSError("disk full")

    monkeypatch.setattr(writing.Writing, "_write_rows", fail)
    with pytest.raises(OSError, match="disk full"):
        run(company)
    monkeypatch.undo()
    assert (listed(company, first), rows(company)[0]) == before
    with company.app.read() as ctx:
        ended = ctx.connection.scalar(sa.text("SELECT count(*) FROM abc_grade WHERE until_run IS NOT NULL"))
    assert ended == 0


def test_changes_since_a_run_are_shown(company, crm, check_schema):
    run(company)
    assert crm.lines("abc", "changes") == []
    assert "Nothing has changed" in crm.ok("abc", "changes").stdout
    company.buy("2025-04-01", {"C150": 5})
    company.sell("2025-04-01", {"NEW": 1})
    lines = crm.lines("abc", "changes")
    for line in lines:
        check_schema(line, "changes")
    assert lines == [
        {"customer": "C150", "grade": "D", "then_minor": 850, "now_minor": 855},
        {"customer": "NEW", "grade": None, "then_minor": None, "now_minor": 1},
    ]
    assert "2 customers come to other amounts now" in crm.ok("abc", "changes").stdout


def test_each_basis_and_level_has_a_current_run_and_the_last_one_made_is_shown(company, crm):
    first, second = run(company), run(company, level="group")
    states = {line["run"]: line["state"] for line in crm.lines("abc", "runs")}
    assert states == {first: "current", second: "current"}
    assert crm.json("abc", "explain", "C000")["run"] == second
    assert run(company) == first  # the same inputs: the run that there is
    assert crm.json("abc", "explain", "C000")["run"] == first


def since(company, number):
    with company.app.read("abc_analysis") as ctx:
        run_row = find_run(ctx, number)
        query = sa.select(grades.c.customer_id, grades.c.since_run).where(holding(run_row))
        return {row.customer_id: row.since_run for row in ctx.connection.execute(query)}


@pytest.mark.parametrize("engine", ["python", "database"])
def test_a_class_that_comes_back_is_held_since_it_came_back(company, engine):
    first = run(company, engine=engine)
    low = company.id_of("C100")  # D by rank, A by amount
    run(company, preset="pareto", engine=engine)
    company.buy("2025-04-01", {"C150": 5})
    again = run(company, engine=engine)
    assert (since(company, first)[low], since(company, again)[low]) == (first, again)


@pytest.mark.parametrize("engine", ["python", "database", "duckdb"])
def test_a_run_that_another_overtakes_stays_whole(company, engine, monkeypatch):
    """Between reading and writing of one run another one is published: each customer has one row in each."""
    run(company, engine="python")
    company.buy("2025-04-01", {"C150": 5})
    real = writing.Writing.write
    inner: list[int] = []

    def overtaken(self, *arguments):
        if not inner:
            inner.append(0)
            company.buy("2025-04-02", {"C160": 7, "C001": 2})
            inner.append(run(company, engine="python"))
        return real(self, *arguments)

    monkeypatch.setattr(writing.Writing, "write", overtaken)
    outer = run(company, engine=engine)
    monkeypatch.undo()
    for number, expected in ((inner[1], {"C150": 855, "C160": 847}), (outer, {"C150": 855, "C160": 840})):
        lines = listed(company, number)
        assert len(lines) == len({line[0] for line in lines}) == 200
        amounts = {line[0]: line[3] for line in lines}
        assert {code: amounts[code] for code in expected} == expected


def test_a_run_that_is_published_is_never_discarded(company, monkeypatch):
    real = services._publish

    def interrupted(*arguments):
        real(*arguments)
        raise KeyboardInterrupt  # as when Ctrl-C comes after the commit

    monkeypatch.setattr(services, "_publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(company)
    monkeypatch.undo()
    number = run(company)
    assert len(listed(company, number)) == 200


def test_whoever_is_later_with_the_same_run_gets_the_first(company, monkeypatch):
    monkeypatch.setattr(services, "_known_run", lambda *_: None)  # both looked before either was published
    first, second = run(company), run(company)
    assert first == second
    with company.app.read("abc_analysis") as ctx:
        assert [row["run"] for row in list_runs(ctx)] == [first]


def test_groups_change_and_past_runs_do_not(make_company, database, crm):
    company = make_company(database, settings='[plugins.abc_analysis]\nlevel = "group"\n')
    company.add("HEAD", "SHOP", "LONE", "SMALL")
    company.group("HEAD", "SHOP")
    company.buy("2025-05-01", {"SHOP": 100, "LONE": 150, "HEAD": 40, "SMALL": 5})
    first = run(company)
    before = crm.json("abc", "explain", "LONE", "--run", first)
    company.group("HEAD", "LONE")
    second = run(company)
    assert second != first
    after = crm.json("abc", "explain", "LONE", "--run", first)
    assert (after["grade"], after["rank"], after["amount_minor"], after["neighbours"]) == (
        before["grade"],
        before["rank"],
        before["amount_minor"],
        before["neighbours"],
    )
    assert crm.json("abc", "explain", "LONE")["group"] == {"head": "HEAD", "members": 3}
    moved = crm.json("abc", "transitions", "--from-run", first, "--to-run", second)
    assert "LONE" not in {mover["customer"] for mover in moved["movers"]}  # it is in the group, not lost
    assert moved["drops"] == 0


def test_a_period_without_purchases_takes_no_class_away(company, crm):
    run(company)
    refused = crm("abc", "run", "--from", "2090-01-01", "--to", "2090-12-31")
    assert refused.exit_code == 3
    assert "200 customers would lose their class" in refused.stderr
    assert len(crm.lines("abc", "runs")) == 1


def test_a_number_that_was_rolled_back_is_never_discarded(company, monkeypatch):
    """The snapshot was taken, so the run's number went back; the next run of somebody else has it."""
    run(company)
    company.buy("2025-04-01", {"C150": 5})
    discarded = []
    monkeypatch.setattr(writing, "_newest_of", lambda *_: None)
    monkeypatch.setattr(writing.Writing, "discard", lambda _self, number: discarded.append(number))
    real = computing.InPython.compare

    def fail(self, base, held):
        if base is None:
            raise OSError("disk full")
        return real(self, base, held)

    monkeypatch.setattr(computing.InPython, "compare", fail)
    with pytest.raises(OSError, match="disk full"):
        run(company)
    assert discarded == []
