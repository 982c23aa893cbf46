"""The runs of a worker, each in a process of its own.

Each opens the company as it is at that moment (settings, plugins, tables), can be ended alone, and gives all memory back.
It is `crm jobs run NAME --due`: whether there is something to be done it finds out itself, whoever sent it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any, NamedTuple

from crmcore.i18n import _, language

_MORE_PATIENCE = 10.0
"""Seconds that an interrupted run has to write down that it was interrupted."""


class Outcome(NamedTuple):
    """How the process of a job ended."""

    job: str
    runs: list[dict[str, Any]]
    """The published JSON of its run; none where there was nothing to do, or another one is at it."""
    ended_well: bool
    """False: it could not even begin, or was killed."""
    problem: str = ""
    """Why, where it could not say so itself on stderr."""


class Runs:
    """Starts processes, and ends them."""

    def __init__(self, folder: Path, actor: str, tell: Callable[[Outcome], None]) -> None:
        """Take whose jobs, who runs them, and who is told how each ended (from whatever thread)."""
        program = [sys.executable, "-P", "-m", "crmcore", "-C", str(folder), "--actor", actor]
        self._command = [*program, "jobs", "run", "--due", "--json", "--"]
        self._context = copy_context()  # with the language: other threads have none of it
        self._tell = tell
        self._running: set[subprocess.Popen[str]] = set()
        self._mutex = threading.Lock()
        self._stopping = False

    def run(self, job: str) -> None:
        """Run what is due of a job and wait for its end."""
        self._context.copy().run(self._run, job)

    def _run(self, job: str) -> None:
        with self._mutex:
            if self._stopping:
                return
            try:
                process = self._begin(job)
            except OSError as error:
                message = _("no process can be started for the job {name!r}: {error}")
                self._tell(Outcome(job, [], ended_well=False, problem=message.format(name=job, error=error)))
                return
            self._running.add(process)
        try:
            said, _nothing = process.communicate()
        finally:
            with self._mutex:
                self._running.discard(process)
            killed = process.returncode < 0 and not self._stopping
        runs, problem = _runs(said), ""
        if killed:
            message = _("the process of the job {name!r} was killed (signal {number})")
            problem = message.format(name=job, number=-process.returncode)
        self._tell(Outcome(job, runs, bool(runs) or process.returncode == 0, problem))

    def _begin(self, job: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  (our own command line)
            [*self._command, job],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "CRM_LANG": language(), "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,  # Ctrl-C is the worker's alone: it decides when its runs end
        )

    def count(self) -> int:
        """Return how many run now."""
        with self._mutex:
            return len(self._running)

    def begin_no_more(self) -> None:
        """Let those that run come to their end, and start no other."""
        with self._mutex:
            self._stopping = True

    def interrupt(self) -> None:
        """End those that run: first so that they write down that they were interrupted, then without asking."""
        for end in (_interrupt, subprocess.Popen.terminate, subprocess.Popen.kill):
            with self._mutex:
                left = list(self._running)
            for process in left:
                end(process)
            for process in left:
                try:
                    process.wait(_MORE_PATIENCE)
                except subprocess.TimeoutExpired:
                    continue


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def _runs(said: str) -> list[dict[str, Any]]:
    """Return what a process said of its runs; the last line of one that was killed may be half."""
    found = []
    for line in said.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and "run" in value:
            found.append(value)
    return found
