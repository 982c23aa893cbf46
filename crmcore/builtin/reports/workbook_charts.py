"""The charts of a report on a sheet of a workbook: their numbers, and beside them a chart that Excel draws."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.builtin.reports.cells import in_files
from crmcore.builtin.reports.workbook import Book, decimal_pattern
from crmcore.i18n import _
from crmcore.plugins.types import Chart

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_SHARE = "0.00%"
_BESIDE = 4
"""Column in which drawn charts begin."""
_SIZE = {"width": 640, "height": 340}
_DRAWN_ROWS = 18
"""How many rows a drawn chart covers."""
_BAR, _LINE, _REFERENCE = "#7FA3C7", "#A33B12", "#5B6875"


def write_charts(book: Book, charts: Sequence[Chart]) -> None:
    """Write one chart below the other."""
    sheet = book.sheet(_("Charts"))
    sheet.set_landscape()
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, _BESIDE - 2, 16)
    top = 0
    for chart in charts:
        book.write_text(sheet, top, 0, chart.title, book.bold)
        write = _write_matrix if chart.kind == "matrix" else _write_drawn
        top = write(book, sheet, chart, top + 1) + 1


def _write_matrix(book: Book, sheet: Worksheet, chart: Chart, top: int) -> int:
    """Write a matrix, its larger numbers on darker ground; return the row below it."""
    wide = len(chart.labels)
    for column, label in enumerate(chart.labels, 1):
        book.write_text(sheet, top, column, label, book.header_right)
    for row, label in enumerate(chart.rows, top + 1):
        first = (row - top - 1) * wide
        book.write_text(sheet, row, 0, label, book.bold)
        for column, value in enumerate(chart.values[first : first + wide], 1):
            book.write_number(sheet, row, column, value, decimal_pattern(value))
    last = top + len(chart.rows)
    shades = {"type": "2_color_scale", "min_color": "#FFFFFF", "max_color": _BAR}
    sheet.conditional_format(top + 1, 1, last, wide, shades)
    return last + 1


def _write_drawn(book: Book, sheet: Worksheet, chart: Chart, top: int) -> int:
    """Write a chart's numbers and draw it beside them; return the row below both."""
    numbers = _Numbers(book, sheet, chart, top)
    numbers.write()
    drawn = _DRAWN[chart.kind](numbers)
    title = {"name": [sheet.get_name(), top - 1, 0], "data": [in_files(chart.title)]}
    drawn.set_title({**title, "name_font": {"size": 12}, "overlay": False})
    drawn.set_size(_SIZE)
    sheet.insert_chart(top, _BESIDE, drawn)
    return top + max(len(chart.values) + 1, _DRAWN_ROWS)


class _Numbers:
    """The numbers of a chart on the sheet: labels or x, values, and the line where there is one."""

    def __init__(self, book: Book, sheet: Worksheet, chart: Chart, top: int) -> None:
        """Lay out the columns below the row `top`, which takes their titles."""
        self.book, self.sheet, self.chart, self.top = book, sheet, chart, top
        last = max(len(chart.values) - 1, 1)
        curve = chart.kind == "curve"
        self.first: Sequence[str | Decimal] = (
            [Decimal(i) / last for i in range(len(chart.values))] if curve else chart.labels
        )
        axes = chart.labels if len(chart.labels) == len("xy") else ("x", "y")
        self.titles = [*axes, _("Reference")] if curve else ["", _("Value"), _("Cumulative share")]

    def write(self) -> None:
        """Write titles and rows."""
        columns: list[Sequence[str | Decimal]] = [self.first, self.chart.values]
        columns += [self.chart.line] if self.chart.line else []
        for column, title in enumerate(self.titles[: len(columns)]):
            style = self.book.header_right if column else self.book.header
            self.book.write_text(self.sheet, self.top, column, title, style)
        for row, values in enumerate(zip(*columns, strict=True), self.top + 1):
            for column, value in enumerate(values):
                self._write_cell(row, column, value)

    def _write_cell(self, row: int, column: int, value: str | Decimal) -> None:
        if isinstance(value, str):
            self.book.write_text(self.sheet, row, column, value, self.book.text)
            return
        plain = column == 1 and self.chart.kind != "curve"
        pattern = decimal_pattern(value) if plain else _SHARE
        self.book.write_number(self.sheet, row, column, value, pattern)

    def place(self, column: int) -> list[Any]:
        """Return where a column's title stands."""
        return [self.sheet.get_name(), self.top, column]

    def series(self, column: int, **more: Any) -> dict[str, Any]:
        """Return a column as a series; with its numbers, for viewers that do not reckon."""
        name, end = self.sheet.get_name(), self.top + len(self.first)
        values = self.chart.values if column == 1 else self.chart.line
        return {
            "name": self.place(column),
            "name_data": [in_files(self.titles[column])],
            "categories": [name, self.top + 1, 0, end, 0],
            "categories_data": [float(x) if isinstance(x, Decimal) else in_files(x) for x in self.first],
            "values": [name, self.top + 1, column, end, column],
            "values_data": [float(value) for value in values],
            **more,
        }

    def drawing(self, kind: str, **more: str) -> Any:
        """Return an empty chart of Excel's."""
        return self.book.workbook.add_chart({"type": kind, **more})


def _pareto(numbers: _Numbers) -> Any:
    """Draw columns, and the shares as a line on an axis of their own."""
    drawn = numbers.drawing("column")
    drawn.add_series(numbers.series(1, fill={"color": _BAR}, gap=40))
    if numbers.chart.line:
        shares = numbers.drawing("line")
        marker = {"type": "circle", "size": 5, "fill": {"color": _LINE}, "border": {"color": _LINE}}
        shares.add_series(numbers.series(2, y2_axis=True, line={"color": _LINE}, marker=marker))
        shares.set_y2_axis({"min": 0, "max": 1, "num_format": "0%"})
        drawn.combine(shares)
    drawn.set_legend({"position": "bottom"})
    return drawn


def _bars(numbers: _Numbers) -> Any:
    drawn = numbers.drawing("bar")
    drawn.add_series(numbers.series(1, fill={"color": _BAR}, gap=40))
    drawn.set_y_axis({"reverse": True, "label_position": "low"})
    drawn.set_legend({"none": True})
    return drawn


def _line(numbers: _Numbers) -> Any:
    drawn = numbers.drawing("line")
    drawn.add_series(numbers.series(1, line={"color": _LINE}, marker={"type": "circle", "size": 5}))
    drawn.set_x_axis({"label_position": "low"})
    drawn.set_legend({"none": True})
    return drawn


def _curve(numbers: _Numbers) -> Any:
    drawn = numbers.drawing("scatter", subtype="straight")
    drawn.add_series(numbers.series(1, line={"color": _LINE, "width": 2}))
    if numbers.chart.line:
        drawn.add_series(numbers.series(2, line={"color": _REFERENCE, "dash_type": "dash"}))
    for column, axis in enumerate((drawn.set_x_axis, drawn.set_y_axis)):
        named = {"name": numbers.place(column), "data": [in_files(numbers.titles[column])]}
        axis({**named, "num_format": "0%", "max": 1})
    drawn.set_legend({"position": "bottom"})
    return drawn


_DRAWN = {"pareto": _pareto, "bar": _bars, "line": _line, "curve": _curve}
