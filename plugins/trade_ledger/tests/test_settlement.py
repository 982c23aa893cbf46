"""Payments and what they settle: never more than is open on either side."""

from __future__ import annotations

from datetime import date
from threading import Event, Thread
from time import sleep
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.api import Customer, NotFound, StaleVersion
from crmcore.testing import ACTOR
from crmcore_trade_ledger.services import allocate_payments
from crmcore_trade_ledger.settlement import Settlement

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker


def invoice(document="IV1", amount="100", customer="C1", date="2026-01-10", **more):
    return {"document": document, "date": date, "customer": customer, "amount": amount, **more}


def payment(document="P1", amount="100", customer="C1", date="2026-02-01", **more):
    return {"document": document, "date": date, "customer": customer, "amount": amount, **more}


def allocation(payment="P1", document="IV1", amount="100", **more):
    return {"payment": payment, "document": document, "amount": amount, **more}


def test_a_payment_is_money_received_not_yet_allocated(books: Books):
    assert books.counted("payments", [payment(amount="12.34")]) == (1, 0, 0, 0)
    (row,) = books.fact("payments")
    assert (row["document"], row["amount_minor"], row["allocated_minor"]) == ("P1", 1234, 0)
    assert books.fact("receivables") == []
    assert books.counted("payments", [payment(amount="12.34")]) == (0, 0, 1, 0)


def test_an_allocation_settles_both_sides(books: Books):
    books.load("invoices", [invoice(tax="13")])
    books.load("payments", [payment(amount="150")])
    assert books.counted("allocations", [allocation(amount="113")]) == (1, 0, 0, 0)
    assert books.open() == {"IV1": 0, "P1": 3700}
    (receivable,), (paid,) = books.fact("receivables"), books.fact("payments")
    assert (receivable["amount_minor"], receivable["open_minor"]) == (11300, 0)
    assert (paid["amount_minor"], paid["allocated_minor"]) == (15000, 11300)


def test_the_day_of_an_allocation_is_the_later_of_both_where_none_is_given(books: Books):
    books.load("invoices", [invoice(date="2026-01-10"), invoice("IV2", date="2026-03-10")])
    books.load("payments", [payment(amount="200", date="2026-02-01")])
    rows = [
        allocation(),
        allocation(document="IV2", amount="40"),
        allocation(document="IV2", amount="60", date="2026-04-01"),
    ]
    assert books.counted("allocations", rows) == (3, 0, 0, 0)
    days = [
        str(r["allocated_on"]) for r in books.rows("SELECT allocated_on FROM ledger_allocation ORDER BY 1")
    ]
    assert days == ["2026-02-01", "2026-03-10", "2026-04-01"]


def test_importing_allocations_again_changes_nothing_and_another_amount_corrects(books: Books):
    books.load("invoices", [invoice()])
    books.load("payments", [payment()])
    books.load("allocations", [allocation(amount="30")])
    assert books.counted("allocations", [allocation(amount="30")]) == (0, 0, 1, 0)
    assert books.counted("allocations", [allocation(amount="100")]) == (0, 1, 0, 0)
    assert books.open() == {"IV1": 0, "P1": 0}
    assert books.counted("allocations", [allocation(amount="10")]) == (0, 1, 0, 0)
    assert books.open() == {"IV1": 9000, "P1": 9000}
    assert books.rows("SELECT amount_minor FROM ledger_allocation") == [{"amount_minor": 1000}]


