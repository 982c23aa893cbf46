"""`crm abc load|whatif`."""

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
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

from .shared import DAY, NUMBER, SHOWN, limit_option, preset_option, show_report

_ = translator("crmcore_abc_analysis")


@click.command(
    "load", cls=Command, help=N_("Count the visits a year that the policies cost each representative.")
)
@click.option(
    "--on",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("Classes and policies of the end of this day; by default of now."),
)
@json_option
@pass_session
def load_command(session: Session, on: datetime | None, *, as_json: bool) -> None:
    """Show the load."""
    from crmcore_abc_analysis.policies.load import class_table, load_json, load_on, representative_table
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        load = load_on(ctx, on.date() if on else None)
    if as_json:
        emit(load_json(load))
        return
    for table in (class_table(load), representative_table(load)):
        show_table(table)
    if load.run is None:
        echo(_("there is no run yet; make one with: crm abc run"))


@click.command(
    "whatif",
    cls=Command,
    help=N_("Show what other cut-offs would change: who moves, visits, discounts, limits."),
)
@preset_option
@click.option(
    "--by",
    type=click.Choice(["rank", "amount", "threshold"]),
    help=N_(
        "What the cut-offs are: shares of the customers in rank order, shares of the amount, or least amounts."
    ),
)
@click.option(
    "--cutoff",
    "cutoffs",
    multiple=True,
    metavar="CLASS=END",
    help=N_("Where a class ends, the best first, such as A=0.01; the last class stands alone. Repeat it."),
)
@click.option("--run", type=NUMBER, help=N_("Number of the run; by default the one made last."))
@limit_option
@json_option
@pass_session
def whatif_command(session: Session, *, limit: int | None, as_json: bool, **options: Any) -> None:
    """Show what would change."""
    from crmcore_abc_analysis.policies.cutoffs import Wish
    from crmcore_abc_analysis.policies.whatif import whatif, whatif_json
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = whatif(ctx, Wish(**options))
        if as_json:
            document = whatif_json(found, limit)
            moves = in_bulk(session, ctx, "abc_whatif", document["moves"], {"limit": limit})
            emit({**document, "moves": list(moves)})
        else:
            _show(found, limit or SHOWN)


def _show(found: Any, limit: int) -> None:
    from crmcore_abc_analysis.policies.whatif_report import whatif_report

    report = whatif_report(found, limit)
    show_report(report, charts_first=True)
    if found.moved > limit:
        echo(
            _("{count} customers would move in all; more with --limit N, all with --json").format(
                count=found.moved
            )
        )
