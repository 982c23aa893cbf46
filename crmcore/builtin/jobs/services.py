"""Run a job for somebody, and keep how it went."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.jobs.tables import JobRun
from crmcore.db.base import dumps
from crmcore.entities.actors import require_permission
from crmcore.entities.lookup import table_of
from crmcore.errors import NotFound
from crmcore.i18n import _, translate
from crmcore.plugins.health import message_of
from crmcore.plugins.isolation import set_apart

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import JobSpec

_table = table_of(JobRun)


def find_job(app: App, name: str) -> JobSpec:
    """Return a job by name; NotFound says which one may be meant."""
    specs: dict[str, JobSpec] = {spec.name: spec for spec in app.host.registered("jobs")}
    if name not in specs:
        near = get_close_matches(name, specs, n=1)
        hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
        message = _("there is no job {name!r}{hint}; list them with: crm jobs list")
        raise NotFound(message.format(name=name, hint=hint))
    return specs[name]


def list_jobs(app: App) -> list[dict[str, Any]]:
    """Return the published JSON of all jobs by name, each with its run begun last."""
    newest = sa.select(sa.func.max(_table.c.id)).group_by(_table.c.name)
    with app.read("jobs") as ctx:
        rows = ctx.connection.execute(sa.select(_table).where(_table.c.id.in_(newest))).mappings().all()
    last = {row["name"]: as_json(row) for row in rows}
    return [
        {
            "name": spec.name,
            "title": translate(app.host.get(spec.plugin).manifest.package.split(".")[0], spec.title),
            "plugin": spec.plugin,
            "schedule": spec.schedule,
            "last_run": last.get(spec.name),
        }
        for spec in sorted(app.host.registered("jobs"), key=lambda spec: str(spec.name))
    ]


def run_job(app: App, actor: str, spec: JobSpec) -> dict[str, Any]:
    """Run a job in the foreground and return the published JSON of its run; its error is kept in it."""
    with app.read("jobs", actor) as ctx:
        require_permission(ctx.connection, app.config, actor, "records.write")
    started = {"name": spec.name, "actor": actor, "state": "running", "started_at": app.clock()}
    with app.operations() as connection:
        number = connection.execute(sa.insert(_table).values(started).returning(_table.c.id)).scalar_one()
    try:
        with set_apart():
            summary = dict(spec.run(app, actor))
            dumps(summary)
    except KeyboardInterrupt:
        _end(app, number, "interrupted", app.clock())
        raise
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; its error is kept and shown)
        return _end(app, number, "failed", app.clock(), error=message_of(error))
    return _end(app, number, "done", app.clock(), summary=summary)


def _end(app: App, number: int, state: str, at: datetime, **rest: Any) -> dict[str, Any]:
    query = sa.update(_table).where(_table.c.id == number).values(state=state, ended_at=at, **rest)
    with app.operations() as connection:
        return as_json(connection.execute(query.returning(_table)).mappings().one())


def as_json(row: sa.RowMapping) -> dict[str, Any]:
    """Return the published JSON of a run."""
    names = ("actor", "state", "started_at", "ended_at", "summary", "error")
    return {"run": row["id"], "job": row["name"], **{name: row[name] for name in names}}
