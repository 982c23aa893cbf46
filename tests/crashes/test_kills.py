"""Processes are killed at random moments, again and again, until they are through: nothing is lost, nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.crashes.oracle import Look
from tests.crashes.world import CHUNK, ENVIRONMENT, ROOT, Company, World

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9")
ROWS = 120
TEXT = "code,name,phone\n" + "".join(
    f"K{i:04},{'' if i % 25 == 7 else f'name {i}'},{i}\n" for i in range(1, ROWS + 1)
)
SMALL_CHUNKS = f"""
import sys
from crmcore.builtin.exchange import engine
from crmcore.cli.main import main
engine.CHUNK_ROWS = {CHUNK}
main(sys.argv[1:])
"""


class Killer:
    """Runs commands on a company and kills them, at moments that a seed decides."""

    def __init__(self, company: Company, seed: int, longest: float) -> None:
        self.company, self.kills, self._longest = company, 0, longest
        self._random = random.Random(seed)

    def forked(self, *words: object) -> bool:
        """Run a command in a forked process; returns whether it was killed."""
        done = self.company.crm(*words, kill_after=self._random.uniform(0.0, self._longest))
        return self._counted(done.code, done.err)

    def real(self, *words: object) -> bool:
        """Run the command as a shell does, in a process group that is killed as a whole."""
        with started(self.company, *words) as process:
            try:
                process.wait(self._random.uniform(0.1, 0.3 + self._longest))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            _out, err = process.communicate()
        self.company.settled()
        return self._counted(process.returncode, err)

    def _counted(self, code: int, err: str) -> bool:
        assert code in (0, -signal.SIGKILL), err
        self.kills += code != 0
        return code != 0


def started(company: Company, *words: object) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, with small chunks."""
    return subprocess.Popen(
        [sys.executable, "-c", SMALL_CHUNKS, "-C", str(company.folder), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )


def check_chunks(look: Look) -> None:
    """Refuse half a chunk: rows, log and progress of the import say the same."""
    assert look.chain == []
    customers = [row for row in look.rows["customer"] if row["code"].startswith("K")]
    runs = look.rows["import_run"]
    if not runs:
        assert customers == []
        return
    (run,) = runs
    counts = _counts(run)
    assert run["rows_done"] in (ROWS, *range(0, ROWS, CHUNK))
    chunks = Counter(tx["source"] for tx in look.rows["change_tx"])
    if run["state"] in ("running", "interrupted", "done"):
        assert len(customers) == counts["created"]
        assert chunks[f"import:{run['id']}"] == -(-int(run["rows_done"]) // CHUNK)
        assert chunks[f"undo:{run['id']}"] == 0
    else:
        assert len(customers) == counts["created"] - counts["undo_removed"]
        gone = [entry for entry in look.rows["change_log"] if entry["operation"] == "delete"]
        assert len(gone) == counts["undo_removed"]
        assert chunks[f"undo:{run['id']}"] <= chunks[f"import:{run['id']}"]


def _counts(run: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = json.loads(run["counts"]) if isinstance(run["counts"], str) else run["counts"]
    return found


def next_words(company: Company, look: Look, *, undo: bool) -> Sequence[object]:
    """Return what doctor says to type, if it says anything; else what was wanted."""
    state = look.state_of_import()
    found = company.doctor().get("imports", "")
    number = max((int(run["id"]) for run in look.rows["import_run"]), default=0)
    if state == "running":
        assert found == f"interrupted: {number}; go on with: crm imports resume ID"
        return ("imports", "resume", number)
    if state == "undoing":
        assert found == f"undo stopped: {number}; go on with: crm imports undo ID"
    else:
        assert found == ""
    if undo and state:
        return ("imports", "undo", number)
    return ("import", "customers", company.room.parent / "many.csv", "--json")


def through(killer: Killer, last: str, *, real: int) -> None:
    """Type what is to be typed, and kill it, until the import's state is `last`."""
    company = killer.company
    for turn in range(200):
        look = company.look()
        check_chunks(look)
        if look.state_of_import() == last:
            return
        words = next_words(company, look, undo=last == "undone")
        run = killer.real if turn % 10 < real else killer.forked
        run(*words)
    raise AssertionError(f"never {last}")


def _pattern(world: World, database: str) -> Company:
    def prepare(company: Company) -> None:
        (company.room.parent / "many.csv").write_text(TEXT, encoding="utf-8")
        company.ok("customer", "add", "--name", "一", "--code", "X1")

    return world.pattern("kills", database, prepare)


def _whole(world: World, pattern: Company) -> tuple[float, dict[str, Any], dict[str, Any]]:
    """Return how long an import takes that nobody kills, and what it and its undo leave."""
    company = world.copy(pattern)
    begun = time.monotonic()
    company.ok("import", "customers", company.room.parent / "many.csv", "--json")
    took = time.monotonic() - begun
    done = company.look().contents()
    company.ok("imports", "undo", 1)
    undone = company.look().contents()
    world.away(company)
    return took, done, undone


def kill_until(world: World, database: str, wanted: int, *, real: int) -> int:
    """Import and undo under kills, on one company after the other, until there were enough; returns how many."""
    pattern = _pattern(world, database)
    took, done, undone = _whole(world, pattern)
    kills, seed = 0, 0
    while kills < wanted:
        company, seed = world.copy(pattern), seed + 1
        killer = Killer(company, seed, 0.8 * took)
        through(killer, "done", real=real)
        assert company.look().contents() == done
        through(killer, "undone", real=real)
        assert company.look().contents() == undone
        assert company.doctor() == {}
        assert [path for path in company.rubbish() if not path.endswith(".lock")] == []
        world.away(company)
        kills += killer.kills
    return kills


def test_an_import_that_is_killed_at_any_moment_ends_as_one_that_is_not(world: World, on: str):
    assert kill_until(world, on, 5, real=1) >= 5


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(world: World, on: str):
    assert kill_until(world, on, 52, real=1) >= 52


def test_a_backup_that_is_killed_while_others_write_is_whole_or_not_there(world: World, on: str):
    company = world.copy(_pattern(world, on))
    words = ("import", "customers", company.room.parent / "many.csv", "--json")
    killer = Killer(company, 7, 0.3)
    with started(company, *words) as writer:
        places = [company.room / f"backup{n}" for n in range(6)]
        done = [_backed_up(company, killer, place) for place in places]
        writer.communicate()
    assert writer.returncode == 0
    assert killer.kills == done.count(False)
    for place, whole in zip(places, done, strict=True):
        if place.exists():
            check_chunks(Look(place / "crm.db"))
        else:
            assert not whole
            begun = [path.name for path in company.room.glob(f".{place.name}.*")]
            assert not begun or str(place) in company.doctor()["backups and copies"]
            company.ok("db", "backup", place)
    assert company.doctor() == {}
    assert company.rubbish() == []
    check_chunks(company.look())
    world.away(company)


def _backed_up(company: Company, killer: Killer, place: Path) -> bool:
    """Back up under a kill, while another process is connected."""
    done = company.server.run(
        ["-C", company.folder, "db", "backup", place], kill_after=killer._random.uniform(0.1, 0.5)
    )
    return not killer._counted(done.code, done.err)
