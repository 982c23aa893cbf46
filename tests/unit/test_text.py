"""Text from outside is shown without anything that could lie about what is there."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.text import clean_name, display_width, many_lines, one_line, printable

any_text = st.text(st.characters())
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"


@given(any_text)
def test_nothing_that_controls_or_reorders_is_left(text: str) -> None:
    shown = printable(text)
    for character in shown:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}, hex(ord(character))
        assert unicodedata.bidirectional(character) not in BIDI, hex(ord(character))
        assert character not in MARKS


def test_no_code_point_slips_through_alone() -> None:
    left = {
        hex(code)
        for code in range(0x110000)
        if (c := chr(code)) not in "\t\n"
        and printable(c)
        and (
            unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}
            or unicodedata.bidirectional(c) in BIDI
            or c in MARKS + "\u200b\u2060\ufeff\u00ad"
        )
    }
    assert left == set()


@given(any_text)
def test_what_can_be_seen_stays_as_it_is_and_twice_is_once(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    visible = [c for c in text if unicodedata.category(c)[0] in "LNPS"]
    assert [c for c in shown if unicodedata.category(c)[0] in "LNPS"] == visible


@given(any_text)
def test_an_escape_sequence_loses_its_teeth(text: str) -> None:
    assert "\x1b" not in printable(f"\x1b[31m{text}\x1b]0;title\x07")
    assert "\x9b" not in printable(f"\x9b31m{text}")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("甲[/a]", "甲[/a]"),
        ("a\tb\nc", "a b c"),
        ("exe.\u202egnp.evil", "exe.gnp.evil"),
        ("Jo\u0308rg", "Jo\u0308rg"),
        ("👩\u200d🔬", "👩🔬"),
        ("a\x00b\x7fc\x85d", "abcd"),
        (None, "None"),
        (12, "12"),
    ],
)
def test_examples(raw: object, shown: str) -> None:
    assert printable(raw) == shown


@given(any_text)
def test_a_clean_name_is_trimmed_and_one_line_holds_no_break(text: str) -> None:
    assert clean_name(text) == clean_name(text).strip()
    line = one_line(text)
    assert "\n" not in line
    assert "\r" not in line
    assert one_line(line) == line


@given(any_text)
def test_notes_keep_their_line_breaks_and_nothing_else_of_the_kind(text: str) -> None:
    note = many_lines(text)
    assert "\r" not in note
    assert many_lines(note) == note
    assert all(printable(line) == line for line in note.split("\n"))


@given(st.text(st.characters(exclude_categories=["Mn", "Me"]), max_size=50))
def test_width_is_between_one_and_two_columns_a_character(text: str) -> None:
    assert len(text) <= display_width(text) <= 2 * len(text)


def test_width_of_wide_and_combining_characters() -> None:
    assert display_width("示例a") == 5
    assert display_width("Ｊo") == 3
    assert display_width("o\u0308") == 1
    assert display_width("") == 0
