"""The rule book, case by case."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from crmcore_trade_ledger import rules
from crmcore_trade_ledger.rules import Claim, RuleBroken

DAY = date(2026, 3, 31)


def claim(number, open_minor, kind="invoice", day=DAY, currency="CNY", id=None):  # noqa: A002
    return Claim(id or sum(map(ord, number)), kind, currency, open_minor, day, number)


# -- what counts


@pytest.mark.parametrize(
    ("kind", "state", "holds"),
    [
        ("order", "draft", False),
        ("order", "released", True),
        ("order", "delivered", True),
        ("order", "invoiced", True),
        ("order", "cancelled", False),
        ("order", "posted", False),
        ("invoice", "draft", False),
        ("invoice", "posted", True),
        ("invoice", "cancelled", False),
        ("delivery", "posted", True),
        ("return", "posted", True),
        ("payment", "posted", True),
        ("payment", "released", False),
    ],
)
def test_a_document_is_in_force_neither_as_draft_nor_cancelled(kind, state, holds):
    assert rules.in_force(kind, state) is holds


def bases(kind, *sources, state=None):
    mask = rules.counts_in(kind, state or rules.USUAL_STATE[kind], sources)
    return {basis for basis, bit in rules.BASIS.items() if mask & bit}


def test_an_invoice_without_anything_before_it_counts_in_every_basis():
    assert bases("invoice") == {"invoiced", "delivered", "ordered"}


def test_of_a_whole_trade_each_document_counts_in_one_basis():
    assert bases("order") == {"ordered"}
    assert bases("delivery", "order") == {"delivered"}
    assert bases("invoice", "delivery", "order") == {"invoiced"}


def test_an_invoice_made_straight_from_an_order_counts_for_the_delivery_too():
    assert bases("invoice", "order") == {"invoiced", "delivered"}


def test_a_delivery_without_an_order_counts_for_the_order_too():
    assert bases("delivery") == {"delivered", "ordered"}
    assert bases("invoice", "delivery") == {"invoiced"}


def test_returns_count_in_every_basis_whatever_they_come_from():
    assert bases("return", "invoice") == {"invoiced", "delivered", "ordered"}


def test_payments_drafts_and_cancelled_documents_count_nowhere():
    assert bases("payment") == set()
    for kind in rules.KINDS:
        assert bases(kind, state="draft") == bases(kind, state="cancelled") == set()


# -- amounts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"net": 10000}, (10000, 0, 10000)),
        ({"net": 10000, "rate": Decimal("0.13")}, (10000, 1300, 11300)),
        ({"net": 10000, "tax": 1300}, (10000, 1300, 11300)),
        ({"net": 10000, "gross": 11300}, (10000, 1300, 11300)),
        ({"gross": 11300, "rate": Decimal("0.13")}, (10000, 1300, 11300)),
        ({"gross": 11300, "tax": 1300}, (10000, 1300, 11300)),
        ({"gross": 10000, "rate": Decimal(0)}, (10000, 0, 10000)),
        ({"net": -10000, "rate": Decimal("0.13")}, (-10000, -1300, -11300)),
        # 50 × 0.09 = 4.5: a half is rounded up, away from nothing.
        ({"net": 50, "rate": Decimal("0.09")}, (50, 5, 55)),
        ({"net": -50, "rate": Decimal("0.09")}, (-50, -5, -55)),
        # What is given is kept, even where the rate would give another tax.
        ({"net": 10000, "tax": 1299, "rate": Decimal("0.13")}, (10000, 1299, 11299)),
        ({"net": 10000, "tax": 1300, "gross": 11300}, (10000, 1300, 11300)),
        # The smallest amounts: rounding may bring the tax up to the amount, not above.
        ({"net": 1, "tax": 1}, (1, 1, 2)),
        # A gift that bears tax.
        ({"net": 0, "tax": 13}, (0, 13, 13)),
    ],
)
def test_amounts_are_completed(given, expected):
    full = {"net": None, "tax": None, "gross": None, "rate": None, **given}
    assert rules.amounts(**full) == expected


def test_half_even_rounds_a_half_to_the_even_neighbour():
    assert rules.amounts(50, None, None, Decimal("0.09"), "half_even").tax == 4
    assert rules.amounts(150, None, None, Decimal("0.09"), "half_even").tax == 14
    assert rules.amounts(50, None, None, Decimal("0.09"), "half_up").tax == 5
    assert rules.amounts(150, None, None, Decimal("0.09"), "half_up").tax == 14


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "the amount is missing"),
        ({"tax": 5}, "the amount is missing"),
        ({"gross": 100}, "only the amount with tax is given"),
        ({"net": 100, "tax": 13, "gross": 114}, "do not add up"),
        ({"net": 100, "tax": -13}, "does not fit"),
        ({"net": -100, "tax": 13}, "does not fit"),
        ({"net": 100, "tax": 101}, "does not fit"),
    ],
)
def test_amounts_that_cannot_be_are_refused(given, sentence):
    full = {"net": None, "tax": None, "gross": None, "rate": None, **given}
    with pytest.raises(RuleBroken, match=sentence):
        rules.amounts(**full)


@pytest.mark.parametrize(
    ("stated", "rate"), [("0.13", "0.13"), ("13", "0.13"), ("1", "0.01"), ("0", "0"), ("99", "0.99")]
)
def test_a_tax_rate_may_be_written_as_share_or_percent(stated, rate):
    assert rules.tax_rate(Decimal(stated)) == Decimal(rate)


@pytest.mark.parametrize("stated", ["100", "-0.13", "-1"])
def test_an_impossible_tax_rate_is_refused(stated):
    with pytest.raises(RuleBroken):
        rules.tax_rate(Decimal(stated))


def test_quantity_times_price_is_rounded_to_the_currency():
    assert rules.priced(2_500_000, Decimal("3.33"), 2) == 833
    assert rules.priced(2_500_000, Decimal("3.33"), 0) == 8
    assert rules.priced(-2_500_000, Decimal("3.33"), 2) == -833
    assert rules.priced(1_500_000, Decimal("0.01"), 2) == 2
    assert rules.priced(1_500_000, Decimal("0.01"), 2, "half_even") == 2
    assert rules.priced(2_500_000, Decimal("0.01"), 2, "half_even") == 2


def test_a_return_is_negative_whichever_sign_is_written():
    assert rules.returned(5) == rules.returned(-5) == -5


# -- what is open


@pytest.mark.parametrize(
    ("kind", "state", "cash", "left"),
    [
        ("invoice", "posted", False, 70),
        ("invoice", "posted", True, 0),
        ("invoice", "draft", False, 0),
        ("invoice", "cancelled", False, 0),
        ("return", "posted", False, 70),
        ("payment", "posted", False, 70),
        ("delivery", "posted", False, 0),
        ("order", "released", False, 70),
        ("order", "delivered", False, 0),
        ("order", "invoiced", False, 0),
        ("order", "draft", False, 0),
    ],
)
def test_what_is_open_is_what_is_not_settled(kind, state, cash, left):
    assert rules.open_amount(kind, state, 100, 30, cash=cash) == left
    assert cash or rules.open_amount(kind, state, 100, 30) == left


def test_an_allocation_takes_from_both_sides():
    payment, invoice = claim("P", 100, "payment"), claim("I", 80)
    rules.check_allocation(payment, invoice, 80)
    assert rules.open_after(payment, invoice, 80) == (20, 0)


def test_a_credit_note_settles_an_invoice_in_place_of_a_payment():
    credit, invoice = claim("CN", -30, "return"), claim("I", 80)
    rules.check_allocation(credit, invoice, 30)
    assert rules.open_after(credit, invoice, 30) == (0, 50)


def test_money_paid_back_settles_a_credit_note():
    refund, credit = claim("P", -30, "payment"), claim("CN", -30, "return")
    rules.check_allocation(refund, credit, -30)
    assert rules.open_after(refund, credit, -30) == (0, 0)


@pytest.mark.parametrize(
    ("source", "target", "amount", "sentence"),
    [
        (claim("P", 100, "payment"), claim("I", 80), 81, "more than is open on I"),
        (claim("P", 50, "payment"), claim("I", 80), 51, "more than is open on P"),
        (claim("P", 100, "payment"), claim("I", 80), -1, "more than is open on P"),
        (claim("P", 100, "payment"), claim("I", 80), 0, "is 0"),
        (claim("P", 0, "payment"), claim("I", 80), 1, "more than is open on P"),
        (claim("P", 100, "payment"), claim("I", 0), 1, "more than is open on I"),
        (claim("P", 100, "payment"), claim("CN", -80), 10, "more than is open on CN"),
        (claim("CN", -30, "return"), claim("I", 80), 31, "more than is open on CN"),
        (claim("P", 100, "payment", currency="USD"), claim("I", 80), 10, "P is in USD, I in CNY"),
        (claim("O", 100, "order"), claim("I", 80), 10, "only payments and credit notes"),
        (claim("P", 100, "payment"), claim("O", 80, "order"), 10, "invoices and returns only"),
        (claim("P", 100, "payment"), claim("P2", 80, "payment"), 10, "invoices and returns only"),
        (claim("I", 80), claim("I", 80), 10, "settle itself"),
    ],
)
def test_an_allocation_against_the_rules_is_refused(source, target, amount, sentence):
    with pytest.raises(RuleBroken, match=sentence):
        rules.check_allocation(source, target, amount)


def test_the_invoice_due_first_is_settled_first():
    invoices = [
        claim("B", 50, day=date(2026, 2, 1)),
        claim("A", 50, day=date(2026, 2, 1)),
        claim("C", 50, day=date(2026, 1, 1)),
    ]
    ids = {c.number: c.id for c in invoices}
    assert rules.allocate_oldest(claim("P", 120, "payment"), invoices) == [
        (ids["C"], 50),
        (ids["A"], 50),
        (ids["B"], 20),
    ]


def test_a_payment_settles_neither_other_currencies_nor_credit_notes():
    others = [claim("U", 50, currency="USD"), claim("CN", -50, "return")]
    assert rules.allocate_oldest(claim("P", 120, "payment"), others) == []


# -- orders


def test_an_order_line_is_done_by_quantity():
    assert rules.fulfilled_share(10_000_000, 4_000_000, 100, 99) == Fraction(2, 5)
    assert rules.fulfilled_share(10_000_000, 12_000_000, 100, 0) == 1
    assert rules.fulfilled_share(10_000_000, -1_000_000, 100, 0) == 0


def test_an_order_line_without_a_quantity_is_done_by_amount():
    assert rules.fulfilled_share(None, 0, 200, 50) == Fraction(1, 4)
    assert rules.fulfilled_share(None, 0, 0, 0) == 1


def test_the_part_of_an_order_that_is_done_is_rounded_half_up():
    assert rules.fulfilled_amount(101, Fraction(1, 2)) == 51
    assert rules.fulfilled_amount(100, Fraction(1, 3)) == 33


@pytest.mark.parametrize(
    ("delivered", "invoiced", "state"),
    [
        (0, 0, "released"),
        (Fraction(1, 2), 0, "released"),
        (1, 0, "delivered"),
        (1, Fraction(1, 2), "delivered"),
        (1, 1, "invoiced"),
    ],
)
def test_an_order_reaches_a_state_when_all_its_lines_have(delivered, invoiced, state):
    assert rules.reached(Fraction(delivered), Fraction(invoiced)) == state


def test_a_file_does_not_take_back_how_far_an_order_has_come():
    assert rules.restated("order", "delivered", "released") == "delivered"
    assert rules.restated("order", "released", "invoiced") == "invoiced"
    assert rules.restated("order", "delivered", "cancelled") == "cancelled"
    assert rules.restated("order", "cancelled", "released") == "released"
    assert rules.restated("order", "draft", "released") == "released"
    assert rules.restated("invoice", "posted", "draft") == "draft"


# -- ageing and names


@pytest.mark.parametrize(
    ("late", "bucket"),
    [
        (-5, "current"),
        (0, "current"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, ">90"),
    ],
)
def test_ageing_buckets_end_on_their_last_day(late, bucket):
    assert rules.bucket_names([30, 60, 90])[rules.ageing_bucket(late, [30, 60, 90])] == bucket


def test_days_late_are_counted_from_the_day_after_the_due_date():
    assert rules.days_late(date(2026, 4, 1), DAY) == 1
    assert rules.days_late(DAY, DAY) == 0


@pytest.mark.parametrize(
    ("day", "first"),
    [
        ("2026-03-02", "2025-03-03"),
        ("2026-12-31", "2026-01-01"),
        ("2024-02-29", "2023-03-01"),
        ("2025-02-28", "2024-02-29"),
    ],
)
def test_twelve_months_end_on_the_day_itself(day, first):
    assert rules.year_before(date.fromisoformat(day)) == date.fromisoformat(first)


def test_a_row_without_a_document_is_named_by_file_and_row():
    assert rules.number_of_row("ab" * 32, 7) == "abababababababab-0000007"
    assert rules.number_of_row("ab" * 32, 12_345_678) == "abababababababab-12345678"
    assert rules.number_of_row("ac" * 32, 7) != rules.number_of_row("ab" * 32, 7)
