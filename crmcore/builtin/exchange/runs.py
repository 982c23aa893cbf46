"""The rows of import_run: begin, progress, end, and what a run's state really is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange.locks import RunLock, sweep
from crmcore.builtin.exchange.tables import ImportRun
from crmcore.errors import NotFound
from crmcore.i18n import translator
from crmcore.ids import new_uids

_ = translator("crmcore")

FOLDER = "imports"
SILENCE = timedelta(minutes=15)
"""An import on another computer that has said nothing for so long counts as interrupted."""
STOPPED = {"running": "interrupted", "undoing": "undo_stopped"}
"""What the states of a run that some process works on become when that process is gone."""
UNDO_COUNTS = ("restored", "removed", "conflicts")
COUNTS = ("read", "created", "updated", "unchanged", "rejected", "possible_duplicates")

run_table: sa.Table = ImportRun.__table__  # type: ignore[attr-defined]
Run = sa.Row[Any]


def folder_of(app: App) -> Path:
    """Return the workspace's folder of lock files and rejected rows."""
    return app.config.folder / FOLDER


def lock_of(app: App, number: int) -> RunLock:
    """Return the lock of an import."""
    return RunLock(folder_of(app) / f"{number}.lock")


def begin(app: App, values: Mapping[str, Any]) -> tuple[int, RunLock]:
    """Write a new run and take its lock before anybody can see it."""
    now = app.clock()
    sweep(folder_of(app))
    with app.operations() as connection:
        inserted = connection.execute(
            sa.insert(run_table),
            {
                "uid": new_uids(1, now)[0],
                "state": "running",
                "rows_done": 0,
                "counts": dict.fromkeys((*COUNTS, "deferred"), 0),
                "rejects_bytes": 0,
                "warnings": [],
                "started_at": now,
                "version": 1,
                **whereabouts(now),
                **values,
            },
        )
        number = int(inserted.inserted_primary_key[0])  # type: ignore[index]
        lock = lock_of(app, number)
        while not lock.acquire():
            pass  # somebody looks whether it is held, or is just taking an old one of this name away
    return number, lock


def whereabouts(now: datetime) -> dict[str, Any]:
    """Return which process works on a run, and when it last said so."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat_at": now}


def note(app: App, number: int, **values: Any) -> None:
    """Write something about a run outside a chunk."""
    with app.operations() as connection:
        note_in(connection, number, **values)


def note_in(connection: sa.Connection, number: int, **values: Any) -> None:
    """Write something about a run within a transaction: progress stands and falls with its rows."""
    version = run_table.c.version + 1
    statement = sa.update(run_table).where(run_table.c.id == number).values(version=version, **values)
    connection.execute(statement)


def load_run(app: App, number: int) -> Run:
    """Return a run; NotFound for an unknown number."""
    with app.read("exchange") as ctx:
        found = ctx.connection.execute(sa.select(run_table).where(run_table.c.id == number)).first()
    if found is None:
        raise NotFound(_("there is no import {id}; see: crm imports list").format(id=number))
    return found


def list_runs(app: App, before: int | None, limit: int) -> list[Run]:
    """Return the newest runs first; `before` = only those with a smaller number."""
    query = sa.select(run_table).order_by(run_table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(run_table.c.id < before)
    with app.read("exchange") as ctx:
        return list(ctx.connection.execute(query))


def true_state(app: App, run: Run) -> str:
    """Return a run's state; a `running` one whose process is gone is `interrupted`, an `undoing` one `undo_stopped`."""
    stopped = STOPPED.get(run.state)
    if stopped is None:
        return str(run.state)
    if run.host == socket.gethostname():
        return str(run.state) if lock_of(app, run.id).is_held() else stopped
    alive = app.clock() - run.heartbeat_at < SILENCE
    return str(run.state) if alive else stopped


def interrupted_runs(app: App) -> list[int]:
    """Return the numbers of imports that could be resumed; not those that were done whole afterwards, by another run."""
    unfinished = run_table.c.state.in_(["running", "interrupted"])
    with app.read("exchange") as ctx:
        stopped = list(ctx.connection.execute(sa.select(run_table).where(unfinished)))
        files = {run.file_sha256 for run in stopped}
        query = sa.select(run_table).where(run_table.c.state == "done", run_table.c.file_sha256.in_(files))
        done = list(ctx.connection.execute(query)) if files else []
    return sorted(
        run.id
        for run in stopped
        if true_state(app, run) == "interrupted"
        and not any(_what(run) == _what(later) for later in done if later.id > run.id)
    )


def _what(run: Run) -> tuple[Any, ...]:
    """Return what a run imports, and how: a workbook has several sheets, and one sheet can be read in several ways."""
    return run.entity, run.file_sha256, run.mapping, run.options


def stopped_undos(app: App) -> list[int]:
    """Return the numbers of imports whose undo was begun and not ended."""
    with app.read("exchange") as ctx:
        begun = run_table.c.state.in_(["undoing", "undo_stopped"])
        runs = list(ctx.connection.execute(sa.select(run_table).where(begun)))
    return sorted(run.id for run in runs if true_state(app, run) == "undo_stopped")


def run_as_json(app: App, run: Run) -> dict[str, Any]:
    """Return a run as a JSON object (schema import_run)."""
    return dict(_json_items(app, run))


def _json_items(app: App, run: Run) -> Iterator[tuple[str, Any]]:
    yield "import", run.id
    for name in ("entity", "state", "file_name", "file_path", "file_sha256", "encoding", "rows_done"):
        yield name, true_state(app, run) if name == "state" else getattr(run, name)
    for name in COUNTS:
        yield name, run.counts.get(name, 0)
    yield "undo", _undo_as_json(run)
    for name in ("rejects_file", "warnings", "error", "actor", "mapping", "options"):
        yield name, getattr(run, name)
    for name in ("started_at", "heartbeat_at", "ended_at"):
        at = getattr(run, name)
        yield name, at.isoformat().replace("+00:00", "Z") if at else None


def _undo_as_json(run: Run) -> dict[str, int] | None:
    """Return what was taken back, if that was ever begun."""
    if "undo_restored" not in run.counts:
        return None
    return {name: run.counts.get(f"undo_{name}", 0) for name in UNDO_COUNTS}
