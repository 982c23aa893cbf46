"""A report as a workbook (.xlsx): amounts, shares and days as real cells, text always as text.

A spreadsheet keeps 15 digits of a number. A whole number or an amount that has more is written as text, so that no
digit is lost; shares and other decimals are rounded to what a cell holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from importlib.util import find_spec
from math import isfinite
from tempfile import TemporaryDirectory
from traceback import clear_frames
from typing import IO, TYPE_CHECKING, Any

from crmcore.builtin.exchange.guard import guard
from crmcore.builtin.reports.cells import format_cell, heading, in_files
from crmcore.builtin.reports.choices import parameter_shown
from crmcore.builtin.reports.services import Requested
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.money import from_minor, minor_digits
from crmcore.plugins.types import Column, Table
from crmcore.text import display_width

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576
"""Of a sheet, its header among them."""
MOST_TEXT = 32_767
"""Of a cell, in UTF-16 units."""
MOST_NAME = 31
_NARROWEST, _WIDEST, _WIDEST_TITLE = 8, 60, 24
_MOST_DECIMALS = 6
_FIRST_YEAR = 1901
"""Excel counts days from 1900, and takes that for a leap year."""
_A4 = 9
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def require_xlsxwriter() -> None:
    """Refuse with a sentence where the library is not installed."""
    if find_spec("xlsxwriter") is None:
        raise CrmError(
            _("to write workbooks install one more package: pip install 'crmcore[xlsx]', or write csv")
        )


def write_workbook(made: Requested, file: IO[bytes]) -> None:
    """Write a report: a sheet per table (more where it is long), one of the charts, one that tells about it."""
    from crmcore.builtin.reports.workbook_charts import write_charts

    with _workbook(made, file) as workbook:
        book = Book(workbook, made.at.tzinfo or UTC)
        for table in made.report.tables:
            _write_table(book, table)
        charts = [chart for chart in made.report.charts if chart.values]
        if charts:
            write_charts(book, charts)
        _write_about(book, made)


@contextmanager
def _workbook(made: Requested, file: IO[bytes]) -> Iterator[Workbook]:
    """Open a workbook that keeps its rows on disk until it is packed."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    try:
        with (
            TemporaryDirectory(prefix="crm-") as folder,
            Workbook(file, {"constant_memory": True, "tmpdir": folder}) as workbook,
        ):
            workbook.use_zip64()
            workbook.set_properties(
                {
                    "title": in_files(made.report.title),
                    "author": in_files(made.actor),
                    "company": in_files(made.company),
                    "created": made.at.astimezone(UTC).replace(tzinfo=None),
                }
            )
            yield workbook
    except FileCreateError as error:
        failure: OSError = error.args[0]  # such as a full disk
        clear_frames(failure.__traceback__)  # lets the unfinished archive go while the file is still open
        raise failure from None


