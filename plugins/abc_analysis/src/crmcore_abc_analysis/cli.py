"""`crm abc …`: run, list and explain the classification."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from crmcore.api import (
    N_,
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_chart,
    show_table,
    translator,
)

_ = translator("crmcore_abc_analysis")
_DAY = click.DateTime(["%Y-%m-%d"])
_SHOWN = 50
_run_option = click.option(
    "--run", "number", type=int, help=N_("Number of the run; by default the one made last.")
)


@click.group(cls=Group, help=N_("Class customers by their purchases."))
def abc() -> None:
    """Hold the commands below."""


@abc.command(
    "run",
    cls=Command,
    help=N_(
        "Class all customers who bought anything in a period; without days, in the last full calendar year."
    ),
)
@click.option(
    "--from",
    "start",
    type=_DAY,
    metavar="YYYY-MM-DD",
    help=N_("First day of the period, such as 2025-01-01."),
)
@click.option("--to", "end", type=_DAY, metavar="YYYY-MM-DD", help=N_("Last day of the period, included."))
@click.option(
    "--preset",
    type=click.Choice(["pyramid", "increments", "pareto", "own"]),
    help=N_("Cut-offs; by default those of the settings."),
)
@click.option(
    "--by",
    type=click.Choice(["rank", "amount"]),
    help=N_("What the cut-offs are shares of: the customers in rank order, or the amount."),
)
@json_option
@pass_session
def run_command(session: Session, start: datetime | None, end: datetime | None, **options: Any) -> None:
    """Make a run and show it."""
    from .runs import run_summary
    from .services import PLUGIN, Request, make_run

    request = Request(
        start.date() if start else None, end.date() if end else None, options["preset"], options["by"]
    )
    number = make_run(session.app, session.actor, request)
    with session.app.read(PLUGIN) as ctx:
        if options["as_json"]:
            emit(run_summary(ctx, number))
        else:
            _show_run(ctx, number)


def _show_run(ctx: Any, number: int) -> None:
    from .reports import abc_report

    report = abc_report(ctx, {"run": str(number)})
    echo(report.title)
    for table in report.tables:
        show_table(table)
    for chart in report.charts:
        show_chart(chart)
    for note in report.notes:
        echo(note)
    echo(_("Why a customer has its class: crm abc explain CODE"))


@abc.command("grades", cls=Command, help=N_("List the customers of a run in rank order."))
@_run_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
@json_option
@pass_session
def grades_command(session: Session, number: int | None, limit: int | None, *, as_json: bool) -> None:
    """List classes."""
    from .reports import customer_table, title_of
    from .runs import find_run, list_grades
    from .services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            emit_lines(list_grades(ctx, number, limit))
            return
        run = find_run(ctx, number)
        echo(title_of(run))
        show_table(customer_table(ctx, run, limit or _SHOWN))
        if run.customers > (limit or _SHOWN):
            echo(
                _("{count} customers in all; more with --limit N, all with --json").format(
                    count=run.customers
                )
            )


@abc.command(
    "explain", cls=Command, help=N_("Say why a customer has its class, down to the purchases behind it.")
)
@click.argument("code")
@_run_option
@json_option
@pass_session
def explain_command(session: Session, code: str, number: int | None, *, as_json: bool) -> None:
    """Explain a class."""
    from .display import explanation_lines, explanation_tables
    from .explain import explain
    from .services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        explanation = explain(ctx, code, number)
    if as_json:
        emit(explanation)
        return
    for line in explanation_lines(explanation):
        echo(line)
    for table in explanation_tables(explanation):
        show_table(table)


@abc.command("runs", cls=Command, help=N_("List the runs, the newest first."))
@json_option
@pass_session
def runs_command(session: Session, *, as_json: bool) -> None:
    """List runs."""
    from .display import run_table
    from .runs import list_runs
    from .services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            emit_lines(list_runs(ctx))
        else:
            show_table(run_table(list(list_runs(ctx))))
