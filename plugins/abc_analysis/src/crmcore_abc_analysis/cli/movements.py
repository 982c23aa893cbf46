"""`crm abc transitions`."""

from __future__ import annotations

from typing import Any

import click

from crmcore.api import (
    N_,
    Command,
    Session,
    echo,
    emit,
    in_bulk,
    json_option,
    pass_session,
    show_chart,
    show_table,
    translator,
)

_ = translator("crmcore_abc_analysis")
_SHOWN = 50


@click.command(
    "transitions", cls=Command, help=N_("Show how customers moved between classes from one run to another.")
)
@click.option(
    "--from-run", type=int, help=N_("Number of the run before; by default the one before of its kind.")
)
@click.option("--to-run", type=int, help=N_("Number of the run after; by default the one made last."))
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
@json_option
@pass_session
def transitions_command(
    session: Session, from_run: int | None, to_run: int | None, limit: int | None, *, as_json: bool
) -> None:
    """Show transitions."""
    from crmcore_abc_analysis.movements import transitions, transitions_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            document = transitions(ctx, from_run, to_run, limit)
            movers = in_bulk(session, ctx, "abc_transitions", document["movers"], {"limit": limit})
            emit({**document, "movers": list(movers)})
        else:
            _show(transitions_of(ctx, from_run, to_run), limit or _SHOWN)


def _show(found: Any, limit: int) -> None:
    from crmcore_abc_analysis.analyses.transitions import report_of

    report = report_of(found, limit)
    echo(report.title)
    for table in report.tables:
        show_table(table)
    for chart in report.charts:
        show_chart(chart)
    for note in report.notes:
        echo(note)
    moved = sum(count for move, count in found.counts().items() if move != "stayed")
    if moved > limit:
        echo(_("{count} customers moved in all; more with --limit N, all with --json").format(count=moved))