class Book:
    """A workbook that is being written: its formats, the names of its sheets, what is to be told about it."""

    def __init__(self, workbook: Workbook, zone: tzinfo) -> None:
        """Make the formats that are always used."""
        self.workbook = workbook
        self.zone = zone
        self.names: set[str] = {"history"}  # Excel keeps that name for itself
        self.numbers: dict[str, Format] = {}
        head = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E4EAF1", "bottom": 1}
        self.header = workbook.add_format(head)
        self.header_right = workbook.add_format({**head, "align": "right"})
        self.bold = workbook.add_format({"bold": True, "valign": "top"})
        self.text = workbook.add_format()
        self.kept_text = workbook.add_format({"num_format": "@"})  # stays text when somebody edits the cell
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.digits = workbook.add_format({"num_format": "@", "align": "right"})
        self.moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        self.long_numbers = self.cut_texts = False

    def number(self, pattern: str) -> Format:
        """Return the format of numbers and days that are shown by a pattern."""
        if pattern not in self.numbers:
            self.numbers[pattern] = self.workbook.add_format({"num_format": pattern})
        return self.numbers[pattern]

    def sheet(self, title: str) -> Worksheet:
        """Add a sheet named after a title, as far as Excel allows, and unlike any other."""
        base = in_files(title).translate(_FORBIDDEN).strip(" '") or _("Table")
        suffixes = ("", *(f" ({number})" for number in range(2, len(self.names) + 3)))
        names = (_cut(base, MOST_NAME - len(suffix)).rstrip(" '") + suffix for suffix in suffixes)
        name = next(name for name in names if name.lower() not in self.names)
        self.names.add(name.lower())
        sheet = self.workbook.add_worksheet(name)
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&R&P / &N")
        return sheet

    def write_text(self, sheet: Worksheet, row: int, column: int, value: object, style: Format) -> None:
        """Write a text as text: no formula, no address, no markup, whatever it looks like."""
        text = in_files(value)
        if len(text) > MOST_TEXT // 2 and text != _cut(text, MOST_TEXT):
            text = _cut(text, MOST_TEXT - 1) + "…"
            self.cut_texts = True
        if text.startswith("<r>") and text.endswith("</r>"):
            text += " "  # xlsxwriter would take it for XML of its own and write it as it is
        if style is self.text and guard(text) != text:
            style = self.kept_text
        if text:
            sheet.write_string(row, column, text, style)

    def write_number(self, sheet: Worksheet, row: int, column: int, value: Decimal, pattern: str) -> None:
        """Write a number as a number; as text NaN, infinity and what is beyond 1.8E+308, which no cell holds."""
        if isfinite(float(value)):
            sheet.write_number(row, column, float(value), self.number(pattern))
        else:
            self.write_text(sheet, row, column, value, self.digits)

    def write_cell(self, sheet: Worksheet, row: int, column: int, value: Any, spec: _Spec) -> None:
        """Write a value by the type of its column."""
        if isinstance(value, str) and spec.kind in {"date", "datetime"}:
            value = _day_or_text(value)
        if value is None:
            return
        if isinstance(value, date) and spec.kind != "text":
            self._write_day(sheet, row, column, value, spec)
        elif isinstance(value, int | float | Decimal) and spec.kind in _PATTERNS:
            self._write_quantity(sheet, row, column, value, spec)
        else:
            self.write_text(sheet, row, column, value, self.text)

    def _write_day(self, sheet: Worksheet, row: int, column: int, value: date, spec: _Spec) -> None:
        moment = isinstance(value, datetime) and spec.kind != "date"
        if isinstance(value, datetime):
            value = value.astimezone(self.zone).replace(tzinfo=None) if value.tzinfo else value
        if value.year < _FIRST_YEAR:
            self.write_text(sheet, row, column, value.isoformat(), self.text)
        else:
            day = value if moment or not isinstance(value, datetime) else value.date()
            pattern = "yyyy-mm-dd hh:mm" if moment else "yyyy-mm-dd"
            sheet.write_datetime(row, column, day, self.number(pattern))

    def _write_quantity(
        self, sheet: Worksheet, row: int, column: int, value: float | Decimal, spec: _Spec
    ) -> None:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if spec.money and isinstance(value, int):
            number = from_minor(value, spec.money)
        if spec.kind in {"integer", "amount"} and number.is_finite() and not _fits(number):
            self.long_numbers = True
            self.write_text(sheet, row, column, f"{number:f}", self.digits)
        else:
            self.write_number(sheet, row, column, number, spec.pattern or decimal_pattern(number))


_PATTERNS = {"integer": "#,##0", "share": "0.00%", "amount": "", "decimal": ""}


class _Spec:
    """How the cells of a column are written."""

    def __init__(self, column: Column, currency: str | None) -> None:
        """Settle the pattern once for all rows."""
        self.kind = column.type
        self.money = currency if column.type == "amount" else None
        self.pattern = _PATTERNS.get(column.type, "")
        if self.money:
            self.pattern = _with_decimals(minor_digits(self.money))


