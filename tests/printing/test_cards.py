"""The customer card on paper: one page, everything on it, in three forms, and as the customer may see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.catalogue import load_catalogue
from crmcore.i18n import set_language, translate
from crmcore.testing import ACTOR, CommandLine

FORMS = ("prospect", "current", "former")
OURS = {"source", "selling_power", "growth_potential", "distribution_view", "credit_standing", "notes"}
Read = Callable[[Path], Any]


def blank_free(text: str) -> str:
    return "".join(text.split())


@pytest.fixture
def printed(crm: CommandLine, tmp_path: Path, read: Read) -> Callable[..., Any]:
    """Print cards with the command and read what came out."""

    def print_cards(*words: str, **options: Any) -> Any:
        path = tmp_path / "cards.pdf"
        crm.ok("customer", "print", *words, "--out", path, "--force", **options)
        return read(path)

    return print_cards


@pytest.mark.parametrize("form", FORMS)
def test_every_field_with_a_value_stands_on_one_page(
    company: App, printed: Any, form: str, card: dict[str, str]
):
    paper = printed("C1", "--form", form)
    assert len(paper.pages) == 1
    assert paper.sizes() == {(210, 297)}
    missing = {name: text for name, text in card.items() if blank_free(text) not in paper.text}
    assert not missing
    assert "C1" in paper.text


@pytest.mark.parametrize("form", FORMS)
def test_no_field_of_the_catalogue_is_left_out_of_the_cards_of_the_tests(form: str, card: dict[str, str]):
    computed = {name for name, one in load_catalogue().fields.items() if one.source.startswith("plugin:")}
    assert load_catalogue().fields.keys() - card.keys() - computed == {"code", "kind", "lifecycle", "parent"}


def test_a_card_without_values_is_a_form_to_fill_in(company: App, crm: CommandLine, printed: Any):
    crm.ok("customer", "add", "--code", "C2", "--name", "空白商行")
    paper = printed("C2", "--form", "current")
    for title in ("Bank", "Account", "Tax id", "Credit limit", "Customer's seal", "Payment terms", "Notes"):
        assert blank_free(title) in paper.text


def test_the_form_goes_by_the_lifecycle_unless_one_is_asked_for(company: App, crm: CommandLine, printed: Any):
    for code, lifecycle in (("P1", "prospect"), ("A1", "active"), ("F1", "former")):
        crm.ok("customer", "add", "--code", code, "--name", code, "--set", f"lifecycle={lifecycle}")
    titles = [page.partition("1.Basics")[0] for page in printed("P1", "A1", "F1").pages]
    assert ["(prospect)" in titles[0], "(currentcustomer)" in titles[1], "(formercustomer)" in titles[2]] == [
        True
    ] * 3
    assert "(prospect)" in printed("A1", "--form", "prospect").text
    assert "Whodecides" in printed("P1").text
    assert "Whyitleft" in printed("F1").text


def test_each_card_is_one_page_that_says_who_asked_when_and_which_page(
    company: App, crm: CommandLine, printed: Any
):
    crm.ok("customer", "add", "--code", "C2", "--name", "乙")
    pages = printed("C1", "C2", "--actor", "li").pages
    assert len(pages) == 2
    for number, page in enumerate(pages, 1):
        assert "Askedforbylion20" in page
        assert f"Page{number}of2" in page


KNOWING = """
from crmcore.api import CardSection, hookimpl

@hookimpl
def card_sections(customer_ids, ctx):
    for number in customer_ids:
        yield CardSection(number, "grade", "Grade", {"grade": "classA"}, {"grade": "Grade"})
        yield CardSection(number, "credit", "Credit", {"grade": "gradeB", "limit_minor": 123450, "currency": "CNY"})
