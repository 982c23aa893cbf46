"""A report as one HTML page that needs nothing else: no script, no picture, no font from anywhere.

Elements are built with ElementTree and rows are written as they come, so that no text can become markup and a table
of any length fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import chain, islice
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from xml.etree import ElementTree as ET

from crmcore.builtin.reports.cells import NUMBERS, format_cell, heading
from crmcore.builtin.reports.choices import parameter_shown
from crmcore.builtin.reports.rendering import asked_by
from crmcore.builtin.reports.services import Requested
from crmcore.builtin.reports.svg import element
from crmcore.builtin.reports.svg_charts import CHART_STYLE, draw, is_wide
from crmcore.i18n import _, language
from crmcore.plugins.types import Chart, Column, Table
from crmcore.text import display_width

_HALF, _FULL = 400, 760
"""Widths of drawings, in their own units, beside a table and across the page."""
_SMALL_ROWS, _SMALL_WIDTH, _WIDE = 30, 58, 112
"""A table that has so few rows and so few characters in a line stands beside charts; a wider one lies on its side."""
_LONGEST_WORD = 24
"""Words of more letters may be broken; shorter ones, such as codes, never are."""
_LONG = {"class_": "long"}
_IN_MEMORY = 1 << 20
_CHART_HEIGHT, _ROW_HEIGHT, _TABLE_HEAD = 300, 23, 75
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
@page { size: A4; margin: 14mm 13mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
@page wide { size: A4 landscape; }
* { box-sizing: border-box; }
html { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
body { margin: 0 auto; padding: 28px 24px; max-width: 940px; color: #1d2733; background: #ffffff;
  font: 14px/1.45 "Helvetica Neue", Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC",
  "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif; }
header { border-bottom: 3px solid #1f4e79; padding-bottom: 12px; margin-bottom: 22px; }
h1 { font-size: 25px; line-height: 1.2; margin: 0 0 6px; color: #14344f; overflow-wrap: anywhere; }
h2, figcaption { font-size: 15px; font-weight: 600; margin: 0 0 8px; color: #14344f; overflow-wrap: anywhere; }
p { margin: 0; }
.company { font-weight: 600; color: #55616d; margin-bottom: 4px; }
.asked, .asked-with { color: #55616d; font-size: 12.5px; }
.asked-with span { margin-right: 18px; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 30px; align-items: start; }
section, figure { margin: 0 0 26px; }
figure, h2 { break-inside: avoid; }
h2 { break-after: avoid; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
thead { display: table-header-group; }
th { text-align: left; vertical-align: bottom; font-weight: 600; border-bottom: 1.5px solid #1f4e79; padding: 4px 9px 5px; }
td { vertical-align: top; border-bottom: 1px solid #dde2e8; padding: 4px 9px; }
td.long { overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-left: 2px; }
th:last-child, td:last-child { padding-right: 2px; }
tr { break-inside: avoid; }
tbody tr:nth-child(even) { background: #f6f8fa; }
th.number, td.number { text-align: right; }
td.number, td.day { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.number { font-feature-settings: "tnum"; }
section.wide table { font-size: 12px; }
.notes { border-top: 1px solid #b8c1ca; padding-top: 10px; margin-bottom: 26px; color: #3d4954; font-size: 12.5px;
  break-inside: avoid; }
.notes p { margin-bottom: 4px; overflow-wrap: anywhere; }
@media screen and (max-width: 700px) {
  .beside { display: block; }
  body { padding: 16px 12px; }
  .scroll table { width: max-content; min-width: 100%; }
  td { max-width: 15em; }
}
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  h1 { font-size: 17pt; }
  h2, figcaption { font-size: 10.5pt; }
  table, section.wide table { font-size: 8.5pt; }
  .beside { display: grid; gap: 0 7mm; }
  th, td { padding-top: 2px; padding-bottom: 2px; }
  .scroll { overflow: visible; }
  section.wide, body.lying { page: wide; }
  .asked, .asked-with, .notes { font-size: 8.5pt; }
  section, figure { margin-bottom: 6mm; }
}
"""


