"""List jobs, run one for somebody, run all that is due, and keep how it went."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.jobs import runs
from crmcore.builtin.jobs.fence import fenced
from crmcore.builtin.jobs.locks import JOB, alone
from crmcore.builtin.jobs.runs import job_table
from crmcore.builtin.jobs.schedules import Schedule, is_able
from crmcore.builtin.strategies.workdays import calendar
from crmcore.db.base import dumps
from crmcore.entities.actors import require_permission
from crmcore.errors import NotFound, Refused
from crmcore.i18n import _, translate
from crmcore.plugins.health import message_of
from crmcore.plugins.isolation import set_apart

if TYPE_CHECKING:
    from datetime import datetime

    from crmcore.app import App
    from crmcore.builtin.jobs.rules import Turn
    from crmcore.plugins.types import Context, JobSpec


KEPT_RUNS = 1_000
"""Of each job so many runs are kept: one that is due every minute would fill the database."""


def all_jobs(app: App) -> list[JobSpec]:
    """Return the jobs of all plugins by name."""
    return sorted(app.host.registered("jobs"), key=lambda spec: str(spec.name))


def find_job(app: App, name: str) -> JobSpec:
    """Return a job by name; NotFound says which one may be meant."""
    specs = {spec.name: spec for spec in all_jobs(app)}
    if name not in specs:
        near = get_close_matches(name, specs, n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("there is no job {name!r}{hint}; list them with: crm jobs list")
        raise NotFound(message.format(name=name, hint=hint))
    return specs[name]


def list_jobs(app: App) -> list[dict[str, Any]]:
    """Return the published JSON of all jobs by name, each with its run begun last and when it is due."""
    specs = all_jobs(app)
    with app.read("jobs") as ctx:
        last = runs.newest_runs(ctx.connection, ctx.workspace, specs)
        return [
            {
                "name": spec.name,
                "title": translate(app.host.get(spec.plugin).manifest.package.split(".")[0], spec.title),
                "plugin": spec.plugin,
                "schedule": spec.schedule,
                "last_run": last.get(spec.name),
                "workdays": spec.workdays,
                "retries": spec.retries,
                **_due(app, ctx, spec),
            }
            for spec in specs
        ]


def _due(app: App, ctx: Context, spec: JobSpec) -> dict[str, Any]:
    """Return since when a job is due, and when it will be."""
    schedule = schedule_of(app, ctx, spec) if is_able() else None
    if schedule is None:
        return {"due_since": None, "next_run": None}
    turn = runs.turn_of(ctx.connection, ctx.workspace, spec, schedule.latest(ctx.now))
    coming = schedule.next(ctx.now)
    if turn and turn.at > ctx.now:
        coming = min(turn.at, coming or turn.at)
    return {"due_since": turn.due_at if turn and turn.at <= ctx.now else None, "next_run": coming}


def schedule_of(app: App, ctx: Context, spec: JobSpec) -> Schedule | None:
    """Return when a job is due, in the company's time zone and on its working days."""
    if spec.schedule is None:
        return None
    return Schedule(spec.schedule, spec.workdays, app.config.timezone, calendar(ctx))


def run_job(app: App, actor: str, spec: JobSpec) -> dict[str, Any]:
    """Run a job in the foreground and return the published JSON of its run; its error is kept in it.

    Refused where it is running already.
    """
    require_runner(app, actor)
    with alone(app, JOB, spec.name) as mine:
        if not mine:
            message = _("the job {name!r} is running already; see: crm jobs history {name}")
            raise Refused(message.format(name=spec.name))
        _note_killed(app, spec)
        return _run(app, actor, spec, None)


def run_due(app: App, actor: str, specs: list[JobSpec]) -> Iterator[dict[str, Any]]:
    """Run those of the jobs that are due, one after the other; give the published JSON of each run as it ends.

    What another process is at is left to it.
    """
    require_runner(app, actor)
    for spec in specs:
        if _turn(app, spec) is None:
            continue
        with alone(app, JOB, spec.name) as mine:
            if not mine:
                continue
            _note_killed(app, spec)
            turn = _turn(app, spec)  # once more: another may have done it meanwhile
            if turn is not None:
                yield _run(app, actor, spec, turn)


def _turn(app: App, spec: JobSpec) -> Turn | None:
    """Return the attempt that is to be made now."""
    with app.read("jobs") as ctx:
        schedule = schedule_of(app, ctx, spec)
        if schedule is None:
            return None
        turn = runs.turn_of(ctx.connection, ctx.workspace, spec, schedule.latest(ctx.now))
        return turn if turn and turn.at <= ctx.now else None


def require_runner(app: App, actor: str) -> None:
    """Raise Refused unless somebody may run jobs."""
    with app.read("jobs", actor) as ctx:
        require_permission(ctx.connection, app.config, actor, "records.write")


def _run(app: App, actor: str, spec: JobSpec, turn: Turn | None) -> dict[str, Any]:
    """Run a job that nobody else runs."""
    number = _begin(app, actor, spec, turn)
    try:
        with set_apart(), fenced(app, number):
            summary = dict(spec.run(app, actor))
            dumps(summary)
    except KeyboardInterrupt:
        _end(app, spec, number, state="interrupted", ended_at=app.clock())
        raise
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; its error is kept and shown)
        return _end(app, spec, number, state="failed", ended_at=app.clock(), error=message_of(error))
    return _end(app, spec, number, state="done", ended_at=app.clock(), summary=summary)


def _note_killed(app: App, spec: JobSpec) -> None:
    """Write down who was killed: whoever is said to run, and is not, since the lock is ours."""
    killed = sa.and_(job_table.c.name == spec.name, job_table.c.state == "running")
    with app.operations() as connection:
        connection.execute(sa.update(job_table).where(killed).values(state="interrupted"))


def _begin(app: App, actor: str, spec: JobSpec, turn: Turn | None) -> int:
    """Write down that a run begins, and forget the oldest."""
    c = job_table.c
    started = {"name": spec.name, "actor": actor, "state": "running", "started_at": app.clock()}
    if turn:
        started |= {"due_at": turn.due_at, "attempt": turn.attempt}
    with app.operations() as connection:
        number = int(connection.execute(sa.insert(job_table).values(started).returning(c.id)).scalar_one())
        oldest = sa.select(c.id).where(c.name == spec.name).order_by(c.id.desc()).offset(KEPT_RUNS).limit(1)
        connection.execute(sa.delete(job_table).where(c.name == spec.name, c.id <= oldest.scalar_subquery()))
        return number


def _end(app: App, spec: JobSpec, number: int, **values: datetime | str | dict[str, Any]) -> dict[str, Any]:
    """Write down how a run ended, unless another process took the job up and wrote that it was interrupted."""
    mine = sa.and_(job_table.c.id == number, job_table.c.state == "running")
    with app.operations() as connection:
        connection.execute(sa.update(job_table).where(mine).values(values))
        rows = connection.execute(sa.select(job_table).where(job_table.c.id == number)).mappings().all()
        return runs.as_json(connection, app.config.folder, rows, [spec])[0]
