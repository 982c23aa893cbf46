"""Purchases: the shortest way into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

DAY = "2026-01-15"


def row(customer="C1", amount="10.00", date=DAY, **more):
    return {"customer": customer, "date": date, "amount": amount, **more}


def test_a_row_becomes_a_posted_invoice_of_one_line(books: Books):
    assert books.counted("purchases", [row(amount="123.45")]) == (1, 0, 0, 0)
    (document,) = books.rows("SELECT * FROM ledger_document")
    assert (document["kind"], document["state"], document["origin"]) == ("invoice", "posted", "import:1")
    assert (document["net_minor"], document["tax_minor"], document["gross_minor"]) == (12345, 0, 12345)
    assert document["open_minor"] == 12345
    assert document["bill_to_id"] == document["customer_id"]
    assert books.purchases() == {"C1": 12345}


def test_the_change_log_holds_a_range_for_documents_and_one_for_lines(books: Books):
    books.load("purchases", [row(), row(), row()])
    logged = books.rows(
        "SELECT entity, operation FROM change_log WHERE entity LIKE 'ledger%' ORDER BY entity"
    )
    assert logged == [
        {"entity": "ledger_document", "operation": "append"},
        {"entity": "ledger_line", "operation": "append"},
    ]


def test_a_negative_amount_is_a_credit_note_and_zero_is_a_purchase(books: Books):
    assert books.counted("purchases", [row(amount="100"), row(amount="-30"), row("C2", amount="0")]) == (
        3,
        0,
        0,
        0,
    )
    assert books.purchases() == {"C1": 7000, "C2": 0}


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1.23", "CNY", 123),
        ("1.2", None, 120),
        ("1", "JPY", 1),
        ("1.234", "KWD", 1234),
        ("1.2300", "CNY", 123),
    ],
)
def test_amounts_are_kept_in_the_smallest_unit_of_their_currency(
    make_books: BooksMaker, amount, currency, minor
):
    books = make_books()
    books.load("purchases", [row(amount=amount, currency=currency)])
    (line,) = books.rows("SELECT net_minor, currency FROM ledger_line")
    assert line == {"net_minor": minor, "currency": currency or "CNY"}


@pytest.mark.parametrize(("amount", "currency"), [("1.234", "CNY"), ("1.5", "JPY"), ("1.2345", "KWD")])
def test_more_decimals_than_the_currency_has_are_rejected_not_rounded(
    make_books: BooksMaker, amount, currency
):
    books = make_books()
    loaded = books.load("purchases", [row(), row(amount=amount, currency=currency), row()])
    assert (loaded.created, [(r.line, r.column, r.value) for r in loaded.rejected]) == (
        2,
        [(3, "amount", amount)],
    )


def test_currencies_are_understood_by_their_chinese_names(books: Books):
    rows = [row(currency=word) for word in ("人民币", "美元", "usd", "欧元", "RMB", "港币")]
    books.load("purchases", rows)
    found = [line["currency"] for line in books.rows("SELECT currency FROM ledger_line ORDER BY id")]
    assert found == ["CNY", "USD", "USD", "EUR", "CNY", "HKD"]


def test_a_word_that_is_no_currency_is_rejected(make_books: BooksMaker):
    for word in ("贝壳", "XXQ", "XAU"):
        assert make_books().reasons("purchases", [row(currency=word)]) == [(2, "currency")]


def test_an_unknown_customer_is_rejected_and_nothing_else(books: Books):
    loaded = books.load("purchases", [row(), row("NOBODY"), row("C2")])
    assert loaded.created == 2
    (rejected,) = loaded.rejected
    assert (rejected.line, rejected.column, rejected.value) == (3, "customer", "NOBODY")
    assert "--create-customers" in rejected.reason


def test_an_unknown_customer_is_created_where_the_user_says_so(books: Books):
    rows = [row("NEW2"), row("NEW1"), row("NEW2"), row("C1")]
    assert books.counted("purchases", rows, create_customers=True) == (4, 0, 0, 0)
    created = books.rows(
        "SELECT code, name, kind, lifecycle FROM customer WHERE code LIKE 'NEW%' ORDER BY code"
    )
    expected = [
        {"code": c, "name": c, "kind": "organisation", "lifecycle": "active"} for c in ("NEW1", "NEW2")
    ]
    assert created == expected
    assert books.purchases() == {"C1": 1000, "NEW1": 1000, "NEW2": 2000}


def test_an_unknown_product_is_created_with_its_code_as_name(books: Books):
    books.load("purchases", [row(product="P1"), row(product="P1"), row()])
    assert books.rows("SELECT code, name, currency FROM ledger_product") == [
        {"code": "P1", "name": "P1", "currency": "CNY"}
    ]
    products = [
        line["product_id"] is None for line in books.rows("SELECT product_id FROM ledger_line ORDER BY id")
    ]
    assert products == [False, False, True]


def test_an_unknown_product_is_rejected_where_the_settings_say_so(make_books: BooksMaker):
    books = make_books(settings='unknown_product = "reject"')
    books.load("products", [{"code": "P1"}])
    loaded = books.load("purchases", [row(product="P1"), row(product="P2"), row()])
    assert (loaded.created, [(r.line, r.column) for r in loaded.rejected]) == (2, [(3, "product")])


def test_quantities_and_costs_are_kept_exactly(books: Books):
    books.load("purchases", [row(quantity="2.5", cost="7.77", unit="kg"), row(quantity="0.000001")])
    found = books.rows("SELECT quantity_micro, cost_minor, unit FROM ledger_line ORDER BY id")
    assert found == [
        {"quantity_micro": 2_500_000, "cost_minor": 777, "unit": "kg"},
        {"quantity_micro": 1, "cost_minor": None, "unit": None},
    ]


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"quantity": "0.0000001"}, "quantity"),
        ({"quantity": "10000000000"}, "quantity"),
        ({"cost": "1.234"}, "cost"),
        ({"amount": "10000000000000.01"}, "amount"),
        ({"amount": "-10000000000000.01"}, "amount"),
        ({"document": "D", "line": "0"}, "line"),
        ({"document": "D", "line": "-1"}, "line"),
        ({"document": "D", "line": "3000000000"}, "line"),
        ({"tax_rate": "many"}, "tax_rate"),
        ({"tax_rate": "100%"}, "tax_rate"),
        ({"tax": "-1"}, "amount"),
    ],
)
def test_a_value_that_cannot_be_is_rejected_with_its_column(make_books: BooksMaker, bad, column):
    books = make_books()
    loaded = books.load("purchases", [row(**bad), row()])
    assert (loaded.created, [(r.line, r.column) for r in loaded.rejected]) == (1, [(2, column)])


def test_the_largest_amount_is_taken(make_books: BooksMaker):
    books = make_books()
    assert books.counted("purchases", [row(amount="10000000000000.00")]) == (1, 0, 0, 0)


def test_a_document_that_grows_beyond_reason_is_refused(make_books: BooksMaker):
    books = make_books()
    big = row(amount="10000000000000.00", document="D", line="1")
    assert books.counted("purchases", [big]) == (1, 0, 0, 0)
    assert books.counted("purchases", [{**big, "line": "2"}]) == (0, 0, 0, 1)
    assert books.counted("purchases", [{**big, "document": "E", "line": str(i)} for i in (1, 2)]) == (
        0,
        0,
        0,
        2,
    )
    assert books.purchases() == {"C1": 10**15}


# -- the key


def test_rows_without_a_document_are_known_by_the_file_and_their_place_in_it(books: Books):
    rows = [row(amount="1"), row(amount="1"), row("C2", amount="2")]
    assert books.counted("purchases", rows) == (3, 0, 0, 0)
    assert books.counted("purchases", rows, chunk=2) == (0, 0, 3, 0)
    assert books.counted("purchases", rows, sha="b" * 64) == (3, 0, 0, 0)
    assert books.purchases() == {"C1": 400, "C2": 400}


def test_the_same_key_with_other_values_is_an_update_and_totals_follow(books: Books):
    rows = [row(document="D1", amount="100"), row(document="D1", amount="50"), row(document="D2", amount="7")]
    assert books.counted("purchases", rows) == (3, 0, 0, 0)
    changed = [rows[0], {**rows[1], "amount": "60"}, rows[2]]
    assert books.counted("purchases", changed) == (0, 1, 2, 0)
    assert books.rows("SELECT number, gross_minor, open_minor FROM ledger_document ORDER BY number") == [
        {"number": "D1", "gross_minor": 16000, "open_minor": 16000},
        {"number": "D2", "gross_minor": 700, "open_minor": 700},
    ]
    assert books.counted("purchases", changed) == (0, 0, 3, 0)


def test_a_further_line_is_added_to_a_known_document(books: Books):
    books.load("purchases", [row(document="D1", line="1", amount="100")])
    assert books.counted("purchases", [row(document="D1", line="7", amount="5")]) == (1, 0, 0, 0)
    assert books.lines() == [("D1", 1, 10000), ("D1", 7, 500)]
    assert books.open() == {"D1": 10500}


def test_a_document_may_change_its_customer_and_day_with_all_its_lines(books: Books):
    rows = [row(document="D1", amount="100"), row(document="D1", amount="50")]
    books.load("purchases", rows)
    moved = [{**r, "customer": "C2", "date": "2026-02-01"} for r in rows]
    assert books.counted("purchases", moved) == (0, 2, 0, 0)
    assert books.purchases() == {"C2": 15000}
    assert {str(r["occurred_on"]) for r in books.fact("purchases")} == {"2026-02-01"}
    (document,) = books.rows("SELECT customer_id = bill_to_id AS same FROM ledger_document")
    assert document["same"]


def test_rows_of_one_document_that_contradict_each_other_are_rejected(books: Books):
    rows = [
        row(document="D1"),
        row("C2", document="D1"),
        row(document="D1", date="2026-01-16"),
        row(document="D1", currency="USD"),
        row(document="D1"),
    ]
    loaded = books.load("purchases", rows)
    assert loaded.created == 2
    assert [(r.line, r.column) for r in loaded.rejected] == [(3, "customer"), (4, "date"), (5, "currency")]


def test_a_contradiction_is_seen_over_a_chunk_border_too(books: Books):
    rows = [row(document="D1"), row("C2", document="D1"), row(document="D1")]
    for _again in range(2):
        loaded = books.load("purchases", rows, chunk=1)
        assert [(r.line, r.column) for r in loaded.rejected] == [(3, "customer")]
    assert books.purchases() == {"C1": 2000}


def test_a_line_that_stands_twice_is_rejected_the_second_time(books: Books):
    rows = [row(document="D1", line="1"), row(document="D1", line="1", amount="99")]
    loaded = books.load("purchases", rows)
    assert (loaded.created, [(r.line, r.column) for r in loaded.rejected]) == (1, [(3, "line")])
    assert books.purchases() == {"C1": 1000}


# -- numbering lines by place, over chunks

SCATTERED = [
    row(document="A", amount="1"),
    row(document="B", amount="2"),
    row(document="A", amount="3"),
    row(document="A", amount="3"),
    row(document="B", amount="4"),
    row(document="C", amount="5"),
    row(document="A", amount="6"),
]
SCATTERED_LINES = [
    ("A", 1, 100),
    ("A", 2, 300),
    ("A", 3, 300),
    ("A", 4, 600),
    ("B", 1, 200),
    ("B", 2, 400),
    ("C", 1, 500),
]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_lines_are_numbered_by_place_wherever_the_chunk_borders_fall(books: Books, chunk):
    assert books.counted("purchases", SCATTERED, chunk=chunk) == (7, 0, 0, 0)
    assert books.lines() == SCATTERED_LINES
    assert books.open() == {"A": 1300, "B": 600, "C": 500}
    for other_chunk in (1, 2, 7):
        assert books.counted("purchases", SCATTERED, chunk=other_chunk) == (0, 0, 7, 0)


def test_a_changed_row_in_a_later_chunk_changes_its_own_line(books: Books):
    books.load("purchases", SCATTERED, chunk=2)
    changed = [*SCATTERED[:6], {**SCATTERED[6], "amount": "60"}]
    assert books.counted("purchases", changed, chunk=3) == (0, 1, 6, 0)
    assert ("A", 4, 6000) in books.lines()
    assert ("A", 1, 100) in books.lines()


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_an_import_that_was_broken_off_counts_on_when_it_is_resumed(make_books: BooksMaker, stop):
    books = make_books()
    first = books.load("purchases", SCATTERED, chunk=2, stop_after=stop)
    assert first.created == 2 * stop
    # Another process resumes: nothing is remembered but what the database holds.
    books.app.close()
    books.app.__dict__.pop("engine")
    assert books.counted("purchases", SCATTERED, chunk=2, start_at=2 * stop) == (7 - 2 * stop, 0, 0, 0)
    assert books.lines() == SCATTERED_LINES


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_an_import_that_was_broken_off_may_be_started_again(make_books: BooksMaker, stop):
    books = make_books()
    books.load("purchases", SCATTERED, chunk=2, stop_after=stop)
    assert books.counted("purchases", SCATTERED, chunk=3) == (7 - 2 * stop, 0, 2 * stop, 0)
    assert books.lines() == SCATTERED_LINES


def test_a_chunk_that_failed_is_not_counted(make_books: BooksMaker):
    books = make_books()
    books.load("purchases", SCATTERED, chunk=2, stop_after=1)
    books.load("purchases", SCATTERED, chunk=2, start_at=2, stop_after=1, fail=True)
    assert books.counted("purchases", SCATTERED, chunk=2, start_at=2) == (5, 0, 0, 0)
    assert books.lines() == SCATTERED_LINES


def test_a_dry_run_numbers_lines_like_the_real_one(make_books: BooksMaker):
    books = make_books()
    assert books.counted("purchases", SCATTERED, chunk=2, dry_run=True) == (7, 0, 0, 0)
    assert books.lines() == []
    books.load("purchases", SCATTERED)
    assert books.counted("purchases", SCATTERED, chunk=2, dry_run=True) == (0, 0, 7, 0)


def test_a_rejected_row_keeps_its_place_for_when_it_is_corrected(books: Books):
    rows = [
        row(document="D1", amount="1"),
        row(document="D1", amount="2.345"),
        row(document="D1", amount="3"),
    ]
    assert books.counted("purchases", rows) == (2, 0, 0, 1)
    assert books.lines() == [("D1", 1, 100), ("D1", 3, 300)]
    assert books.counted("purchases", [rows[0], {**rows[1], "amount": "2.35"}, rows[2]]) == (1, 0, 2, 0)
    assert books.lines() == [("D1", 1, 100), ("D1", 2, 235), ("D1", 3, 300)]


def test_a_corrected_rejects_file_adds_lines_and_overwrites_none(books: Books):
    books.load("purchases", [row(document="D1", amount="1"), row(document="D1", amount="3")])
    late = [
        row(document="D1", amount="2.35"),
        row(document="D1", amount="2.35"),
        row(document="D9", amount="9"),
    ]
    assert books.counted("purchases", late, sha="b" * 64, rejects=True) == (3, 0, 0, 0)
    assert books.lines() == [("D1", 1, 100), ("D1", 2, 300), ("D1", 3, 235), ("D1", 4, 235), ("D9", 1, 900)]
    assert books.counted("purchases", late, sha="b" * 64, rejects=True) == (0, 0, 3, 0)


def test_a_document_of_many_rows_is_numbered_to_the_end(make_books: BooksMaker):
    books = make_books()
    rows = [row(document="D", amount=str(i)) for i in range(1, 601)]
    assert books.counted("purchases", rows, chunk=130) == (600, 0, 0, 0)
    assert books.lines() == [("D", i, 100 * i) for i in range(1, 601)]
    assert books.counted("purchases", rows, chunk=77) == (0, 0, 600, 0)


CASES = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(-3, 3)), min_size=1, max_size=14)


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(CASES, st.integers(1, 5), st.integers(1, 5))
def test_any_file_gives_the_same_ledger_in_any_chunks_and_again(books_once: Books, case, chunk, other):
    books = books_once
    prefix = f"T{books.imports}-"
    rows = [row(document=prefix + name, amount=str(amount)) for name, amount in case]
    assert books.counted("purchases", rows, chunk=chunk) == (len(rows), 0, 0, 0)
    expected = sorted(
        (prefix + name, place, 100 * amount)
        for name in "ABCD"
        for place, amount in enumerate((a for n, a in case if n == name), 1)
    )
    assert [line for line in books.lines() if line[0].startswith(prefix)] == expected
    assert books.counted("purchases", rows, chunk=other) == (0, 0, len(rows), 0)
    totals = {
        n: sum(minor for number, _line, minor in expected if number == n) for n in {e[0] for e in expected}
    }
    assert {n: left for n, left in books.open().items() if n.startswith(prefix)} == totals


@pytest.fixture
def books_once(make_books: BooksMaker) -> Books:
    return make_books()


# -- tax


def test_an_amount_with_tax_and_a_rate_give_the_net_amount(books: Books):
    rows = [
        {"customer": "C1", "date": DAY, "gross": "113.00", "tax_rate": rate} for rate in ("13%", "0.13", "13")
    ]
    assert books.counted("purchases", rows) == (3, 0, 0, 0)
    assert {
        (r["net_minor"], r["tax_minor"]) for r in books.rows("SELECT net_minor, tax_minor FROM ledger_line")
    } == {(10000, 1300)}


def test_an_amount_with_tax_alone_is_rejected_unless_the_company_has_a_usual_rate(make_books: BooksMaker):
    rows = [{"customer": "C1", "date": DAY, "gross": "113.00"}]
    assert make_books().reasons("purchases", rows) == [(2, "gross")]
    books = make_books(settings='default_tax_rate = "0.13"')
    assert books.counted("purchases", rows) == (1, 0, 0, 0)
    assert books.purchases() == {"C1": 10000}


def test_rounding_follows_the_settings(make_books: BooksMaker):
    found = {}
    for rounding in ("half_up", "half_even"):
        books = make_books(settings=f'rounding = "{rounding}"')
        books.load("purchases", [row(amount="0.50", tax_rate="9%")])
        found[rounding] = books.rows("SELECT tax_minor FROM ledger_line")[0]["tax_minor"]
    assert found == {"half_up": 5, "half_even": 4}


def test_a_file_that_is_silent_on_tax_leaves_it_alone(books: Books):
    books.load("purchases", [row(document="D1", amount="100", tax="13")])
    assert books.counted("purchases", [row(document="D1", amount="100")]) == (0, 0, 1, 0)
    assert books.open() == {"D1": 11300}
    assert books.counted("purchases", [row(document="D1", amount="200")]) == (0, 1, 0, 0)
    assert books.open() == {"D1": 20000}


def test_a_file_that_is_silent_on_a_column_leaves_it_alone(books: Books):
    books.load("purchases", [row(document="D1", product="P1", quantity="2", cost="5")])
    assert books.counted("purchases", [row(document="D1")]) == (0, 0, 1, 0)
    empty = row(document="D1", product=None, quantity=None, cost="6")
    assert books.counted("purchases", [empty]) == (0, 1, 0, 0)
    (line,) = books.rows("SELECT product_id IS NULL AS none, quantity_micro, cost_minor FROM ledger_line")
    assert (bool(line["none"]), line["quantity_micro"], line["cost_minor"]) == (False, 2_000_000, 600)
    assert books.counted("purchases", [empty], clear_empty=True) == (0, 1, 0, 0)
    (line,) = books.rows("SELECT product_id IS NULL AS none, quantity_micro, cost_minor FROM ledger_line")
    assert (bool(line["none"]), line["quantity_micro"], line["cost_minor"]) == (True, None, 600)


def test_a_history_without_payments_may_be_taken_as_paid(make_books: BooksMaker):
    books = make_books(settings="purchases_paid = true")
    books.load("purchases", [row(document="D1"), row(document="D2", amount="-5")])
    assert books.open() == {"D1": 0, "D2": 0}
    assert books.purchases() == {"C1": 500}
