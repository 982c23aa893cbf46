"""`crm jobs …`."""

from __future__ import annotations

import click

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
)
from crmcore.errors import CrmError
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table


@click.group(cls=Group, help=N_("Jobs: list and run"))
def jobs() -> None:
    """Hold the commands below."""


@jobs.command("list", cls=Command, help=N_("List the jobs of all plugins, and how they went last."))
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List jobs."""
    from crmcore.builtin.jobs.services import list_jobs

    listed = list_jobs(session.app)
    if as_json:
        emit_lines(listed)
        return
    columns = (
        Column("name", _("Name")),
        Column("title", _("Title")),
        Column("plugin", _("Plugin")),
        Column("state", _("Last run")),
        Column("at", _("At"), "datetime"),
        Column("error", _("Error")),
    )
    zone, rows = session.app.config.timezone, []
    for job in listed:
        last = job["last_run"] or {"state": None, "started_at": None, "error": None}
        at = last["started_at"] and last["started_at"].astimezone(zone)
        rows.append((job["name"], job["title"], job["plugin"], shown(last["state"]), at, last["error"]))
    show_table(Table("jobs", "", columns, rows))


@jobs.command("run", cls=Command, help=N_("Run a job now, and wait for its end."))
@click.argument("name")
@json_option
@pass_session
def run_command(session: Session, name: str, *, as_json: bool) -> None:
    """Run a job."""
    from crmcore.builtin.jobs.services import find_job, run_job

    done = run_job(session.app, session.actor, find_job(session.app, name))
    if as_json:
        emit(done)
    if done["state"] != "done":
        message = _("the job {name!r} failed: {error}; its run is number {run}")
        raise CrmError(message.format(name=name, error=done["error"], run=done["run"]))
    if not as_json:
        text = ", ".join(f"{key} = {value}" for key, value in (done["summary"] or {}).items())
        echo(_("The job {name} is done: {summary}").format(name=name, summary=text))
