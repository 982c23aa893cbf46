"""Natural persons in the ledger: given their documents; kept under a pseudonym by law when they are erased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from crmcore.api import App
from crmcore.testing import CommandLine
from crmcore_trade_ledger.rules import kept_until

FILES = {
    "customers": "code,name,kind\nK1,钱一一,person\nK2,Zwei,organisation\n",
    "purchases": "customer,date,amount,document,line,product\nK1,2026-01-10,60,R1,1,X\nK2,2025-01-11,50,R2,1,X\n",
}


@pytest.fixture
def company(make_app: Callable[..., App], crm: CommandLine, tmp_path: Path, database: str) -> App:
    app = make_app(["trade_ledger"], database)
    for entity, text in FILES.items():
        (tmp_path / f"{entity}.csv").write_text(text, encoding="utf-8")
        crm.ok("import", entity, tmp_path / f"{entity}.csv")
    return app


def test_a_person_gets_documents_and_lines(company: App, crm: CommandLine) -> None:
    parts = {
        p["table"]: p["rows"]
        for p in crm.json("person", "export", "K1")["parts"]
        if p["plugin"] == "trade_ledger"
    }
    assert [row["number"] for row in parts["ledger_document"]] == ["R1"]
    assert [row["net_minor"] for row in parts["ledger_line"]] == [6000]


def test_documents_of_an_erased_person_keep_their_amounts_under_a_pseudonym(
    company: App, crm: CommandLine
) -> None:
    before = crm.lines("ledger", "documents")
    done = crm.json("person", "erase", "K1", "--reason", "asked", "--yes")
    (table,) = [t for t in done["tables"] if t["table"] == "ledger_document"]
    assert (table["erased"], table["kept"], table["kept_until"]) == (0, 1, "2056-12-31")
    assert "accounting law" in table["why_kept"]
    assert crm.lines("ledger", "documents") == before
    assert crm.json("customer", "show", "K1")["name"] == "erased K1"


def test_documents_are_kept_for_years_that_begin_with_the_year_after() -> None:
    assert kept_until(date(2026, 1, 1), 30) == kept_until(date(2026, 12, 31), 30) == date(2056, 12, 31)
    assert kept_until(date(2026, 5, 1), 0) == date(2026, 12, 31)
    assert kept_until(date(9990, 5, 1), 100) == date(9999, 12, 31)