@pytest.mark.parametrize(
    ("rows", "rejected"),
    [
        ([allocation(amount="100.01")], [(2, "amount")]),
        ([allocation(amount="60"), allocation(amount="41", date="2026-05-01")], [(3, "amount")]),
        ([allocation(document="IV2", amount="70"), allocation(amount="31")], [(3, "amount")]),
        ([allocation(amount="-1")], [(2, "amount")]),
        ([allocation(amount="0")], [(2, "amount")]),
        ([allocation(amount="1.234")], [(2, "amount")]),
        ([allocation(document="USD1", amount="1")], [(2, "amount")]),
        ([allocation(document="DRAFT", amount="1")], [(2, "amount")]),
        ([allocation(document="OTHER", amount="1")], [(2, "amount")]),
        ([allocation(payment="NONE")], [(2, "payment")]),
        ([allocation(document="NONE")], [(2, "document")]),
        ([allocation(document="IV1", document_kind="return")], [(2, "document")]),
        ([allocation(amount="10"), allocation(amount="10")], [(3, "payment")]),
    ],
)
def test_what_is_against_the_rules_is_rejected(books: Books, rows, rejected):
    books.load(
        "invoices",
        [
            *(invoice(), invoice("IV2"), invoice("USD1", currency="USD")),
            *(invoice("DRAFT", state="draft"), invoice("OTHER", customer="C2")),
        ],
    )
    books.load("payments", [payment()])
    assert books.reasons("allocations", rows) == rejected
    paid = sum(row["allocated_minor"] for row in books.fact("payments"))
    assert 0 <= paid <= 10000
    assert all(row["open_minor"] >= 0 for row in books.fact("receivables"))


def test_firms_of_one_group_pay_for_one_another(books: Books):
    with books.app.write(ACTOR) as tx:
        ids = {code: number for number, code in books.codes().items()}
        tx.update(Customer, [(ids["C2"], {"parent_id": ids["C1"]}), (ids["C3"], {"parent_id": ids["C1"]})])
    books.load("invoices", [invoice(customer="C2"), invoice("IV2", customer="C4")])
    books.load("payments", [payment(customer="C3", amount="60"), payment("P2", customer="C1", amount="40")])
    rows = [allocation(amount="60"), allocation("P2", amount="40")]
    assert books.counted("allocations", rows) == (2, 0, 0, 0)
    assert books.reasons("allocations", [allocation("P2", "IV2", "1", date="2026-06-01")]) == [(2, "amount")]


def test_a_credit_note_settles_an_invoice(books: Books):
    books.load("invoices", [invoice()])
    books.load("returns", [invoice("CN1", amount="30", date="2026-01-20")])
    assert sum(row["open_minor"] for row in books.fact("receivables")) == 7000
    assert books.counted("allocations", [allocation("CN1", amount="30")]) == (1, 0, 0, 0)
    assert books.open() == {"IV1": 7000, "CN1": 0}
    assert books.reasons("allocations", [allocation("CN1", amount="1", date="2026-06-01")]) == [(2, "amount")]
    dated = invoice("CN1", "30", date="2026-01-20", due="2026-02-20")
    assert books.counted("returns", [dated]) == (0, 1, 0, 0)
    assert books.reasons("returns", [{**dated, "amount": "29"}]) == [(2, "amount")]


def test_money_paid_back_settles_a_credit_note(books: Books):
    books.load("returns", [invoice("CN1", amount="30")])
    books.load("payments", [payment(amount="-30")])
    assert books.counted("allocations", [allocation(document="CN1", amount="-30")]) == (1, 0, 0, 0)
    assert books.open() == {"CN1": 0, "P1": 0}


def test_what_is_allocated_can_neither_shrink_nor_be_cancelled(books: Books):
    books.load("invoices", [invoice(line="1")])
    books.load("payments", [payment()])
    books.load("allocations", [allocation(amount="60")])
    assert books.reasons("invoices", [invoice(amount="59", line="1")]) == [(2, "amount")]
    assert books.reasons("invoices", [invoice(line="1", state="cancelled")]) == [(2, "amount")]
    assert books.reasons("invoices", [invoice(line="1", currency="USD")]) == [(2, "amount")]
    assert books.reasons("invoices", [invoice(line="1", cash="yes")]) == [(2, "amount")]
    assert books.reasons("payments", [payment(amount="59.99")]) == [(2, "amount")]
    assert books.reasons("payments", [payment(state="cancelled")]) == [(2, "amount")]
    assert books.open() == {"IV1": 4000, "P1": 4000}
    assert books.counted("invoices", [invoice(amount="60", line="1")]) == (0, 1, 0, 0)
    assert books.counted("payments", [payment(amount="60")]) == (0, 1, 0, 0)
    assert books.open() == {"IV1": 0, "P1": 0}
    assert books.counted("invoices", [invoice(amount="160", line="1")]) == (0, 1, 0, 0)
    assert books.open() == {"IV1": 10000, "P1": 0}


