"""`crm abc questions|worst|stars|balance|gaps`: what customers are worth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from crmcore.api import (
    N_,
    Command,
    Session,
    emit,
    json_option,
    pass_session,
    translator,
)

from .shared import DAY, NUMBER, show_report

_ = translator("crmcore_abc_analysis")


def _limit(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--limit",
        type=NUMBER,
        default=default,
        show_default=True,
        help=N_("List so many at most."),
    )


@click.command("balance", cls=Command, help=N_("Count customers won, lost and regained in each period."))
@click.option(
    "--by",
    type=click.Choice(["month", "quarter", "year"]),
    help=N_("Length of a period; by default a year."),
)
@click.option(
    "--periods",
    type=click.IntRange(1, 1200),
    metavar="N",
    help=N_(
        "How many periods; by default 12 months, 8 quarters or 5 years, up to the last one that is over."
    ),
)
@click.option(
    "--from",
    "start",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("A day in the first period."),
)
@click.option("--to", "end", type=DAY, metavar="YYYY-MM-DD", help=N_("A day in the last period."))
@click.option(
    "--who",
    type=click.Choice(["won", "lost", "regained"]),
    help=N_("List who they are, those who bought most first."),
)
@click.option(
    "--period",
    metavar="PERIOD",
    help=N_("Show this period alone: 2025-03, 2025-Q1 or 2025."),
)
@_limit(50)
@json_option
@pass_session
def balance_command(session: Session, start: datetime | None, end: datetime | None, **options: Any) -> None:
    """Show the balance of customers."""
    from crmcore_abc_analysis.analyses.balance import Asked, balance, report_of
    from crmcore_abc_analysis.services import PLUGIN

    asked = Asked(
        options["by"],
        options["periods"],
        start.date() if start else None,
        end.date() if end else None,
        options["who"],
        options["period"],
        options["limit"],
    )
    with session.app.read(PLUGIN) as ctx:
        found = balance(ctx, asked)
    if options["as_json"]:
        emit(found)
    else:
        show_report(report_of(found))


@click.command(
    "questions",
    cls=Command,
    help=N_("Answer the six questions on the value of customers, and name the four kinds."),
)
@_limit(10)
@json_option
@pass_session
def questions_command(session: Session, limit: int, *, as_json: bool) -> None:
    """Answer the six questions."""
    from crmcore_abc_analysis.analyses.questions import questions, report_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = questions(ctx, limit)
    if as_json:
        emit(found)
    else:
        show_report(report_of(found))


@click.command("worst", cls=Command, help=N_("List the customers that bring least, or cost money."))
@_limit(10)
@json_option
@pass_session
def worst_command(session: Session, limit: int, *, as_json: bool) -> None:
    """List the worst customers."""
    from crmcore_abc_analysis.analyses.worst import report_of, worst
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = worst(ctx, limit)
    if as_json:
        emit(found)
    else:
        show_report(report_of(found))


@click.command("stars", cls=Command, help=N_("List tomorrow's stars: small now, able to grow."))
@_limit(10)
@json_option
@pass_session
def stars_command(session: Session, limit: int, *, as_json: bool) -> None:
    """List tomorrow's stars."""
    from crmcore_abc_analysis.analyses.stars import report_of, stars
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = stars(ctx, limit)
    if as_json:
        emit(found)
    else:
        show_report(report_of(found))


@click.command(
    "gaps", cls=Command, help=N_("List products that comparable customers buy and this one does not.")
)
@click.argument("code")
@_limit(20)
@json_option
@pass_session
def gaps_command(session: Session, code: str, limit: int, *, as_json: bool) -> None:
    """List the gaps of a customer."""
    from crmcore_abc_analysis.analyses.gaps import gaps, report_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = gaps(ctx, code, limit)
    if as_json:
        emit(found)
    else:
        show_report(report_of(found))
