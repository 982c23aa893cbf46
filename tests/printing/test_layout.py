"""What is settled before a page is set: lines, sizes, places. The rules hold for any text."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmcore.builtin.printing import rules
from crmcore.builtin.reports import form_layout, label_layout
from crmcore.builtin.reports.fonts import BadFontError, Face, _advances, engine_fonts, find_face
from crmcore.builtin.reports.lines import ELLIPSIS, at_most, lines_of, plain
from crmcore.errors import UsageProblem
from crmcore.plugins.types import Form, FormField, FormPart, Labels

FACE = Face(
    find_face(None).path, "any", {code: 1.0 if code > 0x2000 else 0.5 for code in range(0x20, 0xA000)}
)
TEXT = st.text(st.sampled_from("汉字，。（）a1 -@\n"), max_size=120)
ROOM = st.floats(2, 30)
FIELD = st.builds(FormField, TEXT, st.one_of(TEXT, st.text(max_size=400)), st.sampled_from([4, 6, 8, 12]))
ROW = (
    st.lists(FIELD, min_size=1, max_size=3).filter(lambda row: sum(one.width for one in row) <= 12).map(tuple)
)
PART = st.builds(FormPart, TEXT, st.lists(ROW, max_size=30).map(tuple))


@given(TEXT.map(plain), ROOM)
def test_lines_are_no_wider_than_the_room_and_hold_the_whole_text(text: str, room: float):
    lines = lines_of(text, room, FACE)
    assert all(FACE.width(line) <= room for line in lines if len(line) > 1)
    assert "".join("".join(lines).split()) == "".join(text.split())


@example("（字、、、、", 6.0)
@given(st.text(st.sampled_from("汉字，。（）、"), max_size=60), st.floats(6, 30))
def test_no_line_begins_with_a_closing_mark_unless_there_is_nothing_else(text: str, room: float):
    lines = lines_of(text, room, FACE)
    for before, line in pairwise(lines):
        if line[0] in "，。）、":
            assert FACE.width(before) + FACE.width(line[0]) > room
            assert len([sign for sign in before if sign not in "，。）、（"]) <= 1, (
                "one word with its marks, wider than a line"
            )


@given(TEXT.map(plain), st.integers(1, 4), ROOM)
def test_what_is_left_out_is_marked(text: str, most: int, room: float):
    lines = lines_of(text, room, FACE)
    kept = at_most(lines, most, room, FACE)
    assert len(kept) == min(len(lines), most)
    assert (kept == lines) == (len(lines) <= most)
    if len(lines) > most:
        assert kept[-1].endswith(ELLIPSIS)
        assert FACE.width(kept[-1]) <= max(room, FACE.width(ELLIPSIS))


@settings(max_examples=60)
@given(st.lists(PART, max_size=5), st.one_of(st.none(), FIELD), st.sampled_from(["", "Seal"]))
def test_a_form_fills_one_page_exactly_and_says_what_is_cut(
    parts: list[FormPart], notes: FormField | None, seal: str
):
    form = Form("t", tuple(parts), "c", notes, seal, ("s",) if seal else ())
    laid = form_layout.lay_out(form, FACE)
    free = form_layout.HEIGHT - form_layout.HEAD - (form_layout.SIGNATURES if seal else 0)
    rows = laid.content["rows"]
    assert sum(row["height"] for row in rows) + laid.content["rest"] == pytest.approx(free)
    assert laid.content["rest"] >= form_layout.LEAST_NOTES
    assert bool(laid.content["cut"]) == laid.cut
    for row in rows:
        size = laid.content["size"] * form_layout.POINT
        for cell in row["cells"]:
            high = (len(cell["lines"]) * form_layout.LINE - form_layout.LINE + 1) * size
            assert high <= row["height"]
        assert not row["cells"] or sum(cell["columns"] + 3 for cell in row["cells"]) == 24
    if not laid.cut:
        shown = "".join(line for row in rows for cell in row["cells"] for line in cell["lines"])
        texts = "".join(plain(field.text) for part in parts for row in part.rows for field in row)
        assert "".join(shown.split()) == "".join(texts.split())


@given(
    st.lists(st.lists(TEXT, max_size=4).map(tuple), max_size=9),
    st.integers(1, 4),
    st.integers(1, 9),
    st.data(),
)
def test_every_label_has_a_place_of_its_own(
    texts: list[tuple[str, ...]], columns: int, rows: int, data: st.DataObject
):
    used = data.draw(st.integers(0, columns * rows - 1))
    sheets, _cut = label_layout.sheets_of(Labels((), columns, rows, used=used), texts, FACE)
    places = [(number, place) for number, sheet in enumerate(sheets) for place, _label in sheet]
    assert [number * columns * rows + place for number, place in places] == [
        used + i for i in range(len(texts))
    ]


@pytest.mark.parametrize(
    "labels",
    [
        Labels((), 0, 1),
        Labels((), 3, 30),
        Labels((), 3, 8, top=200.0),
        Labels((), 3, 8, gap_across=-1.0),
        Labels((), 3, 8, used=24),
    ],
)
def test_sheets_that_there_cannot_be_are_refused(labels: Labels):
    with pytest.raises(UsageProblem):
        label_layout.sheet_of(labels)


# -- rules of the card -----------------------------------------------------------------------------------------------


def test_the_rows_of_the_cards_fill_the_form_and_no_field_stands_twice():
    for _title, sections in (*rules.CARDS.values(), rules.FOR_CUSTOMER):
        places = [place for section in sections for row in section.rows for place in row]
        fields = [name for place in places for name in place.fields]
        assert len(fields) == len(set(fields))
        assert all(sum(place.width for place in row) == 12 for one in sections for row in one.rows)


@given(st.sets(st.sampled_from(sorted(rules.placed(rules.FOR_CUSTOMER[1])))))
def test_hidden_fields_have_no_place_and_the_others_keep_theirs(hidden: set[str]):
    sections = rules.FOR_CUSTOMER[1]
    assert rules.placed(rules.shown_sections(sections, hidden)) == rules.placed(sections) - hidden


@given(st.lists(st.text(st.characters(categories=("L", "N"), include_characters=', "x'), min_size=1)))
def test_codes_are_read_as_they_were_written(codes: list[str]):
    import csv
    import io

    wanted = list(dict.fromkeys(code.strip() for code in codes if code.strip()))
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow(wanted)
    assert rules.codes_of(file.getvalue().strip() if wanted else "") == wanted


@pytest.mark.parametrize(("text", "length"), [("12.5", 12.5), ("0", 0.0), (" 7 ", 7.0)])
def test_lengths_are_millimetres(text: str, length: float):
    assert rules.length_of(text) == length


# -- fonts -----------------------------------------------------------------------------------------------------------


def test_the_font_of_the_extra_has_the_characters_of_names_and_their_widths():
    face = find_face(None)
    assert face.missing(["䶮喆𠮷㐂，。（）￥㎡□★①〇", "Ångström €"]) == []
    assert face.missing(["a😀\u200d\ufe0f\n\u202e"]) == ["😀"]
    assert (face.advances[ord("汉")], 0.2 < face.advances[ord("i")] < face.advances[ord("W")] < 1) == (
        1.0,
        True,
    )


def test_a_house_font_is_read_by_its_own_table(house_font: Callable[..., bytes]):
    advances = _advances(house_font(), 0)
    assert advances == dict.fromkeys(range(0x20, 0x7F), 0.6)


@pytest.mark.parametrize("licence", [2, 0x100])
def test_a_font_that_may_not_be_embedded_is_refused(house_font: Callable[..., bytes], licence: int):
    with pytest.raises(BadFontError):
        _advances(house_font(licence=licence), 0)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_font_is_refused_and_never_crashes(house_font: Callable[..., bytes], data: st.DataObject):
    import struct

    whole = bytearray(house_font())
    for place in data.draw(st.lists(st.integers(0, 900), min_size=1, max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    try:
        _advances(bytes(whole[: data.draw(st.integers(0, len(whole)))]), 0)
    except (BadFontError, struct.error, LookupError, ValueError, ZeroDivisionError):
        return


MEASURING = """
#set text(font: "Noto Sans CJK SC", lang: sys.inputs.language, size: 10pt, fallback: false, cjk-latin-spacing: none)
#context [#metadata(json(bytes(sys.inputs.texts)).map(words => measure(text(words)).width / 10pt)) <widths>]
"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_text_gets_wider_on_the_page_than_it_was_measured(tmp_path: Path, language: str):
    import typst

    face, random = find_face(None), Random(7)
    letters = [*map(chr, range(0x21, 0x7F)), *"ÄÖÜéß€¥ 汉字，。（）、；：“”《》！？一二三㎡①　"]
    texts = ["".join(random.choices(letters, k=random.randint(1, 40))) for _number in range(400)]
    texts += ["WAVE AWAY To. Ty, fi ffl (AV)" * 3, "。。，，（（））", "1234567890" * 4, "A" * 40]
    (tmp_path / "m.typ").write_text(MEASURING, encoding="utf-8")
    inputs = {"texts": json.dumps(texts), "language": language}
    with engine_fonts(face.path) as fonts:
        compiler = typst.Compiler(
            input=tmp_path / "m.typ", root=tmp_path, font_paths=fonts, sys_inputs=inputs
        )
        (widths,) = json.loads(compiler.query("<widths>", field="value"))
    wider = [
        (text, width, face.width(text))
        for text, width in zip(texts, widths, strict=True)
        if width > face.width(text)
    ]
    assert len(widths) == len(texts)
    assert not wider
