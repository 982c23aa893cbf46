"""Workbooks: what Excel finds in the cells, sheets and charts."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.builtin.reports import workbook
from crmcore.builtin.reports.services import Requested
from crmcore.errors import CrmError
from crmcore.plugins.types import Chart, Column, Table

Asked = Callable[..., Requested]
TEXT = Column("text", "Text")
naive = datetime.fromisoformat


def content(made: Requested) -> bytes:
    file = io.BytesIO()
    workbook.write_workbook(made, file)
    return file.getvalue()


def opened(made: Requested) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content(made)))


def first_cell(asked: Asked, value: object, kind: str, currency: str | None = None) -> Any:
    """Return the cell below the header of a table of one value."""
    table = Table("t", "T", (Column("c", "C", kind),), [(value,)], currency)  # type: ignore[arg-type]
    return opened(asked(table)).worksheets[0]["A2"]


@pytest.mark.parametrize(
    ("value", "kind", "currency", "stored", "shown_as"),
    [
        (123456, "amount", "CNY", 1234.56, "#,##0.00"),
        (-5, "amount", "CNY", -0.05, "#,##0.00"),
        (1234, "amount", "JPY", 1234, "#,##0"),
        (1234, "amount", "KWD", 1.234, "#,##0.000"),
        (99_999_999_999_999_9, "amount", "CNY", 9_999_999_999_999.99, "#,##0.00"),
        (1234, "integer", None, 1234, "#,##0"),
        (Decimal(1234), "integer", None, 1234, "#,##0"),
        (Decimal("0.1234"), "share", None, 0.1234, "0.00%"),
        (Decimal(1) / 3, "share", None, 1 / 3, "0.00%"),
        (Decimal("1.2500"), "decimal", None, 1.25, "#,##0.0000"),
        (Decimal(1) / 3, "decimal", None, 1 / 3, "#,##0.000000"),
        (Decimal("1E+3"), "decimal", None, 1000, "#,##0"),
        (0.5, "decimal", None, 0.5, "#,##0.0"),
    ],
)
def test_numbers_are_number_cells(asked: Asked, value, kind, currency, stored, shown_as):
    cell = first_cell(asked, value, kind, currency)
    assert (cell.data_type, cell.value, cell.number_format) == ("n", stored, shown_as)


@pytest.mark.parametrize(
    ("value", "kind", "stored", "shown_as"),
    [
        (date(2026, 1, 2), "date", naive("2026-01-02 00:00"), "yyyy-mm-dd"),
        ("2026-01-02", "date", naive("2026-01-02 00:00"), "yyyy-mm-dd"),
        (
            datetime(2026, 1, 2, 18, 30, tzinfo=UTC),
            "datetime",
            naive("2026-01-03 02:30"),
            "yyyy-mm-dd hh:mm",
        ),
        (datetime(2026, 1, 2, 18, 30, tzinfo=UTC), "date", naive("2026-01-03 00:00"), "yyyy-mm-dd"),
        ("2026-01-02T18:30:00+00:00", "datetime", naive("2026-01-03 02:30"), "yyyy-mm-dd hh:mm"),
        (naive("2026-01-02 18:30"), "datetime", naive("2026-01-02 18:30"), "yyyy-mm-dd hh:mm"),
    ],
)
def test_days_are_date_cells_and_moments_those_of_the_company(asked: Asked, value, kind, stored, shown_as):
    cell = first_cell(asked, value, kind)
    assert (cell.is_date, cell.value, cell.number_format) == (True, stored, shown_as)


@pytest.mark.parametrize(
    ("value", "kind", "currency", "stored"),
    [
        (2**53 + 1, "integer", None, "9007199254740993"),
        (10**17 + 1, "amount", "CNY", "1000000000000000.01"),
        (-(10**15 + 1), "amount", "JPY", "-1000000000000001"),
        (Decimal("NaN"), "decimal", None, "NaN"),
        (Decimal("1E+400"), "decimal", None, "1E+400"),
        (date(1800, 1, 1), "date", None, "1800-01-01"),
        ("soon", "date", None, "soon"),
        (1234, "text", None, "1234"),
    ],
)
def test_what_a_cell_cannot_hold_stands_as_text(asked: Asked, value, kind, currency, stored):
    cell = first_cell(asked, value, kind, currency)
    assert (cell.data_type, cell.value) == ("s", stored)


@given(minor=st.integers(-(2**63), 2**63 - 1), currency=st.sampled_from(["CNY", "JPY", "KWD"]))
@settings(max_examples=40)
def test_no_digit_of_an_amount_is_lost(asked: Asked, minor: int, currency: str):
    cell = first_cell(asked, minor, "amount", currency)
    digits = {"CNY": 2, "JPY": 0, "KWD": 3}[currency]
    shown = cell.value if cell.data_type == "s" else f"{cell.value:.15g}"
    assert Decimal(shown).scaleb(digits) == minor


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("=1+1", "=1+1"),
        ("@SUM(A1)", "@SUM(A1)"),
        ("https://example.com", "https://example.com"),
        ("<r><t>x</t></r>", "<r><t>x</t></r> "),
        ("甲[/a]\x1b[31m\u202e\uffff", "甲[/a][31m"),
        ("two\nlines", "two lines"),
        ("  ", "  "),
    ],
)
def test_text_stays_text(asked: Asked, text: str, stored: str):
    cell = first_cell(asked, text, "text")
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", stored, None)


def test_text_that_looks_like_a_formula_stays_text_when_the_cell_is_edited(asked: Asked):
    assert first_cell(asked, "=1+1", "text").number_format == "@"
    assert first_cell(asked, "1+1", "text").number_format == "General"


def test_a_text_too_long_for_a_cell_is_cut_and_the_workbook_says_so(asked: Asked):
    book = opened(asked(Table("t", "T", (TEXT,), [("😀" * 20_000,), ("y" * 32_767,)])))
    cut, whole = book.worksheets[0]["A2"].value, book.worksheets[0]["A3"].value
    assert cut == "😀" * 16_383 + "…"
    assert whole == "y" * 32_767
    assert "32,767" in str(list(book["About this report"].values))


def test_nothing_is_an_empty_cell(asked: Asked):
    columns = (TEXT, Column("a", "A", "amount"), Column("d", "D", "date"))
    sheet = opened(asked(Table("t", "T", columns, [(None, None, None), ("", 1, None)], "CNY"))).worksheets[0]
    assert [[cell.value for cell in row] for row in sheet["A2:C3"]] == [[None] * 3, [None, 0.01, None]]


def test_the_header_is_frozen_filtered_repeated_and_names_the_currency(asked: Asked):
    columns = (Column("n", "=名称"), Column("a", "Amount", "amount"))
    sheet = opened(asked(Table("t", "T", columns, [("甲", 1), ("乙", 2)], "CNY"))).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["=名称", "Amount (CNY)"]
    assert sheet["A1"].data_type == "s"
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B3")
    assert sheet.print_title_rows == "$1:$1"


def test_columns_are_as_wide_as_what_they_hold_up_to_a_limit(asked: Asked):
    columns = (TEXT, Column("b", "B"), Column("a", "Amount", "amount"), Column("c", "C"))
    row = ("长" * 10, "x" * 500, 123_456_789_012, "")
    widths = opened(asked(Table("t", "T", columns, [row], "CNY"))).worksheets[0].column_dimensions
    assert [round(widths[letter].width) for letter in "ABCD"] == [23, 61, 19, 9]


def test_an_empty_table_has_its_header(asked: Asked):
    sheet = opened(asked(Table("t", "T", (TEXT,), []))).worksheets[0]
    assert [list(row) for row in sheet.values] == [["Text"]]


def test_a_long_table_goes_on_on_further_sheets(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    table = Table("t", "Long", (TEXT,), ((str(i),) for i in range(7)))
    book = opened(asked(table, Table("u", "Full", (TEXT,), [("a",)] * 3)))
    assert book.sheetnames == ["Long", "Long (2)", "Long (3)", "Full", "About this report"]
    parts = [[row[0] for row in book[name].values] for name in book.sheetnames[:3]]
    assert parts == [["Text", "0", "1", "2"], ["Text", "3", "4", "5"], ["Text", "6"]]


def test_sheets_have_names_that_excel_allows(asked: Asked):
    titles = [
        "a/b[c]:*?\\d",
        "'quoted'",
        "History",
        "长" * 40,
        "长" * 40,
        "ABOUT",
        "",
        "\u202e",
        "😀" * 20,
        "Charts",
    ]
    tables = [Table(f"t{i}", title, (TEXT,), []) for i, title in enumerate(titles)]
    chart = Chart("c", "C", "bar", ("x",), (Decimal(1),))
    assert opened(asked(*tables, charts=(chart,))).sheetnames == [
        "a-b-c-----d",
        "quoted",
        "History (2)",
        "长" * 31,
        "长" * 27 + " (2)",
        "ABOUT",
        "t6",
        "Table",
        "😀" * 15,
        "Charts",
        "Charts (2)",
        "About this report",
    ]


@given(titles=st.lists(st.text(max_size=40), min_size=1, max_size=6))
@settings(max_examples=30)
def test_any_titles_make_names_that_excel_allows(asked: Asked, titles: list[str]):
    names = opened(asked(*(Table("t", title, (TEXT,), []) for title in titles))).sheetnames
    assert len(names) == len(titles) + 1
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.lower() != "history"


def test_the_last_sheet_says_who_asked_for_what_and_when(asked: Asked):
    made = asked(
        Table("t", "T", (Column("i", "I", "integer"),), [(2**60 + 1,)]),
        title="=Sales",
        notes=("a note", "=another"),
        company="示例商贸",
        parameters={"day": "2026-01-31"},
        titles={"day": "Day", "top": "Top"},
    )
    book = opened(made)
    assert [row[:2] for row in book["About this report"].values] == [
        ("Report", "=Sales"),
        ("Company", "示例商贸"),
        ("Day", "2026-01-31"),
        ("Asked for by", "boss"),
        ("Made on", naive("2026-03-02 09:00")),
        ("Note", "a note"),
        ("Note", "=another"),
        (
            "Note",
            "Numbers of more than 15 digits stand as text: a spreadsheet would change their last digits.",
        ),
    ]
    assert (book.properties.title, book.properties.creator) == ("=Sales", "boss")
    assert book.properties.created == naive("2026-03-02 01:00")


def test_the_same_report_makes_the_same_file(asked: Asked):
    made = asked(Table("t", "T", (TEXT,), [("a",)]), charts=CHARTS)
    assert content(made) == content(made)


# -- charts --------------------------------------------------------------------------------------------------------

CHARTS = (
    Chart("p", "=Pareto", "pareto", ("甲", "=b"), (Decimal(3), Decimal("1.5")), (Decimal("0.6"), Decimal(1))),
    Chart("b", "Bars", "bar", ("a", "b"), (Decimal(3), Decimal(-1))),
    Chart("l", "Line", "line", ("a",), (Decimal(3),)),
    Chart("c", "Curve", "curve", ("x of it", "y of it"), (Decimal(0), Decimal("0.2"), Decimal(1)), (Decimal(0), Decimal("0.5"), Decimal(1))),
    Chart("m", "Matrix", "matrix", ("A", "B"), tuple(map(Decimal, range(4))), rows=("r", "s")),
    Chart("e", "Empty", "bar", (), ()),
)  # fmt: skip


def parts(made: Requested, folder: str) -> dict[str, str]:
    """Return the XML parts of a folder of the archive, after reading each as XML."""
    with zipfile.ZipFile(io.BytesIO(content(made))) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                ET.fromstring(archive.read(name))  # noqa: S314  (our own file)
        return {n: archive.read(n).decode() for n in archive.namelist() if n.startswith(folder)}


def test_charts_stand_with_their_numbers_on_a_sheet_of_their_own(asked: Asked):
    sheet = opened(asked(charts=CHARTS))["Charts"]
    rows = [[value for value in row[:3] if value is not None] for row in sheet.values]
    assert rows[:4] == [["=Pareto"], ["Value", "Cumulative share"], ["甲", 3, 0.6], ["=b", 1.5, 1]]
    curve = rows.index(["Curve"])
    assert rows[curve + 1 : curve + 5] == [
        ["x of it", "y of it", "Reference"],
        [0, 0, 0],
        [0.5, 0.2, 0.5],
        [1, 1, 1],
    ]
    matrix = rows.index(["Matrix"])
    assert rows[matrix + 1 : matrix + 4] == [["A", "B"], ["r", 0, 1], ["s", 2, 3]]
    assert ["Empty"] not in rows
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    (scaled,) = sheet.conditional_formatting
    assert str(scaled.sqref) == f"B{matrix + 3}:C{matrix + 4}"


def test_charts_are_drawn_from_those_cells_and_bring_their_numbers(asked: Asked):
    drawn = list(parts(asked(charts=CHARTS), "xl/charts/").values())
    kinds = ("barChart", "barChart", "lineChart", "scatterChart")
    assert len(drawn) == len(kinds)
    for xml, kind in zip(drawn, kinds, strict=True):
        assert f"<c:{kind}>" in xml
    assert "<c:lineChart>" in drawn[0]
    assert '<c:barDir val="bar"/>' in drawn[1]
    for text in (
        "Charts!$A$1",
        "Charts!$B$3:$B$4",
        "Charts!$C$3:$C$4",
        "<c:v>=Pareto</c:v>",
        "<c:v>1.5</c:v>",
    ):
        assert text in drawn[0]


def test_charts_have_chinese_words(asked: Asked, in_chinese: None):
    sheets = opened(asked(charts=CHARTS, company="示例商贸")).sheetnames
    assert sheets == ["图表", "报表说明"]


# -- failures ------------------------------------------------------------------------------------------------------


def test_without_the_library_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook, "find_spec", lambda _name: None)
    with pytest.raises(CrmError, match=r"pip install 'crmcore\[xlsx\]'"):
        workbook.require_xlsxwriter()


def test_a_full_disk_is_told_as_such(asked: Asked):
    class Full(io.BytesIO):
        full = True

        def write(self, content: Any) -> int:
            if self.full:
                self.full = False
                raise OSError(28, "No space left on device")
            return super().write(content)

    with pytest.raises(OSError, match="No space left"):
        workbook.write_workbook(asked(Table("t", "T", (TEXT,), [("a",)])), Full())


def test_rows_that_fail_leave_no_temporary_file(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def rows() -> Any:
        yield ("a",)
        raise ZeroDivisionError

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        content(asked(Table("t", "T", (TEXT,), rows())))
    assert list(tmp_path.iterdir()) == []
