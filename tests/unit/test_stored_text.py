"""Texts as they are stored: one rule for what people type and what files hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.records.services.values import cleaned
from crmcore.entities.tables import Contact, Interaction
from crmcore.errors import CrmError
from crmcore.text import many_lines, one_line


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("  甲 \n", "甲"),
        ("甲\r\n 乙", "甲 乙"),
        ("甲\u202e乙\u2066\x00\x1b[1m", "甲乙[1m"),
        ("甲[/a]", "甲[/a]"),
        ("a\tb", "a b"),
        ("\ud800x", "x"),
        ("\u200b ", ""),
    ],
)
def test_a_name_is_one_clean_line(raw: str, stored: str):
    assert one_line(raw) == stored


def test_a_note_keeps_its_line_breaks():
    assert many_lines(" 一 \r\n二\x07\r三\n\n") == "一\n二\n三"


@given(st.text())
def test_cleaning_again_changes_nothing_and_can_be_stored(raw: str):
    for clean in (one_line, many_lines):
        assert clean(clean(raw)) == clean(raw)
        clean(raw).encode()


def test_values_are_cleaned_and_held_against_their_columns():
    assert cleaned(Contact, {"name": " a\n", "phone": " ", "email": None}) == {
        "name": "a",
        "phone": None,
        "email": None,
    }
    assert cleaned(Interaction, {"notes": "a\nb"}) == {"notes": "a\nb"}
    with pytest.raises(CrmError, match="name must not be empty"):
        cleaned(Contact, {"name": "\u202e"})
    with pytest.raises(CrmError, match=r"phone = .* longer than 64"):
        cleaned(Contact, {"phone": "1" * 65})
