"""Reports as PDF: tables whose header comes again, charts, who asked; the roster; labels on their sheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import CommandLine

Read = Callable[[Path], Any]
SALES = """
from datetime import UTC, date, datetime
from decimal import Decimal
from crmcore.api import Chart, Column, Form, FormField, FormPart, Labels, Parameter, Report, ReportSpec, Table, hookimpl

def run(ctx, parameters):
    count = int(parameters["rows"])
    columns = (Column("name", "名称"), Column("amount", "Amount", "amount"), Column("share", "Share", "share"),
               Column("day", "Day", "date"), Column("at", "At", "datetime"))
    at = datetime(2026, 1, 1, 16, 30, tzinfo=UTC)
    rows = ((f"<b>Row {n:04}*</b>", n * 100 + 50, Decimal(n) / 1000, date(2026, 1, 2), at) for n in range(count))
    wide = tuple(Column(f"c{n}", f"Column {n}") for n in range(14))
    tables = (Table("sales", "Sales", columns, rows, "CNY"),
              Table("wide", "Wide", wide, [tuple(f"cell {n} of the wide table" for n in range(14))]))
    numbers = tuple(map(Decimal, (5, 3, 1, -2)))
    names = ("甲", "Öl", "丙<i>", "丁")
    charts = (Chart("p", "Pareto", "pareto", names, numbers, (Decimal("0.5"),) * 4), Chart("b", "Bars", "bar", names, numbers),
              Chart("l", "Lines", "line", names, numbers),
              Chart("m", "Fields", "matrix", names, numbers * 2, rows=("R1", "R2")),
              Chart("c", "Curve", "curve", ("x axis", "y axis"), (Decimal(0), Decimal(1))))
    return Report("Sales of 示例", tables, charts, ("a note #strong[x]",))

def paper(ctx, parameters):
    part = FormPart("Part", ((FormField("Field", "Text"),),))
    return Report("Receipt", forms=[Form("Receipt", (part,), "R1", FormField("Remarks"), "Seal", ("Signed",))])

def shelf(ctx, parameters):
    return Report("Shelf", labels=Labels([("甲",), ("乙", "second line")], columns=2, rows=4))

def empty(ctx, parameters):
    return Report("Empty", (Table("none", "None", (Column("a", "A"),), []),))

@hookimpl
def reports():
    rows = Parameter("rows", "Rows", "integer", "3")
    return [ReportSpec("sales", "Sales", run, (rows,)), ReportSpec("receipt", "Receipt", paper),
            ReportSpec("shelf", "Shelf", shelf), ReportSpec("empty", "Empty", empty)]
