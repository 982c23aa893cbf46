"""The forms of the card and what is typed of labels, case by case."""

from __future__ import annotations

import re

import pytest

from crmcore.builtin.printing import rules
from crmcore.builtin.printing.rules import Place, Section
from crmcore.builtin.reports.fonts import find_face
from crmcore.builtin.reports.form_layout import lay_out
from crmcore.catalogue import load_catalogue
from crmcore.plugins.types import Form, FormField, FormPart


@pytest.mark.parametrize(
    ("lifecycle", "form"),
    [("prospect", "prospect"), ("active", "current"), ("former", "former"), ("unheard-of", "current")],
)
def test_the_form_of_a_lifecycle(lifecycle: str, form: str) -> None:
    assert rules.form_of(lifecycle, "auto") == form
    assert rules.form_of(lifecycle, "former") == "former"
    assert (
        f"({'current customer' if form == 'current' else form + ' customer' if form == 'former' else form})"
        in (rules.CARDS[form][0])
    )


def test_every_place_on_a_card_is_a_field_that_there_is() -> None:
    fields = set(load_catalogue().fields) | set(rules.OF_PLUGINS)
    for _title, sections in (*rules.CARDS.values(), rules.FOR_CUSTOMER):
        assert rules.placed(sections) <= fields
        assert all(sum(place.width for place in row) == 12 for one in sections for row in one.rows)


def test_the_card_of_a_person_does_not_ask_how_they_are_organised() -> None:
    for _title, sections in (*rules.CARDS.values(), rules.FOR_CUSTOMER):
        titles = [one.title for one in rules.sections_of(sections, "person")]
        assert "Organisation and operation" not in titles
        assert "Basics" in titles
        assert len(titles) == len(sections) - 1
        assert rules.sections_of(sections, "organisation") == sections


def test_what_is_hidden_leaves_its_neighbours_and_the_places_for_the_pen() -> None:
    pen, both, one = Place((), 12, "Needs"), Place(("a", "b")), Place(("c",))
    section = Section("T", ((both, one), (pen,)))
    assert rules.shown_sections([section], {"a", "c"}) == [Section("T", ((Place(("b",)),), (pen,)))]
    assert rules.shown_sections([section], {"a", "b", "c"}) == [Section("T", ((pen,),))]
    assert rules.shown_sections([Section("T", ((one,),))], {"c"}) == []


def test_short_fields_stand_three_in_a_row_and_long_ones_alone() -> None:
    texts = {"a": "x" * 20, "b": "x" * 21, "c": "", "d": "y", "e": "z"}
    rows = rules.further_rows(list(texts), texts.__getitem__)
    assert [[(place.fields, place.width) for place in row] for row in rows] == [
        [(("b",), 12)],
        [(("a",), 4), (("c",), 4), (("d",), 4)],
        [(("e",), 4)],
    ]


@pytest.mark.parametrize("text", ["3x8", " 3X8 ", "3×8", "3*8"])
def test_a_sheet_is_written_in_any_of_these_ways(text: str) -> None:
    assert rules.sheet_of(text) == (3, 8)


@pytest.mark.parametrize("text", ["", "3", "0x8", "3x0", "100x2", "2x100", "3x8x2", "-3x8", "3 8", "３x８"])
def test_a_sheet_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        rules.sheet_of(text)


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e9999", "1234567", "12,5", "mm"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        rules.length_of(text)


def test_lengths_and_addresses() -> None:
    assert [rules.length_of(text) for text in ("0", " 12.5 ", "123456")] == [0.0, 12.5, 123456.0]
    both = {"address": "A", "delivery_address": "B"}
    assert (rules.address_of(both, "delivery"), rules.address_of(both, "registered")) == ("B", "A")
    assert rules.address_of({"address": "A", "delivery_address": ""}, "delivery") == "A"
    assert rules.address_of({"delivery_address": "B"}, "registered") == "B"
    assert rules.address_of({}, "delivery") == ""


def test_codes_keep_their_order_lose_blanks_and_come_once() -> None:
    assert rules.codes_of(' B1, A1 ,, B1, "C,1"') == ["B1", "A1", "C,1"]
    assert rules.codes_of("   ") == []


@pytest.mark.parametrize(
    ("title", "lines"), [("仓库面积（平方米）", ["仓库面积", "（平方米）"]), ("注册资本", ["注册资本"])]
)
def test_a_unit_stands_on_a_line_of_its_own_where_the_title_has_no_room(title: str, lines: list[str]) -> None:
    row = (FormField(title, "1", 4), FormField("B", "2", 4), FormField("C", "3", 4))
    laid = lay_out(Form("T", (FormPart("P", (row,)),)), find_face(None))
    assert laid.content["rows"][1]["cells"][0]["name"] == lines
