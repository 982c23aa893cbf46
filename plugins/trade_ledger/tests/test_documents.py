"""Orders, deliveries, invoices, returns: the chain of a trade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker


def order(document="SO1", line="1", quantity: Any = "10", amount="100", **more):
    start = {"document": document, "line": line, "date": "2026-01-05", "customer": "C1", "product": "P1"}
    return {**start, "quantity": quantity, "amount": amount, **more}


def delivery(document="DN1", line="1", quantity: Any = "10", amount="100", **more):
    start = {"document": document, "line": line, "date": "2026-02-05", "customer": "C1", "product": "P1"}
    return {**start, "quantity": quantity, "amount": amount, **more}


def invoice(document="IV1", line="1", quantity: Any = "10", amount="100", **more):
    start = {"document": document, "line": line, "date": "2026-03-01", "customer": "C1", "product": "P1"}
    return {**start, "quantity": quantity, "amount": amount, **more}


def returned(document="CN1", line="1", quantity: Any = "2", amount="20", **more):
    start = {"document": document, "line": line, "date": "2026-03-02", "customer": "C1", "product": "P1"}
    return {**start, "quantity": quantity, "amount": amount, **more}


BASES = ("invoiced", "delivered", "ordered")


def by_basis(books: Books) -> dict[str, int]:
    """Return net purchases under each basis, read from what the lines say of themselves."""
    sums = dict.fromkeys(BASES, 0)
    for line in books.rows("SELECT counts, net_minor FROM ledger_line"):
        for bit, basis in ((1, "invoiced"), (2, "delivered"), (4, "ordered")):
            sums[basis] += line["net_minor"] if line["counts"] & bit else 0
    return sums


def state(books: Books, number: str) -> str:
    return str(books.rows(f"SELECT state FROM ledger_document WHERE number = '{number}'")[0]["state"])  # noqa: S608


def test_a_whole_trade_counts_once_in_every_basis(books: Books):
    assert books.counted("orders", [order()]) == (1, 0, 0, 0)
    assert by_basis(books) == {"invoiced": 0, "delivered": 0, "ordered": 10000}
    assert books.counted("deliveries", [delivery(order="SO1", order_line="1")]) == (1, 0, 0, 0)
    assert by_basis(books) == {"invoiced": 0, "delivered": 10000, "ordered": 10000}
    assert books.counted("invoices", [invoice(delivery="DN1", delivery_line="1")]) == (1, 0, 0, 0)
    assert by_basis(books) == {"invoiced": 10000, "delivered": 10000, "ordered": 10000}
    assert books.counted("returns", [returned(invoice="IV1")]) == (1, 0, 0, 0)
    assert by_basis(books) == {"invoiced": 8000, "delivered": 8000, "ordered": 8000}


@pytest.mark.parametrize(
    ("basis", "day"), [("invoiced", "2026-03-01"), ("delivered", "2026-02-05"), ("ordered", "2026-01-05")]
)
def test_purchases_bear_the_day_of_the_document_that_counts(make_books: BooksMaker, database, basis, day):
    books = make_books(database, settings=f'purchase_basis = "{basis}"')
    books.load("orders", [order()])
    books.load("deliveries", [delivery(order="SO1")])
    books.load("invoices", [invoice(delivery="DN1")])
    (purchase,) = books.fact("purchases")
    assert (str(purchase["occurred_on"]), purchase["amount_minor"], purchase["quantity_micro"]) == (
        day,
        10000,
        10_000_000,
    )


def test_trades_without_an_order_still_count_where_orders_do(books: Books):
    books.load("deliveries", [delivery()])
    books.load("invoices", [invoice(delivery="DN1"), invoice("IV2", amount="7")])
    assert by_basis(books) == {"invoiced": 10700, "delivered": 10700, "ordered": 10700}


def test_importing_each_file_again_changes_nothing(books: Books):
    files = {
        "orders": [order(), order(line="2", product="P2", amount="50")],
        "deliveries": [delivery(order="SO1"), delivery(line="2", product="P2", amount="50", order="SO1")],
        "invoices": [invoice(delivery="DN1"), invoice(line="2", product="P2", amount="50", delivery="DN1")],
        "returns": [returned(invoice="IV1")],
    }
    for name, rows in files.items():
        assert books.counted(name, rows) == (len(rows), 0, 0, 0)
    before = books.rows("SELECT * FROM ledger_document"), books.rows("SELECT * FROM ledger_line")
    for name, rows in files.items():
        assert books.counted(name, rows, chunk=1) == (0, 0, len(rows), 0)
    assert (books.rows("SELECT * FROM ledger_document"), books.rows("SELECT * FROM ledger_line")) == before


# -- orders


def test_an_order_is_open_by_what_is_not_delivered_tax_included(books: Books):
    books.load(
        "orders", [order(tax="13"), order(line="2", product="P2", quantity="4", amount="40", tax="5.20")]
    )
    assert books.open()["SO1"] == 15820
    books.load("deliveries", [delivery(quantity="4", amount="40", order="SO1")])
    assert books.open()["SO1"] == 6780 + 4520
    books.load("deliveries", [delivery("DN2", quantity="4", amount="40", product="P2", order="SO1")])
    assert books.open()["SO1"] == 6780
    assert state(books, "SO1") == "released"
    books.load("deliveries", [delivery("DN3", quantity="6", amount="60", order="SO1", order_line="1")])
    assert (books.open()["SO1"], state(books, "SO1")) == (0, "delivered")


def test_an_order_is_invoiced_when_all_its_lines_are(books: Books):
    books.load("orders", [order(), order(line="2", product="P2")])
    books.load("deliveries", [delivery(order="SO1"), delivery(line="2", product="P2", order="SO1")])
    books.load("invoices", [invoice(delivery="DN1")])
    assert state(books, "SO1") == "delivered"
    books.load("invoices", [invoice("IV2", product="P2", delivery="DN1")])
    assert state(books, "SO1") == "invoiced"


def test_an_invoice_straight_from_the_order_delivers_it_too(books: Books):
    books.load("orders", [order()])
    books.load("invoices", [invoice(quantity="4", amount="40", order="SO1")])
    assert (books.open()["SO1"], state(books, "SO1")) == (6000, "released")
    books.load("invoices", [invoice("IV2", quantity="6", amount="60", order="SO1")])
    assert (books.open()["SO1"], state(books, "SO1")) == (0, "invoiced")


def test_an_order_line_without_quantities_is_done_by_amount(books: Books):
    books.load("orders", [order(quantity=None)])
    books.load("invoices", [invoice(quantity=None, amount="25", order="SO1")])
    assert books.open()["SO1"] == 7500


def test_a_cancelled_delivery_gives_the_order_back(books: Books):
    books.load("orders", [order()])
    books.load("deliveries", [delivery(order="SO1", state="posted")])
    assert (state(books, "SO1"), books.open()["SO1"]) == ("delivered", 0)
    assert books.counted("deliveries", [delivery(order="SO1", state="cancelled")]) == (0, 1, 0, 0)
    assert (state(books, "SO1"), books.open()["SO1"]) == ("released", 10000)
    assert by_basis(books) == {"invoiced": 0, "delivered": 0, "ordered": 10000}


def test_a_delivery_that_is_posted_again_delivers_again(books: Books):
    books.load("orders", [order()])
    for wish, reached in (("posted", "delivered"), ("cancelled", "released"), ("posted", "delivered")):
        books.load("deliveries", [delivery(order="SO1", state=wish)])
        assert state(books, "SO1") == reached


def test_when_an_order_is_cancelled_its_delivery_counts_in_its_place(books: Books):
    books.load("orders", [order(state="released")])
    books.load("deliveries", [delivery(order="SO1")])
    books.load("invoices", [invoice(delivery="DN1")])
    books.load("orders", [order(state="cancelled")])
    assert by_basis(books) == {"invoiced": 10000, "delivered": 10000, "ordered": 10000}
    lines = books.rows("SELECT kind, counts FROM ledger_line ORDER BY kind")
    assert [(line["kind"], line["counts"]) for line in lines] == [
        ("delivery", 6),
        ("invoice", 1),
        ("order", 0),
    ]


def test_an_invoice_behind_a_cancelled_delivery_does_not_count_beside_the_order(books: Books):
    books.load("orders", [order()])
    books.load("deliveries", [delivery(order="SO1")])
    books.load("invoices", [invoice(delivery="DN1")])
    books.load("deliveries", [delivery(order="SO1", state="cancelled")])
    assert by_basis(books) == {"invoiced": 10000, "delivered": 10000, "ordered": 10000}
    books.load("invoices", [invoice("IV2", delivery="DN1", amount="1")])
    assert by_basis(books)["ordered"] == 10000
    assert state(books, "SO1") == "invoiced"


def test_an_order_that_the_erp_calls_invoiced_stays_so(books: Books):
    books.load("orders", [order(state="invoiced")])
    assert books.open()["SO1"] == 0
    books.load("deliveries", [delivery(quantity="1", amount="10", order="SO1")])
    assert (state(books, "SO1"), books.open()["SO1"]) == ("invoiced", 0)
    assert books.counted("orders", [order(state="released")]) == (0, 0, 1, 0)
    again = delivery(quantity="1", amount="10", order="SO1", state="posted")
    assert books.counted("deliveries", [again]) == (0, 0, 1, 0)
    assert state(books, "SO1") == "invoiced"


def test_drafts_and_cancelled_orders_count_nowhere(books: Books):
    books.load("orders", [order(state="draft"), order("SO2", state="cancelled")])
    assert by_basis(books)["ordered"] == 0
    assert books.fact("orders_open") == []
    assert books.counted("orders", [order(state="released")]) == (0, 1, 0, 0)
    assert by_basis(books)["ordered"] == 10000
    assert [row["open_minor"] for row in books.fact("orders_open")] == [10000]


def test_an_order_that_changes_keeps_what_is_delivered_of_it(books: Books):
    books.load("orders", [order()])
    books.load("deliveries", [delivery(quantity="4", amount="40", order="SO1")])
    assert books.counted("orders", [order(quantity="20", amount="200")]) == (0, 1, 0, 0)
    assert books.open()["SO1"] == 16000
    # A fifth of it is delivered, whatever it costs now.
    assert books.counted("orders", [order(quantity="20", amount="300")]) == (0, 1, 0, 0)
    assert books.open()["SO1"] == 24000
    assert books.counted("orders", [order(quantity="20", amount="200")]) == (0, 1, 0, 0)
    assert books.counted("orders", [order(line="2", product="P2", amount="1")]) == (1, 0, 0, 0)
    assert books.open()["SO1"] == 16100


# -- links

LOST = "rows that name an order, delivery or invoice that the ledger does not hold, such as "


def test_a_line_finds_the_line_of_the_same_product(books: Books):
    books.load("orders", [order(product="P2"), order(line="2", product="P1"), order(line="3", product="P1")])
    rows = [
        delivery(order="SO1"),
        delivery(line="2", order="SO1"),
        delivery(line="3", product="P2", order="SO1"),
    ]
    books.load("deliveries", rows)
    links = books.rows(
        "SELECT f.line AS one, t.line AS other FROM ledger_link JOIN ledger_line f ON f.id = from_line_id"
        " JOIN ledger_line t ON t.id = to_line_id ORDER BY t.line"
    )
    assert [(link["one"], link["other"]) for link in links] == [(2, 1), (3, 2), (1, 3)]


def test_a_line_of_another_product_is_linked_only_where_there_is_no_choice(books: Books):
    books.load(
        "orders", [order(product="P2"), order("SO2", product="P2"), order("SO2", line="2", product="P3")]
    )
    loaded = books.load("deliveries", [delivery(order="SO1"), delivery(line="2", order="SO2")])
    assert loaded.created == 2
    assert loaded.warnings == [f"{LOST}SO2: 1"]
    assert books.rows("SELECT count(*) AS n FROM ledger_link") == [{"n": 1}]


def test_a_row_that_names_an_unknown_order_is_taken_with_a_warning(books: Books):
    loaded = books.load("deliveries", [delivery(order="SO9"), delivery("DN2", order="SO9", order_line="3")])
    assert (loaded.created, loaded.warnings) == (
        2,
        [f"{LOST}SO9: 2"],
    )
    books.load("orders", [order("SO9")])
    assert books.counted("deliveries", [delivery(order="SO9")]) == (0, 1, 0, 0)
    assert (state(books, "SO9"), by_basis(books)["ordered"]) == ("delivered", 20000)


def test_a_line_may_be_linked_to_another_order(books: Books):
    books.load("orders", [order(), order("SO2")])
    books.load("deliveries", [delivery(order="SO1")])
    assert books.counted("deliveries", [delivery(order="SO2")]) == (0, 1, 0, 0)
    assert (state(books, "SO1"), state(books, "SO2")) == ("released", "delivered")
    assert books.rows("SELECT count(*) AS n FROM ledger_link") == [{"n": 1}]


def test_a_changed_quantity_reaches_the_order(books: Books):
    books.load("orders", [order()])
    books.load("deliveries", [delivery(order="SO1", quantity="5", amount="50")])
    assert books.open()["SO1"] == 5000
    assert books.counted("deliveries", [delivery(order="SO1", quantity="7", amount="70")]) == (0, 1, 0, 0)
    assert books.open()["SO1"] == 3000
    books.load("deliveries", [delivery(order="SO1")])
    assert (state(books, "SO1"), books.open()["SO1"]) == ("delivered", 0)
    books.load("deliveries", [delivery(order="SO1", quantity="1", amount="10")])
    assert (state(books, "SO1"), books.open()["SO1"]) == ("released", 9000)


# -- goods that come back


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_return_is_negative_whichever_sign_the_file_writes(books: Books, sign):
    row = returned(quantity=f"{sign}2", amount=f"{sign}20", tax=f"{sign}2.60", cost=f"{sign}9")
    assert books.counted("returns", [row]) == (1, 0, 0, 0)
    (line,) = books.rows("SELECT net_minor, tax_minor, cost_minor, quantity_micro FROM ledger_line")
    assert tuple(line.values()) == (-2000, -260, -900, -2_000_000)
    assert books.open() == {"CN1": -2260}
    assert books.counted("returns", [row]) == (0, 0, 1, 0)


# -- headings


def test_who_is_billed_owes_and_who_ordered_bought(books: Books):
    books.load("invoices", [invoice(bill_to="C2", ship_to="C3", due="2026-03-31", tax="13")])
    codes = books.codes()
    (purchase,), (receivable,) = books.fact("purchases"), books.fact("receivables")
    assert (codes[purchase["customer_id"]], codes[receivable["customer_id"]]) == ("C1", "C2")
    assert (str(receivable["due_on"]), receivable["amount_minor"], receivable["open_minor"]) == (
        "2026-03-31",
        11300,
        11300,
    )


@pytest.mark.parametrize("column", ["bill_to", "ship_to", "customer"])
def test_any_unknown_customer_rejects_the_row(make_books: BooksMaker, column):
    assert make_books().reasons("invoices", [invoice(**{column: "NOBODY"})]) == [(2, column)]


def test_a_heading_changes_by_what_the_file_says_and_keeps_what_it_does_not(books: Books):
    books.load("invoices", [invoice(bill_to="C2", ship_to="C3", due="2026-03-31")])
    assert books.counted("invoices", [invoice(due="2026-04-15")]) == (0, 1, 0, 0)
    (document,) = books.rows("SELECT due_on, bill_to_id, ship_to_id FROM ledger_document")
    codes = books.codes()
    assert (str(document["due_on"]), codes[document["bill_to_id"]], codes[document["ship_to_id"]]) == (
        "2026-04-15",
        "C2",
        "C3",
    )
    assert books.counted("invoices", [invoice(due=None, bill_to=None, ship_to=None)], clear_empty=True) == (
        0,
        1,
        0,
        0,
    )
    (document,) = books.rows(
        "SELECT due_on, bill_to_id = customer_id AS own, ship_to_id FROM ledger_document"
    )
    assert (document["due_on"], bool(document["own"]), document["ship_to_id"]) == (None, True, None)


def test_the_kinds_have_numbers_of_their_own(books: Books):
    books.load("orders", [order("X1")])
    books.load("invoices", [invoice("X1")])
    assert [line[0] for line in books.lines()] == ["X1", "X1"]


def test_a_cancelled_invoice_counts_nowhere_and_comes_back(books: Books):
    books.load("invoices", [invoice(state="posted")])
    assert books.counted("invoices", [invoice(state="cancelled")]) == (0, 1, 0, 0)
    assert (books.purchases(), books.fact("receivables")) == ({}, [])
    assert books.open() == {"IV1": 0}
    assert books.counted("invoices", [invoice(state="posted")]) == (0, 1, 0, 0)
    assert (books.purchases(), books.open()) == ({"C1": 10000}, {"IV1": 10000})


def test_a_cash_sale_leaves_nothing_open(books: Books):
    books.load("invoices", [invoice(cash="yes"), invoice("IV2", cash="no")])
    assert books.open() == {"IV1": 0, "IV2": 10000}
    assert books.counted("invoices", [invoice(cash="no")]) == (0, 1, 0, 0)
    assert books.open() == {"IV1": 10000, "IV2": 10000}


def test_a_price_stands_in_for_an_amount(books: Books):
    row = invoice(amount=None, quantity="2.5", price="3.33", tax_rate="13%")
    assert books.counted("invoices", [row, invoice("IV2", amount=None, quantity=None, price="3.33")]) == (
        1,
        0,
        0,
        1,
    )
    (line,) = books.rows("SELECT net_minor, tax_minor FROM ledger_line")
    assert tuple(line.values()) == (833, 108)


# -- any history

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["orders", "deliveries", "invoices"]),
        st.integers(0, 1),
        st.integers(1, 12),
        st.sampled_from(["in force", "cancelled"]),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture
def books_once(make_books: BooksMaker) -> Books:
    return make_books()


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_whatever_happens_to_two_trades_each_counts_once_and_orders_know_what_is_left(
    books_once: Books, steps
):
    """Play any files over two chains order → delivery → invoice and compare with a ledger kept by hand."""
    books = books_once
    run = f"-{books.imports}"
    made: dict[tuple[str, int], tuple[int, bool]] = {}
    chain = {"orders": None, "deliveries": "orders", "invoices": "deliveries"}
    makers = {"orders": order, "deliveries": delivery, "invoices": invoice}
    names = {"orders": "SO", "deliveries": "DN", "invoices": "IV"}
    for kind, trade, quantity, wish in steps:
        before = chain[kind]
        if before and (before, trade) not in made:
            continue
        alive = wish == "in force"
        made[kind, trade] = (quantity, alive)
        usual = "released" if kind == "orders" else "posted"
        more = {"state": usual if alive else "cancelled"}
        if before:
            more[{"orders": "order", "deliveries": "delivery"}[before]] = f"{names[before]}{trade}{run}"
        row = makers[kind](f"{names[kind]}{trade}{run}", quantity=str(quantity), amount=str(quantity), **more)
        assert len(books.load(kind, [row]).rejected) == 0
    expected = dict.fromkeys(BASES, 0)
    for trade in (0, 1):
        there = {k: made[k, trade] for k in names if (k, trade) in made}
        for basis, looked_at in zip(
            BASES, (["invoices"], ["deliveries", "invoices"], list(names)), strict=True
        ):
            counting = [there[kind][0] for kind in looked_at if kind in there and there[kind][1]]
            expected[basis] += 100 * (counting[0] if counting else 0)
    sums = dict.fromkeys(BASES, 0)
    query = f"SELECT l.counts, l.net_minor FROM ledger_line l JOIN ledger_document d ON d.id = document_id WHERE d.number LIKE '%{run}'"  # noqa: S608
    for line in books.rows(query):
        for bit, basis in ((1, "invoiced"), (2, "delivered"), (4, "ordered")):
            sums[basis] += line["net_minor"] if line["counts"] & bit else 0
    assert sums == expected
