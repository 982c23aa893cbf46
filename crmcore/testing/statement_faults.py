"""Let one statement, commit or step on files fail: with an error, a full disk, or the end of the process.

Where `gate_faults` knows the moments of the gate, this knows every point at which a program can be stopped: each
statement as the driver gets it, each commit before and after, each file that is made, flushed, renamed or linked.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest

from crmcore.testing.fault_drivers import Kind, Place, watched_drivers
from crmcore.testing.fault_files import watched_files
from crmcore.testing.processes import CHILD

Way = Literal["error", "disk_full", "kill"]
"""An error once; a disk that is full from here on; the end of the process, what was not flushed half lost."""


@dataclass(frozen=True)
class Point:
    """One point at which a run can be stopped."""

    kind: Kind
    text: str
    writes: bool
    """Whether a full disk can stop it."""


@dataclass
class Fault:
    """What came of a fault."""

    struck: bool = field(default=False)
    """Whether the run came as far as the point."""


class StatementFaults:
    """Makes one point fail; each fault lasts as long as its `with` block.

    Only what is opened within the block is watched: a workspace that was opened before is closed first (`app.close()`),
    it opens its connections again by itself.
    """

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[Point]]:
        """List the points of a block, to let each of them fail in turn afterwards: `points[n - 1]` is the n-th."""
        points: list[Point] = []
        with _watching(lambda place: points.append(Point(place.kind, place.text, place.writes))):
            yield points

    def fail(self, n: int) -> contextlib.AbstractContextManager[Fault]:
        """Raise the error of a broken disk or of a lost server at the n-th point, once."""
        return self._strike("error", n)

    def disk_full(self, n: int) -> contextlib.AbstractContextManager[Fault]:
        """Let nothing more be written from the n-th point on; what only reads goes on."""
        return self._strike("disk_full", n)

    def kill(self, n: int) -> contextlib.AbstractContextManager[Fault]:
        """End this process at the n-th point, as `kill -9` does; only in one that may be killed (`run_in_process`)."""
        if CHILD not in os.environ:
            raise RuntimeError("kill() would end the tests themselves; use it in run_in_process(…)")
        return self._strike("kill", n)

    @contextlib.contextmanager
    def _strike(self, way: Way, n: int) -> Iterator[Fault]:
        fault, seen = Fault(), 0

        def watch(place: Place) -> None:
            nonlocal seen
            seen += 1
            if seen >= n and place.writes if way == "disk_full" else seen == n:
                fault.struck = True
                _struck(place, way)

        with _watching(watch):
            yield fault


def _struck(place: Place, way: Way) -> None:
    if way == "kill":
        place.tear()
        os.kill(os.getpid(), signal.SIGKILL)
    raise place.full() if way == "disk_full" else place.broken()


@contextlib.contextmanager
def _watching(watch: Callable[[Place], None]) -> Iterator[None]:
    within = True

    def watch_within(place: Place) -> None:
        if within:  # what was opened in the block outlives it
            watch(place)

    with watched_drivers(watch_within), watched_files(watch_within):
        try:
            yield
        finally:
            within = False


@pytest.fixture
def statement_faults() -> StatementFaults:
    """Return the faults that statements, commits and files can be given."""
    return StatementFaults()
