"""`crm worker`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from crmcore.builtin.jobs.cli import success
from crmcore.cli.kit import Command, Session, echo, emit_lines, json_option, pass_session, warn
from crmcore.errors import CrmError
from crmcore.i18n import N_
from crmcore.text import printable

if TYPE_CHECKING:
    from crmcore.builtin.jobs.worker_runs import Outcome


@click.command(
    cls=Command,
    help=N_("Run every job when it is due, until stopped: one on SQLite, any number on PostgreSQL."),
)
@click.option(
    "--finish-within",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help=N_(
        "How long running jobs may take to end when it is stopped; then they are interrupted, to be resumed."
    ),
)
@json_option
@pass_session
def worker(session: Session, *, finish_within: float, as_json: bool) -> None:
    """Serve a company."""
    from crmcore.builtin.jobs.services import require_runner
    from crmcore.builtin.jobs.worker_queue import require_dbos

    require_dbos()
    from crmcore.builtin.jobs.schedules import require_able
    from crmcore.builtin.jobs.worker import Worker

    require_able()
    app = session.app
    app.check_enabled_set()
    require_runner(app, session.actor)

    def say(text: str) -> None:
        click.echo("crm: " + printable(text), err=True)

    def tell(outcome: Outcome) -> None:
        if outcome.problem:
            warn(outcome.problem)
        for run in outcome.runs:
            if as_json:
                emit_lines([run])
            elif run["state"] == "done":
                echo(success(run))

    served, code = Worker(app, session.actor, tell, say), 0
    try:
        served.serve(app, finish_within=finish_within, debug=session.debug)
    except CrmError as error:
        if served.whole:
            raise
        say(str(error))
        code = 1
    if not served.whole:  # threads that wait for a database that is away would keep the process
        session.close()
        sys.stdout.flush()
        os._exit(code)
