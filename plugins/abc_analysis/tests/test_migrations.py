"""A database of the first version becomes one of today, and back, with all its runs."""

import re
import shutil
from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from crmcore.api import metadata
from crmcore.db import migrations
from crmcore.db.engine import gate
from crmcore_abc_analysis import plugin

FOLDER = Path(str(resources.files("crmcore_abc_analysis"))) / "migrations"
NAME = "abc_analysis"
RUN = {
    "period_start": "2024-01-01",
    "period_end": "2024-12-31",
    "basis": "purchases",
    "level": "single",
    "by": "rank",
    "preset": "pyramid",
    "currency": "CNY",
    "settings": '{"cutoffs":[{"grade":"A","within":"0.5"},{"grade":"D","within":"1"}]}',
    "settings_version": "0123456789ab",
    "rates": "{}",
    "input_checksum": "0" * 64,
    "customers": 3,
    "purchases": 3,
    "amount_minor": 0,
    "positive_minor": 0,
    "duration_ms": 1,
    "actor": "alice",
    "made_on": "2025-01-02",
    "created_at": "2025-01-02 00:00:00",
    "version": 1,
}
GRADES = [
    # run, customer, grade, rank, amount, ahead, since
    (1, 1, "A", 1, 300, 0, 1),
    (1, 2, "A", 1, 300, 0, 1),
    (1, 3, "D", 3, -5, 600, 1),
    (2, 1, "A", 1, 300, 0, 1),
    (2, 2, "D", 2, 20, 300, 2),
]


@pytest.fixture
def engine(make_app, database, tmp_path):
    """Return a database as the first version left it: two runs, the second one current."""
    engine = make_app([], database).engine
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(FOLDER / "0001_abc.py", first)
    migrations.migrate(engine, {NAME: first})
    with (
        engine.connect() as connection,
        gate(connection),
        connection.execution_options(crm_write=True).begin(),
    ):
        for number in (1, 2, 3):
            _insert(connection, "customer", {"id": number, "uid": f"u{number}", "code": f"C{number}",
                "kind": "organisation", "lifecycle": "active", "name": f"C{number}", "version": 1, "attributes": "{}"})  # fmt: skip
        for number, state in ((1, "old"), (2, "current")):
            published = f"2025-01-0{number} 00:00:00"
            more = {"id": number, "state": state, "fingerprint": str(number), "published_at": published}
            _insert(connection, "abc_run", {**RUN, **more})
        names = ("run_id", "customer_id", "grade", "rank", "amount_minor", "ahead_minor", "since_run")
        for number, row in enumerate(GRADES, 1):
            _insert(connection, "abc_grade", {"id": number, **dict(zip(names, row, strict=True))})
    return engine


def _insert(connection, table, row):
    names, places = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
    connection.execute(sa.text(f'INSERT INTO "{table}" ({names}) VALUES ({places})'), row)  # noqa: S608


def _all(engine, query):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_runs_of_the_first_version_are_kept_as_snapshots_of_their_own(engine):
    migrations.migrate(engine, {NAME: FOLDER})
    kept = _all(engine, "SELECT id, snapshot_id, run_id, until_run, customer_id, grade, amount_minor, since_run"
                        " FROM abc_grade ORDER BY id")  # fmt: skip
    assert kept == [(n, r[0], r[0], None, r[1], r[2], r[4], r[6]) for n, r in enumerate(GRADES, 1)]
    assert _all(engine, "SELECT run_id, actor FROM abc_publication ORDER BY id") == [
        (1, "alice"),
        (2, "alice"),
    ]
    assert _all(engine, "SELECT state, snapshot_id, engine FROM abc_run ORDER BY id") == [
        ("old", None, "python"),
        ("current", None, "python"),
    ]
    with (
        engine.connect() as connection,
        gate(connection),
        connection.execution_options(crm_write=True).begin(),
    ):
        row = {
            "snapshot_id": 2,
            "run_id": 2,
            "customer_id": 3,
            "grade": "D",
            "amount_minor": 1,
            "since_run": 2,
        }
        _insert(connection, "abc_grade", row)
    assert _all(engine, "SELECT max(id) FROM abc_grade") == [(6,)]  # numbers go on


