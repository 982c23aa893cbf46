"""`crm audit verify --rows`: rows that somebody changed, removed or inserted with a database tool are found and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Contact, Customer
from crmcore.app import App
from crmcore.testing import ACTOR, CommandLine

Tamper = Callable[..., int]


def verdict(crm: CommandLine) -> dict[str, Any]:
    done = crm("audit", "verify", "--rows", "--json")
    found: dict[str, Any] = done.json()
    assert done.exit_code == (0 if found["ok"] else 1)
    return found


def test_rows_that_were_written_through_the_gate_hold(worked: CommandLine, app: App) -> None:
    worked.ok("customer", "add", "--code", "N1", "--name", "张三", "--kind", "person", "--set", "phone=139")
    worked.ok("customer", "edit", "N1", "--set", "address=x", "--set", "since=2020-01-05")
    worked.ok("customer", "edit", "N1", "--set", "address=", "--set", "phone=")
    worked.ok("contact", "add", "A", "--code", "P9", "--name", "李四", "--role", "decides")
    worked.ok("contact", "leave", "P9", "--until", "2026-03-01")
    worked.ok("interaction", "add", "A", "--channel", "phone", "--subject", "x")
    worked.ok("customer", "edit", "A", "--kind", "person")
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Customer, [{"code": "GONE", "name": "n"}])
        tx.delete(Customer, [number])
        tx.insert(Customer, [{"code": "BACK", "name": "n"}], ids=[number])
    assert verdict(worked) | {"checked": 0, "unsealed": 0} == {
        "ok": True,
        "checked": 0,
        "unsealed": 0,
        "anchored_to": None,
        "first_bad": None,
        "problem": None,
    }


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE customer SET name = 'x' WHERE code = 'C'", ("customer C", "(name)", "changed")),
        ("UPDATE customer SET region = 'x' WHERE code = 'A'", ("customer A", "(region)", "changed")),
        ("UPDATE customer SET phone = NULL WHERE code = 'A'", ("customer A", "(phone)", "changed")),
        ("UPDATE customer SET version = 9 WHERE code = 'D'", ("customer D", "(version)", "changed")),
        (
            "UPDATE customer SET archived_at = NULL WHERE code = 'D'",
            ("customer D", "(archived_at)", "changed"),
        ),
        (
            "UPDATE customer SET attributes = '{\"fax\":\"4\"}' WHERE code = 'B'",
            ("customer B", "(attributes)", "changed"),
        ),
        ("UPDATE customer SET attributes = '{}' WHERE code = 'B'", ("customer B", "(attributes)", "changed")),
        ("UPDATE contact SET phone = '1' WHERE code = 'P1'", ("contact P1", "(phone)", "changed")),
        ("DELETE FROM contact WHERE code = 'P1'", ("contact 1", "", "removed")),
        (
            (
                "INSERT INTO customer (id, uid, code, name, kind, lifecycle, attributes, version)"
                " SELECT 900, 'u', 'Z', name, kind, lifecycle, attributes, 1 FROM customer WHERE code = 'A'"
            ),
            ("customer Z", "", "inserted"),
        ),
    ],
)
def test_what_was_done_past_the_log_is_found_and_named(
    worked: CommandLine, tamper: Tamper, statement: str, named: tuple[str, ...]
) -> None:
    assert verdict(worked)["ok"]
    assert tamper(statement) == 1
    assert worked.json("audit", "verify")["ok"], "the log itself is as it was written"
    found = verdict(worked)
    assert not found["ok"]
    for words in named:
        assert words in found["problem"]
    told = worked("audit", "verify", "--rows")
    assert found["problem"] in told.stdout


def test_the_entry_is_the_one_that_says_otherwise(
    worked: CommandLine, tamper: Tamper, rows: Callable[..., list[dict[str, Any]]]
) -> None:
    (entry,) = rows(
        "SELECT max(l.seq) AS seq FROM change_log l JOIN customer c ON c.id = l.entity_id"
        " WHERE l.entity = 'customer' AND c.code = 'B'"
    )
    tamper("UPDATE customer SET name = 'x' WHERE code IN ('B', 'C')")
    assert verdict(worked)["first_bad"] == entry["seq"]


def test_a_row_that_was_deleted_and_put_there_again_is_found(
    worked: CommandLine, tamper: Tamper, app: App
) -> None:
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Contact, [{"code": "P2", "name": "n"}])
        tx.delete(Contact, [number])
    tamper(
        f"INSERT INTO contact (id, uid, code, name, attributes, version)"  # noqa: S608
        f" SELECT {number}, 'u', 'P2', name, attributes, 1 FROM contact WHERE code = 'P1'"
    )
    assert "contact P2 is there" in verdict(worked)["problem"]


def test_one_row_of_many_is_found(app: App, crm: CommandLine, tamper: Tamper) -> None:
    with app.write(ACTOR, bulk=True) as tx:
        tx.insert(Customer, [{"code": f"C{n}", "name": "n"} for n in range(1_203)])
        tx.delete(Customer, list(range(400, 1_100)))
    assert verdict(crm)["ok"]
    tamper("UPDATE customer SET name = 'x' WHERE code = 'C1150'")
    assert "customer C1150" in verdict(crm)["problem"]


def test_an_erased_person_does_not_look_like_a_changed_one(
    worked: CommandLine, tamper: Tamper, app: App
) -> None:
    worked.ok("customer", "add", "--code", "N1", "--name", "张三", "--kind", "person", "--set", "region=A")
    tamper("UPDATE person_key SET key = NULL WHERE entity = 'customer'")
    assert verdict(worked)["ok"]
    tamper("UPDATE customer SET region = 'B' WHERE code = 'N1'")
    assert "(region)" in verdict(worked)["problem"]


def test_tables_that_were_dropped_and_made_again_hold(
    make_app: Callable[..., App], crm: CommandLine, database: str
) -> None:
    pytest.importorskip("crmcore_trade_ledger")
    app = make_app(["trade_ledger"], database=database)
    from crmcore_trade_ledger.tables import Product

    def product(app: App, name: str) -> None:
        with app.write(ACTOR) as tx:
            tx.insert(Product, [{"code": "P", "name": name, "currency": "CNY"}])

    product(app, "first")
    path = app.config.folder / "purchases.csv"
    path.write_text("customer,date,document,amount\nC1,2025-01-02,D,5\n", encoding="utf-8")
    crm.ok("import", "purchases", path, "--create-customers")
    app.close()
    crm.ok("plugins", "uninstall", "trade_ledger", "--drop")
    crm.ok("plugins", "enable", "trade_ledger")
    assert verdict(crm)["ok"]
    from crmcore.app import create_app

    again = create_app(app.config.folder)
    product(again, "second")
    assert verdict(crm)["ok"]
    with again.engine.connect() as connection, again.unguarded(connection), connection.begin():
        connection.execute(sa.text("UPDATE ledger_product SET name = 'first'"))
    again.close()
    assert "ledger_product P" in verdict(crm)["problem"]


@pytest.mark.parametrize("value", ["attributes = 'junk'", "name = x'ff'", "archived_at = 'junk'"])
def test_a_value_that_cannot_be_read_is_named(
    worked: CommandLine, tamper: Tamper, database: str, value: str
) -> None:
    if database != "sqlite":
        pytest.skip("columns hold what they say")
    tamper(f"UPDATE customer SET {value} WHERE code = 'C'")  # noqa: S608
    found = verdict(worked)
    assert found["ok"] is False
    assert f"({value.split(maxsplit=1)[0]})" in found["problem"]