def decimal_pattern(number: Decimal) -> str:
    """Return the pattern that shows a number's own decimals, up to six."""
    exponent = number.as_tuple().exponent
    return _with_decimals(min(max(-exponent, 0), _MOST_DECIMALS) if isinstance(exponent, int) else 0)


def _with_decimals(digits: int) -> str:
    return "#,##0." + "0" * digits if digits else "#,##0"


def _fits(number: Decimal) -> bool:
    """Tell whether a cell gives the number back to its last digit."""
    return Decimal(format(float(number), ".15g")) == number


def _day_or_text(text: str) -> Any:
    """Return the day or moment that a text of ISO 8601 names, or the text."""
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    return text


def _cut(text: str, units: int) -> str:
    """Return as much of the beginning as fits into so many UTF-16 units, which Excel counts."""
    return text.encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore")


# -- sheets --------------------------------------------------------------------------------------------------------


def _write_table(book: Book, table: Table) -> None:
    """Write a table, on further sheets where it has more rows than one holds."""
    rows = iter(table.rows)
    row = next(rows, None)
    while True:
        sheet = _Sheet(book, table)
        while row is not None and sheet.next < MOST_ROWS:
            sheet.add(row)
            row = next(rows, None)
        sheet.finish()
        if row is None:
            return


class _Sheet:
    """A sheet that is being filled with the rows of a table."""

    def __init__(self, book: Book, table: Table) -> None:
        """Write the header."""
        self.book, self.table = book, table
        self.sheet = book.sheet(table.title or table.name)
        self.specs = [_Spec(column, table.currency) for column in table.columns]
        self.next = 1
        titles = [heading(column, table.currency) for column in table.columns]
        self.widths = [min(display_width(title) + 2, _WIDEST_TITLE) for title in titles]
        for position, (title, spec) in enumerate(zip(titles, self.specs, strict=True)):
            style = book.header_right if spec.kind in _PATTERNS else book.header
            book.write_text(self.sheet, 0, position, title, style)

    def add(self, row: Any) -> None:
        """Write a row and remember how wide it is."""
        columns = zip(row, self.table.columns, self.specs, strict=True)
        for position, (value, column, spec) in enumerate(columns):
            self.book.write_cell(self.sheet, self.next, position, value, spec)
            shown = format_cell(value, column, self.table.currency)
            width = len(shown) if shown.isascii() else display_width(shown)
            self.widths[position] = max(self.widths[position], width)
        self.next += 1

    def finish(self) -> None:
        """Freeze the header, let the rows be filtered, make the columns wide enough."""
        for position, width in enumerate(self.widths):
            self.sheet.set_column(position, position, max(_NARROWEST, min(width + 2, _WIDEST)))
        self.sheet.freeze_panes(1, 0)
        self.sheet.repeat_rows(0)
        if self.widths:
            self.sheet.autofilter(0, 0, self.next - 1, len(self.widths) - 1)


def _write_about(book: Book, made: Requested) -> None:
    """Write who asked for what and when, and the notes."""
    sheet = book.sheet(_("About this report"))
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 100)
    facts: list[tuple[str, Any]] = [
        (_("Report"), made.report.title),
        *([(_("Company"), made.company)] if made.company else []),
        *(
            (title, parameter_shown(made, name))
            for name, title in made.titles.items()
            if name in made.parameters
        ),
        (_("Asked for by"), made.actor),
        (_("Made on"), made.at),
        *((_("Note"), note) for note in (*made.report.notes, *_losses(book))),
    ]
    for row, (title, value) in enumerate(facts):
        book.write_text(sheet, row, 0, title, book.bold)
        if isinstance(value, datetime):
            sheet.write_datetime(row, 1, value.replace(tzinfo=None), book.moment)
        else:
            book.write_text(sheet, row, 1, value, book.wrapped)


def _losses(book: Book) -> Iterator[str]:
    """Say where a cell holds something else than the report."""
    if book.long_numbers:
        yield _("Numbers of more than 15 digits stand as text: a spreadsheet would change their last digits.")
    if book.cut_texts:
        yield _("Texts of more than 32,767 characters are cut: a cell holds no more.")
