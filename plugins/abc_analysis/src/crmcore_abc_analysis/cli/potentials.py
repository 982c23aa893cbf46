"""`crm abc potential set|show|list` and `crm abc matrix`."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    echo,
    emit,
    emit_lines,
    format_minor,
    from_minor,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

from .shared import DAY, NUMBER, SHOWN, limit_option, show_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crmcore.api import Context

_ = translator("crmcore_abc_analysis")


@click.group("potential", cls=Group, help=N_("Show or record what a customer could buy in a year."))
def potential() -> None:
    """Hold the commands below."""


@potential.command("set", cls=Command, help=N_("Record what a customer could buy from us in a year."))
@click.argument("code")
@click.argument("amount")
@click.option("--currency", metavar="CUR", help=N_("Currency of the amount; by default the company's."))
@click.option(
    "--on",
    "day",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("Day of the estimate; by default today. Another estimate of that day is replaced."),
)
@click.option("--basis", required=True, metavar="TEXT", help=N_("What the estimate rests on."))
@click.option(
    "--expect-version",
    type=click.IntRange(min=0),
    metavar="N",
    help=N_("Refuse it unless the estimate of that day still has this version; 0 = there is none."),
)
@pass_session
def set_command(  # noqa: PLR0913  (click hands over all of them)
    session: Session,
    code: str,
    amount: str,
    *,
    currency: str | None,
    day: datetime | None,
    basis: str,
    expect_version: int | None,
) -> None:
    """Record an estimate."""
    from crmcore_abc_analysis.potentials import Estimate, record_potential

    stated = Estimate(code, amount, currency, _date(day), basis)
    kept = record_potential(session.app, session.actor, stated, expect_version=expect_version)
    echo(
        _("{code} could buy for {amount} {currency} a year, as estimated on {day}.").format(
            code=code,
            amount=format_minor(kept["amount_minor"], kept["currency"]),
            currency=kept["currency"],
            day=kept["estimated_on"],
        )
    )


@potential.command("show", cls=Command, help=N_("Show all estimates of a customer, the latest first."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show estimates."""
    from crmcore_abc_analysis.potentials import PLUGIN, estimates_of

    with session.app.read(PLUGIN) as ctx:
        found = estimates_of(ctx, code)
    if as_json:
        emit(found)
    elif not found["estimates"]:
        echo(
            _(
                "{code} has no estimate yet; record one with: crm abc potential set {code} AMOUNT --basis TEXT"
            ).format(code=code)
        )
    else:
        show_table(_table(_("Potential of {code}").format(code=code), found["estimates"]))


@potential.command("list", cls=Command, help=N_("List the latest estimate of each customer, by code."))
@limit_option
@json_option
@pass_session
def list_command(session: Session, limit: int | None, *, as_json: bool) -> None:
    """List estimates."""
    from crmcore_abc_analysis.potentials import PLUGIN, list_potentials

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            lines = list_potentials(ctx, limit)
            emit_lines(in_bulk(session, ctx, "abc_potential", lines, {"limit": limit}))
            return
        shown = limit or SHOWN
        found = list(list_potentials(ctx, shown + 1))
    if not found:
        echo(_("there are no estimates yet; record one with: crm abc potential set CODE AMOUNT --basis TEXT"))
        return
    show_table(_table(_("Potentials"), found[:shown], named=True))
    if len(found) > shown:
        echo(_("There are more: --limit N lists more of them, --json all."))


def _table(title: str, estimates: Iterable[Mapping[str, Any]], *, named: bool = False) -> Table:
    customer = (Column("customer", _("Code")), Column("name", _("Name"))) if named else ()
    return Table(
        "potentials",
        title,
        (
            *customer,
            Column("estimated_on", _("Estimated on"), "date"),
            Column("amount", _("Amount in a year"), "decimal"),
            Column("currency", _("Currency")),
            Column("estimator", _("Estimated by")),
            Column("basis", _("Basis")),
        ),
        [
            (
                *((row["customer"], row["name"]) if named else ()),
                date.fromisoformat(row["estimated_on"]),
                from_minor(row["amount_minor"], row["currency"]),
                row["currency"],
                row["estimator"],
                row["basis"],
            )
            for row in estimates
        ],
    )


@click.command("matrix", cls=Command, help=N_("Show amount against potential, with a name for each cell."))
@click.option(
    "--on",
    "day",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("Take the latest estimates on this day; by default today."),
)
@click.option(
    "--cell",
    metavar="NAME",
    help=N_("List the customers of the cells of this name, or of one cell such as A/C."),
)
@click.option(
    "--limit",
    type=NUMBER,
    help=N_("With --cell: list so many at most; by default all as JSON, 50 as a table."),
)
@json_option
@pass_session
def matrix_command(
    session: Session, day: datetime | None, cell: str | None, limit: int | None, *, as_json: bool
) -> None:
    """Show the matrix, or who is in a cell."""
    from crmcore_abc_analysis.analyses.matrix import matrix
    from crmcore_abc_analysis.potentials import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if cell is not None:
            _show_cell(session, ctx, cell, limit, _date(day), as_json=as_json)
        elif as_json:
            emit(matrix(ctx, _date(day)))
        else:
            _show_matrix(ctx, _date(day))


def _show_cell(
    session: Session, ctx: Context, cell: str, limit: int | None, day: date | None, *, as_json: bool
) -> None:
    from crmcore_abc_analysis.analyses.matrix import cell_customers, cell_table

    if as_json:
        lines = cell_customers(ctx, cell, limit, day)
        emit_lines(in_bulk(session, ctx, "abc_matrix", lines, {"cell": cell, "limit": limit}))
    else:
        show_table(cell_table(ctx, cell, limit or SHOWN, day))


def _show_matrix(ctx: Context, day: date | None) -> None:
    from crmcore_abc_analysis.analyses.matrix import matrix_report

    report = matrix_report(ctx, {"on": day.isoformat() if day else ""})
    show_report(report, charts_first=True)
    if report.tables:
        echo(_("Who is in a cell: crm abc matrix --cell NAME"))


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
