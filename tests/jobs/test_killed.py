"""Real processes: one that is killed, one that comes a second time, several at once."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import CommandLine

PATIENCE = 60.0


def wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.02)


def wait_for_state(crm: CommandLine, state: str) -> dict[str, Any]:
    """Wait until the server has noticed that a process is gone."""
    until = time.monotonic() + PATIENCE
    while crm.lines("jobs", "history", "slow")[0]["state"] != state:
        assert time.monotonic() < until
        time.sleep(0.05)
    run: dict[str, Any] = crm.lines("jobs", "history", "slow")[0]
    return run


def names(crm: CommandLine) -> list[str]:
    return sorted(customer["code"] for customer in crm.lines("customer", "list"))


def test_a_killed_job_shows_as_interrupted_and_is_resumed(work: CommandLine, typed: Any) -> None:
    folder, work.clock = work.folder, None  # that of the process
    assert folder is not None
    (folder / "wait").touch()
    process = typed(folder, "jobs", "run", "slow", "--due", "--json")
    wait_for(folder / "waiting")
    assert work.lines("jobs", "history", "slow")[0]["state"] == "running"
    assert [one for one in work.lines("work") if one["key"] == "job:slow"] == []
    second = work("jobs", "run", "slow")
    assert second.exit_code == 1
    assert second.stderr == "crm: the job 'slow' is running already; see: crm jobs history slow\n"
    assert work("jobs", "run", "slow", "--due", "--json").lines() == [], "it is left to who is at it"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = wait_for_state(work, "interrupted")
    assert (run["attempt"], run["retry_at"]) == (1, run["due_at"]), "at once"
    assert run in work.lines("jobs", "history", "--failed")
    titles = [one["title"] for one in work.lines("work") if one["key"] == "job:slow"]
    assert titles == ["The job slow was interrupted"]
    (folder / "wait").unlink()
    (resumed,) = work.ok("jobs", "run", "slow", "--due", "--json").lines()
    assert (resumed["attempt"], resumed["state"], resumed["summary"]) == (2, "done", {"added": 2})
    assert names(work) == ["S0", "S1", "S2", "S3", "S4"], "each once"
    assert [run["state"] for run in work.lines("jobs", "history", "slow")] == ["done", "interrupted"]


@pytest.mark.slow
def test_of_several_that_look_for_what_is_due_each_job_is_done_once(work: CommandLine, typed: Any) -> None:
    folder, work.clock = work.folder, None
    assert folder is not None
    several = [typed(folder, "jobs", "run", "--due", "--json") for _one in range(4)]
    ends = [process.communicate(timeout=PATIENCE) for process in several]
    assert [process.returncode for process in several] == [0] * 4, ends
    due_at: dict[str, set[str]] = {}
    for run in work.lines("jobs", "history"):
        assert (run["state"], run["attempt"]) == ("done", 1), run
        if run["job"] not in {"seal_log", "deliver_changes"}:  # a minute may begin meanwhile
            assert run["due_at"] not in due_at.setdefault(run["job"], set()), run
            due_at[run["job"]].add(run["due_at"])
    assert {"fickle", "monthly", "slow", "backup"} <= due_at.keys()
    assert names(work) == ["S0", "S1", "S2", "S3", "S4"]