def test_a_payment_that_stands_twice_is_rejected_the_second_time(books: Books):
    assert books.reasons("payments", [payment(), payment(amount="5")]) == [(3, "document")]
    assert books.open() == {"P1": 10000}


def test_a_cancelled_payment_has_nothing_to_allocate(books: Books):
    books.load("invoices", [invoice()])
    books.load("payments", [payment(state="cancelled")])
    assert books.fact("payments") == []
    assert books.reasons("allocations", [allocation(amount="1")]) == [(2, "amount")]


# -- allocating by itself


def test_payments_are_allocated_to_the_documents_due_first(books: Books):
    rows = [
        invoice("LATE", due="2026-03-31", date="2026-01-01"),
        invoice("EARLY", due="2026-02-28", date="2026-01-20"),
        invoice("NO-DUE", date="2026-01-25", amount="10"),
        invoice("THEIRS", customer="C2"),
    ]
    books.load("invoices", rows)
    books.load("payments", [payment(amount="120"), payment("P2", customer="C2", amount="30")])
    done = allocate_payments(books.app, ACTOR).as_json()
    assert done == {
        "payments": 2,
        "documents": 4,
        "allocations": 4,
        "amounts": [{"currency": "CNY", "amount_minor": 15000}],
    }
    assert books.open() == {"LATE": 9000, "EARLY": 0, "NO-DUE": 0, "THEIRS": 7000, "P1": 0, "P2": 0}
    assert allocate_payments(books.app, ACTOR).as_json()["allocations"] == 0


def test_one_customer_or_one_payment_may_be_allocated_alone(books: Books):
    books.load("invoices", [invoice(), invoice("IV2", customer="C2")])
    books.load("payments", [payment(amount="10"), payment("P2", amount="20"), payment("P3", customer="C2")])
    allocate_payments(books.app, ACTOR, payment="P2")
    assert books.open() == {"IV1": 8000, "IV2": 10000, "P1": 1000, "P2": 0, "P3": 10000}
    allocate_payments(books.app, ACTOR, customer="C2")
    assert books.open() == {"IV1": 8000, "IV2": 0, "P1": 1000, "P2": 0, "P3": 0}


def test_a_second_run_adds_to_what_was_allocated_on_the_same_day(books: Books):
    books.load("invoices", [invoice(line="1", amount="50")])
    books.load("payments", [payment()])
    allocate_payments(books.app, ACTOR)
    books.load("invoices", [invoice(line="1", amount="100")])
    allocate_payments(books.app, ACTOR)
    assert books.open() == {"IV1": 0, "P1": 0}
    assert books.rows("SELECT amount_minor FROM ledger_allocation") == [{"amount_minor": 10000}]


@pytest.mark.parametrize("names", [{"customer": "NOBODY"}, {"payment": "NONE"}])
def test_allocating_what_does_not_exist_says_so(make_books: BooksMaker, names):
    with pytest.raises(NotFound):
        allocate_payments(make_books().app, ACTOR, **names)


