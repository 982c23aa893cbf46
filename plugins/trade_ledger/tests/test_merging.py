"""Customers of the ledger that are merged: documents go along, figures add up, and all of it comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App
from crmcore.testing import CommandLine

INVOICES = "customer,date,amount,document,line,product\nK1,2026-01-10,60,R1,1,X\nK1,2026-01-10,40,R1,2,Y\nK2,2026-01-11,50,R2,1,X\n"


@pytest.fixture
def company(make_app: Callable[..., App], crm: CommandLine, tmp_path: Path, database: str) -> App:
    """Return a company in which K1 bought for 100, K2 for 50, and K1 has paid 80."""
    app = make_app(["trade_ledger"], database)
    files = {
        "customers": "code,name\nK1,Eins\nK2,Zwei\n",
        "purchases": INVOICES,
        "payments": "customer,date,amount,document\nK1,2026-02-01,80,Z1\n",
    }
    for entity, text in files.items():
        (tmp_path / f"{entity}.csv").write_text(text, encoding="utf-8")
        crm.ok("import", entity, tmp_path / f"{entity}.csv")
    return app


def merge(crm: CommandLine) -> Any:
    return crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")


def section(crm: CommandLine, code: str, name: str, *options: str) -> dict[str, Any]:
    sections = crm.json("customer", "show", code, *options)["sections"]
    return next((s["data"] for s in sections if s["name"] == name), {})


def ledger(app: App) -> list[Any]:
    documents, lines = (app.tables[name].table.c for name in ("ledger_document", "ledger_line"))
    queries = [
        sa.select(documents.id, documents.customer_id, documents.bill_to_id, documents.open_minor),
        sa.select(lines.id, lines.customer_id, lines.net_minor),
    ]
    with app.read() as ctx:
        return [ctx.connection.execute(query.order_by("id")).all() for query in queries]


def test_the_remaining_customer_owes_and_bought_what_both_did(company: App, crm: CommandLine):
    moved = {(m["table"], m["column"]): m["rows"] for m in merge(crm)["moved"]}
    assert moved == {
        ("ledger_document", "customer_id"): 2,
        ("ledger_document", "bill_to_id"): 2,
        ("ledger_line", "customer_id"): 2,
    }
    assert section(crm, "K2", "purchases")["amount_minor"] == 15_000
    owed = section(crm, "K2", "receivables")
    assert owed["open_minor"] - owed["unallocated_minor"] == 15_000 - 8_000


def test_taken_back_each_owes_and_bought_its_own(company: App, crm: CommandLine):
    before = ledger(company)
    merge(crm)
    assert crm.json("duplicates", "unmerge", "K1", "--reason", "two")["conflicts"] == []
    assert ledger(company) == before
    assert section(crm, "K1", "purchases")["amount_minor"] == 10_000
    assert section(crm, "K2", "purchases")["amount_minor"] == 5_000


def test_cards_of_before_show_what_each_bought_and_owed_then(company: App, crm: CommandLine, clock):
    day = clock().date().isoformat()
    names = ("purchases", "receivables")
    before = {
        (code, name): section(crm, code, name, "--as-of", day) for code in ("K1", "K2") for name in names
    }
    clock.move(days=2)
    merge(crm)
    clock.move(days=2)
    assert before["K1", "purchases"]["amount_minor"] == 10_000
    for (code, name), figures in before.items():
        assert section(crm, code, name, "--as-of", day) == figures


def test_files_that_name_the_old_code_are_booked_on_the_remaining_customer(
    company: App, crm: CommandLine, tmp_path: Path
):
    merge(crm)
    (tmp_path / "more.csv").write_text(
        "customer,date,amount,document,line,product\nK1,2026-02-10,5,R9,1,X\n", encoding="utf-8"
    )
    crm.ok("import", "purchases", tmp_path / "more.csv")
    assert section(crm, "K2", "purchases")["amount_minor"] == 15_500
    (tmp_path / "purchases.csv").write_text(INVOICES, encoding="utf-8")
    again = crm("import", "purchases", tmp_path / "purchases.csv", "--json").json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 3), (
        "the same file changes nothing"
    )


def test_an_import_undone_after_the_merge_takes_its_documents_back(company: App, crm: CommandLine):
    merge(crm)
    result = crm.json("imports", "undo", "3")
    assert (result["conflicts"], result["removed"] > 0) == ([], True)
    assert crm.json("imports", "undo", "2")["conflicts"] == []
    assert ledger(company) == [[], []]
    assert crm.json("duplicates", "unmerge", "K1", "--reason", "two")["conflicts"] == []
