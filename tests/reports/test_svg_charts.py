"""Drawn charts: lengths in proportion, nothing outside the drawing, no text that is markup."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.builtin.reports.cells import compact, in_files, number_texts, shorten
from crmcore.builtin.reports.svg import FONT, fitted, round_steps, width_of
from crmcore.builtin.reports.svg_charts import draw
from crmcore.plugins.types import Chart
from crmcore.text import display_width

WIDTH = 400


def numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


def drawn(kind: str, labels: tuple[str, ...], values: tuple[Decimal, ...], **more: Any) -> ET.Element:
    """Draw a chart, write it and read it again, as a browser would."""
    chart: Any = Chart("c", more.pop("title", "Chart"), kind, labels, values, **more)  # type: ignore[arg-type]
    return ET.fromstring(ET.tostring(draw(chart, WIDTH), encoding="unicode", method="html"))  # noqa: S314


def bars(svg: ET.Element) -> list[ET.Element]:
    """Return the bars of the values, without the one of the legend."""
    return [r for r in svg.iter("rect") if "bar" in str(r.get("class")).split() and len(r)]


def number(element: ET.Element, name: str) -> float:
    return float(str(element.get(name)))


def texts(svg: ET.Element) -> list[str]:
    return [str(text.text) for text in svg.iter("text")]


def height_of_text(svg: ET.Element, text: str) -> float:
    """Return the height of the middle of a text."""
    (found,) = [t for t in svg.iter("text") if t.text == text and t.get("class") == "quiet"]
    return number(found, "y") - FONT * 0.35


def points(svg: ET.Element, style: str) -> list[tuple[float, float]]:
    (line,) = [p for p in svg.iter("polyline") if p.get("class") == style]
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in str(line.get("points")).split())]


def test_bars_of_a_pareto_chart_are_as_high_as_their_values():
    svg = drawn("pareto", ("a", "b", "c"), numbers("300", "150", "75"), line=numbers("0.5", "0.8", "1"))
    heights = [number(bar, "height") for bar in bars(svg)]
    assert heights[0] / heights[1] == pytest.approx(2, abs=0.01)
    assert heights[0] / heights[2] == pytest.approx(4, abs=0.02)
    assert len({round(number(bar, "y") + number(bar, "height"), 1) for bar in bars(svg)}) == 1


def test_the_line_of_a_pareto_chart_stands_at_its_shares_and_ends_at_100_percent():
    svg = drawn("pareto", ("a", "b"), numbers("3", "1"), line=numbers("0.75", "1"))
    (_x, first), (last_x, last) = points(svg, "line")
    assert first == pytest.approx(height_of_text(svg, "75%"), abs=0.02)
    assert last == pytest.approx(height_of_text(svg, "100%"), abs=0.02)
    second = bars(svg)[1]
    assert last_x == pytest.approx(number(second, "x") + number(second, "width") / 2, abs=0.02)
    assert {"75.0%", "100.0%", "value", "cumulative share"} <= set(texts(svg))


def test_a_share_below_100_percent_is_never_rounded_to_it():
    labels = tuple("abcdefghijkl")
    line = tuple(Decimal(n) / 1000 for n in (*range(700, 920, 20), 999))
    shown = texts(drawn("pareto", labels, (Decimal(1),) * 12, line=line))
    assert "99%" in shown
    assert shown.count("100%") == 1, "the axis"


def test_values_below_zero_hang_from_the_axis():
    svg = drawn("pareto", ("a", "b"), numbers("100", "-50"), line=numbers("2", "1"))
    above, below = bars(svg)
    assert number(below, "y") == pytest.approx(number(above, "y") + number(above, "height"), abs=0.02)
    assert number(above, "height") / number(below, "height") == pytest.approx(2, abs=0.01)
    assert below.get("class") == "bar negative"


def test_lying_bars_are_as_long_as_their_values_and_say_them():
    svg = drawn("bar", ("华东", "华南", "x"), numbers("1200", "300", "-600"))
    widths = [number(bar, "width") for bar in bars(svg)]
    assert widths[0] / widths[1] == pytest.approx(4, abs=0.02)
    assert widths[0] / widths[2] == pytest.approx(2, abs=0.01)
    assert {"华东", "1,200", "300", "-600"} <= set(texts(svg))
    assert number(bars(svg)[2], "x") < number(bars(svg)[0], "x")


def test_a_line_goes_through_its_values():
    svg = drawn("line", ("1", "2", "3"), numbers("0", "100", "50"))
    (_, zero), (_, hundred), (_, fifty) = points(svg, "line")
    assert (zero - fifty) * 2 == pytest.approx(zero - hundred, abs=0.05)
    assert zero == pytest.approx(height_of_text(svg, "0"), abs=0.02)


def test_a_matrix_shows_every_number_the_larger_the_darker():
    values = numbers("0", "5", "60", "1200", "-7", "0.5")
    svg = drawn("matrix", ("A", "B", "C"), values, rows=("r", "s"))
    fields = [r for r in svg.iter("rect") if r.get("class") == "cell"]
    assert texts(svg) == ["A", "B", "C", "r", "0.0", "5.0", "60.0", "s", "1,200.0", "-7.0", "0.5"]
    assert [str(f[0].text) for f in fields][:3] == ["r / A: 0.0", "r / B: 5.0", "r / C: 60.0"]
    light = [sum(bytes.fromhex(str(f.get("fill"))[1:])) for f in fields]
    assert light[0] > light[1] > light[2] > light[3]
    assert len({number(f, "y") for f in fields[:3]}) == 1
    assert len({number(f, "x") for f in (fields[0], fields[3])}) == 1


def test_a_curve_stands_over_equal_steps_beside_its_reference():
    svg = drawn("curve", ("customers", "amount"), numbers("0", "0.1", "1"), line=numbers("0", "0.5", "1"))
    curve, reference = points(svg, "curve"), points(svg, "reference")
    assert [x for x, _y in curve] == [x for x, _y in reference]
    assert curve[1][0] - curve[0][0] == pytest.approx(curve[2][0] - curve[1][0], abs=0.02)
    assert (curve[0], curve[2]) == (reference[0], reference[2])
    assert curve[1][1] > reference[1][1], "below the diagonal"
    assert {"customers", "amount"} <= set(texts(svg))


@pytest.mark.parametrize("kind", ["pareto", "bar", "line", "curve"])
def test_a_chart_without_data_says_so(kind: str):
    assert texts(drawn(kind, (), ())) == ["no data"]
    assert texts(drawn("matrix", (), (), rows=("r",))) == ["no data"]


def test_charts_are_announced_by_their_title_and_hold_no_foreign_markup():
    hostile = "<script>alert(1)</script>\u202e\x00"
    for kind in ("pareto", "bar", "line"):
        svg = drawn(kind, (hostile,), numbers("1"), title=hostile)
        assert (svg.get("role"), svg.find("title").text) == ("img", "<script>alert(1)</script>")  # type: ignore[union-attr]
        assert {e.tag for e in svg.iter()} <= {
            "svg", "title", "g", "rect", "line", "polyline", "circle", "text",
        }  # fmt: skip
        assert "<script" not in ET.tostring(svg, encoding="unicode")


def test_long_labels_are_cut_and_many_are_left_out():
    many = tuple(f"客户名称很长有限公司{i}" for i in range(100))
    svg = drawn("pareto", many, (Decimal(1),) * 100)
    shown = [text for text in texts(svg) if text.startswith("客户")]
    assert 10 < len(shown) < 40
    assert all(text.endswith("…") for text in shown)
    assert len(bars(svg)) == 100


@given(st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1))
def test_numbers_of_a_chart_have_the_same_decimals_and_lose_none(values: list[Decimal]):
    texts = number_texts(values)
    assert [Decimal(text.replace(",", "")) for text in texts] == values
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert min(len(text) for text in number_texts([Decimal("1E+3"), Decimal("2.00")])) == 1


finite = st.decimals(-(10**15), 10**15, places=4)
labels = st.text(max_size=30)


@st.composite
def charts(draw_: st.DrawFn) -> Chart:
    kind: Any = draw_(st.sampled_from(["pareto", "bar", "line", "matrix", "curve"]))
    names = tuple(draw_(st.lists(labels, min_size=1, max_size=15)))
    rows = tuple(draw_(st.lists(labels, min_size=1, max_size=5))) if kind == "matrix" else ()
    size = len(names) * max(len(rows), 1)
    values = tuple(draw_(st.lists(finite, min_size=size, max_size=size)))
    if kind == "curve":
        values = tuple(value.scaleb(-15) for value in values)
    shares = st.decimals("-0.5", "2")
    line = draw_(st.lists(shares, min_size=size, max_size=size)) if kind in {"pareto", "curve"} else ()
    return Chart("c", draw_(labels), kind, names, values, tuple(line), rows)


@given(charts())
def test_any_chart_stays_within_its_drawing(chart: Chart):
    svg = ET.fromstring(ET.tostring(draw(chart, WIDTH), encoding="unicode", method="xml"))  # noqa: S314
    wide, high = map(float, str(svg.get("viewBox")).split()[2:])
    assert wide == WIDTH
    for element in svg.iter():
        attributes = {k: float(v) for k, v in element.items() if re.fullmatch(r"-?[\d.]+", v)}
        left, top = attributes.get("x", 0), attributes.get("y", 0)
        assert left >= -1
        assert left + attributes.get("width", 0) <= wide + 1
        assert top + attributes.get("height", 0) <= high + 1
        assert min(attributes.get("width", 0), attributes.get("height", 0)) >= 0
        for point in str(element.get("points") or "").split():
            assert all(re.fullmatch(r"-?\d+\.\d\d", part) for part in point.split(","))


@given(st.tuples(finite, finite))
def test_an_axis_has_round_numbers_at_equal_steps_around_zero_and_its_values(values: tuple[Decimal, ...]):
    low, high = min(Decimal(0), *values), max(Decimal(0), *values)
    steps = round_steps(low, high)
    assert steps[0] <= low
    assert steps[-1] >= high
    assert len(steps) <= 8
    distances = {(b - a).normalize() for a, b in pairwise(steps)}
    assert len(distances) <= 1
    assert all(d.as_tuple().digits in {(1,), (2,), (5,)} for d in distances)


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        ("0", "0", "0"),
        ("0.05", "0.05", "0.05"),
        ("999", "999", "999"),
        ("5678.25", "5,678", "5,678"),
        ("12000", "12k", "1.2万"),
        ("-1500000", "-1.5M", "-150万"),
        ("154320000", "154M", "1.54亿"),
        ("999999", "1M", "100万"),
        ("2000000000", "2bn", "20亿"),
    ],
)
def test_numbers_of_an_axis_are_short(value: str, english: str, chinese: str, request: pytest.FixtureRequest):
    assert compact(Decimal(value)) == english
    request.getfixturevalue("in_chinese")
    assert compact(Decimal(value)) == chinese


@given(st.text(max_size=40), st.integers(1, 30))
def test_a_shortened_text_fits(text: str, columns: int):
    short = shorten(text, columns)
    assert display_width(short) <= columns
    assert short == text or short.endswith("…")


@pytest.mark.parametrize("label", ["@SUM(A1)", "W@M%" * 2, "MMMMM", "华东"])
def test_a_short_label_has_the_room_that_the_widest_font_takes(label: str):
    svg = drawn("bar", (label, "x"), numbers("3", "1"))
    text = next(t for t in svg.iter("text") if t.text == label)
    em = {"@": 1.0, "W": 0.99, "M": 0.87, "%": 0.96, "S": 0.64, "U": 0.74, "A": 0.69}
    assert number(text, "x") >= sum(em.get(letter, 1 if letter > "\x7f" else 0.4) for letter in label) * FONT


def test_of_a_long_label_the_beginning_is_kept():
    svg = drawn("bar", ("START" + "W" * 100, "x"), numbers("3", "1"))
    label = next(text for text in texts(svg) if text.startswith("START"))
    assert label.endswith("…")
    assert width_of(label) <= WIDTH * 0.45


@given(st.text(), st.floats(12, 300))
def test_a_text_that_is_fitted_fits_and_begins_as_it_did(text: str, room: float):
    short = fitted(text, room)
    assert width_of(short) <= room
    assert in_files(text).startswith(short.removesuffix("…"))
