"""Charts on the terminal: bars of block characters, a matrix as a table, a curve as a plot of marks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal

import click

from crmcore.builtin.reports.cells import number_texts
from crmcore.builtin.reports.terminal import GAP, pad, print_table, terminal_width
from crmcore.cli.kit import echo
from crmcore.i18n import _
from crmcore.plugins.types import Chart, Column, Table
from crmcore.text import display_width, printable

_NARROW_BAR, _WIDE_BAR, _CHART_WIDTH = 10, 60, 80
_EIGHTHS = " ▏▎▍▌▋▊▉"
_PLOT_HEIGHT, _PLOT_WIDTH = 15, 51
_ONE = Decimal(1)
_ZERO = Decimal(0)


def print_chart(chart: Chart) -> None:
    """Print a chart: bars with their values and, where there is a line, shares; a table; or a plot."""
    if chart.kind == "matrix":
        print_table(_as_table(chart))
        return
    echo()
    echo(chart.title)
    if chart.kind == "curve":
        _print_curve(chart)
    else:
        _print_bars(chart)


# -- matrix --------------------------------------------------------------------------------------------------------


def _as_table(chart: Chart) -> Table:
    wide = len(chart.labels)
    columns = (
        Column("row", ""),
        *(Column(f"c{i}", label, "decimal") for i, label in enumerate(chart.labels)),
    )
    rows = [(label, *chart.values[i * wide : (i + 1) * wide]) for i, label in enumerate(chart.rows)]
    return Table(chart.name, chart.title, columns, rows)


# -- bars ----------------------------------------------------------------------------------------------------------


def _print_bars(chart: Chart) -> None:
    labels = [printable(label) for label in chart.labels]
    values = number_texts(chart.values)
    label_width = max(map(display_width, labels), default=0)
    value_width = max(map(len, values), default=0)
    shares = [f"{share:.1%}" for share in chart.line]
    room = _width() - label_width - value_width - 3 * len(GAP) - (8 if shares else 0)
    bars = _bars(chart, max(_NARROW_BAR, min(_WIDE_BAR, room)))
    for position, bar in enumerate(bars):
        parts = [
            pad(labels[position], label_width, right=False),
            bar,
            pad(values[position], value_width, right=True),
            *([f"{shares[position]:>6}"] if shares else []),
        ]
        click.echo(GAP.join(parts).rstrip())
    if shares:
        mark = _symbols()[1]
        click.echo(_("{mark} and the last column: cumulative share").format(mark=mark))


def _bars(chart: Chart, width: int) -> Iterator[str]:
    full, mark, eighths = _symbols()
    largest = max([*chart.values, _ZERO])
    for position, value in enumerate(chart.values):
        share = max(value, _ZERO) / largest if largest else _ZERO
        if chart.kind == "line":
            cells = list(" " * width)
            cells[min(width - 1, int(share * width))] = mark
        else:
            eighth = int(share * width * 8)
            whole, rest = divmod(eighth, 8)
            cells = list((full * whole + (eighths[rest] if rest else "")).ljust(width)[:width])
        if chart.line:
            place = min(width - 1, int(min(max(chart.line[position], _ZERO), _ONE) * width))
            cells[place] = mark
        yield "".join(cells)


# -- curve ---------------------------------------------------------------------------------------------------------


def _print_curve(chart: Chart) -> None:
    """Plot the curve and its reference over an axis from 0 to 100 %."""
    if not chart.values:
        return
    low = min(_ZERO, *chart.values, *chart.line)
    high = max(_ONE, *chart.values, *chart.line)
    mark = _symbols()[1]
    grid = [[" "] * _PLOT_WIDTH for _row in range(_PLOT_HEIGHT)]
    for numbers, sign in ((chart.line, "."), (chart.values, mark)):
        for column, y in enumerate(_sampled(numbers)):
            level = round((y - low) / (high - low) * (_PLOT_HEIGHT - 1))
            grid[_PLOT_HEIGHT - 1 - level][column] = sign
    names = [f"{high:.0%}", *[""] * (_PLOT_HEIGHT - 2), f"{low:.0%}"]
    for name, cells in zip(names, grid, strict=True):
        click.echo(f"{name:>5} |{''.join(cells)}".rstrip())
    click.echo(f"{'':5} +{'-' * _PLOT_WIDTH}")
    click.echo(f"{'':7}{'0%':<{_PLOT_WIDTH - 4}}100%")
    for axis, label in zip("xy", chart.labels, strict=False):
        echo(f"{'':7}{axis}: {printable(label)}")


def _sampled(numbers: Sequence[Decimal]) -> Iterator[Decimal]:
    """Yield one y for each column of the plot, between two points in proportion."""
    last = len(numbers) - 1
    for column in range(_PLOT_WIDTH if numbers else 0):
        before, part = divmod(Decimal(column) * last / (_PLOT_WIDTH - 1), 1)
        left, right = numbers[int(before)], numbers[min(int(before) + 1, last)]
        yield left + (right - left) * part


def _width() -> int:
    return terminal_width() if sys.stdout.isatty() else _CHART_WIDTH


def _symbols() -> tuple[str, str, str]:
    """Return full block, mark and eighths; plain ASCII where the console's encoding is not Unicode.

    GBK has most blocks, but shows them two columns wide.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    if encoding.replace("-", "").startswith("utf"):
        return "█", "●", _EIGHTHS
    return "#", "o", " " * 8
