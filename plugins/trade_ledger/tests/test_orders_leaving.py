"""Orders whose customer is merged, exported or erased, and orders of an import that is undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App
from crmcore.testing import CommandLine, PluginInstaller
from plugins.trade_ledger.tests.ordering import WARDEN, rule

REASON = "钱一一 promised by phone"


@pytest.fixture
def company(
    make_app: Callable[..., App],
    install_plugin: PluginInstaller,
    crm: CommandLine,
    tmp_path: Path,
    database: str,
) -> App:
    """Return a company whose customer K1, a person, has an order that went over a hold and one that is held."""
    install_plugin("warden", WARDEN)
    app = make_app(["trade_ledger", "warden"], database)
    text = "code,name,kind\nK1,钱一一,person\nK2,Zwei,person\n"
    (tmp_path / "customers.csv").write_text(text, encoding="utf-8")
    crm.ok("import", "customers", tmp_path / "customers.csv")
    rule(app.config.folder, 0)
    crm.ok("order", "add", "K1", "--amount", "5", "--number", "X-1")
    crm.ok("order", "release", "X-1", "--over-hold", "--reason", REASON)
    crm("order", "add", "K1", "--amount", "7", "--number", "X-2", "--release")
    return app


def owners(app: App) -> dict[str, list[str]]:
    """Return table → codes of the customers whom its rows name."""
    customer = app.tables["customer"].table
    found = {}
    with app.read() as ctx:
        for name in ("ledger_document", "ledger_hold", "ledger_step"):
            table = app.tables[name].table
            query = sa.select(customer.c.code).join(table, table.c.customer_id == customer.c.id)
            found[name] = sorted(ctx.connection.scalars(query))
    return found


def orders(crm: CommandLine) -> list[Any]:
    rows = crm.lines("order", "list")
    return [(row["number"], row["customer"], row["state"], row["held"]) for row in rows]


def test_holds_and_steps_follow_their_customer_and_come_back(company: App, crm: CommandLine):
    before = owners(company)
    crm.json("duplicates", "merge", "K1", "K2", "--reason", "one", "--yes")
    assert {code for codes in owners(company).values() for code in codes} == {"K2"}
    assert orders(crm) == [("X-2", "K2", "draft", True), ("X-1", "K2", "released", False)]
    assert crm.json("duplicates", "unmerge", "K1", "--reason", "two")["conflicts"] == []
    assert owners(company) == before
    rule(company.config.folder, 100_000)
    assert crm.json("order", "release", "X-2")["state"] == "released"


def test_a_person_is_given_why_orders_were_held_and_released(company: App, crm: CommandLine):
    parts = {
        part["table"]: part["rows"]
        for part in crm.json("person", "export", "K1")["parts"]
        if part["plugin"] == "trade_ledger"
    }
    assert [row["rule"] for row in parts["ledger_hold"]] == ["limit", "limit"]
    assert REASON in [row.get("reason") for row in parts["ledger_step"]]


def test_of_an_erased_person_stays_what_was_done_but_not_why(company: App, crm: CommandLine):
    crm.json("person", "erase", "K1", "--reason", "asked", "--yes")
    for number in ("X-1", "X-2"):
        order = crm.json("order", "show", number)
        assert {one["reason"] for one in (*order["holds"], *order["steps"])} == {None}
    assert [one["step"] for one in crm.json("order", "show", "X-1")["steps"]] == ["add", "release_over_hold"]
    assert [row["held"] for row in crm.lines("order", "list")] == [True, False]
    held = [item["title"] for item in crm.lines("work") if item["key"].startswith("ledger:held")]
    assert len(held) == 1
    assert held[0].endswith("is held: limit")
    assert REASON not in str(crm.lines("history", "K1"))


def test_why_somebody_went_over_a_hold_stands_nowhere_in_clear_in_the_log(company: App):
    with company.read() as ctx:
        for table in ("change_log", "change_tx"):
            rows = ctx.connection.execute(sa.text(f"SELECT * FROM {table}"))  # noqa: S608  (ours)
            assert "promised by phone" not in str(rows.all())


def test_an_imported_order_that_was_released_by_hand_stays_when_its_import_is_undone(
    company: App, crm: CommandLine, tmp_path: Path
):
    text = "document,date,customer,amount,state\nB1,2026-01-05,K2,5,draft\nB2,2026-01-05,K2,5,draft\n"
    (tmp_path / "orders.csv").write_text(text, encoding="utf-8")
    number = crm.json("import", "orders", tmp_path / "orders.csv")["import"]
    rule(company.config.folder, 100_000)
    crm.ok("order", "release", "B2")
    undone = crm.json("imports", "undo", number)
    assert [(one["entity"], one["key"]) for one in undone["conflicts"]][:1] == [
        ("ledger_document", "order B2")
    ]
    assert [row[:3] for row in orders(crm) if row[0].startswith("B")] == [("B2", "K2", "released")]
