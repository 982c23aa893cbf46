"""Pages: one file of HTML that a browser shows as it stands, whatever the names in it are."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from crmcore.builtin.reports.page import write_page
from crmcore.builtin.reports.services import Requested
from crmcore.plugins.types import Chart, Column, Parameter, ReportSpec, Table

Asked = Callable[..., Requested]
VOID = {"meta"}
NAME = Column("name", "Name")
COLUMNS = (
    NAME,
    Column("amount", "Amount", "amount"),
    Column("share", "Share", "share"),
    Column("day", "Day", "date"),
)
ROW = ("甲[/a]", 123456789, Decimal("0.1234"), date(2026, 1, 31))


class Page(HTMLParser):
    """What a browser makes of a page: elements with their attributes and texts; every one must be closed."""

    def __init__(self, made: Requested) -> None:
        super().__init__()
        file = io.StringIO(newline="")
        write_page(made, file)
        self.source = file.getvalue()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.elements[self.open[-1]][2].append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(words) for name, _attributes, words in self.elements if name == tag]

    def classes(self, tag: str) -> list[str | None]:
        return [attributes.get("class") for name, attributes, _words in self.elements if name == tag]


def test_a_page_shows_the_report_with_who_asked_for_it(asked: Asked):
    page = Page(
        asked(
            Table("t", "Customers", COLUMNS, [ROW], "CNY"),
            title="Sales of 2025",
            notes=("a note", "another"),
            company="示例商贸",
            parameters={"day": "2026-01-31"},
            titles={"day": "Day", "top": "Top"},
        )
    )
    assert page.texts("h1") == page.texts("title")[:1] == ["Sales of 2025"]
    assert page.texts("h2") == ["Customers"]
    assert page.texts("th") == ["Name", "Amount (CNY)", "Share", "Day"]
    assert page.texts("td") == ["甲[/a]", "1,234,567.89", "12.34%", "2026-01-31"]
    assert page.classes("td") == [None, "number", "number", "day"]
    assert page.texts("p") == ["示例商贸", "Asked for by boss on 2026-03-02 09:00", "", "a note", "another"]
    assert page.texts("span") == ["Day: 2026-01-31"]


def test_a_page_needs_nothing_else_and_runs_nothing(asked: Asked):
    page = Page(asked(Table("t", "T", COLUMNS, [ROW], "CNY"), charts=charts()))
    tags = {tag for tag, _attributes, _words in page.elements}
    assert not tags & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "a",
        "base",
        "foreignobject",
    }
    for _tag, attributes, _words in page.elements:
        assert not {
            name for name in attributes if name.startswith("on") or name.endswith(("src", "href", "style"))
        }
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert "://" not in page.source
    policy = {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'",
    }
    metas = [attributes for tag, attributes, _words in page.elements if tag == "meta"]
    assert {"charset": "utf-8"} in metas
    assert policy in metas


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg></table>",
    "&lt;b&gt;",
    "甲[/a]",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_wherever_they_stand(asked: Asked, name: str):
    column = Column("n", name)
    chart = Chart("c", name, "bar", (name,), (Decimal(1),))
    matrix = Chart("m", name, "matrix", (name,), (Decimal(1),), rows=(name,))
    long = Table("long", name, (column,), [(name,)] * 40)
    page = Page(
        asked(
            Table("t", name, (column,), [(name,)]),
            long,
            title=name,
            notes=(name,),
            company=name,
            charts=(chart, matrix),
            parameters={"p": name},
            titles={"p": name},
        )
    )
    for tag, count in (("h1", 1), ("h2", 2), ("th", 2), ("td", 41), ("figcaption", 2)):
        assert page.texts(tag) == [name] * count
    assert f"{name}: {name}" in page.texts("span")
    assert page.texts("title")[0] == name
    assert not {"script", "img", "b"} & {tag for tag, _attributes, _words in page.elements}


def test_control_and_bidi_characters_are_taken_out(asked: Asked):
    source = Page(
        asked(
            Table("t", "a\u202eb", (NAME,), [("a\x00\x1b[31m\u2066\u200b\ufffe\uffff\ud800b",)]),
            title="x\u202ey",
            charts=(Chart("c", "c\u202ed", "bar", ("e\u202ef",), (Decimal(1),)),),
        )
    ).source
    assert not set(source) & set("\x00\x1b\u202e\u2066\u200b\ufffe\uffff\ud800")
    assert "<td>a[31mb</td>" in source
    source.encode()


def test_a_page_says_its_language(asked: Asked, request: pytest.FixtureRequest):
    assert Page(asked()).elements[0][1] == {"lang": "en"}
    request.getfixturevalue("in_chinese")
    page = Page(asked(charts=charts()))
    assert page.elements[0][1] == {"lang": "zh-CN"}
    assert page.texts("p") == ["由 boss 于 2026-03-02 09:00 要求"]
    assert "累计占比" in page.texts("text")


def test_moments_are_those_of_the_company(asked: Asked):
    moments = Table(
        "t", "T", (Column("at", "At", "datetime"),), [(datetime(2026, 1, 2, 18, 30, tzinfo=UTC),)]
    )
    assert Page(asked(moments)).texts("td") == ["2026-01-03 02:30"]


def charts() -> tuple[Chart, ...]:
    two = (Decimal(3), Decimal(1))
    shares = (Decimal("0.75"), Decimal(1))
    return (
        Chart("p", "Pareto", "pareto", ("甲", "乙"), two, shares),
        Chart("b", "Bars", "bar", ("甲", "乙"), two),
        Chart("l", "Line", "line", ("甲", "乙"), two),
        Chart("c", "Curve", "curve", (), shares, shares),
        Chart("m", "Matrix", "matrix", tuple("ABCDEFGHIJ"), (Decimal(1),) * 10, rows=("r",)),
        Chart("e", "Empty", "bar", (), ()),
    )


def test_every_chart_stands_under_its_title(asked: Asked):
    for tables in ((), (Table("t", "T", COLUMNS, [ROW], "CNY"),)):
        page = Page(asked(*tables, charts=charts()))
        assert sorted(page.texts("figcaption")) == sorted(chart.title for chart in charts())
        roles = [attributes.get("role") for tag, attributes, _words in page.elements if tag == "svg"]
        assert roles == ["img"] * len(charts())


def test_a_small_table_stands_beside_a_chart_and_a_long_one_below_the_notes(asked: Asked):
    small = Table("s", "Small", COLUMNS, [ROW], "CNY")
    long = Table("l", "Long", COLUMNS, [ROW] * 31, "CNY")
    source = Page(asked(long, small, charts=charts()[:1], notes=("the note",))).source
    order = ["beside", ">Small<", ">Pareto<", "the note", ">Long<"]
    places = [source.index(word, source.index("<main>")) for word in order]
    assert places == sorted(places)


def test_a_table_of_many_columns_lies_on_its_side(asked: Asked):
    columns = tuple(Column(f"c{i}", f"Column {i}", "amount") for i in range(12))
    wide = Table("w", "Wide", columns, [(123_456_789,) * 12], "CNY")
    assert Page(asked(wide)).classes("section") == ["wide"]
    assert Page(asked(Table("n", "Narrow", COLUMNS, [ROW], "CNY"))).classes("section") == [None]


def test_all_rows_are_there_each_read_once_and_in_order(asked: Asked):
    read: list[str] = []

    def rows(name: str) -> Any:
        for number in range(100):
            read.append(f"{name}{number}")
            yield (read[-1],)

    tables = [Table(name, name, (NAME,), rows(name)) for name in "ab"]
    page = Page(asked(*tables))
    assert page.texts("td") == read == [f"{name}{number}" for name in "ab" for number in range(100)]


def test_an_empty_report_is_a_page(asked: Asked):
    page = Page(asked(Table("t", "T", (NAME,), [])))
    assert (page.texts("th"), page.texts("td")) == (["Name"], [])


def test_only_a_text_that_needs_it_is_broken_within_a_word(asked: Asked):
    rows = [("C000012",), ("Huaxin Trading Company Limited of Shanghai",), ("X" * 105,)]
    page = Page(asked(Table("t", "T", (NAME,), rows)))
    assert page.classes("td") == [None, None, "long"]


def test_a_choice_is_shown_by_its_title_and_other_values_as_they_are(asked: Asked):
    made = asked(parameters={"by": "legal_form", "name": "month"}, titles={"by": "By", "name": "Name"})
    parameters = (Parameter("by", "By", "choice", "kind", ("kind", "legal_form")), Parameter("name", "Name"))
    spec = ReportSpec("sales", "Sales", made.spec.run, parameters)
    shown = Page(replace(made, spec=spec)).texts("span")
    assert shown == ["By: Form of organisation", "Name: month"]


def test_a_page_of_nothing_but_a_wide_table_lies_on_its_side_from_the_beginning(asked: Asked):
    columns = tuple(Column(f"c{n}", f"Column {n}") for n in range(14))
    wide = Table("wide", "Wide", columns, [tuple(f"a cell of {n}" for n in range(14))])
    assert Page(asked(wide)).classes("body") == ["lying"]
    narrow = Table("narrow", "Narrow", (NAME,), [("x",)])
    assert Page(asked(narrow, wide)).classes("body") == [None]
