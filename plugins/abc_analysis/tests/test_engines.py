"""Every engine gives the same run, to the last row, as plain Python does."""

import os
import shutil
from datetime import date
from itertools import product

import pytest
import sqlalchemy as sa

from crmcore.testing import ACTOR
from crmcore_abc_analysis import services, writing
from crmcore_abc_analysis.runs import list_grades, list_runs
from crmcore_abc_analysis.services import Request, make_run
from plugins.abc_analysis.tests.test_bases import END, SETTINGS, START, World

_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="no Java: the engine spark needs it")
SPARK = [pytest.mark.slow, _JAVA]
ENGINES = ["database", "duckdb", pytest.param("spark", marks=SPARK)]
FEW = [("profit", "amount", "group"), ("purchases", "rank", "single")]
"""For Spark, which takes seconds for each."""
BASES, CUTS, LEVELS = (
    ("purchases", "margin", "profit", "potential"),
    ("rank", "amount", "threshold"),
    ("single", "group"),
)
WAYS = list(product(BASES, CUTS, LEVELS))
PAIRS = [
    (basis, by, LEVELS[(row + column) % 2])
    for row, basis in enumerate(BASES)
    for column, by in enumerate(CUTS)
]
"""Any two of basis, cut and level together, for DuckDB, which starts a process for each; all of them where
CRM_TEST_EVERY_POINT is 1."""
WAYS_OF = {
    "database": WAYS,
    "duckdb": WAYS if os.environ.get("CRM_TEST_EVERY_POINT") == "1" else PAIRS,
    "spark": FEW,
}


def run(company, engine, **wanted):
    number = make_run(company.app, ACTOR, Request(START, END, engine=engine, **wanted))
    with company.app.read("abc_analysis") as ctx:
        (made,) = [row for row in list_runs(ctx) if row["run"] == number]
        rows = [(r["customer"], r["grade"], r["rank"], r["amount_minor"]) for r in list_grades(ctx, number)]
    whole = {
        key: made[key]
        for key in ("input_checksum", "customers", "purchases", "amount_minor", "rates", "remarks")
    }
    return made["engine"], whole, rows


def apart(monkeypatch, name):
    """Let runs differ in their fingerprint, or the run that there is would be the answer."""
    values = services._values
    monkeypatch.setattr(services, "_values", lambda *given: {**values(*given), "fingerprint": name})


def held(company):
    with company.app.read() as ctx:
        return ctx.connection.execute(
            sa.text("SELECT customer_id, grade, amount_minor, until_run FROM abc_grade ORDER BY id")
        ).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_gives_what_python_gives(make_company, database, engine, monkeypatch):
    company = make_company(database, settings=SETTINGS, facts="all")
    World(7, 80).put_into(company)
    ways = WAYS_OF[engine][: 1 if (engine, database) == ("spark", "postgres") else None]
    for basis, by, level in ways:
        wanted = {"basis": basis, "by": by, "level": level}
        python = run(company, "python", **wanted)
        with monkeypatch.context() as patched:
            apart(patched, "-".join((engine, *wanted.values())))
            patched.setattr(writing, "_most_alike", lambda *_: None)
            other = run(company, engine, **wanted)
        assert (python[0], other[0]) == ("python", engine)
        assert other[1:] == python[1:]
        # The same inputs: a third run by Python is the one that there is.
        assert run(company, None, **wanted)[1:] == python[1:]


@pytest.mark.parametrize("engine", ["database", "duckdb"])
def test_an_engine_writes_only_who_changed(make_company, database, engine):
    company = make_company(database)
    company.sell("2025-03-01", {f"C{i:03}": 1000 - i for i in range(100)})
    first = run(company, engine)
    company.buy("2025-04-01", {"C080": 5, "C090": -3})
    before = held(company)
    second = run(company, engine)
    after = held(company)
    assert [row[3] for row in after].count(None) == 100
    assert len(after) - len(before) == 2
    assert dict(line[:2] for line in second[2]) == dict(line[:2] for line in first[2])
    assert {line[0]: line[3] for line in second[2]}["C080"] == 925


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
@pytest.mark.parametrize("engine", ["database", "duckdb"])
def test_halves_are_rounded_as_python_rounds_them(make_company, database, engine, rounding, monkeypatch):
    settings = f'USD = "0.5"\nKWD = "0.25"\nJPY = "0.125"\n[plugins.abc_analysis]\nrounding = "{rounding}"\n'
    company = make_company(database, settings=settings)
    codes = [f"C{i:02}" for i in range(40)]
    company.add(*codes)
    for currency in ("USD", "KWD", "JPY", "CNY"):
        company.buy(
            "2025-03-01", {code: (number - 20) * 3 + 1 for number, code in enumerate(codes)}, currency
        )
    python = run(company, "python")
    apart(monkeypatch, engine)
    other = run(company, engine)
    assert other[0] == engine
    assert other[1:] == python[1:]


