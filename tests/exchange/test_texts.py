"""Names, notes, codes, phones, choices, yes and no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.exchange.guard import guard
from crmcore.builtin.exchange.problems import BadValueError
from crmcore.builtin.exchange.texts import (
    boolean_parser,
    choice_parser,
    code_parser,
    note_parser,
    phone_parser,
    text_parser,
)
from crmcore.builtin.exchange.values import BAD, Writing, make_reader
from crmcore.plugins.types import Field
from crmcore.text import many_lines, one_line

name, note, code, phone = text_parser(200), note_parser(), code_parser(), phone_parser()


def test_names_are_trimmed_and_lose_what_cannot_be_seen():
    assert name("  甲公司 ") == "甲公司"
    assert name("甲\n公司") == "甲 公司"
    assert name("甲\u202e[/a]\x07\u200b公司") == "甲[/a]公司"
    assert name("\u3000甲\u3000") == "甲"
    assert name("   ") is None
    with pytest.raises(BadValueError, match="200"):
        name("甲" * 201)


def test_notes_keep_their_line_breaks():
    assert note(" a \r\n\tb\r\n ") == "a\n b"


def test_the_guards_apostrophe_is_taken_away():
    assert name("'=1+1") == "=1+1"
    assert name("''=1+1") == "'=1+1"
    assert name("=1+1") == "=1+1"
    assert name("'tis") == "'tis"
    assert code("'-x") == "-x"


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#n/a"])
def test_errors_of_a_spreadsheet_are_no_names(text: str):
    for read in (name, note, code, phone):
        with pytest.raises(BadValueError, match="error of the spreadsheet"):
            read(text)


def test_codes_stay_as_they_are_and_refuse_lost_digits():
    assert code(" 00012 ") == "00012"
    assert code("C 1") == "C 1"
    for text, reason in (("1.38E+10", "lost its digits"), ("a\u200bb", "cannot be seen"), ("x" * 65, "64")):
        with pytest.raises(BadValueError, match=reason):
            code(text)


def test_phones_are_text_with_leading_zeros_and_plus():
    assert phone("００２１－１２３４") == "0021-1234"
    assert phone("+86 138") == "+86 138"
    assert phone("13800000000.0") == "13800000000"
    assert phone("010-1/010-2转3") == "010-1/010-2转3"
    with pytest.raises(BadValueError, match="lost its digits"):
        phone("1.38E+10")


def test_choices_ignore_case_width_and_blanks():
    kind = choice_parser({"企业": "organisation", "个人": "person"})
    assert [kind("企业"), kind(" PERSON "), kind("Ｐｅｒｓｏｎ"), kind(" ")] == [
        "organisation",
        "person",
        "person",
        None,
    ]
    with pytest.raises(BadValueError, match="企业, 个人"):
        kind("政府")


def test_yes_and_no_in_both_languages():
    yes = boolean_parser()
    assert [yes(word) for word in ("是", "Yes", "1", "TRUE", "√")] == [True] * 5
    assert [yes(word) for word in ("否", "no", "0", "False", "×")] == [False] * 5
    with pytest.raises(BadValueError):
        yes("maybe")


@given(st.text(max_size=60))
def test_a_stored_name_comes_back_through_the_guard(text: str):
    stored = one_line(text)
    if not stored or stored.startswith("#"):
        return
    assert text_parser()(guard(stored)) == stored


@given(st.text(max_size=60))
def test_a_stored_note_comes_back_through_the_guard(text: str):
    stored = many_lines(text)
    if not stored or stored.startswith("#"):
        return
    assert note_parser()(guard(stored)) == stored


ODD = st.text(alphabet=st.sampled_from("ab中 '=+-@#.0\t\n\u200b\u3000é+E1"), max_size=12)


@pytest.mark.parametrize("kind", ["text", "note", "code", "phone", "date", "amount", "boolean"])
@given(cells=st.lists(ODD | st.sampled_from(["2024-03-05", "1,234.5", "是", "", "13800000000"]), max_size=6))
def test_a_column_read_at_once_equals_its_cells_read_one_by_one(kind: str, cells: list[str]):
    reader = make_reader(Field("x", kind), Writing())
    one_by_one = []
    for cell in cells:
        try:
            one_by_one.append(make_reader(Field("x", kind), Writing()).one(cell) if cell else None)
        except BadValueError:
            one_by_one.append(BAD)
    for _again in range(2):  # remembered values must not differ from read ones
        values, whole = reader.many(cells)
        assert list(values) == one_by_one
        assert whole == all(value is not None and value is not BAD for value in one_by_one)
