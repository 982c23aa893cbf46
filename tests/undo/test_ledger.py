"""Undoing imports of the trade ledger: documents go with their lines, and what is worked out from them adds up."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App
from crmcore.builtin.exchange.undo import undo_import
from crmcore.testing import ACTOR, CommandLine

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)
Make = Callable[..., App]
Import = Callable[..., int]
INVOICES = "customer,date,amount,document,line,product\nK1,2026-01-10,60,R1,1,X\nK1,2026-01-10,40,R1,2,Y\nK2,2026-01-11,50,R2,1,X\n"
PAYMENTS = "customer,date,amount,document\nK1,2026-02-01,80,Z1\nK1,2026-02-02,80,Z2\n"


@pytest.fixture
def company(make_app: Make, load: Import, database: str) -> App:
    """Return a company with two customers and the ledger."""
    app = make_app(["trade_ledger"], database)
    load(app, "customers", "code,name\nK1,Eins\nK2,Zwei\n")
    return app


def lines(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(c["entity"], c["key"], c["field"]) for c in result["conflicts"]]


def open_amounts(app: App) -> dict[str, int]:
    with app.read() as ctx:
        rows = ctx.connection.execute(sa.text("SELECT number, open_minor FROM ledger_document"))
        return {row.number: row.open_minor for row in rows}


def states(app: App) -> dict[str, str]:
    with app.read() as ctx:
        rows = ctx.connection.execute(sa.text("SELECT number, state FROM ledger_document"))
        return {row.number: row.state for row in rows}


def test_documents_lines_products_and_customers_made_for_them_go(company: App, load: Import, contents):
    before = contents(company)
    text = "customer,date,amount,document,product\nK1,2026-01-10,60,R1,X\nK9,2026-01-10,40,R2,Y\nK9,2026-01-11,5,,\n"
    number = load(company, "purchases", text, create_customers=True)
    # Three documents of a line each, two products, a customer, and the places of the chunk.
    assert undo_import(company, ACTOR, number) == {"restored": 0, "removed": 10, "conflicts": []}
    assert contents(company) == before
    load(company, "purchases", text, create_customers=True)


def test_what_an_import_changed_of_documents_lines_and_products_is_put_back(
    company: App, load: Import, contents
):
    load(company, "invoices", INVOICES)
    load(company, "products", "code,name,list_price\nX,Ix,10\n")
    before = contents(company)
    products = load(company, "products", 'code,name,list_price,attributes\nX,Iks,12,"{""a"": 1}"\n')
    number = load(company, "invoices", INVOICES.replace("40,R1,2,Y", "45,R1,2,Z").replace("01-11", "01-12"))
    result = undo_import(company, ACTOR, number)
    assert result["conflicts"] == []
    assert undo_import(company, ACTOR, products)["conflicts"] == []
    assert contents(company) == before


def test_a_line_added_to_a_document_goes_without_it(company: App, load: Import, contents):
    load(company, "invoices", INVOICES)
    before = contents(company)
    number = load(company, "invoices", "customer,date,amount,document,line\nK1,2026-01-10,7,R1,3\n")
    assert open_amounts(company)["R1"] == 10_700
    assert undo_import(company, ACTOR, number) == {"restored": 1, "removed": 1, "conflicts": []}
    assert contents(company) == before


def test_an_allocated_invoice_stays_with_its_lines(company: App, load: Import, contents):
    before = contents(company)
    invoices = load(company, "invoices", INVOICES)
    payments = load(company, "payments", PAYMENTS)
    settled = load(company, "allocations", "payment,document,amount\nZ1,R1,30\n")
    result = undo_import(company, ACTOR, invoices)
    assert lines(result) == [
        ("ledger_document", "invoice R1", "ledger_allocation"),
        ("ledger_product", "X", "ledger_line"),
        ("ledger_product", "Y", "ledger_line"),
    ]
    assert result["conflicts"][0]["why"].startswith(
        "ledger_allocation payment Z1 invoice R1 2026-02-01 hangs"
    )
    assert open_amounts(company) == {"R1": 7_000, "Z1": 5_000, "Z2": 8_000}
    assert undo_import(company, ACTOR, settled)["conflicts"] == []
    assert undo_import(company, ACTOR, payments)["conflicts"] == []
    assert undo_import(company, ACTOR, invoices)["conflicts"] == []
    assert contents(company) == before


def test_of_two_allocations_the_older_can_be_undone_and_the_books_add_up(
    company: App, load: Import, contents
):
    load(company, "invoices", INVOICES)
    load(company, "payments", PAYMENTS)
    before = contents(company)
    older = load(company, "allocations", "payment,document,amount\nZ1,R1,30\n")
    newer = load(company, "allocations", "payment,document,amount\nZ2,R1,20\n")
    assert open_amounts(company) == {"R1": 5_000, "R2": 5_000, "Z1": 5_000, "Z2": 6_000}
    assert undo_import(company, ACTOR, older)["conflicts"] == []
    assert open_amounts(company) == {"R1": 8_000, "R2": 5_000, "Z1": 8_000, "Z2": 6_000}
    assert undo_import(company, ACTOR, newer)["conflicts"] == []
    assert contents(company) == before


@pytest.mark.parametrize("chunk", [1, 5_000])
@pytest.mark.parametrize("first", [0, 1])
def test_of_two_deliveries_either_can_be_undone_and_the_order_knows(
    company: App, load: Import, contents, first: int, chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", chunk)
    load(
        company,
        "orders",
        "customer,date,amount,quantity,document,line,product\nK1,2026-01-01,100,10,A1,1,X\nK1,2026-01-01,50,5,A1,2,Y\n",
    )
    before = contents(company)
    head = "customer,date,amount,quantity,document,line,product,order,order_line\n"
    made = [
        load(
            company, "deliveries", f"{head}K1,2026-01-05,40,4,L1,1,X,A1,1\nK1,2026-01-05,20,2,L1,2,Y,A1,2\n"
        ),
        load(
            company, "deliveries", f"{head}K1,2026-01-06,60,6,L2,1,X,A1,1\nK1,2026-01-06,30,3,L2,2,Y,A1,2\n"
        ),
    ]
    assert states(company)["A1"] == "delivered"
    assert undo_import(company, ACTOR, made[first])["conflicts"] == []
    assert states(company)["A1"] == "released"
    left = {0: 6_000, 1: 9_000}[first]
    assert open_amounts(company)["A1"] == left
    assert undo_import(company, ACTOR, made[1 - first])["conflicts"] == []
    assert contents(company) == before


def test_an_order_that_was_delivered_stays(company: App, load: Import, contents):
    before = contents(company)
    orders = load(company, "orders", "customer,date,amount,document,line,product\nK1,2026-01-01,100,A1,1,X\n")
    head = "customer,date,amount,document,line,product,order,order_line\n"
    delivered = load(company, "deliveries", f"{head}K1,2026-01-05,100,L1,1,X,A1,1\n")
    result = undo_import(company, ACTOR, orders)
    # The order stays because its line does; the product, which the import of the order made, is in use.
    assert ("ledger_line", "order A1 1", "ledger_link") in lines(result)
    assert ("ledger_product", "X", "ledger_line") in lines(result)
    assert states(company) == {"A1": "delivered", "L1": "posted"}
    undo_import(company, ACTOR, delivered)
    assert undo_import(company, ACTOR, orders)["conflicts"] == []
    assert contents(company) == before


def test_links_that_an_import_replaced_come_back(company: App, load: Import, contents):
    load(
        company,
        "orders",
        "customer,date,amount,document,line,product\nK1,2026-01-01,100,A1,1,X\nK1,2026-01-01,100,A2,1,X\n",
    )
    head = "customer,date,amount,document,line,product,order,order_line\n"
    load(company, "deliveries", f"{head}K1,2026-01-05,100,L1,1,X,A1,1\n")
    before = contents(company)
    number = load(company, "deliveries", f"{head}K1,2026-01-05,100,L1,1,X,A2,1\n")
    assert states(company)["A2"] == "delivered"
    result = undo_import(company, ACTOR, number)
    assert result["conflicts"] == []
    assert contents(company) == before


def test_a_customer_with_documents_of_another_import_stays(company: App, load: Import):
    number = load(company, "customers", "code,name\nK5,Fünf\nK6,Sechs\n")
    load(company, "purchases", "customer,date,amount,document\nK5,2026-01-10,60,R5\n")
    result = undo_import(company, ACTOR, number)
    assert lines(result) == [("customer", "K5", "ledger_document"), ("customer", "K5", "ledger_line")]
    assert result["removed"] == 1


def test_an_amount_below_what_is_settled_stops_the_undo(company: App, load: Import, crm: CommandLine):
    load(company, "invoices", INVOICES)
    load(company, "payments", "customer,date,amount,document\nK1,2026-02-01,200,Z1\n")
    more = load(company, "invoices", INVOICES.replace("40,R1,2", "140,R1,2"))
    load(company, "allocations", "payment,document,amount\nZ1,R1,150\n")
    result = crm("imports", "undo", more)
    assert result.exit_code == 1
    assert "more of R1 is settled than would be left of it; undo the allocations first" in result.stderr
    assert open_amounts(company)["R1"] == 5_000


def test_a_run_stays_and_says_that_its_inputs_changed(
    make_app: Make, load: Import, crm: CommandLine, database: str
):
    pytest.importorskip("crmcore_abc_analysis")
    app = make_app(["trade_ledger", "abc_analysis"], database)
    text = "customer,date,amount,document\nK1,2026-01-10,60,R1\nK2,2026-01-10,40,R2\n"
    load(app, "customers", "code,name\nK1,Eins\nK2,Zwei\n")
    load(app, "purchases", text)
    more = load(
        app,
        "purchases",
        "customer,date,amount,document\nK2,2026-01-11,400,R3\nK3,2026-01-11,1,R4\n",
        create_customers=True,
    )
    run = crm.json("abc", "run", "--from", "2026-01-01", "--to", "2026-12-31")
    assert crm.json("abc", "explain", "K2")["inputs_changed"] is False
    result = undo_import(app, ACTOR, more)
    assert {(e, k) for e, k, _f in lines(result)} <= {("customer", "K3")}
    found = crm.json("abc", "explain", "K2")
    assert (found["inputs_changed"], found["amount_minor"]) == (True, 44_000)
    assert crm.json("abc", "run", "--from", "2026-01-01", "--to", "2026-12-31")["run"] != run["run"]