def write_page(made: Requested, file: IO[str]) -> None:
    """Write a report: small tables with charts beside them, notes, then the long and the wide tables."""
    with SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="utf-8", newline="") as long:
        small, wide = _small_tables(made, long)
        beside, below = _split(made.report.charts, small)
        file.write(f'<!DOCTYPE html>\n<html lang="{language().replace("_", "-")}">\n')
        _write(file, _head(made))
        lying = wide and not small and not made.report.charts
        file.write('<body class="lying">\n' if lying else "<body>\n")
        _write(file, _title(made))
        file.write("<main>\n")
        _write_beside(file, small, beside)
        _write_charts(file, below)
        if made.report.notes:
            notes = (element("p", text=note) for note in made.report.notes)
            _write(file, element("aside", *notes, class_="notes"))
        long.seek(0)
        copyfileobj(long, file)
        file.write("</main>\n</body>\n</html>\n")


def _small_tables(made: Requested, long: IO[str]) -> tuple[list[_Peeked], bool]:
    """Return the small tables, and whether one of the others is wide.

    The others are written to a file for later, because rows are read once and in order.
    """
    small, wide = [], False
    for table in made.report.tables:
        peeked = _Peeked(table, made.at.tzinfo)
        if peeked.small:
            small.append(peeked)
        else:
            wide = wide or peeked.wide
            peeked.write(long)
    return small, wide


def _write(file: IO[str], part: ET.Element) -> None:
    file.write(ET.tostring(part, encoding="unicode", method="html") + "\n")


def _head(made: Requested) -> ET.Element:
    style = ET.Element("style")
    style.text = _STYLE + CHART_STYLE
    return element(
        "head",
        element("meta", charset="utf-8"),
        ET.Element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", text=made.report.title),
        style,
    )


def _title(made: Requested) -> ET.Element:
    parts = [element("p", text=made.company, class_="company")] if made.company else []
    parts += [element("h1", text=made.report.title), element("p", text=asked_by(made), class_="asked")]
    asked = [
        element("span", text=_("{title}: {value}").format(title=title, value=parameter_shown(made, name)))
        for name, title in made.titles.items()
        if made.parameters.get(name)
    ]
    parts += [element("p", *asked, class_="asked-with")] if asked else []
    return element("header", *parts)


# -- charts --------------------------------------------------------------------------------------------------------


def _split(charts: Sequence[Chart], small: Sequence[_Peeked]) -> tuple[Sequence[Chart], Sequence[Chart]]:
    """Say which charts stand beside the small tables, as far as these reach down, and which below them."""
    room = sum(_TABLE_HEAD + len(table.first) * _ROW_HEIGHT for table in small)
    count = max(round(room / _CHART_HEIGHT), 1) if small else 0
    beside = [chart for chart in charts if not is_wide(chart)][:count]
    return beside, [chart for chart in charts if chart not in beside]


def _write_beside(file: IO[str], small: Sequence[_Peeked], charts: Sequence[Chart]) -> None:
    if not small:
        return
    left, right = _columns(small, len(charts))
    file.write('<div class="beside">\n<div>\n' if charts else "<div>\n<div>\n")
    for table in left:
        table.write(file)
    file.write("</div>\n<div>\n")
    for chart in charts:
        _write(file, _figure(chart, _HALF))
    for table in right:
        table.write(file)
    file.write("</div>\n</div>\n")


def _columns(small: Sequence[_Peeked], charts: int) -> tuple[Sequence[_Peeked], Sequence[_Peeked]]:
    """Say which tables stand beside the charts; the last ones go below the charts where that makes the page shorter."""
    heights = [_TABLE_HEAD + len(table.first) * _ROW_HEIGHT for table in small]
    kept, left, right = len(small), sum(heights), charts * _CHART_HEIGHT
    while charts and kept > 1 and right + heights[kept - 1] < left:
        kept -= 1
        left, right = left - heights[kept], right + heights[kept]
    return small[:kept], small[kept:]


