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
    translator,
)

from .shared import NUMBER, SHOWN, limit_option, show_report

_ = translator("crmcore_abc_analysis")


@click.command(
    "transitions", cls=Command, help=N_("Show how customers moved between classes from one run to another.")
)
@click.option(
    "--from-run", type=NUMBER, help=N_("Number of the run before; by default the one before of its kind.")
)
@click.option("--to-run", type=NUMBER, help=N_("Number of the run after; by default the one made last."))
@limit_option
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
            _show(transitions_of(ctx, from_run, to_run), limit or SHOWN)


def _show(found: Any, limit: int) -> None:
    from crmcore_abc_analysis.analyses.transitions import report_of

    report = report_of(found, limit)
    show_report(report)
    moved = sum(count for move, count in found.counts().items() if move != "stayed")
    if moved > limit:
        echo(_("{count} customers moved in all; more with --limit N, all with --json").format(count=moved))
