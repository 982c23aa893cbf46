"""What the ledger tells other plugins, and how fast the databases may read it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from crmcore.testing import ACTOR
from crmcore_trade_ledger.facts import purchases

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

BASES = ["invoiced", "delivered", "ordered"]


def totals_query(basis: str) -> sa.Select[Any]:
    """Return what an analysis asks: purchases per customer and currency in a period."""
    fact = purchases({"purchase_basis": basis}).subquery()
    return (
        sa.select(fact.c.customer_id, fact.c.currency, sa.func.sum(fact.c.amount_minor))
        .where(fact.c.occurred_on.between(date(2025, 1, 1), date(2025, 12, 31)))
        .group_by(fact.c.customer_id, fact.c.currency)
    )


@pytest.mark.parametrize("basis", BASES)
def test_sqlite_adds_up_purchases_from_the_covering_index_alone(make_books: BooksMaker, basis):
    books = make_books()
    with books.app.read("trade_ledger") as ctx:
        query = totals_query(basis).compile(ctx.connection)
        plan = ctx.connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {query}", tuple(query.params.values())
        ).all()
    steps = [row[3] for row in plan]
    assert steps == ["SCAN ledger_line USING COVERING INDEX ix_ledger_line_purchases"]


def test_sqlite_finds_the_purchases_of_some_customers_by_the_same_index(make_books: BooksMaker):
    books = make_books()
    fact = purchases({"purchase_basis": "invoiced"}).subquery()
    query = (
        sa.select(fact.c.currency, sa.func.sum(fact.c.amount_minor))
        .where(fact.c.customer_id == 1)
        .group_by(fact.c.currency)
    )
    with books.app.read("trade_ledger") as ctx:
        compiled = query.compile(ctx.connection)
        plan = ctx.connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}", tuple(compiled.params.values())
        ).all()
    assert [row[3] for row in plan] == [
        "SEARCH ledger_line USING COVERING INDEX ix_ledger_line_purchases (customer_id=?)"
    ]


@pytest.mark.postgres
@pytest.mark.parametrize("basis", BASES)
def test_postgres_can_add_up_purchases_from_the_index_alone(make_books: BooksMaker, basis):
    books = make_books("postgres")
    books.load("purchases", [{"customer": "C1", "date": "2025-05-05", "amount": str(i)} for i in range(200)])
    with books.app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.info["crm_gate"] = True
        connection.exec_driver_sql("VACUUM ANALYZE ledger_line")
        connection.exec_driver_sql("SET enable_seqscan = off")
        query = totals_query(basis).compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(sa.text(f"EXPLAIN {query}")))
    assert "Index Only Scan using ix_ledger_line_purchases" in plan
    assert "Sort" not in plan


def test_open_documents_are_found_by_the_index_of_open_documents(make_books: BooksMaker):
    from crmcore_trade_ledger import claims

    books = make_books()
    seen: list[str] = []
    with books.app.read("trade_ledger") as ctx:
        sa.event.listen(ctx.connection, "before_cursor_execute", lambda *a: seen.append(a[2]), named=False)
        claims.overdue(ctx.connection, date(2026, 1, 1))
        list(claims.open_documents(ctx.connection, claims.CLAIMS, [1, 2]))
        queries = [text for text in seen if "ledger_document" in text]
        plans = [
            ctx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple("?" * text.count("?"))).all()
            for text in queries
        ]
    overdue, of_customers = (" ".join(row[3] for row in plan) for plan in plans)
    assert "USING COVERING INDEX ix_ledger_document_open" in overdue
    assert "USING INDEX ix_ledger_document_open (bill_to_id=?" in of_customers


@pytest.mark.parametrize(
    "fact",
    [
        *("purchases", "receivables", "payments", "settlements", "orders", "orders_open", "order_invoices"),
        *("deliveries_open", "documents", "products"),
    ],
)
def test_each_fact_has_the_columns_that_the_kernel_wants(books: Books, fact):
    assert books.fact(fact) == []


def test_returns_and_credit_notes_reduce_purchases_and_receivables(books: Books):
    start = {"date": "2025-06-01", "customer": "C1"}
    books.load(
        "invoices",
        [{**start, "document": "IV1", "amount": "100"}, {**start, "document": "CN1", "amount": "-10"}],
    )
    books.load("returns", [{**start, "document": "RT1", "amount": "25", "quantity": "1", "cost": "15"}])
    purchased = [
        (row["amount_minor"], row["cost_minor"], row["quantity_micro"]) for row in books.fact("purchases")
    ]
    assert purchased == [(-1000, None, None), (10000, None, None), (-2500, -1500, -1_000_000)]
    assert [row["open_minor"] for row in books.fact("receivables")] == [-1000, 10000, -2500]


def test_orders_are_open_until_they_are_delivered(books: Books):
    start = {"date": "2025-06-01", "customer": "C1", "document": "SO1", "line": "1", "due": "2025-07-01"}
    books.load("orders", [{**start, "amount": "100", "tax": "13", "quantity": "2"}])
    (row,) = books.fact("orders_open")
    assert (row["document"], str(row["due_on"]), row["open_minor"]) == ("SO1", "2025-07-01", 11300)
    books.load(
        "deliveries",
        [
            {
                "document": "DN1",
                "line": "1",
                "date": "2025-06-05",
                "customer": "C1",
                "quantity": "2",
                "amount": "100",
                "order": "SO1",
            }
        ],
    )
    assert books.fact("orders_open") == []


def test_products_are_known_by_the_id_of_their_purchases_archived_ones_too(books: Books):
    from crmcore_trade_ledger.tables import Product

    books.load("products", [{"code": "P1", "name": "矿泉水", "line": "饮料", "unit": "箱"}, {"code": "P2"}])
    books.load("purchases", [{"customer": "C1", "date": "2025-06-01", "amount": "9", "product": "P2"}])
    with books.app.write(ACTOR, plugin="trade_ledger") as tx:
        tx.update(Product, [(2, {"archived_at": tx.now})])
    with books.app.read("trade_ledger") as ctx:
        found = sorted(map(tuple, ctx.connection.execute(ctx.facts.select("products"))))
    assert found == [(1, "P1", "矿泉水", "饮料", "箱"), (2, "P2", "P2", None, None)]
    assert [row["product_id"] for row in books.fact("purchases")] == [2]


def test_a_cash_sale_is_nobodys_debt(books: Books):
    rows = [
        {"customer": "C1", "date": "2025-06-01", "document": name, "amount": "100", "cash": cash}
        for name, cash in (("IV1", "yes"), ("IV2", "no"))
    ]
    books.load("invoices", rows)
    assert [row["document"] for row in books.fact("receivables")] == ["IV2"]
    assert len(books.fact("purchases")) == 2
