"""The facts of orders, deliveries and settlements, against oracles that never look into the database."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from crmcore_trade_ledger.deliveries import deliveries_open
from crmcore_trade_ledger.facts import orders, settlements

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

Loads = dict[str, list[dict[str, str]]]


@dataclass
class Delivery:
    number: str
    day: date
    quantity: int
    net: int
    tax: int
    posted: bool
    of_order: bool
    """Invoices of the order take over only what names it."""
    invoiced: int = 0


@dataclass
class Trade:
    """One order line, its deliveries, and what was invoiced without naming a delivery."""

    customer: str
    bill_to: str
    deliveries: list[Delivery] = field(default_factory=list)
    direct: int = 0


def money(minor: int) -> str:
    return str(Decimal(minor).scaleb(-2))


def generate(seed: int) -> tuple[list[Trade], Loads]:
    """Draw orders, deliveries of parts of them, and invoices made from deliveries or from the order itself."""
    draw = random.Random(seed)
    trades: list[Trade] = []
    loads: Loads = {"orders": [], "deliveries": [], "invoices": []}
    for n in range(60):
        trade = Trade(f"C{draw.randint(1, 5)}", f"C{draw.randint(1, 5)}")
        trades.append(trade)
        who = {"customer": trade.customer, "bill_to": trade.bill_to, "line": "1"}
        whole = draw.randint(1, 12)
        order = {
            "document": f"S{n}",
            "date": "2026-01-01",
            "quantity": str(whole),
            "amount": money(whole * 999),
        }
        loads["orders"].append(who | order)
        for k in range(draw.randint(0, 3)):
            day = date(2026, 1, 2) + timedelta(days=draw.randint(0, 5))
            quantity = draw.randint(1, 5)
            net, tax = draw.randint(1, 99_999), draw.choice([0, 7])
            posted = draw.random() < 0.9
            of_order = k > 0 or draw.random() < 0.8
            one = Delivery(f"D{n}-{k}", day, quantity, net, tax if tax <= net else 0, posted, of_order)
            trade.deliveries.append(one)
            state = "posted" if posted else draw.choice(["draft", "cancelled"])
            row = {"document": one.number, "date": day.isoformat(), "quantity": str(quantity), "state": state}
            row |= {"amount": money(one.net), "tax": money(one.tax)}
            loads["deliveries"].append(who | row | ({"order": f"S{n}"} if of_order else {}))
        _invoice(draw, n, trade, who, loads)
    return trades, loads


def _invoice(draw: random.Random, n: int, trade: Trade, who: dict[str, str], loads: Loads) -> None:
    for k in range(draw.randint(0, 3)):
        quantity, posted = draw.randint(1, 4), draw.random() < 0.85
        row = {"document": f"I{n}-{k}", "date": "2026-01-20", "quantity": str(quantity), "amount": "5"}
        row |= {"state": "posted" if posted else "draft"}
        if trade.deliveries and draw.random() < 0.6:
            delivery = draw.choice(trade.deliveries)
            row["delivery"] = delivery.number
            delivery.invoiced += quantity * posted
        else:
            row["order"] = f"S{n}"
            trade.direct += quantity * posted
        loads["invoices"].append(who | row)


def expected(trades: list[Trade]) -> dict[str, tuple[str, int]]:
    """Return delivery → who is billed, and what of it is not invoiced."""
    found: dict[str, tuple[str, int]] = {}
    for trade in trades:
        direct = trade.direct
        for one in sorted(trade.deliveries, key=lambda d: (d.day, d.number)):
            if not one.posted:
                continue
            left = max(0, one.quantity - one.invoiced)
            taken = min(left, direct) if one.of_order else 0
            direct -= taken
            found[one.number] = trade.bill_to, part(one, left - taken)
    return {number: value for number, value in found.items() if value[1]}


def part(one: Delivery, quantity: int) -> int:
    exact = Decimal(one.net + one.tax) * quantity / one.quantity
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_delivered_and_not_invoiced_is_what_the_oracle_says(books: Books, seed: int):
    trades, loads = generate(seed)
    for name in ("orders", "deliveries", "invoices"):
        # A row that names no state, order or delivery leaves the column out, as a file of its own would.
        for keys in sorted({tuple(sorted(row)) for row in loads[name]}):
            done = books.load(name, [row for row in loads[name] if tuple(sorted(row)) == keys])
            assert done.rejected == []
    codes = books.codes()
    found = {
        row["document"]: (codes[row["customer_id"]], row["open_minor"])
        for row in books.fact("deliveries_open")
    }
    assert found == expected(trades)
    assert all(isinstance(amount, int) for _code, amount in found.values())
    assert len(found) > 20


def test_a_delivery_is_open_with_its_tax_until_it_is_invoiced(books: Books):
    start = {"customer": "C1", "line": "1", "quantity": "3"}
    books.load(
        "deliveries", [{**start, "document": "D1", "date": "2026-01-02", "amount": "100", "tax": "13"}]
    )
    (row,) = books.fact("deliveries_open")
    assert (row["document"], str(row["occurred_on"]), row["currency"]) == ("D1", "2026-01-02", "CNY")
    assert row["open_minor"] == 11_300
    invoice = {**start, "document": "I1", "date": "2026-01-03", "amount": "30", "delivery": "D1"}
    books.load("invoices", [{**invoice, "quantity": "1"}])
    assert [row["open_minor"] for row in books.fact("deliveries_open")] == [7533]
    books.load("invoices", [invoice])
    assert books.fact("deliveries_open") == []
    books.load("invoices", [{**invoice, "state": "cancelled"}])
    assert [row["open_minor"] for row in books.fact("deliveries_open")] == [11_300]


def test_lines_without_a_quantity_are_measured_by_their_amount(books: Books):
    start = {"customer": "C1", "line": "1", "date": "2026-01-02"}
    books.load("deliveries", [{**start, "document": "D1", "amount": "100"}])
    books.load("invoices", [{**start, "document": "I1", "amount": "40", "delivery": "D1"}])
    assert [row["open_minor"] for row in books.fact("deliveries_open")] == [6_000]


def test_each_allocation_is_a_settlement_of_who_is_billed(books: Books):
    invoice = {"customer": "C1", "bill_to": "C2", "date": "2026-01-05", "due": "2026-02-05", "line": "1"}
    books.load("invoices", [{**invoice, "document": "I1", "amount": "100"}])
    books.load(
        "invoices",
        [{"customer": "C2", "date": "2026-01-06", "document": "CN1", "amount": "-30", "line": "1"}],
    )
    books.load("payments", [{"document": "R1", "customer": "C2", "date": "2026-02-07", "amount": "80"}])
    books.load(
        "allocations",
        [
            {"payment": "R1", "document": "I1", "amount": "50", "date": "2026-02-07"},
            {"payment": "R1", "document": "I1", "amount": "20", "date": "2026-02-09"},
        ],
    )
    credit = {"payment": "CN1", "payment_kind": "invoice", "document": "I1", "document_kind": "invoice"}
    books.load("allocations", [{**credit, "amount": "30", "date": "2026-02-10"}])
    codes = books.codes()
    columns = ("document", "occurred_on", "due_on", "settled_on", "currency", "amount_minor")
    found = sorted(books.fact("settlements"), key=lambda row: row["settled_on"])
    rows = [(codes[row["customer_id"]], *(str(row[name]) for name in columns)) for row in found]
    head = ("C2", "I1", "2026-01-05", "2026-02-05")
    note = ("C2", "CN1", "2026-01-06", "None", "2026-02-10", "CNY", "-3000")
    assert sorted(rows) == [
        note,
        (*head, "2026-02-07", "CNY", "5000"),
        (*head, "2026-02-09", "CNY", "2000"),
        (*head, "2026-02-10", "CNY", "3000"),
    ]


def test_orders_are_all_but_drafts_that_were_cancelled(books: Books):
    from crmcore.testing import ACTOR
    from crmcore_trade_ledger.ordering.adding import NewOrder, add_order
    from crmcore_trade_ledger.ordering.cancelling import cancel_order
    from crmcore_trade_ledger.ordering.releasing import release_order

    def add(number: str) -> None:
        order = NewOrder("C1", amount=Decimal(100), tax_rate="13%", number=number, bill_to="C2")
        add_order(books.app, ACTOR, order)

    for number in ("A1", "A2", "A3", "A4"):
        add(number)
    for number in ("A2", "A3"):
        assert release_order(books.app, ACTOR, number) == []
    for number in ("A3", "A4"):
        cancel_order(books.app, ACTOR, number, "no need")
    start = {"customer": "C1", "date": "2026-01-05", "amount": "5", "line": "1"}
    books.load("orders", [{**start, "document": "B1", "state": "draft"}, {**start, "document": "B2"}][:1])
    books.load("orders", [{**start, "document": "B2"}])
    books.load("orders", [{**start, "document": "B3", "state": "cancelled"}])
    codes = books.codes()
    rows = {
        row["document"]: (codes[row["customer_id"]], row["state"], row["amount_minor"], row["currency"])
        for row in books.fact("orders")
    }
    assert rows == {
        "A1": ("C2", "draft", 11_300, "CNY"),
        "A2": ("C2", "released", 11_300, "CNY"),
        "A3": ("C2", "cancelled", 11_300, "CNY"),
        "B1": ("C1", "draft", 500, "CNY"),
        "B2": ("C1", "released", 500, "CNY"),
    }
    assert [row["document"] for row in books.fact("orders_open")] == ["A2", "B2"]


def test_where_purchases_count_as_ordered_a_release_makes_one_and_a_cancellation_takes_it_back(
    make_books: BooksMaker, database: str
):
    from crmcore.testing import ACTOR
    from crmcore_trade_ledger.ordering.adding import NewOrder, add_order
    from crmcore_trade_ledger.ordering.cancelling import cancel_order
    from crmcore_trade_ledger.ordering.releasing import release_order

    books = make_books(database, 'purchase_basis = "ordered"')
    number = add_order(books.app, ACTOR, NewOrder("C1", amount=Decimal(100), tax_rate="13%"))
    assert books.purchases() == {}
    release_order(books.app, ACTOR, number)
    assert books.purchases() == {"C1": 10_000}
    cancel_order(books.app, ACTOR, number, "no need")
    assert books.purchases() == {}


@pytest.mark.parametrize("fact", [settlements, orders, deliveries_open], ids=lambda f: f.__name__)
def test_the_rows_of_a_customer_are_found_without_reading_all(make_books: BooksMaker, fact: Any):
    books = make_books()
    rows = fact({}).subquery()
    query = sa.select(rows).where(rows.c.customer_id == 1)
    with books.app.read("trade_ledger") as ctx:
        compiled = query.compile(ctx.connection)
        steps = [
            row[3]
            for row in ctx.connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {compiled}", tuple(compiled.params.values())
            )
        ]
    assert [step for step in steps if step.startswith("SCAN ledger_")] == []
    assert any("ix_ledger_document_bill_to_id" in step or "(bill_to_id=?" in step for step in steps)
