"""The list of the file of documents: whoever renders it, what is confidential never stands on a customer's."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import App
from crmcore.testing import CommandLine

FORMS = ("terminal", "csv", "json", "html", "xlsx", "pdf")
LIST = ("report", "run", "customer_documents")


@pytest.fixture
def rendered(crm: CommandLine, tmp_path: Path) -> Callable[..., str]:
    """Run the list in a form and return all the text of it."""

    def run(form: str, *words: str) -> str:
        if form in {"terminal", "csv", "json", "html"}:
            return crm.ok(*LIST, *words, "--format", form).stdout
        path = tmp_path / f"list.{form}"
        crm.ok(*LIST, *words, "--out", path, "--force")
        if form == "pdf":
            pages = pytest.importorskip("pypdf").PdfReader(path).pages
            return "".join("".join(page.extract_text().split()) for page in pages)
        with zipfile.ZipFile(path) as book:
            return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())

    return run


@pytest.mark.parametrize("form", FORMS)
def test_what_is_confidential_stands_on_our_list_and_on_none_for_the_customer(
    small: App, rendered: Callable[..., str], lent: Callable[..., Any], form: str
) -> None:
    pytest.importorskip("typst")
    lent("D000001")
    ours = rendered(form, "--param", "customer=C1")
    for word in ("年度合同", "信用评语", "D000002", "paper2.txt", "rep,"):
        assert word in ours, word
    theirs = rendered(form, "--param", "customer=C1", "--param", "for=customer")
    assert "年度合同" in theirs
    for word in ("信用评语", "D000002", "paper2.txt", "rep,", "Confidential"):
        assert word not in theirs, word


def test_a_list_for_a_customer_is_of_one_customer(small: App, crm: CommandLine) -> None:
    for words in ((), ("--param", "customer=C1,C2"), ("--param", "region=x")):
        done = crm(*LIST, "--param", "for=customer", *words)
        assert done.exit_code == 2
        assert "one customer" in done.stderr


def test_all_customers_one_drawer_and_nobody_who_is_restricted(company: App, crm: CommandLine) -> None:
    def codes(*words: str) -> list[str]:
        return [row[3] for row in crm.json(*LIST, *words)["tables"][0]["rows"]]

    assert codes() == ["D000001", "D000002", "D000003"]
    assert codes("--param", "drawer=basic") == ["D000002", "D000003"]
    crm.ok("person", "restrict", "C2", "--reason", "asks for it")
    assert codes() == ["D000001", "D000002"]
    crm.ok("document", "archive", "D000002")
    assert codes() == ["D000001"]
