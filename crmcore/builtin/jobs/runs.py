"""The runs of jobs as they are kept: what they say, and what is to be attempted next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.jobs.locks import JOB, is_held
from crmcore.builtin.jobs.rules import Attempt, Turn, next_turn
from crmcore.builtin.jobs.tables import JobRun
from crmcore.entities.lookup import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from crmcore.plugins.types import JobSpec

job_table = table_of(JobRun)
_c = job_table.c
Row = dict[str, Any]


def newest_runs(connection: sa.Connection, folder: Path, specs: Iterable[JobSpec]) -> dict[str, Row]:
    """Return the published JSON of the run of each job that was begun last."""
    newest = sa.select(sa.func.max(_c.id)).group_by(_c.name)
    rows = connection.execute(sa.select(job_table).where(_c.id.in_(newest))).mappings().all()
    return {run["job"]: run for run in as_json(connection, folder, rows, specs)}


def history(
    connection: sa.Connection,
    folder: Path,
    specs: Iterable[JobSpec],
    name: str | None = None,
    *,
    failed: bool = False,
    limit: int | None = None,
) -> list[Row]:
    """Return the published JSON of runs, the newest first; failed: only those that failed or were interrupted."""
    query = sa.select(job_table).order_by(_c.id.desc())
    if name is not None:
        query = query.where(_c.name == name)
    if failed:  # one that is said to run may have been killed: that is seen only when it is looked at
        query = query.where(_c.state != "done")
    found = as_json(connection, folder, connection.execute(query).mappings().all(), specs)
    chosen = [run for run in found if not failed or run["state"] != "running"]
    return chosen[:limit]


def as_json(
    connection: sa.Connection, folder: Path, rows: Sequence[sa.RowMapping], specs: Iterable[JobSpec]
) -> list[Row]:
    """Return the published JSON of runs; one that is said to run and that nobody runs was interrupted."""
    said = {row["name"] for row in rows if row["state"] == "running"}
    newest = sa.select(_c.name, sa.func.max(_c.id)).where(_c.name.in_(said)).group_by(_c.name)
    running = {
        number for name, number in connection.execute(newest) if is_held(connection, folder, JOB, name)
    }
    known = {spec.name: spec for spec in specs}
    return [_as_json(dict(row), row["id"] in running, known.get(row["name"])) for row in rows]


def _as_json(row: Mapping[str, Any], is_running: bool, spec: JobSpec | None) -> Row:  # noqa: FBT001
    state = "interrupted" if row["state"] == "running" and not is_running else row["state"]
    names = ("actor", "state", "started_at", "ended_at", "summary", "error", "due_at", "attempt")
    run = {"run": row["id"], "job": row["name"], **{name: row[name] for name in names}, "state": state}
    turn = None
    if row["due_at"] is not None and spec is not None:
        turn = next_turn(None, _attempt(run), spec.retries, spec.retry_seconds)
    return {**run, "retry_at": turn and turn.at}


def _attempt(run: Mapping[str, Any], *, settled: bool = False) -> Attempt:
    return Attempt(run["due_at"], run["attempt"], run["state"], run["ended_at"], settled)


def turn_of(connection: sa.Connection, folder: Path, spec: JobSpec, due: datetime | None) -> Turn | None:
    """Return what is to be attempted of a job; `due`: its newest due time."""
    query = (
        sa.select(job_table)
        .where(_c.name == spec.name, _c.due_at.is_not(None))
        .order_by(_c.due_at.desc(), _c.attempt.desc())
        .limit(1)
    )
    rows = connection.execute(query).mappings().all()
    last = None
    for run in as_json(connection, folder, rows, [spec]):
        by_hand = sa.exists().where(_c.name == spec.name, _c.id > run["run"], _c.state == "done")
        last = _attempt(run, settled=bool(connection.scalar(sa.select(by_hand))))
    return next_turn(due, last, spec.retries, spec.retry_seconds)
