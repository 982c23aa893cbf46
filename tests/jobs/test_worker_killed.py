"""Workers on PostgreSQL that are killed at any moment, lose the database, and come again: nothing is done twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.builtin.jobs.worker_queue import SCHEMA
from crmcore.config import load_config
from crmcore.testing import CommandLine
from crmcore.testing.databases import _maintenance

TICKS = ("tick_a", "tick_b", "tick_c")
pytestmark = pytest.mark.postgres


def ticks(crm: CommandLine, *states: str) -> list[dict[str, Any]]:
    """Return the runs of the jobs that tick."""
    return [run for run in crm.lines("jobs", "history") if run["job"] in TICKS and run["state"] in states]


def assert_each_effect_once(crm: CommandLine) -> None:
    """Hold what the jobs did against what the history says that they did."""
    found = Counter(customer["name"] for customer in crm.lines("customer", "list"))
    assert [name for name, count in found.items() if count > 1] == []
    turns = [(run["job"], run["due_at"]) for run in ticks(crm, "done")]
    assert len(set(turns)) == len(turns), "no due time was done twice"
    for job, due_at in turns:
        about = f"{job} {due_at[:16].replace('T', ' ')}"
        assert {f"{about} step {step}" for step in range(3)} <= found.keys()


@contextmanager
def server(crm: CommandLine, request: pytest.FixtureRequest) -> Iterator[tuple[sa.Connection, str]]:
    """Give a connection to another database of the server, and the name of the company's."""
    assert crm.folder is not None
    name = str(sa.engine.make_url(load_config(crm.folder).database_url).database)
    with _maintenance(request.getfixturevalue("postgres_server")) as connection:
        yield connection, name


_CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name"
_HOLDERS = " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 726871)"


def cut(connection: sa.Connection, name: str, which: str = "") -> int:
    """End sessions of a database, as a server that is restarted does; returns how many."""
    return int(connection.scalar(sa.text(_CUT + which), {"name": name}) or 0)


def test_a_run_that_lost_its_lock_writes_nothing_more(
    ticking: Any, typed: Any, request: pytest.FixtureRequest
) -> None:
    crm = ticking("postgres")
    (crm.folder / "wait").touch()

    def begin(count: int) -> Any:
        process = typed(crm.folder, "jobs", "run", "tick_a", "--due", "--json")
        end = time.monotonic() + 60
        while len(list(crm.folder.glob("process-*"))) < count:
            assert time.monotonic() < end
            time.sleep(0.02)
        return process

    first = begin(1)
    with server(crm, request) as (connection, name):
        assert cut(connection, name, _HOLDERS) == 1
    assert [run["state"] for run in ticks(crm, "interrupted")] == ["interrupted"], "as far as one can see"
    second = begin(2)
    (crm.folder / "wait").unlink()
    said = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [1, 0], said
    assert "another process took the job 'tick_a' up" in said[0][1]
    states = [run["state"] for run in ticks(crm, "done", "failed", "interrupted")]
    assert states == ["done", "interrupted"], "the newest first"
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_a_worker_survives_that_the_database_is_away(
    ticking: Any, workers: Any, request: pytest.FixtureRequest
) -> None:
    crm = ticking("postgres")
    worker = workers(crm.folder)
    worker.until(lambda: len(ticks(crm, "done")) >= len(TICKS))
    with server(crm, request) as (connection, name):
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        assert cut(connection, name) > 0
        worker.until(lambda: "the database does not answer" in worker.err)
        time.sleep(5)
        assert cut(connection, name) == 0
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    worker.until(lambda: "crm: it works again" in worker.err)
    before = len(ticks(crm, "done"))
    worker.until(lambda: len(ticks(crm, "done")) >= before + len(TICKS), 150)
    assert worker.stop() == 0
    assert "Traceback" not in worker.err
    told = [line for line in worker.err.splitlines() if "warning: the database does not answer" in line]
    assert len(told) == len(set(told)), "each once, not each second"
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_a_worker_whose_database_is_away_stops_all_the_same(
    ticking: Any, workers: Any, request: pytest.FixtureRequest
) -> None:
    crm = ticking("postgres")
    worker = workers(crm.folder)
    worker.until(lambda: len(ticks(crm, "done")) >= len(TICKS))
    with server(crm, request) as (connection, name):
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cut(connection, name)
        worker.until(lambda: "the database does not answer" in worker.err)
        assert worker.stop() == 0
        connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert "Traceback" not in worker.err


@pytest.mark.slow
def test_whoever_deletes_the_queue_loses_nothing(ticking: Any, workers: Any) -> None:
    crm = ticking("postgres")
    worker = workers(crm.folder)
    worker.until(lambda: len(ticks(crm, "done")) >= len(TICKS))
    with company(crm) as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA} CASCADE")
    assert worker.process.wait(150) == 1
    assert "the queue of the worker is lost" in worker.err.splitlines()[-1]
    assert "start the worker again" in worker.err
    worker, before = workers(crm.folder), len(ticks(crm, "done"))
    worker.until(lambda: len(ticks(crm, "done")) >= before + len(TICKS))
    assert worker.stop() == 0
    assert_each_effect_once(crm)


@contextmanager
def company(crm: CommandLine) -> Iterator[sa.Connection]:
    """Connect to a company's PostgreSQL past everything of ours."""
    assert crm.folder is not None
    url = sa.engine.make_url(load_config(crm.folder).database_url).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


def storm(crm: CommandLine, workers: Any, kills: int, seed: int) -> None:
    """Kill workers at work, mostly with what they sent, and start others; at the end one remains and finishes."""
    assert crm.folder is not None
    (crm.folder / "slowly").touch()
    chance, alive = random.Random(seed), [workers(crm.folder) for _one in range(3)]
    for kill in range(10 * kills):
        if kill >= kills and len(ticks(crm, "interrupted")) > 1:
            break
        until = time.monotonic() + 90
        while not (ticks(crm, "running") and (busy := [worker for worker in alive if worker.children()])):
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 1))
        victim = chance.choice(busy)
        victim.kill(with_children=chance.random() < 0.7)
        alive = [*(worker for worker in alive if worker is not victim), workers(crm.folder)]
    last, *others = alive
    for worker in others:
        worker.kill()
    last.until(lambda: "serving" in last.err)
    newest = max((run["due_at"] for run in ticks(crm, "done", "interrupted", "running")), default="")
    last.until(
        lambda: {run["job"] for run in ticks(crm, "done") if run["due_at"] >= newest} == set(TICKS), 200
    )
    assert last.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_of_workers_killed_at_random_each_effect_is_there_once(ticking: Any, workers: Any, seed: int) -> None:
    crm = ticking("postgres")
    storm(crm, workers, 8, seed)
    assert ticks(crm, "interrupted"), "some were killed at work"
    assert len(ticks(crm, "done")) >= len(TICKS)
    assert_each_effect_once(crm)
