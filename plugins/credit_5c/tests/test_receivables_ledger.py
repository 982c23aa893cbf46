"""Receivables together with the ledger, from the files that a company imports."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("crmcore_trade_ledger") is None, reason="trade_ledger is not installed"
)

CUSTOMERS = "code,name\nK1,Eins\nK2,Zwei\n"
INVOICES = """customer,date,amount,document,due,currency
K1,2025-11-01,1000.00,R1,2025-12-01,CNY
K1,2026-01-10,400.00,R2,2026-02-09,CNY
K1,2026-02-01,-100.00,G1,,CNY
K2,2026-02-20,50.00,R3,2026-03-20,USD
"""
PAYMENTS = "customer,date,amount,document,currency\nK1,2026-01-20,600.00,Z1,CNY\n"
ALLOCATIONS = "payment,document,amount,date\nZ1,R1,600.00,2026-01-20\nG1,R2,100.00,2026-02-15\n"


@pytest.fixture
def books(make_app, crm, database, tmp_path):
    make_app(["trade_ledger", "credit_5c"], database, settings='USD = "7.12"\n')
    for name, text in (
        ("customers", CUSTOMERS),
        ("invoices", INVOICES),
        ("payments", PAYMENTS),
        ("allocations", ALLOCATIONS),
    ):
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
        crm.ok("import", name, tmp_path / f"{name}.csv")
    return crm


def amounts(crm, *words):
    return [one["amount_minor"] for one in crm.json("credit", "ageing", *words)["buckets"]]


def test_today_is_what_is_open_in_the_ledger(books):
    assert amounts(books) == [35_600, 30_000, 0, 0, 40_000]


def test_a_payment_counts_from_the_day_it_was_allocated(books):
    assert amounts(books, "--as-of", "2026-01-19") == [40_000, 0, 100_000, 0, 0]
    assert amounts(books, "--as-of", "2026-01-20") == [40_000, 0, 40_000, 0, 0]


def test_a_credit_note_in_a_payments_place_is_open_until_it_is_allocated(books):
    # Before 15 February the invoice is open in full, and the credit note beside it.
    assert amounts(books, "--as-of", "2026-02-10") == [0, 40_000 - 10_000, 0, 40_000, 0]
    assert amounts(books, "--as-of", "2026-02-15") == [0, 30_000, 0, 40_000, 0]


def test_the_other_commands_read_the_same_books(books):
    (line,) = books.lines("credit", "dunning", "list")
    assert (line["customer"], line["days"], line["amount_minor"]) == ("K1", 91, 70_000)
    # Of R1 400.00 are open, below the threshold of 500.00; with R2 they are above it since 10 February.
    found = books.json("credit", "default", "K1")
    assert (found["state"], found["past_due"]["days"]) == ("performing", 21)
    # 600.00 were 50 days late; the credit note settled 100.00 after 6 days.
    assert books.json("credit", "dso", "--from", "2026-01-01")["days_beyond_terms"] == "43.7"
    assert books.json("credit", "forecast")["total_minor"] == 35_600 + 70_000
    assert books.json("jobs", "run", "credit_alarms")["state"] == "done"