@pytest.mark.parametrize("engine", ["database", "duckdb"])
def test_amounts_near_the_largest_are_exact(make_company, database, engine, monkeypatch):
    company = make_company(database, settings='USD = "7.123456"\n')
    company.add("BIG", "NEXT", "SMALL")
    company.buy("2025-03-01", {"BIG": 3 * 10**18 + 7, "NEXT": 3 * 10**18 + 6, "SMALL": 1})
    company.buy("2025-03-01", {"SMALL": 10**17 + 3}, "USD")
    python = run(company, "python")
    apart(monkeypatch, engine)
    other = run(company, engine)
    assert other[0] == engine
    assert other[1:] == python[1:]


def test_a_rate_with_too_many_digits_is_refused_by_an_engine_and_taken_by_python(make_company, crm):
    company = make_company(settings='USD = "7.123456789012"\n')
    company.sell("2025-03-01", {"C1": 100}, "USD")
    refused = crm("abc", "run", "--engine", "database")
    assert refused.exit_code == 1
    assert "7.123456789012" in refused.stderr
    assert "--engine python" in refused.stderr
    crm.ok("abc", "run", "--engine", "python")


@pytest.mark.parametrize("engine", ["python", "database", "duckdb"])
def test_more_than_can_be_stored_is_refused(make_company, crm, engine):
    company = make_company()
    company.sell("2025-03-01", {"C1": 9 * 10**18, "C2": 9 * 10**18})
    refused = crm("abc", "run", "--engine", engine)
    assert refused.exit_code == 1
    assert "more than can be stored" in refused.stderr
    assert crm.lines("abc", "runs") == []


def test_an_engine_that_there_is_not_is_named(make_company, crm):
    make_company().sell("2025-03-01", {"C1": 100})
    refused = crm("abc", "run", "--engine", "abacus")
    assert refused.exit_code == 2
    assert "abacus" in refused.stderr


@pytest.mark.parametrize(
    ("engine", "basis"),
    [
        ("duckdb", "purchases"),
        ("duckdb", "margin"),
        ("duckdb", "profit"),
        pytest.param("spark", "profit", marks=SPARK),
    ],
)
def test_purchases_in_parquet_files_are_read_in_place(make_company, engine, basis, tmp_path, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    world = World(11, 60)
    there = make_company(settings=SETTINGS, facts="all")
    world.put_into(there)
    python = run(there, "python", basis=basis, level="group")
    ids = {code: there.id_of(code) for code in world.codes}
    for part in (0, 1):
        rows = [{**row, "customer_id": ids[row["customer"]]} for row in world.purchases[part::2]]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"part{part}.parquet")
    settings = SETTINGS.replace(
        "[plugins.abc_analysis]", f'[plugins.abc_analysis]\npurchases_files = "{tmp_path}/*.parquet"'
    )
    (there.app.config.folder / "crm.toml").write_text(
        (there.app.config.folder / "crm.toml").read_text("utf-8").replace(SETTINGS, settings), "utf-8"
    )
    there.app.refresh()
    _engine, whole, rows = run(there, engine, basis=basis, level="group")
    assert rows == python[2]
    assert (whole["input_checksum"], whole["remarks"]) == (python[1]["input_checksum"], python[1]["remarks"])


def test_files_need_an_engine_that_reads_them(make_company, crm):
    company = make_company(settings='[plugins.abc_analysis]\npurchases_files = "lake/*.parquet"\n')
    company.sell("2025-03-01", {"C1": 100})
    for engine in ("python", "database"):
        refused = crm("abc", "run", "--engine", engine)
        assert refused.exit_code == 1
        assert "lake/*.parquet" in refused.stderr


def test_the_period_of_a_run_is_of_days(make_company):
    company = make_company()
    company.sell("2024-12-31", {"OLD": 1})
    company.sell("2025-01-01", {"FIRST": 1})
    company.sell("2025-12-31", {"LAST": 1})
    company.sell("2026-01-01", {"NEXT": 1})
    for engine in ("python", "database"):
        assert {row[0] for row in run(company, engine)[2]} == {"FIRST", "LAST"}
    assert date(2025, 12, 31) == END


def test_a_class_from_files_is_explained_as_far_as_it_can_be(make_company, crm, check_schema, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    company = make_company(settings=f'[plugins.abc_analysis]\npurchases_files = "{tmp_path}/*.parquet"\n')
    company.add("C1", "C2")
    rows = [
        {"customer_id": company.id_of(code), "occurred_on": START, "currency": "CNY", "amount_minor": amount}
        for code, amount in (("C1", 500), ("C2", 70))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "purchases.parquet")
    crm.ok("abc", "run", "--engine", "duckdb", "--from", "2025-01-01", "--to", "2025-12-31")
    why = crm.json("abc", "explain", "C1")
    check_schema(why, "explain")
    assert (why["rank"], why["amount_minor"], why["inputs_changed"]) == (1, 500, None)
    assert "lie in files" in crm.ok("abc", "explain", "C1").stdout
    refused = crm("abc", "changes")
    assert refused.exit_code == 1
    assert "lie in files" in refused.stderr