@pytest.mark.postgres
def test_two_who_allocate_to_one_invoice_at_once_do_not_exceed_it(make_books: BooksMaker):
    books = make_books("postgres")
    books.load("invoices", [invoice()])
    books.load("payments", [payment(), payment("P2")])
    ids = {row["number"]: row["id"] for row in books.rows("SELECT id, number FROM ledger_document")}
    first_has_begun, seen = Event(), []

    def settle(number: str, amount: int) -> None:
        with books.app.write(ACTOR, plugin="trade_ledger") as tx:
            settlement = Settlement(tx, [ids[number], ids["IV1"]])
            seen.append(settlement.claims[ids["IV1"]].open)
            first_has_begun.set()
            settlement.add(ids[number], ids["IV1"], date(2026, 3, 1), min(amount, seen[-1]))
            settlement.write()
            # Long enough for the other to come to the same invoice before this one commits.
            sleep(0.5)

    first = Thread(target=settle, args=("P1", 8000))
    first.start()
    first_has_begun.wait()
    settle("P2", 8000)
    first.join()
    assert seen == [10000, 2000]
    check_balance(books)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("name", "smaller"), [("invoices", invoice(amount="50", line="1")), ("payments", payment(amount="50"))]
)
def test_a_file_does_not_overwrite_what_was_settled_while_it_was_read(make_books: BooksMaker, name, smaller):
    books = make_books("postgres")
    books.load("invoices", [invoice(line="1")])
    books.load("payments", [payment()])
    ids = {row["number"]: row["id"] for row in books.rows("SELECT id, number FROM ledger_document")}
    is_settled = Event()

    def settle() -> None:
        with books.app.write(ACTOR, plugin="trade_ledger") as tx:
            settlement = Settlement(tx, list(ids.values()))
            settlement.add(ids["P1"], ids["IV1"], date(2026, 3, 1), 10000)
            settlement.write()
            is_settled.set()
            sleep(0.5)

    other = Thread(target=settle)
    other.start()
    is_settled.wait()
    with pytest.raises(StaleVersion):
        books.load(name, [smaller])
    other.join()
    check_balance(books)
    assert books.reasons(name, [smaller]) == [(2, "amount")]


# -- any history

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("invoices"), st.integers(0, 2), st.integers(-50, 120)),
        st.tuples(st.just("payments"), st.integers(0, 2), st.integers(-50, 120)),
        st.tuples(st.just("allocations"), st.integers(0, 8), st.integers(-50, 120)),
        st.tuples(st.just("oldest"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture
def books_once(make_books: BooksMaker) -> Books:
    return make_books()


@pytest.mark.slow
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_whatever_is_tried_open_is_gross_less_allocations_and_never_below_nothing(books_once: Books, steps):
    books = books_once
    run = f"-{books.imports}"
    for kind, number, amount in steps:
        if kind == "invoices":
            books.load(kind, [invoice(f"IV{number}{run}", str(amount), line="1")])
        elif kind == "payments":
            books.load(kind, [payment(f"P{number}{run}", str(amount))])
        elif kind == "allocations":
            books.load(kind, [allocation(f"P{number // 3}{run}", f"IV{number % 3}{run}", str(amount))])
        else:
            allocate_payments(books.app, ACTOR)
        check_balance(books)


def check_balance(books: Books) -> None:
    allocated: dict[int, int] = {}
    for row in books.rows("SELECT payment_id, document_id, amount_minor FROM ledger_allocation"):
        for end in ("payment_id", "document_id"):
            allocated[row[end]] = allocated.get(row[end], 0) + row["amount_minor"]
    for row in books.rows("SELECT id, gross_minor, open_minor FROM ledger_document"):
        assert row["open_minor"] == row["gross_minor"] - allocated.get(row["id"], 0)
        assert row["open_minor"] * row["gross_minor"] >= 0
        assert abs(row["open_minor"]) <= abs(row["gross_minor"])


def test_what_is_dated_in_the_future_waits_for_its_day(books: Books):
    books.load("invoices", [invoice()])
    books.load("payments", [payment(date="2026-03-03")])
    assert allocate_payments(books.app, ACTOR).allocations == 0, "a post-dated cheque is no money yet"
    books.load("payments", [payment("P2", amount="40", date="2026-03-02")])
    assert allocate_payments(books.app, ACTOR).allocations == 1
    assert books.open() == {"IV1": 6000, "P1": 10000, "P2": 0}
