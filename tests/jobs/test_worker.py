"""`crm worker`: what is due is run when it is due, by real processes, until they are told to stop."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.builtin.jobs.worker_queue import FILE, SCHEMA
from crmcore.config import load_config
from crmcore.testing import CommandLine

TICKS = {"tick_a", "tick_b", "tick_c"}


def effects(crm: CommandLine) -> Counter[str]:
    return Counter(customer["name"] for customer in crm.lines("customer", "list"))


def done(crm: CommandLine) -> list[tuple[str, str]]:
    """Return job and due time of the runs of the plugin's ticking jobs that are done."""
    runs = crm.lines("jobs", "history")
    return [(run["job"], run["due_at"]) for run in runs if run["job"] in TICKS and run["state"] == "done"]


def all_ticked(crm: CommandLine) -> bool:
    return {job for job, _due in done(crm)} == TICKS


def assert_each_effect_once(crm: CommandLine) -> None:
    """Hold what the jobs did against what the history says that they did."""
    found = effects(crm)
    assert [name for name, count in found.items() if count > 1] == []
    turns = done(crm)
    assert len(set(turns)) == len(turns), "no due time was done twice"
    for job, due_at in turns:
        about = f"{job} {due_at[:16].replace('T', ' ')}"
        assert {f"{about} step {step}" for step in range(3)} <= found.keys()


def state_of(crm: CommandLine, job: str) -> str | None:
    return next((run["state"] for run in crm.lines("jobs", "history", job)), None)


def test_what_is_due_is_run_and_told_and_a_signal_ends_it(
    ticking: Any, database: str, workers: Any, matches: Any
) -> None:
    crm = ticking(database)
    worker = workers(crm.folder, "--json")
    worker.until(lambda: all_ticked(crm) and len(worker.runs()) >= 4)
    assert worker.stop() == 0
    runs = matches("job_run", worker.runs())
    assert {run["job"] for run in runs} == {*TICKS, "fickle"}
    assert {run["actor"] for run in runs} == {crm.actor}
    assert "crm: serving" in worker.err
    assert str(crm.folder) in worker.err
    assert worker.err.endswith("crm: stopped\n")
    assert_each_effect_once(crm)


def test_a_second_worker_on_sqlite_is_refused_in_one_sentence(ticking: Any, workers: Any) -> None:
    crm = ticking("sqlite")
    first = workers(crm.folder)
    first.until(lambda: "serving" in first.err)
    second = crm("worker")
    assert second.exit_code == 1
    assert second.stderr == (
        f"crm: another worker serves {crm.folder / 'crm.db'} already;"
        " one is enough on SQLite, several need PostgreSQL\n"
    )
    first.kill()
    third = workers(crm.folder)
    third.until(lambda: "serving" in third.err)