def _write_charts(file: IO[str], charts: Sequence[Chart]) -> None:
    """Write charts in pairs; across the page go wide ones, and one that is left alone."""
    narrow = [chart for chart in charts if not is_wide(chart)]
    alone = narrow[len(narrow) - len(narrow) % 2 :]
    for first, second in zip(narrow[::2], narrow[1::2], strict=False):
        file.write('<div class="beside">\n')
        _write(file, _figure(first, _HALF))
        _write(file, _figure(second, _HALF))
        file.write("</div>\n")
    for chart in (*alone, *filter(is_wide, charts)):
        _write(file, _figure(chart, _FULL))


def _figure(chart: Chart, width: int) -> ET.Element:
    return element("figure", element("figcaption", text=chart.title), draw(chart, width))


# -- tables --------------------------------------------------------------------------------------------------------


class _Peeked:
    """A table of whose rows the first have been read, to see what it looks like."""

    def __init__(self, table: Table, zone: tzinfo | None) -> None:
        """Read as many rows as a small table has, and one more."""
        self.table, self.zone = table, zone
        self.titles = [heading(column, table.currency) for column in table.columns]
        self.rest = iter(table.rows)
        self.first = [self._texts(row) for row in islice(self.rest, _SMALL_ROWS + 1)]

    def _texts(self, row: Sequence[Any]) -> list[str]:
        columns = zip(row, self.table.columns, strict=True)
        return [format_cell(self._local(value), column, self.table.currency) for value, column in columns]

    def _local(self, value: Any) -> Any:
        aware = isinstance(value, datetime) and value.tzinfo is not None
        return value.astimezone(self.zone) if aware else value

    @property
    def width(self) -> int:
        """How many characters its widest row has, blanks between columns counted."""
        words = [max(map(display_width, title.split()), default=0) for title in self.titles]
        columns = zip(words, *self.first, strict=True) if self.first else ((word,) for word in words)
        cells = ([column[0], *map(display_width, map(str, column[1:]))] for column in columns)
        return sum(min(max(widths), _SMALL_WIDTH // 2) + 2 for widths in cells)

    @property
    def small(self) -> bool:
        """Whether it leaves room for a chart beside it."""
        return len(self.first) <= _SMALL_ROWS and self.width <= _SMALL_WIDTH

    @property
    def wide(self) -> bool:
        """Whether it lies on its side when it is printed."""
        return self.width > _WIDE

    def write(self, file: IO[str]) -> None:
        """Write all rows as they come."""
        style = ' class="wide"' if self.wide else ""
        file.write(f"<section{style}>\n")
        if self.table.title:
            _write(file, element("h2", text=self.table.title))
        file.write('<div class="scroll">\n<table>\n')
        _write(file, element("thead", element("tr", *self._head())))
        file.write("<tbody>\n")
        for texts in chain(self.first, map(self._texts, self.rest)):
            _write(file, element("tr", *self._cells(texts)))
        file.write("</tbody>\n</table>\n</div>\n</section>\n")

    def _head(self) -> Iterator[ET.Element]:
        for title, column in zip(self.titles, self.table.columns, strict=True):
            yield element("th", text=title, scope="col", **_kind(column))

    def _cells(self, texts: Iterable[str]) -> Iterator[ET.Element]:
        for text, column in zip(texts, self.table.columns, strict=True):
            kind = _kind(column)
            yield element("td", text=text, **(_LONG if not kind and _has_long_word(text) else kind))


def _has_long_word(text: str) -> bool:
    """Tell whether a text needs to be broken within a word, so that no column is pushed off the page."""
    return any(len(word) > _LONGEST_WORD for word in text.split())


def _kind(column: Column) -> dict[str, str]:
    if column.type in NUMBERS:
        return {"class_": "number"}
    return {"class_": "day"} if column.type in {"date", "datetime"} else {}