"""


@pytest.fixture
def knowing(make_app: Any, fill: Any, install_plugin: Any) -> App:
    """Return the company with a plugin that knows grades and limits."""
    install_plugin("knowing", KNOWING)
    app: App = make_app(["knowing"])
    fill(app)
    return app


def test_what_is_for_us_alone_never_stands_on_a_card_for_the_customer(
    knowing: App, printed: Any, card: dict[str, str]
):
    paper = printed("C1", "--for", "customer")
    assert not {name for name in OURS if blank_free(card[name]) in paper.text}
    assert not [
        word for word in ("current", "Situation", "Creditgrade", "classA", "1,234.50") if word in paper.text
    ]
    assert blank_free(card["bank_account"]) in paper.text
    assert "Customer'sseal" in paper.text


def test_what_plugins_know_stands_on_our_card(knowing: App, printed: Any):
    text = printed("C1").text
    assert "Situation" in text
    assert "Grade:classA" in text
    assert "CustomerclassclassA" in text
    assert "Creditlimit1,234.50CNY" in text


def test_a_field_of_the_companys_own_that_is_confidential_is_kept_back(
    company: App, crm: CommandLine, printed: Any
):
    own = {"type": "string", "maxLength": 50}
    fields = {
        "hobby": {**own, "title": "Hobby"},
        "weakness": {**own, "title": "Weakness", "x-confidential": True},
    }
    path = company.config.folder / "customer_card.schema.json"
    path.write_text(json.dumps({"properties": fields}), encoding="utf-8")
    crm.ok("customer", "edit", "C1", "--set", "hobby=钓鱼", "--set", "weakness=爱喝酒")
    ours, theirs = printed("C1").text, printed("C1", "--for", "customer").text
    assert ("钓鱼" in ours, "爱喝酒" in ours) == (True, True)
    assert ("钓鱼" in theirs, "爱喝酒" in theirs, "Weakness" in theirs) == (True, False, False)


def test_the_card_speaks_the_language_of_who_prints(company: App, printed: Any, in_chinese: None):
    text = printed("C1", env={"CRM_LANG": "zh_CN"}).text
    for title in (
        "Customer's seal",
        "Customer card (current customer)",
        "Basics",
        "Bank",
        "Tax id",
        "Payment terms",
    ):
        assert blank_free(translate("crmcore", title)) in text
    assert "一、" in text
    assert "开户银行" in text


@pytest.fixture
def in_chinese() -> Any:
    set_language("zh_CN")
    yield
    set_language("en")


# -- too much, and hostile -----------------------------------------------------------------------------------------


def test_long_notes_shrink_and_the_card_stays_one_page(company: App, crm: CommandLine, printed: Any):
    crm.ok("customer", "edit", "C1", "--set", "notes=" + "订货说明一二三四。" * 60 + "末尾")
    paper = printed("C1")
    assert len(paper.pages) == 1
    assert "末尾" in paper.text


def test_what_is_too_much_is_cut_and_the_card_and_a_warning_say_so(
    company: App, crm: CommandLine, tmp_path: Path, read: Read
):
    crm.ok("customer", "edit", "C1", "--set", "notes=" + "订货说明一二三四。" * 440 + "末尾")
    path = tmp_path / "long.pdf"
    result = crm.ok("customer", "print", "C1", "--out", path)
    paper = read(path)
    assert len(paper.pages) == 1
    assert "末尾" not in paper.text
    assert "…" in paper.text
    assert "Shortenedtofitononepage;allofit:crmcustomershowC1" in paper.text
    assert "crm: warning:" in result.stderr
    assert "cut with …" in result.stderr
    assert "C1" in result.stderr


def test_a_card_with_a_hundred_long_fields_stays_one_page(company: App, crm: CommandLine, printed: Any):
    names = [f"extra{number}" for number in range(100)]
    fields = ", ".join(
        f'"{name}": {{"type": "string", "title": "{name}", "maxLength": 5000}}' for name in names
    )
    path = company.config.folder / "customer_card.schema.json"
    path.write_text(f'{{"properties": {{{fields}}}}}', encoding="utf-8")
    words = [word for name in names for word in ("--set", f"{name}={'很长的内容' * 100}")]
    crm.ok("customer", "edit", "C1", *words)
    paper = printed("C1")
    assert len(paper.pages) == 1
    assert "Shortened" in paper.text


def test_markup_and_code_in_a_name_are_printed_as_they_are(company: App, crm: CommandLine, printed: Any):
    name = '#import "@preview/x:1.0.0" *x* _y_ $z$ `q` <b>&amp;</b> \\ [c] @d //e'
    crm.ok("customer", "edit", "C1", "--name", name)
    assert blank_free(name) in printed("C1").text


def test_control_and_bidi_characters_do_not_reach_the_paper(company: App, printed: Any):
    from crmcore.api import Customer

    with company.write(ACTOR, "test", "test") as tx:
        tx.update(Customer, [(1, {"name": "甲\x07\u202e乙\u200b丙\x1b[31m"})])
    text = printed("C1").text
    assert "甲乙丙[31m" in text
    assert not any(mark in text for mark in "\x07\u202e\u200b\x1b")


def test_characters_that_the_font_lacks_are_named(company: App, crm: CommandLine, tmp_path: Path):
    crm.ok("customer", "edit", "C1", "--name", "快乐😀商行\u13a0")
    result = crm.ok("customer", "print", "C1", "--out", tmp_path / "c.pdf")
    assert "😀 (U+1F600)" in result.stderr
    assert "Ꭰ (U+13A0)" in result.stderr
    assert "pdf_font" in result.stderr


def test_rare_characters_of_names_are_in_the_font(company: App, crm: CommandLine, tmp_path: Path, read: Read):
    crm.ok("customer", "edit", "C1", "--name", "䶮喆𠮷㐂堃镕𬬻犇")
    result = crm.ok("customer", "print", "C1", "--out", tmp_path / "c.pdf")
    assert "warning" not in result.stderr
    assert "䶮喆𠮷㐂堃镕𬬻犇" in read(tmp_path / "c.pdf").text


# -- who, and what is recorded -------------------------------------------------------------------------------------


def test_printing_is_recorded_with_the_sensitive_fields_that_were_read(
    company: App, crm: CommandLine, tmp_path: Path, reads: Any
):
    crm.ok("customer", "print", "C1", "--out", tmp_path / "c.pdf")
    recorded = reads()
    assert ("sensitive", "customer", 1, "C1: bank_account,credit_standing") in recorded
    assert [(what, name, count) for what, name, count, _filter in recorded if what == "report"] == [
        ("report", "customer_card", 1)
    ]
    assert '"customer":"C1"' in recorded[-1][3].replace(" ", "")


def test_a_card_for_the_customer_reads_no_more_than_it_shows(
    company: App, crm: CommandLine, tmp_path: Path, reads: Any
):
    crm.ok("customer", "print", "C1", "--for", "customer", "--out", tmp_path / "c.pdf")
    assert ("sensitive", "customer", 1, "C1: bank_account") in reads()


def test_printing_many_cards_needs_the_permission_to_export(company: App, crm: CommandLine, tmp_path: Path):
    from crmcore.api import Customer

    with company.write(ACTOR, "many", "test") as tx:
        tx.insert(
            Customer,
            [{"code": f"M{number:03}", "name": f"某{number}", "region": "R"} for number in range(101)],
        )
    words = ("report", "run", "customer_card", "--param", "region=R", "--out", tmp_path / "many.pdf")
    refused = crm(*words, "--actor", "li")
    assert refused.exit_code == 1
    assert "may not export and list in bulk" in refused.stderr
    assert not (tmp_path / "many.pdf").exists()
    crm.ok(*words)


def test_restricted_persons_are_left_out_and_a_warning_says_how_many(
    company: App, crm: CommandLine, tmp_path: Path, read: Read
):
    crm.ok("customer", "add", "--code", "N1", "--name", "演示自然人", "--kind", "person", "--set", "region=R")
    crm.ok("customer", "add", "--code", "N2", "--name", "演示另一人", "--kind", "person", "--set", "region=R")
    crm.ok("person", "restrict", "N1", "--reason", "asked for it")
    crm.ok("report", "run", "customer_card", "--param", "region=R", "--out", tmp_path / "c.pdf")
    result = crm.ok("customer", "print", "N1", "N2", "--out", tmp_path / "d.pdf")
    for name in ("c.pdf", "d.pdf"):
        assert "演示自然人" not in read(tmp_path / name).text
        assert "演示另一人" in read(tmp_path / name).text
    assert "left out: 1 customers" in result.stderr
    nothing = crm("customer", "print", "N1", "--out", tmp_path / "e.pdf")
    assert (nothing.exit_code, "nothing to print" in nothing.stderr) == (1, True)
    assert not (tmp_path / "e.pdf").exists()


# -- commands ------------------------------------------------------------------------------------------------------


def test_a_customer_that_there_is_not_is_named_and_no_file_is_left(
    company: App, crm: CommandLine, tmp_path: Path
):
    result = crm("customer", "print", "C1", "C9", "--out", tmp_path / "c.pdf")
    assert (result.exit_code, "C9" in result.stderr) == (1, True)
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_file_that_exists_is_not_overwritten_unasked(company: App, crm: CommandLine, tmp_path: Path):
    path = tmp_path / "c.pdf"
    path.write_bytes(b"mine")
    assert crm("customer", "print", "C1", "--out", path).exit_code == 3
    assert path.read_bytes() == b"mine"


def test_cards_are_a_report_too_for_every_renderer(
    company: App, crm: CommandLine, tmp_path: Path, read: Read, card: dict[str, str]
):
    made = crm.json("report", "run", "customer_card", "--param", "customer=C1")
    values = " ".join(row[3] for row in made["tables"][0]["rows"])
    assert not {name for name, text in card.items() if text not in values}
    words = ("report", "run", "customer_card", "--param", "customer=C1", "--param", "for=customer")
    crm.ok(*words, "--out", tmp_path / "c.pdf")
    assert "销售力强" not in read(tmp_path / "c.pdf").text
    assert "销售力强" not in crm.ok(*words, "--format", "csv").stdout


def test_a_report_of_cards_asks_which_customers(company: App, crm: CommandLine, tmp_path: Path):
    result = crm("report", "run", "customer_card", "--out", tmp_path / "c.pdf")
    assert (result.exit_code, "--param customer=" in result.stderr) == (2, True)


def test_a_code_with_a_comma_is_one_code(company: App, crm: CommandLine, printed: Any):
    crm.ok("customer", "add", "--code", 'A,"1', "--name", "逗号")
    paper = printed('A,"1', "C1")
    assert len(paper.pages) == 2
    assert "逗号" in paper.pages[0]


@pytest.mark.postgres
def test_cards_are_printed_from_postgresql(
    make_app: Any, crm: CommandLine, fill: Any, tmp_path: Path, read: Read, card: dict[str, str]
):
    fill(make_app(database="postgres"))
    crm.ok("customer", "print", "C1", "--out", tmp_path / "c.pdf")
    text = read(tmp_path / "c.pdf").text
    assert not {name for name, value in card.items() if blank_free(value) not in text}