"""


@pytest.fixture
def seller(make_app: Any, crm: CommandLine, install_plugin: Any) -> CommandLine:
    install_plugin("sales", SALES)
    app = make_app(["sales"])
    (app.config.folder / "crm.toml").write_text(
        (app.config.folder / "crm.toml")
        .read_text(encoding="utf-8")
        .replace('name = ""', 'name = "示例股份"'),
        encoding="utf-8",
    )
    return crm


@pytest.fixture
def printed(seller: CommandLine, tmp_path: Path, read: Read) -> Callable[..., Any]:
    """Run a report into a file and read it."""

    def run(name: str, *words: object, **options: Any) -> Any:
        seller.ok("report", "run", name, *words, "--out", tmp_path / "r.pdf", "--force", **options)
        return read(tmp_path / "r.pdf")

    return run


def test_a_report_holds_its_tables_charts_and_notes(printed: Any):
    text = printed("sales").text
    for part in (
        "Salesof示例",
        "<b>Row0002*</b>",
        "2.50",
        "0.20%",
        "2026-01-02",
        "2026-01-0200:30",  # in the company's time zone
        "Amount(CNY)",
        "anote#strong[x]",
        "Rows:3",
        "Pareto",
        "丙<i>",
        "yaxis",
        "cumulativeshare",
    ):
        assert part in text, part


def test_the_header_comes_again_on_each_page_and_pages_are_numbered(printed: Any):
    paper = printed("sales", "--param", "rows=150")
    tables = [page for page in paper.pages if "<b>Row" in page]
    assert len(tables) > 2
    for page in tables:
        assert "Amount(CNY)" in page
    for number, page in enumerate(paper.pages, 1):
        assert f"Page{number}of{len(paper.pages)}" in page
        assert "Askedforby" in page
    assert all(f"<b>Row{number:04}*</b>" in paper.text for number in range(150))


def test_a_wide_table_lies_on_its_side(printed: Any):
    paper = printed("sales")
    sizes = {
        (page.mediabox.width > page.mediabox.height): "".join(page.extract_text().split())
        for page in paper.reader.pages
    }
    assert "cell13ofthewidetable" in sizes[True].replace("\u200b", "")
    assert "Row0001" in sizes[False]


def test_a_report_without_rows_is_a_page_all_the_same(printed: Any):
    assert "Empty" in printed("empty").text


def test_the_properties_say_who_made_it_and_the_same_report_gives_the_same_bytes(
    seller: CommandLine, tmp_path: Path, read: Read, frozen: Any
):
    for name in ("a.pdf", "b.pdf"):
        seller.ok("report", "run", "sales", "--out", tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    properties = read(tmp_path / "a.pdf").reader.metadata
    assert (properties.title, properties.author) == ("Sales of 示例", seller.actor)


@pytest.fixture
def frozen(crm: CommandLine) -> None:
    from datetime import UTC, datetime

    crm.clock = lambda: datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_a_plugin_of_somebody_else_prints_forms_and_labels(printed: Any):
    receipt = printed("receipt").text
    assert [
        word
        for word in ("Receipt", "R1", "Part", "Field", "Text", "Remarks", "Seal", "Signed")
        if word not in receipt
    ] == []
    assert printed("shelf").text == "甲乙secondline"


def test_only_one_table_is_printed_where_one_is_asked_for(printed: Any):
    text = printed("sales", "--table", "wide").text
    assert "Pareto" not in text
    assert "Row0001" not in text


def test_a_pdf_needs_a_file(seller: CommandLine):
    result = seller("report", "run", "sales", "--format", "pdf")
    assert (result.exit_code, "--out" in result.stderr, result.stdout) == (2, True, "")


def test_too_long_a_table_is_refused_with_what_to_do(seller: CommandLine, tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr("crmcore.builtin.reports.pdf.MOST_ROWS", 10)
    result = seller("report", "run", "sales", "--param", "rows=11", "--out", tmp_path / "r.pdf")
    assert (result.exit_code, "csv or xlsx" in result.stderr) == (2, True)
    assert list(tmp_path.glob("*.pdf")) == []


def test_many_forms_are_made_in_parts_and_joined(
    seller: CommandLine, tmp_path: Path, read: Read, monkeypatch: Any, install_plugin: Any, make_app: Any
):
    monkeypatch.setattr("crmcore.builtin.reports.pdf._TOGETHER", 2)
    for number in range(5):
        seller.ok("customer", "add", "--code", f"M{number}", "--name", f"某{number}号", "--set", "region=R")
    seller.ok("report", "run", "customer_card", "--param", "region=R", "--out", tmp_path / "m.pdf")
    paper = read(tmp_path / "m.pdf")
    assert paper.reader.metadata.title == "Customer cards"
    assert ["".join(f"Page{number}of5") in page for number, page in enumerate(paper.pages, 1)] == [True] * 5
    assert [f"某{number}号" in page for number, page in enumerate(paper.pages)] == [True] * 5


# -- font ----------------------------------------------------------------------------------------------------------


def test_the_companys_own_font_is_used_and_a_bad_one_is_refused(
    seller: CommandLine, tmp_path: Path, read: Read, house_font: Any
):
    folder = seller.folder
    assert folder is not None
    settings = folder / "crm.toml"
    before = settings.read_text(encoding="utf-8")
    (folder / "house.ttf").write_bytes(house_font())
    (folder / "bad.ttf").write_bytes(b"\0\1\0\0" + b"x" * 500)

    def with_font(name: str) -> Any:
        settings.write_text(f'{before}\n[plugins.reports]\npdf_font = "{name}"\n', encoding="utf-8")
        return seller("report", "run", "receipt", "--out", tmp_path / "f.pdf", "--force")

    assert with_font("house.ttf").exit_code == 0
    assert {name.partition("+")[2].split("-")[0] for name, _inside in read(tmp_path / "f.pdf").fonts()} == {
        "House"
    }
    (folder / "closed.ttf").write_bytes(house_font(licence=2))
    for name in ("bad.ttf", "missing.ttf", "closed.ttf"):
        result = with_font(name)
        assert (result.exit_code, name in result.stderr, "pdf_font" in result.stderr) == (1, True, True)


def test_without_the_extra_a_sentence_says_what_to_install(
    seller: CommandLine, tmp_path: Path, monkeypatch: Any
):
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(
        "crmcore.builtin.reports.fonts.find_spec", lambda name: None if name == "typst" else found(name)
    )
    result = seller("report", "run", "sales", "--out", tmp_path / "r.pdf")
    assert (result.exit_code, "pip install 'crmcore[pdf]'" in result.stderr) == (1, True)
    assert list(tmp_path.glob("*.pdf")) == []


# -- roster and labels ---------------------------------------------------------------------------------------------


@pytest.fixture
def addresses(seller: CommandLine) -> CommandLine:
    for number in range(30):
        words = (
            "--set",
            "region=东",
            "--set",
            f"address=示例路{number}号",
            "--set",
            f"contact=演示{number}号人",
        )
        seller.ok("customer", "add", "--code", f"A{number:02}", "--name", f"第{number}商行", *words)
    seller.ok("customer", "add", "--code", "A99", "--name", "无址商行", "--set", "region=东")
    seller.ok("customer", "edit", "A00", "--set", "delivery_address=仓储路")
    return seller


def test_the_roster_lists_the_customers_asked_for(addresses: CommandLine, printed: Any):
    text = printed("customer_roster", "--param", "region=东").text
    assert all(f"第{number}商行" in text for number in range(30))
    assert "无址商行" in text
    assert "第7商行" in printed("customer_roster", "--param", "customer=A07").text
    assert "第8商行" not in printed("customer_roster", "--param", "customer=A07").text


def test_labels_stand_where_the_sheet_has_them(addresses: CommandLine, printed: Any, tmp_path: Path):
    paper = printed("address_labels", "--param", "sheet=3x8", "--param", "used=23", "--param", "region=东")
    assert [page.count("示例路") + page.count("仓储路") for page in paper.pages] == [1, 24, 5]
    assert "仓储路" in paper.pages[0]  # the delivery address, where there is one
    left, top = next((x, y) for text, x, y in placed(paper) if "第0商行" in text)
    assert (left > 140, 0 < 297 - top - 7 * 297 / 8 < 297 / 8) == (True, True)  # the last of the first sheet


def placed(paper: Any) -> list[tuple[str, float, float]]:
    """Return the texts of the first page and where they begin, in millimetres from the corner below on the left."""
    found: list[tuple[str, float, float]] = []

    def visit(text: str, matrix: Any, text_matrix: Any, _font: Any, _size: Any) -> None:
        x = matrix[0] * text_matrix[4] + matrix[2] * text_matrix[5] + matrix[4]
        y = matrix[1] * text_matrix[4] + matrix[3] * text_matrix[5] + matrix[5]
        if text.strip():
            found.append((text, x / 72 * 25.4, y / 72 * 25.4))

    paper.reader.pages[0].extract_text(visitor_text=visit)
    return found


def test_a_customer_without_an_address_gets_no_label_and_is_named(addresses: CommandLine, tmp_path: Path):
    words = ("report", "run", "address_labels", "--param", "region=东", "--param", "address=registered")
    result = addresses.ok(*words, "--out", tmp_path / "l.pdf")
    assert "no label for 1 customers" in result.stderr
    assert "A99" in result.stderr
    assert "示例路0号" in addresses.ok(*words, "--format", "csv").stdout


@pytest.mark.parametrize(
    "parameter",
    [
        "sheet=0x3",
        "sheet=a",
        "sheet=30x30",
        "top=-1",
        "side=1e9",
        "gap_down=NaN",
        "top=140",
        "used=24",
        "used=-1",
    ],
)
def test_a_sheet_that_there_cannot_be_is_refused(addresses: CommandLine, tmp_path: Path, parameter: str):
    words = ("report", "run", "address_labels", "--param", parameter, "--out", tmp_path / "l.pdf")
    assert addresses(*words).exit_code == 2
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_label_with_too_much_on_it_is_cut_and_a_warning_says_so(
    addresses: CommandLine, tmp_path: Path, read: Read
):
    addresses.ok("customer", "edit", "A07", "--set", "address=" + "很长的路" * 60 + "末尾")
    words = ("report", "run", "address_labels", "--param", "customer=A07", "--param", "sheet=4x16")
    result = addresses.ok(*words, "--out", tmp_path / "l.pdf")
    assert "1 labels" in result.stderr
    text = read(tmp_path / "l.pdf").text
    assert ("…" in text, "末尾" in text) == (True, False)


def test_a_long_table_is_made_in_parts_of_whole_pages(printed: Any, monkeypatch: Any):
    whole = printed("sales", "--table", "sales", "--param", "rows=130")
    monkeypatch.setattr("crmcore.builtin.reports.long_tables.LONG", 60)
    parts = printed("sales", "--table", "sales", "--param", "rows=130")
    assert [page.count("<b>Row") for page in parts.pages] == [page.count("<b>Row") for page in whole.pages]
    assert [f"Page{n}of{len(parts.pages)}" in page for n, page in enumerate(parts.pages, 1)] == [True] * len(
        parts.pages
    )
    assert all("Amount(CNY)" in page for page in parts.pages)
    assert "anote#strong[x]" in parts.pages[-1]
    assert sum(page.count("Salesof示例") for page in parts.pages) == 1


def test_what_is_short_comes_before_a_long_table(printed: Any, monkeypatch: Any):
    monkeypatch.setattr("crmcore.builtin.reports.long_tables.LONG", 60)
    paper = printed("sales", "--param", "rows=70")
    assert "Pareto" in paper.pages[0]
    assert "anote#strong[x]" not in paper.pages[-1]
    assert all(f"<b>Row{number:04}*</b>" in paper.text for number in range(70))
    assert f"Page{len(paper.pages)}of{len(paper.pages)}" in paper.pages[-1]