def test_without_the_extra_one_sentence_says_what_to_install(
    ticking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = ticking("sqlite")
    monkeypatch.setitem(sys.modules, "dbos", None)
    refused = crm("worker")
    assert refused.exit_code == 1
    assert refused.stderr == (
        "crm: the worker is built on DBOS; install it with: pip install 'crmcore[worker]'\n"
    )
    assert "--finish-within" in crm.ok("worker", "--help").stdout


def test_who_may_not_run_jobs_starts_no_worker(ticking: Any) -> None:
    crm = ticking("sqlite")
    with crm.as_actor("li", roles=["reader"]):
        refused = crm("worker")
    assert refused.exit_code == 1
    assert "li" in refused.stderr
    assert crm("--no-plugins", "worker").exit_code == 1
    assert not (crm.folder / FILE).exists()


def test_help_loads_nothing_of_dbos(python: Any) -> None:
    python(
        """
import sys
from crmcore.cli.main import main
main(["--help"], exit_process=False)
main(["worker", "--help"], exit_process=False)
assert "dbos" not in sys.modules
"""
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_job_may_end_when_the_worker_is_stopped(ticking: Any, workers: Any, number: int) -> None:
    crm = ticking("sqlite")
    (crm.folder / "wait").touch()
    worker = workers(crm.folder)
    worker.until((crm.folder / "waiting-tick_a").exists)
    worker.process.send_signal(number)
    worker.until(lambda: "running jobs may take 60 seconds to end" in worker.err)
    (crm.folder / "wait").unlink()
    assert worker.process.wait(60) == 0
    assert state_of(crm, "tick_a") == "done"
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_a_job_that_does_not_end_in_time_is_interrupted_and_resumed(
    ticking: Any, database: str, workers: Any
) -> None:
    crm = ticking(database)
    (crm.folder / "wait").touch()
    worker = workers(crm.folder, "--finish-within", 0)
    worker.until((crm.folder / "waiting-tick_a").exists)
    assert worker.stop() == 0
    (run,) = crm.lines("jobs", "history", "tick_a")
    assert (run["state"], run["attempt"]) == ("interrupted", 1)
    assert run["ended_at"] is not None, "it had the time to write that down"
    assert "job:tick_a" in {item["key"] for item in crm.lines("work")}
    (crm.folder / "wait").unlink()
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_a_failing_job_is_tried_again_by_its_own_back_off_and_waits_for_administrators(
    ticking: Any, database: str, workers: Any
) -> None:
    crm = ticking(database)
    (crm.folder / "broken").touch()
    worker = workers(crm.folder)
    worker.until(lambda: [run["state"] for run in crm.lines("jobs", "history", "fickle")] == ["failed"] * 3)
    runs = crm.lines("jobs", "history", "fickle")
    assert [(run["attempt"], run["state"], run["retry_at"] is None) for run in runs] == [
        (3, "failed", True),
        (2, "failed", False),
        (1, "failed", False),
    ]
    for earlier, later in ((runs[2], runs[1]), (runs[1], runs[0])):
        assert later["started_at"] >= earlier["retry_at"]
    items = {item["key"]: item["severity"] for item in crm.lines("work")}
    assert items["job:fickle"] == "critical"
    assert "the job 'fickle' failed: no exchange rate" in worker.err
    assert worker.stop() == 0
    assert len(crm.lines("jobs", "history", "fickle")) == 3, "DBOS tries nothing again"


@pytest.mark.slow
def test_a_run_that_the_system_killed_is_told_and_taken_up(ticking: Any, workers: Any) -> None:
    crm = ticking("sqlite")
    (crm.folder / "wait").touch()
    worker = workers(crm.folder)
    worker.until((crm.folder / "waiting-tick_a").exists)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    worker.until(lambda: "the process of the job 'tick_a' was killed (signal 9)" in worker.err)
    (crm.folder / "wait").unlink()
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_a_worker_whose_company_moves_to_another_database_ends(ticking: Any, workers: Any) -> None:
    crm = ticking("sqlite")
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    (crm.folder / "crm.db").rename(crm.folder / "other.db")
    path = crm.folder / "crm.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("crm.db", "other.db"), encoding="utf-8")
    assert worker.process.wait(120) == 1
    assert "crm: crm.toml names another database now; start the worker again" in worker.err


@pytest.mark.slow
def test_what_is_broken_for_a_while_is_told_once_and_then_goes_on(ticking: Any, workers: Any) -> None:
    crm = ticking("sqlite")
    path = crm.folder / "crm.toml"
    text = path.read_text(encoding="utf-8")
    (crm.folder / "wait").touch()
    worker = workers(crm.folder)
    worker.until((crm.folder / "waiting-tick_a").exists)
    path.write_text("[", encoding="utf-8")
    (crm.folder / "wait").unlink()
    worker.until(lambda: ": warning: " in worker.err)
    path.write_text(text, encoding="utf-8")
    worker.until(lambda: "crm: it works again" in worker.err)
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    assert worker.err.count("is not valid TOML") <= 1 + len(TICKS), "once by the worker, and by what it sent"
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_the_queue_on_sqlite_is_a_file_for_the_owner_alone_and_can_be_lost_or_damaged(
    ticking: Any, workers: Any, tmp_path: Path
) -> None:
    crm = ticking("sqlite")
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    for path in crm.folder.glob(f"{FILE}*"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert worker.stop() == 0
    crm.ok("db", "backup", tmp_path / "backup")
    assert list((tmp_path / "backup").rglob(f"*{FILE}*")) == [], "it belongs to no backup"
    before = set(done(crm))
    (crm.folder / FILE).write_bytes(b"no database" * 1000)
    worker = workers(crm.folder)
    worker.until(lambda: "was damaged and is made anew" in worker.err)
    worker.until(lambda: set(done(crm)) > before, 100)
    assert worker.stop() == 0
    assert_each_effect_once(crm)


@pytest.mark.slow
def test_what_the_queue_calls_done_and_the_company_does_not_is_run(ticking: Any, workers: Any) -> None:
    crm = ticking("sqlite")
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    with contextlib.closing(sqlite3.connect(crm.folder / "crm.db")) as company, company:
        company.execute(
            "DELETE FROM job_run WHERE name = 'fickle'"
        )  # as a restored backup does not know of it
    with contextlib.closing(sqlite3.connect(crm.folder / FILE)) as queue:
        names = "SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS' AND workflow_uuid LIKE '%/fickle/%'"
        assert queue.execute(names).fetchone() == (1,)
        with queue:
            older = "UPDATE workflow_status SET created_at = created_at - 172800000 WHERE workflow_uuid LIKE '%/tick_a/%'"
            old = {str(queue.execute(older + " RETURNING workflow_uuid").fetchone()[0])}
    worker = workers(crm.folder)
    worker.until(lambda: state_of(crm, "fickle") == "done")
    assert worker.stop() == 0
    with contextlib.closing(sqlite3.connect(crm.folder / FILE)) as queue:
        left = {row[0] for row in queue.execute("SELECT workflow_uuid FROM workflow_status")}
    assert not old & left, "what was done days ago is forgotten"


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.slow
def test_a_pickle_in_the_queue_is_never_loaded(ticking: Any, workers: Any, tmp_path: Path) -> None:
    crm = ticking("sqlite")
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    bomb = base64.b64encode(pickle.dumps({"args": (Bomb(tmp_path / "exploded"),), "kwargs": {}})).decode()
    with contextlib.closing(sqlite3.connect(crm.folder / FILE)) as queue, queue:
        kinds = {row[0] for row in queue.execute("SELECT DISTINCT serialization FROM workflow_status")}
        assert kinds == {"portable_json"}
        ((name,),) = queue.execute(
            "SELECT workflow_uuid FROM workflow_status WHERE workflow_uuid LIKE '%/fickle/%'"
        )
        queue.execute("UPDATE workflow_input SET inputs = ? WHERE workflow_uuid = ?", (bomb, name))
        queue.execute(
            "UPDATE workflow_status SET status = 'ENQUEUED', serialization = 'py_pickle',"
            " completed_at = NULL, owner_xid = NULL WHERE workflow_uuid = ?",
            (name,),
        )
    worker = workers(crm.folder, debug=True)
    with contextlib.closing(sqlite3.connect(crm.folder / FILE)) as queue:
        state = "SELECT status FROM workflow_status WHERE workflow_uuid = ?"
        worker.until(lambda: queue.execute(state, (name,)).fetchone() != ("ENQUEUED",))
    time.sleep(1)
    assert not (tmp_path / "exploded").exists()
    assert worker.stop() == 0


@pytest.mark.postgres
def test_several_workers_on_postgresql_put_each_turn_in_once_and_nobody_sees_the_password(
    ticking: Any, workers: Any
) -> None:
    crm = ticking("postgres")
    path = crm.folder / "crm.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[database]", '[database]\npassword_env = "CRM_SECRET"'), encoding="utf-8")
    secret = {"CRM_SECRET": "pa55-of-nobody"}
    (crm.folder / "wait").touch()
    several = [workers(crm.folder, "--json", env=secret, debug=True) for _one in range(2)]
    several[0].until(lambda: len(list(crm.folder.glob("waiting-*"))) == len(TICKS))
    for worker in several:
        worker.until(lambda: "serving" in worker.err)  # noqa: B023  (called here)
        for process in (worker.process.pid, *worker.children()):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # children come and go
                assert b"pa55" not in Path(f"/proc/{process}/cmdline").read_bytes()
    (crm.folder / "wait").unlink()
    several[0].until(lambda: all_ticked(crm))
    assert [worker.stop() for worker in several] == [0, 0]
    assert not any("pa55" in worker.err + worker.out for worker in several)
    told = [(run["job"], run["due_at"]) for worker in several for run in worker.runs()]
    assert len(set(told)) == len(told) >= len(TICKS), "each turn was sent to one of them"
    assert_each_effect_once(crm)


@pytest.mark.slow
@pytest.mark.postgres
def test_the_schema_of_the_queue_is_in_no_copy_and_no_backup_and_in_nobodys_way(
    ticking: Any, workers: Any, tmp_path: Path, empty_postgres: Any
) -> None:
    crm = ticking("postgres")
    worker = workers(crm.folder)
    worker.until(lambda: all_ticked(crm))
    assert worker.stop() == 0
    with plain(crm) as connection:
        assert SCHEMA in sa.inspect(connection).get_schema_names()
        assert "workflow_status" in sa.inspect(connection).get_table_names(SCHEMA)
    crm.ok("doctor")
    crm.ok("db", "backup", tmp_path / "backup")
    assert SCHEMA not in (tmp_path / "backup" / "manifest.json").read_text(encoding="utf-8")
    for target in (empty_postgres(), f"sqlite:///{tmp_path / 'copy.db'}"):
        copied = crm.json("db", "copy", "--to", target)
        assert "workflow_status" not in str(copied)
    full = empty_postgres()
    with plain(crm, full) as connection, connection.begin():
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        connection.exec_driver_sql(f"CREATE TABLE {SCHEMA}.workflow_status (id integer)")
    refused = crm("db", "copy", "--to", full)
    assert refused.exit_code == 1
    assert "workflow_status" in refused.stderr, "an empty database is wanted, and this is not one"


@pytest.mark.postgres
def test_a_role_that_may_make_no_schema_is_told_so(ticking: Any, workers: Any) -> None:
    crm = ticking("postgres")
    with plain(crm) as connection, connection.begin():
        connection.exec_driver_sql("DROP ROLE IF EXISTS crm_poor")
        connection.exec_driver_sql("CREATE ROLE crm_poor LOGIN")
        for what in ("TABLES", "SEQUENCES"):
            connection.exec_driver_sql(f"GRANT ALL ON ALL {what} IN SCHEMA public TO crm_poor")
    path = crm.folder / "crm.toml"
    url = load_config(crm.folder).database_url
    poor = sa.engine.make_url(url).set(username="crm_poor").render_as_string()
    path.write_text(path.read_text(encoding="utf-8").replace(url, poor), encoding="utf-8")
    worker = workers(crm.folder)
    assert worker.process.wait(60) == 1
    assert worker.err.startswith("crm: the worker cannot make its own tables: ")
    assert "permission denied" in worker.err
    assert worker.err.count("\n") == 1
    with plain(crm, url) as connection, connection.begin():
        connection.exec_driver_sql("DROP OWNED BY crm_poor")
        connection.exec_driver_sql("DROP ROLE crm_poor")


@contextlib.contextmanager
def plain(crm: CommandLine, url: str | None = None) -> Iterator[sa.Connection]:
    """Connect to a company's PostgreSQL past everything of ours."""
    assert crm.folder is not None
    address = sa.engine.make_url(url or load_config(crm.folder).database_url)
    engine = sa.create_engine(address.set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


@pytest.mark.postgres
def test_what_a_killed_worker_was_at_another_one_takes_up(ticking: Any, workers: Any) -> None:
    crm = ticking("postgres")
    (crm.folder / "wait").touch()
    first = workers(crm.folder)
    first.until(lambda: len(list(crm.folder.glob("waiting-*"))) == len(TICKS))
    second = workers(crm.folder)
    second.until(lambda: "serving" in second.err)
    first.kill()
    (crm.folder / "wait").unlink()
    second.until(lambda: all_ticked(crm))
    assert second.stop() == 0
    states = {run["state"] for run in crm.lines("jobs", "history") if run["job"] in TICKS}
    assert states == {"interrupted", "done"}
    assert_each_effect_once(crm)
