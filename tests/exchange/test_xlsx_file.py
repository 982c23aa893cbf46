"""Workbooks: what a sheet says, and that hostile ones are refused before they do harm."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from crmcore.builtin.exchange import xlsx_file
from crmcore.builtin.exchange.reading import open_table
from crmcore.builtin.exchange.table_file import TableFile
from crmcore.errors import CrmError

WORDS = {"code", "name", "phone", "amount", "date"}
SHARED_STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
SHEET = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
Write = Callable[..., Path]


def known(cells: Sequence[str]) -> int:
    return sum(cell.strip() in WORDS for cell in cells)


Open = Callable[..., TableFile]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open files and close them at the end."""
    with ExitStack() as stack:

        def open_file(path: Path, **said: Any) -> TableFile:
            file = open_table(path, known, **said)
            stack.callback(file.close)
            return file

        yield open_file


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Save sheets (title → rows) as a workbook."""

    def save(**sheets: Sequence[Sequence[object]]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook["Sheet"])
        for title, rows in sheets.items():
            sheet = workbook.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "book.xlsx"
        workbook.save(path)
        return path

    return save


@pytest.fixture
def rezip(tmp_path: Path, book: Callable[..., Path]) -> Callable[..., Path]:
    """Save a plain workbook with some parts replaced or added."""

    def save(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
        plain = book(Sheet=[["code", "name"], ["C1", "a"]])
        path = tmp_path / "hostile.xlsx"
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", method) as target:
            for entry in source.infolist():
                mended = entry.filename == "[Content_Types].xml" and "xl/sharedStrings.xml" in parts
                if entry.filename not in parts and not mended:
                    target.writestr(entry, source.read(entry))
            for name, content in parts.items():
                target.writestr(name, content)
            if "xl/sharedStrings.xml" in parts:
                types = source.read("[Content_Types].xml").decode()
                override = (
                    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHARED_STRINGS}"/></Types>'
                )
                target.writestr("[Content_Types].xml", types.replace("</Types>", override))
        return path

    return save


def test_values_are_written_as_a_person_would(book: Callable[..., Path], opened: Open):
    path = book(
        Sheet=[
            ["code", "name", "phone", "amount", "date"],
            [1, "甲公司", 13812345678, 1234.5, datetime(2024, 3, 5)],  # noqa: DTZ001 -- a workbook knows no zone
            ["C2", " ", "0512", 0.1 + 0.2, datetime(2024, 3, 5, 13, 45)],  # noqa: DTZ001
            ["C3", True, None, -3, date(2024, 3, 5)],
        ]
    )
    assert [cells for _line, cells in opened(path).rows()] == [
        ["1", "甲公司", "13812345678", "1234.5", "2024-03-05"],
        ["C2", " ", "0512", "0.3", "2024-03-05 13:45:00"],
        ["C3", "TRUE", "", "-3", "2024-03-05"],
    ]


def test_a_number_that_has_lost_its_digits_does_not_look_whole(book: Callable[..., Path], opened: Open):
    path = book(Sheet=[["code", "name"], ["C1", 913100001234567000]])
    assert next(opened(path).rows())[1] == ["C1", "9.13100001234567E+17"]


def test_numbers_take_the_decimal_point_of_the_mapping(book: Callable[..., Path], opened: Open):
    path = book(Sheet=[["code", "amount"], ["C1", 1234.5]])
    assert next(opened(path, point=",").rows())[1] == ["C1", "1234,5"]


def test_formulas_are_not_calculated(book: Callable[..., Path], opened: Open):
    path = book(Sheet=[["code", "name"], ["C1", "=1+1"]])
    assert next(opened(path).rows())[1][1] in {"", "2"}


def test_titles_blank_rows_and_merged_cells_do_no_harm(tmp_path: Path, opened: Open):
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["客户列表"])
    sheet.merge_cells("A1:B1")
    sheet.append([])
    sheet.append(["code", "name"])
    sheet.append(["C1", "a"])
    sheet["A900"] = " "
    workbook.save(tmp_path / "book.xlsx")
    file = opened(tmp_path / "book.xlsx")
    assert (file.header_line, list(file.rows())) == (3, [(4, ["C1", "a"])])


def test_the_first_visible_sheet_is_read_and_the_others_are_named(book: Callable[..., Path], opened: Open):
    path = book(One=[["code"], ["C1"]], Two=[["code"], ["C2"]])
    file = opened(path)
    assert file.sheet == "One"
    assert "Two" in file.warnings[0]
    other = opened(path, sheet="Two")
    assert [cells for _line, cells in other.rows()] == [["C2"]]
    assert other.identity != file.identity, "rows of another sheet are other rows"
    assert opened(path, sheet="One").identity == file.identity
    with pytest.raises(CrmError, match="no sheet 'Three'; it has: One, Two"):
        opened(path, sheet="Three")


def test_a_workbook_is_known_by_its_content_and_not_by_its_name(book: Callable[..., Path], opened: Open):
    path = book(Sheet=[["code"], ["C1"]])
    renamed = path.rename(path.with_suffix(".csv"))
    assert next(opened(renamed).rows())[1] == ["C1"]


def test_macros_are_told_of_and_not_run(rezip: Callable[..., Path], opened: Open):
    file = opened(rezip({"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"}))
    assert "macros" in file.warnings[0]
    assert len(list(file.rows())) == 1


# -- hostile -------------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(opened: Open) -> Callable[[Path, str], None]:
    """See a file refused in one sentence, and soon."""

    def see(path: Path, sentence: str) -> None:
        started = time.monotonic()
        with pytest.raises(CrmError, match=sentence) as error:
            list(opened(path).rows())
        assert "\n" not in str(error.value)
        assert time.monotonic() - started < 20

    return see


def test_a_zip_bomb_is_refused_before_it_is_parsed(
    rezip: Callable[..., Path], refused: Callable[[Path, str], None]
):
    refused(rezip({"xl/worksheets/sheet1.xml": b" " * (64 << 20)}), "would unpack to more")


def test_many_small_bombs_are_refused_too(
    rezip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, refused: Callable[[Path, str], None]
):
    monkeypatch.setattr(xlsx_file, "MOST_BYTES", 1 << 20)
    refused(rezip({f"xl/media/{i}.bin": b"x" * 100_000 for i in range(20)}), "would unpack to more")
    refused(rezip({f"xl/media/{i}": b"" for i in range(2_100)}), "would unpack to more")


def test_one_endless_text_is_refused(rezip: Callable[..., Path], refused: Callable[[Path, str], None]):
    noise = bytes(97 + (i * 7919) % 26 for i in range(3 << 20))
    cell = b'<row r="1"><c r="A1" t="inlineStr"><is><t>' + noise + b"</t></is></c></row>"
    refused(
        rezip({"xl/worksheets/sheet1.xml": SHEET.format("@").encode().replace(b"@", cell)}),
        "would unpack to more",
    )


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
    ],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_xml_entities_are_refused(
    rezip: Callable[..., Path], declaration: str, part: str, refused: Callable[[Path, str], None]
):
    refused(rezip({part: f'<?xml version="1.0"?>{declaration}<x>&a;</x>'}), "XML entities")


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 and then nothing", b"PK\x03\x04" + bytes(range(256)) * 4],
)
def test_a_broken_archive_is_refused(write: Write, content: bytes, refused: Callable[[Path, str], None]):
    refused(write(content, "broken.xlsx"), "damaged")


def test_a_workbook_cut_off_or_bent_is_refused(
    write: Write, book: Callable[..., Path], refused: Callable[[Path, str], None]
):
    whole = book(Sheet=[["code", "name"], *[[f"C{i}", "x" * 50] for i in range(500)]]).read_bytes()
    refused(write(whole[: len(whole) // 2], "half.xlsx"), "damaged")
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    at = entry.header_offset + 60
    bent = whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 40]) + whole[at + 40 :]
    refused(write(bent, "bent.xlsx"), "damaged")


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>not a number</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>99999</v></c></row>',
        '<row r="1"><c r="A1" t="n"><v>' + "9" * 6000 + "</v></c></row>",
        '<row r="1"><c r="A1">',
    ],
)
def test_cells_that_make_no_sense_are_refused(
    rezip: Callable[..., Path], rows: str, refused: Callable[[Path, str], None]
):
    refused(rezip({"xl/worksheets/sheet1.xml": SHEET.format(rows)}), "damaged")


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/worksheets/sheet1.xml", SHEET.format("<a/>" * 1_200_000)),
        ("xl/worksheets/sheet1.xml", SHEET.format('<row r="1">' + "<c/>" * 30_000 + "</row>")),
        ("xl/worksheets/sheet1.xml", SHEET.format("<a>" * 60 + "</a>" * 60)),
        ("xl/worksheets/sheet1.xml", SHEET.format("<![CDATA[" + "<>" * 600_000 + "]]>")),
        ("xl/worksheets/sheet1.xml", SHEET.format("<a " + " ".join(f"b{i}=''" for i in range(300)) + "/>")),
        ("xl/sharedStrings.xml", "<sst>" + "<si/>" * 1_200_000 + "</sst>"),
        ("xl/styles.xml", "<a>" + "<b/>" * 2_100_000 + "</a>"),
    ],
    ids=["elements", "cells", "depth", "text", "attributes", "shared texts", "styles"],
)
def test_small_files_that_would_fill_the_memory_are_refused(rezip, refused, part, content):
    refused(rezip({part: content}), "would unpack to more")


def test_an_absurd_row_number_ends_the_sheet(rezip: Callable[..., Path], opened: Open):
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>code</t></is></c></row><row r="999999999999"><c r="A2"><v>1</v></c></row>'
    started = time.monotonic()
    assert list(opened(rezip({"xl/worksheets/sheet1.xml": SHEET.format(rows)})).rows()) == []
    assert time.monotonic() - started < 20


def test_sixteen_thousand_columns_are_refused(
    rezip: Callable[..., Path], refused: Callable[[Path, str], None]
):
    cells = "".join(
        f'<c r="{get_column_letter(i)}1" t="inlineStr"><is><t>code</t></is></c>' for i in range(1, 16_385)
    )
    refused(rezip({"xl/worksheets/sheet1.xml": SHEET.format(f'<row r="1">{cells}</row>')}), "16384 columns")


def test_a_far_cell_and_false_dimensions_cost_nothing(rezip: Callable[..., Path], opened: Open):
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>code</t></is></c></row>'
    row = '<row r="2"><c r="A2" t="inlineStr"><is><t>C1</t></is></c><c r="XFD2"><v>1</v></c></row>'
    sheet = SHEET.format(head + row).replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    rows = list(opened(rezip({"xl/worksheets/sheet1.xml": sheet})).rows())
    assert [cells[0] for _line, cells in rows] == ["C1"]


def test_an_encrypted_or_strangely_packed_archive_is_refused(
    rezip: Callable[..., Path], refused: Callable[[Path, str], None]
):
    refused(rezip({"xl/worksheets/sheet1.xml": "x"}, zipfile.ZIP_LZMA), "packed in an unusual way")
    path = rezip({})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    content[first.header_offset + 6] |= 1
    path.write_bytes(content)
    refused(path, "encrypted")


def test_other_zip_files_are_named_for_what_they_are(tmp_path: Path, refused: Callable[[Path, str], None]):
    for name, sentence in (("mimetype", "OpenDocument"), ("readme.txt", "ZIP archive")):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        refused(path, sentence)


def test_without_the_extra_the_sentence_says_what_to_install(
    book: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, refused: Callable[[Path, str], None]
):
    path = book(Sheet=[["code"], ["C1"]])
    monkeypatch.setattr(xlsx_file, "find_spec", lambda name: None if name == "defusedxml" else sys)
    refused(path, r"crmcore\[xlsx\]")
