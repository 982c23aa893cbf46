"""CSV files: encodings, delimiters, titles above the header, and what is no table at all."""

from __future__ import annotations

import codecs
import os
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.builtin.exchange.problems import BrokenRow
from crmcore.builtin.exchange.reading import open_table
from crmcore.builtin.exchange.table_file import TableFile
from crmcore.errors import CrmError

WORDS = {"code", "name", "phone", "客户编码", "客户名称", "电话"}
CHINESE = "客户编码,客户名称,电话\nC1,甲公司,010-1\nC2,乙公司,010-2\n"
Write = Callable[..., Path]


def known(cells: Sequence[str]) -> int:
    return sum(cell.strip() in WORDS for cell in cells)


def opened(path: Path, **said: str) -> TableFile:
    return open_table(path, known, **said)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CHINESE.encode(), "utf-8-sig"),
        (codecs.BOM_UTF8 + CHINESE.encode(), "utf-8-sig"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("gbk"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"),
    ],
    ids=["utf-8", "utf-8 with a mark", "gb18030", "gbk", "utf-16"],
)
def test_the_encoding_is_found_out(write: Write, content: bytes, encoding: str):
    file = opened(write(content))
    assert file.encoding == encoding
    assert file.headers == ("客户编码", "客户名称", "电话")
    assert [cells for _line, cells in file.rows()] == [["C1", "甲公司", "010-1"], ["C2", "乙公司", "010-2"]]


def test_the_encoding_that_the_user_says_is_taken(write: Write):
    path = write("客戶,name\n1,臺灣\n".encode("big5"))
    assert list(opened(path, encoding="big5").rows()) == [(2, ["1", "臺灣"])]
    with pytest.raises(CrmError, match="cannot be read as UTF-8"):
        opened(path, encoding="utf-8")
    with pytest.raises(CrmError, match="unknown encoding 'klingon'"):
        opened(path, encoding="klingon")
    with pytest.raises(CrmError, match="unknown encoding 'rot13'"):
        opened(path, encoding="rot13")


def test_a_byte_order_mark_overrules_the_mapping_but_not_the_user(write: Write):
    path = write(codecs.BOM_UTF8 + CHINESE.encode())
    assert opened(path, usual_encoding="gb18030").encoding == "utf-8-sig"
    with pytest.raises(CrmError):
        opened(path, encoding="ascii")


