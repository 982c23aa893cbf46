"""Tables on the terminal: wide characters, narrow windows, consoles that cannot show every character.

A terminal gets rich's tables, anything else plain columns that programs can cut; user text is never markup.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Literal

import click

from crmcore.builtin.reports.cells import NUMBERS, format_cell, heading
from crmcore.cli.kit import echo
from crmcore.plugins.types import Column, Table
from crmcore.text import display_width

GAP = "  "
_FIXED = NUMBERS | {"date", "datetime"}
_LEAST_TEXT, _LEAST_TITLE = 8, 12


def print_table(table: Table) -> None:
    """Print a table: for the window's width on a terminal, plain unwrapped columns elsewhere."""
    titles = [heading(column, table.currency) for column in table.columns]
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
    if sum(least) + len(GAP) * len(least) > terminal_width():
        _print_records(titles, rows)
    else:
        _print_rich(table.columns, titles, rows, least)


def pad(text: str, width: int, *, right: bool) -> str:
    """Fill a text up with blanks to a width in columns."""
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
            pad(cell, width, right=column.type in NUMBERS)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        )
        click.echo(GAP.join(padded).rstrip())


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
                click.echo(f"{pad(title, width, right=False)}  {cell}")


def _print_rich(
    columns: Sequence[Column], titles: Sequence[str], rows: Sequence[Sequence[str]], least: Sequence[int]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, title, width in zip(columns, titles, least, strict=True):
        justify: Literal["left", "right"] = "right" if column.type in NUMBERS else "left"
        shown.add_column(Text(title), justify=justify, min_width=width, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(highlight=False, markup=False, emoji=False).print(shown)


def terminal_width() -> int:
    """Return how many columns the window has."""
    return shutil.get_terminal_size().columns
