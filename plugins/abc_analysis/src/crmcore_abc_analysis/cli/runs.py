"""`crm abc run|runs|grades|explain|changes`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from crmcore.api import (
    N_,
    Command,
    Session,
    echo,
    emit,
    emit_lines,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

from .shared import DAY, NUMBER, SHOWN, limit_option, preset_option, show_report

_ = translator("crmcore_abc_analysis")
_run_option = click.option(
    "--run", "number", type=NUMBER, help=N_("Number of the run; by default the one made last.")
)


@click.command(
    "run",
    cls=Command,
    help=N_(
        "Class all customers who bought anything in a period; without days, in the last full calendar year."
    ),
)
@click.option(
    "--from",
    "start",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("First day of the period, such as 2025-01-01."),
)
@click.option("--to", "end", type=DAY, metavar="YYYY-MM-DD", help=N_("Last day of the period, included."))
@preset_option
@click.option(
    "--by",
    type=click.Choice(["rank", "amount", "threshold"]),
    help=N_(
        "What decides: shares of the customers in rank order, shares of the amount, or the thresholds of the settings."
    ),
)
@click.option(
    "--basis",
    type=click.Choice(["purchases", "margin", "profit", "potential"]),
    help=N_("What customers are classed by; by default as the settings say."),
)
@click.option(
    "--level",
    type=click.Choice(["single", "group"]),
    help=N_("Class single customers, or groups with a common parent as one."),
)
@click.option(
    "--engine",
    metavar="NAME",
    help=N_("What computes it: python, database, duckdb, spark; by default as crm.toml says."),
)
@json_option
@pass_session
def run_command(session: Session, start: datetime | None, end: datetime | None, **options: Any) -> None:
    """Make a run and show it."""
    from crmcore_abc_analysis.policies.checks import check_cutoffs_asked
    from crmcore_abc_analysis.runs import run_summary
    from crmcore_abc_analysis.services import PLUGIN, Request, make_run

    check_cutoffs_asked(options["preset"], options["by"])
    chosen = {name: options[name] for name in ("preset", "by", "basis", "level", "engine")}
    request = Request(start.date() if start else None, end.date() if end else None, **chosen)
    number = make_run(session.app, session.actor, request)
    with session.app.read(PLUGIN) as ctx:
        if options["as_json"]:
            emit(run_summary(ctx, number))
        else:
            _show_run(ctx, number)


def _show_run(ctx: Any, number: int) -> None:
    from crmcore_abc_analysis.reports import abc_report

    report = abc_report(ctx, {"run": str(number)})
    show_report(report)
    echo(_("Why a customer has its class: crm abc explain CODE"))


@click.command("grades", cls=Command, help=N_("List the customers of a run in rank order."))
@_run_option
@limit_option
@json_option
@pass_session
def grades_command(session: Session, number: int | None, limit: int | None, *, as_json: bool) -> None:
    """List classes."""
    from crmcore_abc_analysis.reports import customer_table, title_of
    from crmcore_abc_analysis.runs import find_run, list_grades
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            filters = {"run": number, "limit": limit}
            emit_lines(in_bulk(session, ctx, "abc_grade", list_grades(ctx, number, limit), filters))
            return
        run = find_run(ctx, number)
        echo(title_of(run))
        show_table(customer_table(ctx, run, limit or SHOWN))
        if run.customers > (limit or SHOWN):
            echo(
                _("{count} customers in all; more with --limit N, all with --json").format(
                    count=run.customers
                )
            )


@click.command(
    "explain", cls=Command, help=N_("Say why a customer has its class, down to the purchases behind it.")
)
@click.argument("code")
@_run_option
@json_option
@pass_session
def explain_command(session: Session, code: str, number: int | None, *, as_json: bool) -> None:
    """Explain a class."""
    from crmcore_abc_analysis.display import explanation_lines, explanation_tables
    from crmcore_abc_analysis.explain import explain
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        explanation = explain(ctx, code, number)
    if as_json:
        emit(explanation)
        return
    for line in explanation_lines(explanation):
        echo(line)
    for table in explanation_tables(explanation):
        show_table(table)


@click.command("runs", cls=Command, help=N_("List the runs, the newest first."))
@json_option
@pass_session
def runs_command(session: Session, *, as_json: bool) -> None:
    """List runs."""
    from crmcore_abc_analysis.display import run_table
    from crmcore_abc_analysis.runs import list_runs
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            emit_lines(list_runs(ctx))
        else:
            show_table(run_table(list(list_runs(ctx))))


@click.command("changes", cls=Command, help=N_("Show whose amounts have changed since a run was made."))
@_run_option
@limit_option
@json_option
@pass_session
def changes_command(session: Session, number: int | None, limit: int | None, *, as_json: bool) -> None:
    """Compare a run with what its inputs come to now."""
    from itertools import islice

    from crmcore_abc_analysis.changes import changes_since
    from crmcore_abc_analysis.display import change_table
    from crmcore_abc_analysis.runs import find_run
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        run = find_run(ctx, number)
        changed = changes_since(ctx, run)
        if as_json:
            filters = {"run": run.id, "limit": limit}
            emit_lines(in_bulk(session, ctx, "abc_grade", islice(changed, limit), filters))
            return
        rows = list(changed)
    if not rows:
        echo(_("Nothing has changed since run {run} of {day}.").format(run=run.id, day=run.made_on))
        return
    show_table(change_table(rows[: limit or SHOWN], run.currency))
    echo(
        _(
            "{count} customers come to other amounts now; run again: crm abc run --from {start} --to {end}"
        ).format(count=len(rows), start=run.period_start, end=run.period_end)
    )
