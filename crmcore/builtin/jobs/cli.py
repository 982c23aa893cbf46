"""`crm jobs …`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from crmcore.builtin.records.options import SHOWN, limit_option
from crmcore.builtin.records.words import shown
from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
    warn,
)
from crmcore.errors import CrmError, UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table


@click.group(cls=Group, help=N_("Jobs: list, run, look back"))
def jobs() -> None:
    """Hold the commands below."""


@jobs.command(
    "list", cls=Command, help=N_("List the jobs of all plugins, when they are due, and how they went last.")
)
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List jobs."""
    from crmcore.builtin.jobs.schedules import is_able
    from crmcore.builtin.jobs.services import list_jobs

    listed = list_jobs(session.app)
    if not is_able():
        warn(_("when jobs are due is not known here; install it with: pip install 'crmcore[jobs]'"))
    if as_json:
        emit_lines(listed)
        return
    columns = (
        Column("name", _("Name")),
        Column("title", _("Title")),
        Column("plugin", _("Plugin")),
        Column("state", _("Last run")),
        Column("at", _("At"), "datetime"),
        Column("next", _("Next run"), "datetime"),
        Column("error", _("Error")),
    )
    rows = []
    for job in listed:
        last = job["last_run"] or {"state": None, "started_at": None, "error": None}
        at, coming = _local(session, last["started_at"]), _local(session, job["next_run"])
        rows.append(
            (job["name"], job["title"], job["plugin"], shown(last["state"]), at, coming, last["error"])
        )
    show_table(Table("jobs", "", columns, rows))


@jobs.command(
    "run", cls=Command, help=N_("Run a job now, or with --due all that are due, and wait for the end.")
)
@click.argument("name", required=False)
@click.option("--due", is_flag=True, help=N_("Only what is due, each job once: for a timer of the system."))
@json_option
@pass_session
def run_command(session: Session, name: str | None, *, due: bool, as_json: bool) -> None:
    """Run jobs."""
    from crmcore.builtin.jobs.services import all_jobs, find_job, run_due, run_job

    if name is None and not due:
        raise UsageProblem(_("name a job, or write --due to run all that are due"))
    if not due:
        _tell(
            session, [run_job(session.app, session.actor, find_job(session.app, str(name)))], as_json=as_json
        )
        return
    specs = all_jobs(session.app) if name is None else [find_job(session.app, name)]
    _tell_all(session, run_due(session.app, session.actor, specs), as_json=as_json)


@jobs.command("history", cls=Command, help=N_("List runs, the newest first."))
@click.argument("name", required=False)
@click.option("--failed", is_flag=True, help=N_("Only those that failed or were interrupted."))
@limit_option
@json_option
@pass_session
def history_command(
    session: Session, name: str | None, limit: int | None, *, failed: bool, as_json: bool
) -> None:
    """List runs."""
    from crmcore.builtin.jobs.runs import history
    from crmcore.builtin.jobs.services import all_jobs

    limit = limit if limit or as_json else SHOWN
    with session.app.read("jobs", session.actor) as ctx:
        specs = all_jobs(session.app)
        found = history(ctx.connection, ctx.workspace, specs, name, failed=failed, limit=limit)
    if not found and name is not None:
        _require_job(session, name)
    if as_json:
        emit_lines(found)
    else:
        show_table(_runs_table(session, found))


def _require_job(session: Session, name: str) -> None:
    """Raise NotFound for a job that no plugin has; runs of it that are kept are listed all the same."""
    from crmcore.builtin.jobs.services import find_job

    find_job(session.app, name)


def _tell(session: Session, done: list[dict[str, Any]], *, as_json: bool) -> None:
    """Say how the run of a job went; CrmError if it failed."""
    (run,) = done
    if as_json:
        emit(run)
    if run["state"] != "done":
        raise CrmError(failure(session, run))
    if not as_json:
        echo(success(run))


def _tell_all(session: Session, done: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    """Say of each run how it went, as soon as it ended; CrmError if one failed."""
    failed = 0
    for run in done:
        if as_json:
            emit_lines([run])
        elif run["state"] == "done":
            echo(success(run))
        if run["state"] != "done":
            failed += 1
            warn(failure(session, run))
    if failed:
        raise CrmError(_("{count} jobs failed; see: crm jobs history --failed").format(count=failed))


def success(run: Mapping[str, Any]) -> str:
    """Say that a job is done."""
    text = ", ".join(f"{key} = {value}" for key, value in (run["summary"] or {}).items())
    return _("The job {name} is done: {summary}").format(name=run["job"], summary=text)


def failure(session: Session, run: Mapping[str, Any]) -> str:
    """Say that a job failed, and when it is tried again."""
    if run["state"] == "interrupted":
        message = _("another process took the job {name!r} up, since the lock of run {run} was lost")
        return message.format(name=run["job"], run=run["run"])
    message = _("the job {name!r} failed: {error}; its run is number {run}")
    if run["retry_at"]:
        message = _("the job {name!r} failed: {error}; its run is number {run}, it is due again at {at}")
    at = _local(session, run["retry_at"])
    told = {"name": run["job"], "error": run["error"], "run": run["run"]}
    return message.format(**told, at=at and f"{at:%Y-%m-%d %H:%M:%S}")


def _local(session: Session, moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(session.app.config.timezone)


def _runs_table(session: Session, found: Iterable[Mapping[str, Any]]) -> Table:
    columns = (
        Column("run", _("Number"), "integer"),
        Column("job", _("Name")),
        Column("state", _("State")),
        Column("at", _("At"), "datetime"),
        Column("due", _("Due"), "datetime"),
        Column("attempt", _("Attempt"), "integer"),
        Column("actor", _("By")),
        Column("error", _("Error")),
    )
    rows = [
        (
            run["run"],
            run["job"],
            shown(run["state"]),
            _local(session, run["started_at"]),
            _local(session, run["due_at"]),
            run["attempt"],
            run["actor"],
            run["error"],
        )
        for run in found
    ]
    return Table("runs", "", columns, rows)
