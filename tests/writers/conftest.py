"""Companies into which several processes write at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.builtin.records.services import contacts, interactions
from crmcore.builtin.records.services.values import By
from crmcore.db.engine import sqlite_path
from crmcore.plugins.observers import deliver
from crmcore.testing import ACTOR, PluginInstaller
from tests.writers.oracle import Company

WATCHER = """
import json, os, signal, time
from crmcore.api import hookimpl

@hookimpl
def observe_changes(changes, ctx):
    last = int(os.environ.get("CRM_TEST_KILL_AT", 0))
    taken = [change for change in changes if not last or change.seq <= last]
    time.sleep(float(os.environ.get("CRM_TEST_SLOW", 0)))
    text = "".join(json.dumps([c.seq, c.entity, c.id, c.operation]) + "\\n" for c in taken)
    file = os.open({file!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, text.encode())
    os.close(file)
    if len(taken) < len(changes):
        os.kill(os.getpid(), signal.SIGKILL)
"""
HERE = Path(__file__).parent
BASE = 12
Make = Callable[..., App]


@dataclass
class Writer:
    """A process at work."""

    kind: str
    process: subprocess.Popen[str]
    said: Path

    def end(self) -> str:
        """Wait for its end; returns what it wrote on stderr, and how it ended where that was not well."""
        _out, err = self.process.communicate(timeout=300)
        return err + (f"ended with {self.process.returncode}" if self.process.returncode else "")

    def acknowledged(self) -> list[dict[str, Any]]:
        """Return what it was told that it had written."""
        return [json.loads(line) for line in self.said.read_text(encoding="utf-8").splitlines()]


Start = Callable[..., Writer]
StartCode = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_code(tmp_path: Path) -> Iterator[StartCode]:
    """Start Python in a process of its own, with the plugins of the test; (code or file, *arguments, **environment)."""
    processes: list[subprocess.Popen[str]] = []

    def begin(code: str | Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        sites = [path for path in sys.path if Path(path).is_relative_to(tmp_path)]
        what = [str(code)] if isinstance(code, Path) else ["-c", code]
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *what, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sites),
                "PYTHONDONTWRITEBYTECODE": "1",
                "CRM_ACTOR": ACTOR,
                "CRM_LANG": "en",
                **environment,
            },
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def start(tmp_path: Path, start_code: StartCode) -> Start:
    """Start processes of `worker.py`; (app, kind, seed, turns) → Writer."""

    def begin(app: App, kind: str, seed: str, turns: int) -> Writer:
        said = tmp_path / f"said-{kind}-{seed}.jsonl"
        said.touch()
        process = start_code(HERE / "worker.py", kind, app.config.folder, seed, turns, said)
        return Writer(kind, process, said)

    return begin


@pytest.fixture
def company(make_app: Make, database: str) -> App:
    """Return a company with the rows that all writers know; no plugin."""
    return fill(make_app(database=database, standing_clock=False))


def fill(app: App) -> App:
    """Put customers, a contact and an interaction of each into a company."""
    by = By(ACTOR, "the start")
    with app.write(*by) as tx:
        rows = [
            {"code": f"B{n:02}", "name": f"Base {n}", "attributes": {"employees": 0}} for n in range(BASE)
        ]
        tx.insert(Customer, rows)
    for n in range(3):
        person = {"name": f"Person {n}", "phone": "0", "code": f"P{n:02}"}
        contacts.add(app, by, f"B{n:02}", person, {"position": "buyer"})
        interactions.add(app, by, f"B{n:02}", {"channel": "phone", "subject": "0"})
    with app.write(*by) as tx:
        for n, number in enumerate(tx.connection.scalars(sa.text("SELECT id FROM interaction ORDER BY id"))):
            from crmcore.entities.tables import Interaction

            tx.update(Interaction, [(number, {"code": f"I{n:02}"})])
    return app


def place_of(app: App) -> Path | str:
    """Return the file or the address of a company's database, as its driver takes it."""
    path = sqlite_path(app.config)
    return path if path is not None else app.config.database_url.replace("postgresql+psycopg", "postgresql")


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], list[int]]:
    """Return what tells the places in the log of which the observer was told, as it was told."""

    def read() -> list[int]:
        file = tmp_path / "seen"
        return [json.loads(line)[0] for line in file.read_text().splitlines()] if file.exists() else []

    return read


@pytest.fixture
def watched(install_plugin: PluginInstaller, make_app: Any, database: str, tmp_path: Path) -> App:
    """Return a company with an observer who writes down what it is told."""
    install_plugin("watcher", WATCHER.format(file=str(tmp_path / "seen")))
    app: App = make_app(["watcher"], database, standing_clock=False)
    deliver(app)
    (tmp_path / "seen").unlink(missing_ok=True)
    return app


@pytest.fixture
def watched_company(watched: App, tmp_path: Path) -> App:
    """Return a company with rows and an observer."""
    fill(watched)
    (tmp_path / "seen").unlink(missing_ok=True)
    return watched


def logged(app: App, after: int = 0) -> list[int]:
    """Return the places of the log behind one, but for those of actors and plugins, by when they became final."""
    company = Company(place_of(app))
    order = {tx["id"]: tx["xid"] or 0 for tx in company.rows("change_tx")}
    entries = [e for e in company.rows("change_log", "seq") if e["entity"] not in {"actor", "plugin"}]
    places = sorted((order[e["tx_id"]], e["seq"]) for e in entries)
    return [seq for _xid, seq in places if seq > after]