def test_a_utf8_file_with_one_damaged_byte_is_not_read_as_another_encoding(write: Write):
    content = ("code,name\n" + "C1,甲乙丙丁戊己庚辛壬癸公司\n" * 3).encode() + b"C9,\xe7\x94\n"
    with pytest.raises(CrmError, match="line 5: the file is UTF-8 but for a damaged character"):
        opened(write(content))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"code,name\nC1,\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b"code,name\nC1,a\0b\n", "NUL bytes"),
        ("code,name\nC1,x\n".encode("utf-16-le"), "NUL bytes"),
        (b"\n\n   \n", "no header row"),
        (b"<html><table><tr><td>code</td></tr></table></html>", "web page"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old .xls workbook or has a password"),
        (b"x" * (3 << 20), "more than 1 MB"),
        (b",".join([b"c"] * 1001) + b"\n", "1001 columns"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(write: Write, content: bytes, sentence: str):
    with pytest.raises(CrmError, match=sentence) as error:
        opened(write(content))
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_refused_in_one_sentence(tmp_path: Path):
    with pytest.raises(CrmError, match="there is no file"):
        opened(tmp_path / "missing.csv")
    with pytest.raises(CrmError, match="is not a file"):
        opened(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CrmError, match="is not a file"):
        opened(tmp_path / "pipe")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_the_known_headers(write: Write, delimiter: str):
    lines = ["code name phone", "C1 a,b;c|d 1", "C2 x,y;z 2"]
    content = "\n".join(delimiter.join(f'"{cell}"' for cell in line.split()) for line in lines)
    file = opened(write(content))
    assert file.delimiter == delimiter
    assert next(file.rows()) == (2, ["C1", "a,b;c|d", "1"])


def test_excels_separator_line_is_obeyed_and_left_out(write: Write):
    file = opened(write("sep=;\ncode;name\nC1;a\n"))
    assert (file.headers, list(file.rows())) == (("code", "name"), [(3, ["C1", "a"])])


def test_titles_and_blank_rows_above_the_header_are_left_out(write: Write):
    file = opened(write("客户列表,,\n制表人：王,,日期：2024-01-01\n,,\n" + CHINESE + "\n , , \nC3,丙,\n"))
    assert file.header_line == 4
    assert [(line, cells[0]) for line, cells in file.rows()] == [(5, "C1"), (6, "C2"), (9, "C3")]


def test_a_line_break_inside_a_cell_does_not_lose_count_of_the_lines(write: Write):
    file = opened(write('code,name\r\nC1,"a\r\nb"\r\nC2,c\r\n'))
    assert list(file.rows()) == [(2, ["C1", "a\r\nb"]), (4, ["C2", "c"])]


def test_a_row_with_misplaced_quotation_marks_is_one_bad_row(write: Write):
    rows = [cells for _line, cells in opened(write('code,name\nC1,"a"b,1\nC2,c\n')).rows()]
    assert isinstance(rows[0], BrokenRow)
    assert rows[0] == ['C1,"a"b,1']
    assert rows[1] == ["C2", "c"]


def test_a_quotation_mark_that_is_never_closed_is_named_by_its_line(write: Write):
    path = write('code,name\nC1,a\nC2,"b\nC3,c\n')
    with pytest.raises(CrmError, match="line 3: a quotation mark is opened and never closed"):
        list(opened(path).rows())


LONG = "x" * 140_000
"""More characters than the standard library takes in one cell."""


@pytest.mark.parametrize("row", [f"C2,{LONG}", f'C2,"{LONG}"', f'C2,a"b,"{LONG}, y"', f"{LONG},{LONG}"])
def test_a_cell_that_is_too_long_costs_its_row_alone(write: Write, row: str):
    records = list(opened(write(f"code,name\nC1,a\n{row}\r\nC3,c\n")).rows())
    assert [line for line, _cells in records] == [2, 3, 4]
    (_, broken) = records[1]
    assert isinstance(broken, BrokenRow)
    assert broken == [row]
    assert broken.reason == "a cell has more than 131,072 characters; shorten it"
    assert records[2] == (4, ["C3", "c"])


@pytest.mark.parametrize("rest", ["", "\n" + LONG, "\n" + LONG + '"\nC4,d\n', "\n" * 140_000])
def test_a_cell_that_is_too_long_and_goes_over_lines_stops_the_file_with_both_possible_reasons(
    write: Write, rest: str
):
    content = f'code,name\nC1,a\nC2,"{LONG if not rest else "b"}{rest}'
    with pytest.raises(
        CrmError,
        match=r"line 3: a cell in quotation marks has more than 131,072 characters; shorten it, or close the quotation mark",
    ):
        list(opened(write(content)).rows())


def test_a_file_that_changes_while_it_is_read_is_noticed(write: Write):
    path = write(CHINESE)
    file = opened(path)
    path.write_text(CHINESE + "C3,x,\n", encoding="utf-8")
    with pytest.raises(CrmError, match="was changed while it was read"):
        list(file.rows())


def test_reading_a_long_file_takes_no_more_memory_than_a_short_one(write: Write):
    def peak(rows: int) -> int:
        path = write("code,name,phone\n" + "".join(f"C{i},{'甲公司' * 20}{i},010-{i}\n" for i in range(rows)))
        tracemalloc.start()
        try:
            assert sum(1 for _ in opened(path).rows()) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(30_000), peak(120_000)
    assert large < small * 1.2 + 100_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_either_read_or_refused_in_a_sentence(write: Write, content: bytes):
    with suppress(CrmError):
        for _line, cells in opened(write(content)).rows():
            assert isinstance(cells, list)
