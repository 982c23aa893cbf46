"""Run the checks of one plugin in processes of their own: what a plugin does to its process is a row, never a traceback.

A child says which check it begins and what came of it, one JSON document a line. A child that dies or takes too long
has failed the check that it had begun; the next child goes on behind it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

from crmcore.builtin.conformance.findings import cut
from crmcore.builtin.conformance.order import OUTPUT, POSTGRES, ROWS
from crmcore.builtin.conformance.postgres import server
from crmcore.builtin.conformance.target import find_target
from crmcore.builtin.conformance.tidying import Tidying
from crmcore.i18n import _, language

SECONDS = 120.0
"""How long one check may take."""
Row = dict[str, Any]


def check_plugin(text: str, seconds: float = SECONDS, only: Collection[str] = ROWS) -> dict[str, Any]:
    """Check an installed plugin by name, or one that lies at a path; returns {"ok", "checks": [{name, ok, detail}]}.

    seconds: how long one check may take. only: the checks to make. Raises CrmError where there is no such plugin.
    """
    names = [name for name in ROWS if name in only and name != OUTPUT]
    with (
        tempfile.TemporaryDirectory(prefix="crm-check-", ignore_cleanup_errors=True) as folder,
        Tidying() as tidying,
    ):
        scratch = Path(folder).resolve()
        tidying.begun(str(scratch))
        target = find_target(text, scratch)
        request = {"plugin": target.name, "language": language(), "scratch": str(scratch)}
        path = [str(target.site)] if target.site else []
        run = _Run(request, [*path, *(entry for entry in sys.path if entry)], seconds, tidying)
        with ThreadPoolExecutor(2) as pool, run.stopped_on_error():
            # The server takes seconds to start: meanwhile the other checks are done.
            parts = [
                pool.submit(run.without_server, [name for name in names if name != POSTGRES]),
                pool.submit(run.with_server, [name for name in names if name == POSTGRES]),
            ]
            rows = {row["name"]: row for part in parts for row in part.result()}
    checks = [_row(rows[name]) for name in names]
    if OUTPUT in only:
        checks.append(_printed([rows[name] for name in names]))
    return {"ok": all(row["ok"] for row in checks), "checks": checks}


def _row(row: Row) -> Row:
    return {"name": row["name"], "ok": bool(row["ok"]), "detail": cut(row["detail"])}


def _printed(rows: list[Row]) -> Row:
    """Say whether the plugin printed anything outside its commands: what it prints stands between other programs' JSON."""
    found = [(row["name"], row["printed"]) for row in rows if row.get("printed")]
    detail = (
        _("it printed {text!r} during {check}; only commands may print").format(
            text=found[0][1].strip()[:100], check=found[0][0]
        )
        if found
        else _("nothing was printed")
    )
    return {"name": OUTPUT, "ok": not found, "detail": cut(detail)}


class _Run:
    """The processes of one plugin's checks."""

    def __init__(self, request: Row, path: list[str], seconds: float, tidying: Tidying) -> None:
        self._request = request
        self._path = path
        self._seconds = seconds
        self._tidying = tidying
        self._stopped = Event()
        self._children: list[subprocess.Popen[str]] = []

    @contextmanager
    def stopped_on_error(self) -> Iterator[None]:
        """End all children where the block is left by an error, such as Ctrl-C: nobody waits for them any more."""
        try:
            yield
        except BaseException:
            self._stopped.set()
            for child in list(self._children):
                _kill(child)
            raise

    def without_server(self, names: list[str]) -> list[Row]:
        """Make the checks that need nothing."""
        return self._rows(names, "", "main")

    def with_server(self, names: list[str]) -> list[Row]:
        """Make the checks that need PostgreSQL, where there is one."""
        if not names:
            return []
        with server(self._tidying) as url:
            return self._rows(names, url or "", "postgres")

    def _rows(self, names: list[str], url: str, part: str) -> list[Row]:
        folder = Path(self._request["scratch"], part)
        folder.mkdir()
        rows: list[Row] = []
        while (waiting := names[len(rows) :]) and not self._stopped.is_set():
            failed = [row["name"] for row in rows if not row["ok"]]
            request = {**self._request, "checks": waiting, "failed": failed, "postgres": url}
            rows += self._one_child({**request, "scratch": str(folder)}, waiting)
        return rows

    def _one_child(self, request: Row, waiting: list[str]) -> list[Row]:
        """Run a child; returns at least one row: where it ends before its time, that is what its check came to."""
        child = self._started(request)
        self._tidying.begun(child.pid)
        self._children.append(child)
        if self._stopped.is_set():  # just before it was in the list
            _kill(child)
        lines: queue.Queue[str | None] = queue.Queue()
        reader = Thread(target=_forward, args=(child.stdout, lines), daemon=True)
        reader.start()
        rows: list[Row] = []
        reason = ""
        try:
            while len(rows) < len(waiting):
                line = lines.get(timeout=self._seconds)
                if line is None:
                    break
                row = _understood(line)
                if row is not None and row["name"] == waiting[len(rows)]:
                    rows.append(row)
        except queue.Empty:
            reason = _("it took longer than {seconds:g} s and was stopped").format(seconds=self._seconds)
        finally:
            _stop(child)
            self._tidying.ended(child.pid)
            self._children.remove(child)
            reader.join(1)
        if len(rows) < len(waiting):
            reason = reason or _("it ended the process (exit code {code})").format(code=child.returncode)
            rows.append({"name": waiting[len(rows)], "ok": False, "detail": reason})
        return rows

    def _started(self, request: Row) -> subprocess.Popen[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
            "PYTHONPATH": os.pathsep.join(self._path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
            "CRM_LANG": self._request["language"],
        }
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "crmcore.builtin.conformance.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=request["scratch"],
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        with suppress(OSError):
            _write(child.stdin, json.dumps(request))
        return child


def _write(stream: IO[str] | None, text: str) -> None:
    if stream is not None:
        stream.write(text)
        stream.close()


def _forward(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    with suppress(OSError, ValueError), stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _understood(line: str) -> Row | None:
    """Return a row that a child wrote, or None for what is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    known = isinstance(row, dict) and {"name", "ok", "detail"} <= row.keys()
    return row if known else None


def _stop(child: subprocess.Popen[str]) -> None:
    """End a child that is done or too slow, and whatever it started."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(0.5)
    _kill(child)
    child.wait()


def _kill(child: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        with suppress(OSError):  # also where the child itself is gone: what it started may not be
            os.killpg(child.pid, signal.SIGKILL)
    elif child.poll() is None:
        child.kill()
