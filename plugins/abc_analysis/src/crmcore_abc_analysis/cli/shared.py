"""What the commands have in common: options, and how a report is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmcore.api import N_, echo, show_chart, show_table

if TYPE_CHECKING:
    from crmcore.api import Report

DAY = click.DateTime(["%Y-%m-%d"])
SHOWN = 50
"""Rows of a table for people, where no limit is given."""


class _Number(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """The number of a run, or how many rows: from 1 to what a database can hold."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuse others as a mistake in typing."""
        return int(click.IntRange(1, 2**63 - 1).convert(value, param, ctx))


NUMBER = _Number()

limit_option = click.option(
    "--limit",
    type=NUMBER,
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)
preset_option = click.option(
    "--preset",
    type=click.Choice(["pyramid", "increments", "pareto", "own"]),
    help=N_("Cut-offs; by default those of the settings."),
)


def show_report(report: Report, *, charts_first: bool = False) -> None:
    """Print a report that a command shows: title, tables, charts, notes."""
    echo(report.title)
    if charts_first:
        _show_charts(report)
    for table in report.tables:
        show_table(table)
    if not charts_first:
        _show_charts(report)
    for note in report.notes:
        echo(note)


def _show_charts(report: Report) -> None:
    for chart in report.charts:
        show_chart(chart)
