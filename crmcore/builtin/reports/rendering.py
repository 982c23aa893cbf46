"""The plain forms of a report: terminal, CSV, JSON."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO

from crmcore.builtin.exchange.guard import guard
from crmcore.builtin.reports.cells import heading
from crmcore.builtin.reports.services import Requested
from crmcore.cli.kit import echo, show_chart, show_table
from crmcore.i18n import _
from crmcore.money import from_minor
from crmcore.plugins.types import Column, Table
from crmcore.text import printable


def asked_by(requested: Requested) -> str:
    """Say who asked for the report, and when: it stands on every form of it."""
    return _("Asked for by {actor} on {at}").format(
        actor=requested.actor, at=f"{requested.at:%Y-%m-%d %H:%M}"
    )


def print_report(requested: Requested) -> None:
    """Print a report on the terminal."""
    report = requested.report
    echo(report.title)
    for table in report.tables:
        show_table(table)
    for chart in report.charts:
        show_chart(chart)
    echo()
    for note in (*report.notes, asked_by(requested)):
        echo(note)


def write_csv(requested: Requested, file: TextIO, *, notes: bool = True) -> None:
    """Write a report's tables as CSV (UTF-8 with BOM): for spreadsheets, text cells guarded against formulas.

    Several tables follow one another below their titles, notes and requester at the end.
    """
    file.write("\ufeff")
    writer = csv.writer(file)
    tables = requested.report.tables
    for position, table in enumerate(tables):
        if len(tables) > 1:
            writer.writerows([[]] if position else [])
            writer.writerow([_cell(table.title)])
        writer.writerow([guard(heading(column, table.currency)) for column in table.columns])
        for row in table.rows:
            writer.writerow([cell(value, c, table) for value, c in zip(row, table.columns, strict=True)])
    if notes:
        writer.writerow([])
        writer.writerows([_cell(note)] for note in (*requested.report.notes, asked_by(requested)))


def cell(value: Any, column: Column, table: Table) -> str:
    """Write one cell: numbers bare and exact, text guarded."""
    if value is None:
        return ""
    if column.type == "amount" and table.currency and isinstance(value, int):
        return f"{from_minor(value, table.currency):f}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, int | float | date):
        return str(value)
    return _cell(value)


def _cell(value: Any) -> str:
    return guard(printable(value))


def as_json(requested: Requested) -> dict[str, Any]:
    """Return the published JSON of a report: amounts in minor units, shares as decimal texts."""
    report = requested.report
    return {
        "report": requested.spec.name,
        "plugin": requested.spec.plugin,
        "title": report.title,
        "requested_by": requested.actor,
        "at": requested.at,
        "parameters": dict(requested.parameters),
        "tables": [_table_json(table) for table in report.tables],
        "charts": [
            {
                "name": c.name,
                "title": c.title,
                "kind": c.kind,
                "labels": c.labels,
                "values": c.values,
                "line": c.line,
                "rows": c.rows,
            }
            for c in report.charts
        ],
        "notes": report.notes,
    }


def _table_json(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "currency": table.currency,
        "columns": [{"name": c.name, "title": c.title, "type": c.type} for c in table.columns],
        "rows": [list(row) for row in table.rows],
    }
