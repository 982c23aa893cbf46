"""The process in which DuckDB works: what it is told, what it leaves, and what happens when it or we die."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, CrmError, Customer, open_bench
from crmcore.builtin.analytics import duck_process
from crmcore.db.engine import sqlite_path
from crmcore.testing import ACTOR

ONE: sa.Select[Any] = sa.select(sa.literal_column("1").label("n"))
KINDS = {"n": "int64"}


def child_of(bench: Any) -> Any:
    return bench.child


def temporary(bench: Any) -> Path:
    found: Path = child_of(bench)._folder
    return found


def gone(pid: int) -> bool:
    path = Path(f"/proc/{pid}/stat")
    for _attempt in range(200):
        if not path.exists() or path.read_text("ascii").split(") ")[1].startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def test_folder_and_process_are_gone_afterwards(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        folder, pid = temporary(bench), child_of(bench).pid
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "errors.txt").stat().st_mode) & 0o077 in {0, 0o044}
        bench.read("one", ONE, KINDS)
        assert bench.fetch(lambda t: t["one"]) == [(1,)]
    assert not folder.exists()
    assert gone(pid)


def test_they_are_gone_after_a_failure_too(company: App) -> None:
    folder, pid = Path(), 0
    with pytest.raises(ZeroDivisionError), open_bench(company, "duckdb", "points") as bench:
        folder, pid = temporary(bench), child_of(bench).pid
        bench.read("one", ONE, KINDS)
        raise ZeroDivisionError
    assert not folder.exists()
    assert gone(pid)


def test_the_command_line_of_the_process_tells_nothing(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("one", ONE, KINDS)
        bench.fetch(lambda t: t["one"])
        words = Path(f"/proc/{child_of(bench).pid}/cmdline").read_text("utf-8").split("\0")
        assert words == [sys.executable, "-P", "-m", "crmcore.builtin.analytics.child", ""]


def test_a_password_goes_through_the_environment(monkeypatch: pytest.MonkeyPatch, company: App) -> None:
    monkeypatch.setenv("CRM_DB_PASSWORD", "s3cret")
    company.config.data["database"]["password_env"] = "CRM_DB_PASSWORD"
    assert duck_process._environment(company.config, Path("x"))["PGPASSWORD"] == "s3cret"
    assert "s3cret" not in json.dumps(duck_process._database(company.config))


def test_the_process_holds_no_sqlite3(company: App) -> None:
    """Python's SQLite and ADBC's in one process would take each other's locks away."""
    code = """
import sys
import crmcore.builtin.analytics.child
from crmcore.builtin.analytics.child_work import Work
import crmcore.builtin.analytics.child_load
work = Work(sys.argv[1])
work.do_open(256, "sqlite", sys.argv[2])
work.do_read("one", "SELECT 1 AS n", [["n", "BIGINT"]])
print(work.do_rows(1, "SELECT * FROM one", 10))
print(sorted({"sqlite3", "_sqlite3", "sqlalchemy", "ibis", "pandas"} & {n for n, m in sys.modules.items() if m}))
"""
    database = sqlite_path(company.config)
    if database is None:
        pytest.skip("SQLite only")
    done = subprocess.run(
        [sys.executable, "-c", code, str(company.config.folder), str(database)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[(1,)]", "[]"]


def test_a_process_that_was_killed_is_one_sentence(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("one", ONE, KINDS)
        os.kill(child_of(bench).pid, signal.SIGKILL)
        with pytest.raises(CrmError, match=r"ended before its work was done \(-9: no message\); try again"):
            bench.fetch(lambda t: t["one"])


def test_its_last_words_are_told(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        child_of(bench)._commands.write(b"nonsense\n")
        with pytest.raises(CrmError, match=r"ended before .*JSONDecodeError"):
            child_of(bench).ask("more")


def test_an_interrupt_is_for_us_to_handle(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        bench.read("one", ONE, KINDS)
        assert bench.fetch(lambda t: t["one"]) == [(1,)]
        os.kill(child_of(bench).pid, signal.SIGINT)
        assert bench.fetch(lambda t: t["one"]) == [(1,)]


def test_it_ends_when_we_are_killed(company: App) -> None:
    """Kill the parent while the process computes something that never ends."""
    code = """
import os, signal, sys, threading
import sqlalchemy as sa
from crmcore.api import open_bench
from crmcore.app import create_app
app = create_app(sys.argv[1])
with open_bench(app, "duckdb", "crmcore") as bench:
    bench.child.ask("run", statement="SELECT 1")
    bench.child.send("run", statement="CREATE TABLE x AS SELECT count(*) FROM range(1000000000000)")
    print(bench.child.pid, bench.child._folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(company.config.folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, folder = done.stdout.split()
    assert gone(int(pid))
    assert not Path(folder).exists()


def test_an_error_in_a_statement_is_one_sentence_when_its_answer_is_wanted(company: App) -> None:
    with open_bench(company, "duckdb", "points") as bench:
        child_of(bench).send("run", statement="SELECT no_such_column")
        bench.read("one", ONE, KINDS)
        with pytest.raises(CrmError, match="no_such_column") as caught:
            bench.fetch(lambda t: t["one"])
        assert "\n" not in str(caught.value)


def test_integers_must_be_integers(company: App) -> None:
    if company.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has types")
    for value in ("1.5", "'x'"):
        with open_bench(company, "duckdb", "points") as bench:
            bench.read("one", sa.select(sa.literal_column(value).label("n")), KINDS)
            with pytest.raises(CrmError, match="column n holds numbers with a fraction, or texts"):
                bench.fetch(lambda t: t["one"])


def test_little_memory_is_no_failure_but_time(company: App) -> None:
    company.config.data["analytics"]["memory_limit_mb"] = 128
    with open_bench(company, "duckdb", "points") as bench:
        child_of(bench).ask(
            "run",
            statement="CREATE TABLE wide AS SELECT i, md5(CAST(i AS VARCHAR)) AS word FROM range(3000000) AS r(i) ORDER BY 2",
        )
        ((count,),) = child_of(bench).ask(
            "rows", number=9, query="SELECT count(DISTINCT word) FROM wide", size=10
        )
        assert count == 3_000_000
        assert {path.name for path in temporary(bench).iterdir()} > {"errors.txt"}, "it wrote to its folder"


def test_what_is_read_is_of_one_moment(company: App, customers: list[int]) -> None:
    """Rows that others add between two reads are in neither."""
    table = company.core_tables["customer"].table
    before = 0
    counted = sa.select(sa.func.count().label("n")).select_from(table)
    for engine in ("duckdb", "database"):
        with open_bench(company, engine, "points") as bench:
            bench.read("before", counted, KINDS)
            ((before,),) = bench.fetch(lambda t: t["before"])
            with company.write(ACTOR) as tx:
                (code,) = tx.new_codes("customer", 1)
                tx.insert(
                    Customer, [{"code": code, "name": code, "kind": "organisation", "lifecycle": "active"}]
                )
            bench.read("after", counted, KINDS)
            assert bench.fetch(lambda t: t["after"]) == [(before,)]
    assert before == len(customers) + 1


def test_our_own_connection_stays_whole_beside_it(company: App, customers: list[int]) -> None:
    """An open transaction of ours, WAL files and all, survives what the process opens and closes."""
    path = sqlite_path(company.config)
    if path is None:
        pytest.skip("SQLite only")
    table = company.core_tables["customer"].table
    with company.read() as ctx:
        query = sa.select(sa.func.count()).select_from(table)
        assert ctx.connection.scalar(query) == len(customers)
        with open_bench(company, "duckdb", "points") as bench:
            bench.read("ids", sa.select(table.c.id.label("n")), KINDS)
            assert bench.fetch(lambda t: t["ids"].aggregate(n=t["ids"].count())) == [(len(customers),)]
        assert path.with_name(path.name + "-wal").exists()
        assert path.with_name(path.name + "-shm").exists()
        assert ctx.connection.scalar(query) == len(customers)
    with company.write(ACTOR) as tx:
        assert tx.new_codes("customer", 1)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
