"""Tables and charts on the terminal: wide characters, narrow windows, consoles that cannot show every character.

A terminal gets rich's tables, anything else plain columns that programs can cut; user text is never markup.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import click

from crmcore.cli.kit import echo
from crmcore.i18n import _
from crmcore.money import format_minor
from crmcore.plugins.types import Chart, Column, Table
from crmcore.text import display_width, printable

_NUMBERS = frozenset({"integer", "amount", "decimal", "share"})
_FIXED = _NUMBERS | {"date", "datetime"}
_LEAST_TEXT, _LEAST_TITLE = 8, 12
_GAP = "  "
_NARROW_BAR, _WIDE_BAR, _CHART_WIDTH = 10, 60, 80
_EIGHTHS = " ▏▎▍▌▋▊▉"

# -- tables --------------------------------------------------------------------------------------------------------


def print_table(table: Table) -> None:
    """Print a table: for the window's width on a terminal, plain unwrapped columns elsewhere."""
    titles = [_title(column, table.currency) for column in table.columns]
    rows = [
        [format_cell(value, column, table.currency) for value, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    if table.title:
        echo()
        echo(table.title)
    if not sys.stdout.isatty():
        _print_plain(table.columns, titles, rows)
        return
    least = _least_widths(table.columns, titles, rows)
    if sum(least) + len(_GAP) * len(least) > _terminal_width():
        _print_records(titles, rows)
    else:
        _print_rich(table.columns, titles, rows, least)


def format_cell(value: Any, column: Column, currency: str | None) -> str:
    """Write a value as people read it: 1,234.50 for an amount, 12.34% for a share, ISO days."""
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(value)
    write = _FORMATS.get(column.type)
    return write(value, currency) if write else printable(value)


def _integer(value: Any, _currency: str | None) -> str:
    return f"{value:,}"


def _amount(value: Any, currency: str | None) -> str:
    return format_minor(value, currency) if currency else f"{value:,}"


def _decimal(value: Any, _currency: str | None) -> str:
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def _share(value: Any, _currency: str | None) -> str:
    return f"{value:.2%}"


def _day(value: Any, _currency: str | None) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else value.isoformat()


def _moment(value: Any, _currency: str | None) -> str:
    if not isinstance(value, datetime):
        return str(value.isoformat() if isinstance(value, date) else value)
    return f"{value:%Y-%m-%d %H:%M}" + ("Z" if value.tzinfo is UTC else "")


_FORMATS: dict[str, Callable[[Any, str | None], str]] = {
    "integer": _integer,
    "amount": _amount,
    "decimal": _decimal,
    "share": _share,
    "date": _day,
    "datetime": _moment,
}


def _title(column: Column, currency: str | None) -> str:
    title = printable(column.title)
    return f"{title} ({currency})" if column.type == "amount" and currency else title


def _pad(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([display_width(title), *(display_width(row[i]) for row in rows)])
        for i, title in enumerate(titles)
    ]


def _print_plain(columns: Sequence[Column], titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = _widths(titles, rows)
    for cells in (titles, *rows):
        padded = (
            _pad(cell, width, right=column.type in _NUMBERS)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        )
        click.echo(_GAP.join(padded).rstrip())


def _least_widths(
    columns: Sequence[Column], titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[int]:
    """Return how narrow columns may become: numbers and days stay whole, texts and titles are folded."""
    cells = _widths([""] * len(titles), rows)
    words = [max(map(display_width, title.split()), default=0) for title in titles]
    return [
        max(min(word, _LEAST_TITLE), cell if column.type in _FIXED else min(cell, _LEAST_TEXT))
        for word, cell, column in zip(words, cells, columns, strict=True)
    ]


def _print_records(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print each row as a block of its own, where the window is too narrow for a table."""
    width = max(map(display_width, titles), default=0)
    for row in rows:
        click.echo()
        for title, cell in zip(titles, row, strict=True):
            if cell:
                click.echo(f"{_pad(title, width, right=False)}  {cell}")


def _print_rich(
    columns: Sequence[Column], titles: Sequence[str], rows: Sequence[Sequence[str]], least: Sequence[int]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, title, width in zip(columns, titles, least, strict=True):
        justify: Literal["left", "right"] = "right" if column.type in _NUMBERS else "left"
        shown.add_column(Text(title), justify=justify, min_width=width, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(highlight=False, markup=False, emoji=False).print(shown)


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


# -- charts --------------------------------------------------------------------------------------------------------


def print_chart(chart: Chart) -> None:
    """Print a chart: a bar per label and its value; of a Pareto chart also the cumulative share as a mark and number."""
    echo()
    echo(chart.title)
    labels = [printable(label) for label in chart.labels]
    values = [_plain_number(value) for value in chart.values]
    label_width = max(map(display_width, labels), default=0)
    value_width = max(map(len, values), default=0)
    shares = [f"{share:.1%}" for share in chart.line]
    width = _terminal_width() if sys.stdout.isatty() else _CHART_WIDTH
    room = width - label_width - value_width - 3 * len(_GAP) - (8 if shares else 0)
    bars = _bars(chart, max(_NARROW_BAR, min(_WIDE_BAR, room)))
    for position, bar in enumerate(bars):
        parts = [
            _pad(labels[position], label_width, right=False),
            bar,
            _pad(values[position], value_width, right=True),
            *([f"{shares[position]:>6}"] if shares else []),
        ]
        click.echo(_GAP.join(parts).rstrip())
    if shares:
        mark = _symbols()[1]
        click.echo(_("{mark} and the last column: cumulative share").format(mark=mark))


def _bars(chart: Chart, width: int) -> Iterator[str]:
    full, mark, eighths = _symbols()
    largest = max([*chart.values, Decimal(0)])
    for position, value in enumerate(chart.values):
        share = max(value, Decimal(0)) / largest if largest else Decimal(0)
        if chart.kind == "line":
            cells = list(" " * width)
            cells[min(width - 1, int(share * width))] = mark
        else:
            eighth = int(share * width * 8)
            whole, rest = divmod(eighth, 8)
            cells = list((full * whole + (eighths[rest] if rest else "")).ljust(width)[:width])
        if chart.line:
            place = min(width - 1, int(min(max(chart.line[position], Decimal(0)), Decimal(1)) * width))
            cells[place] = mark
        yield "".join(cells)


def _symbols() -> tuple[str, str, str]:
    """Return full block, mark and eighths; plain ASCII where the console's encoding is not Unicode.

    GBK has most blocks, but shows them two columns wide.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    if encoding.replace("-", "").startswith("utf"):
        return "█", "●", _EIGHTHS
    return "#", "o", " " * 8


def _plain_number(value: Decimal) -> str:
    exact = value.normalize()
    return f"{exact:,f}" if exact.as_tuple().exponent not in {"n", "N", "F"} else str(value)
