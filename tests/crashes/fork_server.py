"""A process that has loaded and used the program once, and forks one that runs it for each line that it is given.

A line is a JSON object: `words` of a command line, `env`, `out` (where output goes), and what shall happen: `fault`
([way, n]), `count` (list the points), `kill_after` (seconds). The answer is a line with `code` and `struck`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

PRELOADED = (
    "alembic.command", "alembic.runtime.environment", "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "crmcore.cli.main", "crmcore.builtin.exchange.cli",
    "crmcore.builtin.exchange.undo", "crmcore.builtin.exchange.services", "crmcore.builtin.databases.cli",
    "crmcore.builtin.databases.copying", "crmcore.builtin.databases.backing_up", "crmcore.builtin.databases.restoring",
    "crmcore.builtin.administration.checks", "crmcore.builtin.administration.doctor",
    "crmcore.builtin.records.customers", "crmcore.builtin.lifecycle.enabling", "crmcore.builtin.search.rebuilding",
    "crmcore.testing.statement_faults", "crmcore_trade_ledger.plugin", "jsonschema", "tomlkit", "cryptography.fernet",
)  # fmt: skip

WARMING = {
    "customers": "code,name,phone\nA,一,1\nB,二,2\n",
    "purchases": "customer,date,amount,document,line,product\nA,2026-01-01,10,R,1,X\n",
}
WARMED = (
    "init {room}/company", "plugins enable trade_ledger", "import customers {room}/customers.csv",
    "import purchases {room}/purchases.csv --json", "duplicates merge A B --reason one --yes",
    "duplicates unmerge A --reason two", "imports undo 2", "customer list", "search rebuild", "doctor --json",
    "plugins settings trade_ledger set purchase_basis delivered", "db backup {room}/backup",
    "db restore {room}/backup --to {room}/new", "db copy --to sqlite:///{room}/copy.db", "db migrate",
)  # fmt: skip
"""Commands that use what is loaded at the first use."""


def work(asked: dict[str, Any]) -> int:
    """Run the program in this process."""
    from crmcore.builtin.exchange import engine
    from crmcore.cli.main import main
    from crmcore.testing.statement_faults import StatementFaults

    engine.CHUNK_ROWS = asked.get("chunk_rows", engine.CHUNK_ROWS)
    faults = StatementFaults()
    block: Any = contextlib.nullcontext()
    if asked.get("count"):
        block = faults.counted()
    elif fault := asked.get("fault"):
        way, n = fault
        block = {"error": faults.fail, "disk_full": faults.disk_full, "kill": faults.kill}[way](n)
    with block as points:
        called = asked.get("call")
        code = resolve_name(called)(*asked["words"]) if called else main(asked["words"], exit_process=False)
    if asked.get("count"):
        shown = [[p.kind, p.text, p.writes] for p in points]
        with open(asked["out"] + ".points", "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(shown, file)
    sys.stdout.flush()
    sys.stderr.flush()
    if points is not None and not asked.get("count") and not points.struck:
        return 99
    return int(code)


def child(asked: dict[str, Any]) -> None:
    """Be a process of its own, then end without tidying up after the parent."""
    code = 98
    try:
        os.setsid()
        for number, name in ((0, os.devnull), (1, asked["out"] + ".out"), (2, asked["out"] + ".err")):
            descriptor = os.open(name, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0), 0o600)
            os.dup2(descriptor, number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        os.environ.update(asked.get("env", {}))
        code = work(asked)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 97
    except BaseException:  # noqa: BLE001  (whatever it is, the other side is told)
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def answered(asked: dict[str, Any]) -> int:
    """Fork, wait, and return how the process ended."""
    pid = os.fork()
    if pid == 0:
        child(asked)
    if asked.get("kill_after") is not None:
        end = time.monotonic() + asked["kill_after"]
        while time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def warm_up() -> None:
    """Do in this process what is done in those that are forked: what is loaded at the first use is loaded once."""
    with tempfile.TemporaryDirectory() as name, open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        room = Path(name)
        for table, text in WARMING.items():
            (room / f"{table}.csv").write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            for line in WARMED:
                words = [word.format(room=room) for word in line.split()]
                code = work({"words": words if words[0] == "init" else ["-C", f"{room}/company", *words]})
                assert code == 0, line


def serve() -> None:
    """Answer each line."""
    for name in PRELOADED:
        import_module(name)
    warm_up()
    gc.collect()
    gc.freeze()  # what is here already is no garbage of those that are forked
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps({"code": answered(json.loads(line))}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
