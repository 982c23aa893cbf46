"""What the tests of jobs share: jobs that leave a row for each time they did something, and processes to kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from crmcore.builtin.jobs.runs import job_table
from crmcore.config import SCHEMAS
from crmcore.settings.validation import load_schema
from crmcore.testing import ACTOR, CommandLine

Matches = Callable[[str, Any], Any]
Typed = Callable[..., "subprocess.Popen[str]"]
PATIENCE = 120.0
WORK = """
import time
from crmcore.api import Customer, JobSpec, hookimpl

def fickle(app, actor):
    if (app.config.folder / "broken").exists():
        raise ValueError("no exchange rate")
    return {"did": actor}

def slow(app, actor):
    "Add five customers one by one, those that are not there yet; wait before the fourth while it is told to."
    added = 0
    for number in range(5):
        while number == 3 and (app.config.folder / "wait").exists():
            (app.config.folder / "waiting").touch()
            time.sleep(0.05)
        with app.write(actor, "night", "job:slow") as tx:
            if not tx.connection.execute(Customer.__table__.select().where(Customer.__table__.c.code == f"S{number}")).first():
                tx.insert(Customer, [{"code": f"S{number}", "name": "made by a job"}])
                added += 1
    return {"added": added}

@hookimpl
def jobs():
    return [
        JobSpec("fickle", "Fickle", fickle, "0 8 * * *", retries=2, retry_seconds=60),
        JobSpec("monthly", "Monthly", fickle, "0 8 1 * *", workdays="next"),
        JobSpec("slow", "Slow", slow, "0 2 * * *"),
        JobSpec("by_hand", "By hand", fickle),
    ]
"""


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(SCHEMAS / f"{name}.schema.json"), format_checker=FormatChecker())


@pytest.fixture
def matches() -> Matches:
    """Hold a value, or each of many, against a published schema, and hand it back."""

    def check(name: str, value: Any) -> Any:
        for one in value if isinstance(value, list) else [value]:
            errors = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(one)]
            assert not errors, errors
        return value

    return check


@pytest.fixture
def work(make_app: Any, database: str, install_plugin: Any, crm: CommandLine) -> CommandLine:
    """Return the command line in a company on either database, at 9 o'clock on Monday, 2 March 2026."""
    install_plugin("work", WORK)
    make_app(["work"], database)
    return crm


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
    """Type a command in a process of its own, with the plugins of the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(folder: Path, *words: object) -> subprocess.Popen[str]:
        sites = [path for path in sys.path if Path(path).is_relative_to(tmp_path)]
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "crmcore", "-C", str(folder), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sites),
                "PYTHONDONTWRITEBYTECODE": "1",
                "CRM_ACTOR": ACTOR,
                "CRM_LANG": "en",
            },
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


EFFECTS = """
import os
import time
import uuid
from crmcore.api import Customer, JobSpec, hookimpl
import sqlalchemy as sa

STEPS = 3
TABLE = Customer.__table__

def turn_of(app, name):
    "The due time for which the job runs now."
    with app.read() as ctx:
        query = "SELECT due_at FROM job_run WHERE name = :name AND state = 'running' ORDER BY id DESC LIMIT 1"
        return str(ctx.connection.execute(sa.text(query), {"name": name}).scalar())[:16]

def count(name):
    "Add a customer for each step of a due time: nothing but its own progress keeps it from adding one twice."
    def run(app, actor):
        about, steps = f"{name} {turn_of(app, name)}", 0
        for step in range(STEPS):
            while (app.config.folder / "wait").exists():
                (app.config.folder / f"waiting-{name}").touch()
                (app.config.folder / f"process-{os.getpid()}").touch()
                time.sleep(0.05)
            with app.write(actor, "tick", f"job:{name}") as tx:
                done = tx.connection.scalar(
                    sa.select(sa.func.count()).where(TABLE.c.name.like(f"{about} step %"))
                )
                # Whoever else is at it counts meanwhile.
                time.sleep(0.6 if (app.config.folder / "slowly").exists() else 0.02)
                if done == step:
                    tx.insert(Customer, [{"code": uuid.uuid4().hex[:16], "name": f"{about} step {step}"}])
                    steps += 1
        return {"steps": steps}
    return run

def fickle(app, actor):
    if (app.config.folder / "broken").exists():
        raise ValueError("no exchange rate")
    return {"did": actor}

@hookimpl
def jobs():
    names = ["tick_a", "tick_b", "tick_c"]
    counting = [JobSpec(n, n, count(n), "* * * * *", retries=90, retry_seconds=1) for n in names]
    return [*counting, JobSpec("fickle", "Fickle", fickle, "0 0 * * *", retries=2, retry_seconds=1)]
"""


@pytest.fixture
def ticking(make_app: Any, request: pytest.FixtureRequest, install_plugin: Any, crm: CommandLine) -> Any:
    """Make a company on the database named, in the present, in which nothing is due but the jobs of the plugin."""

    def make(database: str, settings: str = "") -> CommandLine:
        install_plugin("effects", EFFECTS)
        app = make_app(["effects"], database, settings=settings, standing_clock=False)
        with app.operations() as connection:
            for spec in app.host.registered("jobs"):
                if spec.plugin != "effects" and spec.schedule:
                    done = {"name": spec.name, "actor": ACTOR, "state": "done", "started_at": app.clock()}
                    far = datetime(2999, 1, 1, tzinfo=UTC)
                    connection.execute(job_table.insert().values(done | {"due_at": far, "attempt": 1}))
        app.close()
        return crm

    return make


class Worker:
    """A `crm worker` in a process of its own; what it says is in two files."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self.process, self.said = process, said

    @property
    def out(self) -> str:
        return self.said.with_suffix(".out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self.said.with_suffix(".err").read_text(encoding="utf-8")

    def runs(self) -> list[dict[str, Any]]:
        """Return what it printed with --json, but for a line that is being written."""
        return [json.loads(line) for line in self.out.splitlines(keepends=True) if line.endswith("\n")]

    def children(self) -> list[int]:
        """Return the processes in which its jobs run."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self.process.pid:
                    found.append(int(stat.parent.name))
        return found

    def kill(self, *, with_children: bool = True) -> None:
        """End it as a power cut does."""
        children = self.children() if with_children else []
        self.process.kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def until(self, seen: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until something can be seen, as long as it lives; returns what."""
        end = time.monotonic() + seconds
        while not (found := seen()):
            assert time.monotonic() < end, self.err
            assert self.process.poll() is None, self.err
            time.sleep(0.05)
        return found


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start workers of a company; (folder, words…, env={}, debug=False) → Worker."""
    started: list[Worker] = []

    def start(
        folder: Path, *words: object, env: Mapping[str, str] | None = None, debug: bool = False
    ) -> Worker:
        sites = [path for path in sys.path if Path(path).is_relative_to(tmp_path)]
        said = tmp_path / f"worker{len(started)}"
        command = [sys.executable, "-W", "error", "-m", "crmcore", "-C", str(folder)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sites),
            "CRM_ACTOR": ACTOR,
            "CRM_LANG": "en",
            **(env or {}),
        }
        with said.with_suffix(".out").open("wb") as out, said.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                [*command, *(["--debug"] if debug else []), "worker", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
            )
        started.append(Worker(process, said))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