def test_back_to_the_first_version_each_run_is_written_out_again(engine):
    migrations.migrate(engine, {NAME: FOLDER})
    with (
        engine.connect() as connection,
        gate(connection),
        connection.execution_options(crm_write=True).begin(),
    ):
        # A third run that shares what stayed with the first: customer 2 falls, customer 3 leaves.
        more = {"id": 3, "state": "building", "fingerprint": "3", "snapshot_id": 1, "published_at": None,
                "remarks": "{}", "engine": "python"}  # fmt: skip
        _insert(connection, "abc_run", {**RUN, **more})
        connection.execute(sa.text("UPDATE abc_grade SET until_run = 3 WHERE run_id = 1 AND customer_id > 1"))
        row = {
            "snapshot_id": 1,
            "run_id": 3,
            "customer_id": 2,
            "grade": "D",
            "amount_minor": 7,
            "since_run": 3,
        }
        _insert(connection, "abc_grade", row)
    _downgrade(engine)
    written = _all(engine, "SELECT run_id, customer_id, grade, rank, amount_minor, ahead_minor, since_run"
                           " FROM abc_grade ORDER BY run_id, customer_id")  # fmt: skip
    assert written == [*GRADES, (3, 1, "A", 1, 300, 0, 1), (3, 2, "D", 2, 7, 300, 3)]
    assert _all(engine, "SELECT id, state FROM abc_run ORDER BY id") == [
        (1, "old"),
        (2, "current"),
        (3, "building"),
    ]
    migrations.migrate(engine, {NAME: FOLDER})  # and forth again


def _downgrade(engine):
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])
    with engine.connect() as connection, gate(connection):
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        with (
            connection.execution_options(crm_write=True).begin(),
            EnvironmentContext(
                Config(), script, fn=lambda found, _ctx: script._downgrade_revs(f"{NAME}_0001", found)
            ) as environment,
        ):
            environment.configure(
                connection=connection, version_table=migrations.version_table(NAME), render_as_batch=True
            )
            environment.run_migrations()
        if sqlite:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_the_tables_that_the_models_describe(make_company, database):
    company = make_company(database)

    def ours(_object, name, kind, _reflected, _other):
        return kind != "table" or name.startswith("abc_")

    with company.app.engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        made = {
            (index["name"], re.sub(r"[()]|::\w+( varying)?", "", str(where)))
            for index in sa.inspect(connection).get_indexes("abc_run")
            for option, where in index["dialect_options"].items()
            if option.endswith("_where")
        }
    assert [found for found in differences if "abc_" in str(found)] == []
    described = {(i.name, i.info["where"]) for i in metadata.tables["abc_run"].indexes if i.info}
    assert made == described
    assert len(made) == 2


@pytest.mark.parametrize("column", ["customer_id", "head_id"])
def test_what_names_a_customer_in_runs_by_groups_is_found_by_an_index(make_company, database, column):
    company = make_company(database)
    query = f"SELECT id FROM abc_member WHERE {column} = 7"  # noqa: S608  (a column of ours)
    with company.app.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            plan = [row.detail for row in connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}"))]
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = list(connection.scalars(sa.text(f"EXPLAIN {query}")))
    assert f"ix_abc_member_{column}" in "".join(plan)


def test_ids_are_never_given_twice(make_company, database):
    """The gate relies on it: AUTOINCREMENT on SQLite, a sequence of the column's own on PostgreSQL."""
    company = make_company(database)
    with company.app.engine.connect() as connection:
        for spec in plugin.models():
            name = {"n": spec.table.__tablename__}
            if connection.dialect.name == "sqlite":
                query = sa.text("SELECT sql FROM sqlite_master WHERE name = :n")
                assert "AUTOINCREMENT" in connection.scalar(query, name)
            else:
                assert connection.scalar(sa.text("SELECT pg_get_serial_sequence(:n, 'id')"), name)
