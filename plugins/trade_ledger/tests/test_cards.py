"""What people see of the ledger elsewhere: on cards, in their work, in reports."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer, UsageProblem
from crmcore.testing import ACTOR
from crmcore_trade_ledger import cards, reports, work
from crmcore_trade_ledger.claims import CLAIMS, open_documents
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine

if TYPE_CHECKING:
    from crmcore.testing import StandingClock
    from plugins.trade_ledger.tests.conftest import Books, BooksMaker

# The clock of the tests stands at 2026-03-02.


def invoice(document, amount="100", customer="C1", date="2026-01-10", **more):
    return {"document": document, "date": date, "customer": customer, "amount": amount, **more}


@pytest.fixture
def trading(books: Books) -> Books:
    """Return a company with some invoices, due in time and overdue, a credit note, and payments."""
    rows = [
        invoice("IV1", due="2026-02-01"),
        invoice("IV2", "200", due="2026-03-02"),
        invoice("IV3", "50", due="2025-10-01", date="2025-09-01"),
        invoice("IV4", "7", customer="C2", due="2026-02-20"),
        invoice("IV5", "9", currency="USD", due="2026-02-10"),
        invoice("OLD", "1000", date="2025-03-02", due="2025-04-01"),
    ]
    books.load("invoices", rows)
    books.load("returns", [invoice("CN1", "30", date="2026-01-20")])
    books.load("payments", [invoice("P1", "1000", date="2025-04-01"), invoice("P2", "40", date="2026-02-25")])
    books.load("allocations", [{"payment": "P1", "document": "OLD", "amount": "1000"}])
    return books


def sections(
    books: Books, codes: list[str], as_of: date | None = None
) -> list[tuple[str, str, dict[str, Any]]]:
    ids = {code: number for number, code in books.codes().items()}
    with books.app.read("trade_ledger") as ctx:
        found = list(cards.sections([ids[code] for code in codes], as_of, ctx))
    names = books.codes()
    assert all(set(s.labels) == set(s.data) for s in found)
    return [(names[s.customer_id], s.name, dict(s.data)) for s in found]


def test_a_card_shows_what_is_owed_per_currency(trading: Books):
    owed = [
        (code, data) for code, name, data in sections(trading, ["C1", "C2", "C3"]) if name == "receivables"
    ]
    assert owed == [
        (
            "C1",
            {
                "currency": "CNY",
                "open_minor": 32000,
                "overdue_minor": 15000,
                "unallocated_minor": 4000,
                "documents": 4,
                "oldest_due": "2025-10-01",
            },
        ),
        (
            "C1",
            {
                "currency": "USD",
                "open_minor": 900,
                "overdue_minor": 900,
                "unallocated_minor": 0,
                "documents": 1,
                "oldest_due": "2026-02-10",
            },
        ),
        (
            "C2",
            {
                "currency": "CNY",
                "open_minor": 700,
                "overdue_minor": 700,
                "unallocated_minor": 0,
                "documents": 1,
                "oldest_due": "2026-02-20",
            },
        ),
    ]


def test_a_card_shows_twelve_months_of_purchases_and_the_last(trading: Books):
    bought = [(code, data) for code, name, data in sections(trading, ["C1", "C3"]) if name == "purchases"]
    assert bought == [
        ("C1", {"currency": "CNY", "amount_minor": 32000, "since": "2025-03-03", "last_on": "2026-01-20"}),
        ("C1", {"currency": "USD", "amount_minor": 900, "since": "2025-03-03", "last_on": "2026-01-10"}),
    ]


def test_a_card_of_a_past_day_shows_what_the_ledger_knew_then(books: Books, clock: StandingClock):
    books.load("invoices", [invoice("IV1"), invoice("IV2", "200", due="2026-03-01")])
    seen = sections(books, ["C1"])
    clock.move(days=1)
    books.load(
        "invoices", [invoice("LATE", "70", date="2026-01-05"), invoice("IV2", "250", due="2026-03-01")]
    )
    books.load("payments", [invoice("P1", "100", date="2026-01-15")])
    books.load("allocations", [{"payment": "P1", "document": "IV1", "amount": "100", "date": "2026-02-01"}])
    assert sections(books, ["C1"]) != seen
    assert sections(books, ["C1"], date(2026, 3, 2)) == seen
    assert sections(books, ["C1"], date(2026, 3, 3)) == sections(books, ["C1"])
    assert sections(books, ["C1"], date(2026, 3, 1)) == [], "nothing was loaded yet, old as the invoices are"


def test_what_was_deleted_or_billed_to_another_since_is_on_the_card_of_then(
    books: Books, clock: StandingClock
):
    books.load("invoices", [invoice("IV1"), invoice("IV2", "200", bill_to="C2")])
    first, second = sections(books, ["C1"]), sections(books, ["C2"])
    clock.move(days=1)
    books.load("invoices", [invoice("IV2", "200", bill_to="C3")])
    with books.app.write(ACTOR, plugin="trade_ledger") as tx:
        (line, *_others) = tx.connection.scalars(sa.text("SELECT id FROM ledger_line ORDER BY id"))
        tx.delete(LedgerLine, [line])
        tx.delete(LedgerDocument, [1])
    assert (sections(books, ["C1"]), sections(books, ["C2"])) != (first, second)
    assert sections(books, ["C1"], date(2026, 3, 2)) == first
    assert sections(books, ["C2"], date(2026, 3, 2)) == second
    assert sections(books, ["C3"], date(2026, 3, 2)) == []


def claims_by_date(books: Books, day: date) -> dict[str, int]:
    with books.app.read("trade_ledger") as ctx:
        found = open_documents(ctx.connection, (*CLAIMS, "payment"), None, day)
        return {claim.number: claim.open_minor for claim in found}


def test_by_the_dates_of_documents_money_was_not_yet_allocated_on_a_past_day(books: Books):
    books.load("invoices", [invoice("IV1")])
    books.load("payments", [invoice("P1", "100", date="2026-01-15")])
    books.load("allocations", [{"payment": "P1", "document": "IV1", "amount": "100", "date": "2026-02-01"}])
    assert claims_by_date(books, date(2026, 1, 31)) == {"IV1": 10000, "P1": 10000}
    assert claims_by_date(books, date(2026, 2, 1)) == {}


def test_by_the_dates_of_documents_a_credit_note_allocated_later_was_open_before(books: Books):
    books.load("invoices", [invoice("IV1")])
    books.load("returns", [invoice("CN1", "30", date="2026-01-15")])
    books.load("allocations", [{"payment": "CN1", "document": "IV1", "amount": "30", "date": "2026-02-01"}])
    assert claims_by_date(books, date(2026, 1, 31)) == {"IV1": 10000, "CN1": -3000}
    assert claims_by_date(books, date(2026, 1, 14)) == {"IV1": 10000}


def test_cards_of_nobody_are_empty(trading: Books):
    assert sections(trading, []) == sections(trading, ["C5"]) == []


# -- work


def items(books: Books, actor: str = ACTOR, since: date | None = None) -> list[Any]:
    with books.app.read("trade_ledger", actor) as ctx:
        return list(work.overdue_items(actor, since, ctx))


def test_customers_overdue_beyond_patience_are_something_to_do(trading: Books):
    (item,) = items(trading)
    assert item.key == f"ledger:overdue:{item.customer_id}"
    assert trading.codes()[item.customer_id] == "C1"
    assert (item.due, item.severity) == (date(2025, 10, 1), "critical")
    assert item.title == (
        "Customer 1 owes 150.00 CNY, 9.00 USD overdue (3 invoices, the oldest due on 2025-10-01): ask for payment"
    )
    assert item.command == "crm ledger documents --customer C1 --open"


@pytest.mark.parametrize(("days", "found"), [(9, 2), (10, 1), (18, 1), (151, 1), (152, 0)])
def test_patience_ends_the_day_after_its_last(make_books: BooksMaker, days, found):
    books = make_books(settings=f"overdue_days = {days}")
    rows = [
        invoice("IV3", "50", due="2025-10-01", date="2025-09-01"),
        invoice("IV4", "7", customer="C2", due="2026-02-20"),
    ]
    books.load("invoices", rows)
    assert len(items(books)) == found


def test_the_largest_debts_come_first_and_not_more_than_wanted(make_books: BooksMaker):
    books = make_books(settings="overdue_customers = 2")
    rows = [invoice(f"IV{i}", str(10 * i), customer=f"C{i}", due="2026-01-20") for i in (1, 2, 3)]
    books.load("invoices", rows)
    assert [books.codes()[item.customer_id] for item in items(books)] == ["C3", "C2"]
    assert {item.severity for item in items(books)} == {"warning"}


def test_who_owns_customers_sees_theirs_and_those_of_nobody(books: Books):
    ids = {code: number for number, code in books.codes().items()}
    with books.app.write(ACTOR) as tx:
        tx.update(Customer, [(ids["C1"], {"owner": "li"}), (ids["C2"], {"owner": "wang"})])
    books.load("invoices", [invoice(f"IV{i}", customer=f"C{i}", due="2026-01-20") for i in (1, 2, 3)])
    seen = {
        actor: sorted(books.codes()[item.customer_id] for item in items(books, actor))
        for actor in ("li", "manager")
    }
    assert seen == {"li": ["C1", "C3"], "manager": ["C1", "C2", "C3"]}


def test_only_matters_that_arose_since_a_day_are_told(books: Books):
    books.load(
        "invoices", [invoice("IV1", due="2026-01-20"), invoice("IV2", customer="C2", due="2026-02-10")]
    )
    # Patience is 14 days: they became something to do on 4 and on 25 February.
    assert len(items(books, since=date(2026, 2, 4))) == 2
    assert len(items(books, since=date(2026, 2, 5))) == 1
    assert len(items(books, since=date(2026, 2, 26))) == 0


# -- reports


def test_receivables_are_aged_by_due_date(trading: Books):
    with trading.app.read("trade_ledger") as ctx:
        report = reports.receivables_report(ctx, {})
        tables = {table.currency: list(table.rows) for table in report.tables}
    assert report.title == "Receivables by age on 2026-03-02"
    # customer, name, open, not yet due, 1-30, 31-60, 61-90, > 90, payments not allocated
    assert tables["CNY"] == [
        ("C1", "Customer 1", 32000, 20000, 10000, -3000, 0, 5000, 4000),
        ("C2", "Customer 2", 700, 0, 700, 0, 0, 0, 0),
    ]
    assert tables["USD"] == [("C1", "Customer 1", 900, 0, 900, 0, 0, 0, 0)]
    assert [str(value) for value in report.charts[0].values] == [
        "200.00",
        "107.00",
        "-30.00",
        "0.00",
        "50.00",
    ]


def test_receivables_may_be_aged_by_invoice_date_and_on_a_past_day(trading: Books):
    with trading.app.read("trade_ledger") as ctx:
        report = reports.receivables_report(ctx, {"by": "invoice", "as_of": "2025-03-31"})
        (table,) = report.tables
    assert list(table.rows) == [("C1", "Customer 1", 100000, 0, 100000, 0, 0, 0, 0)]


def test_bounds_of_ageing_are_the_companys(make_books: BooksMaker):
    books = make_books(settings="ageing_bounds = [45, 15]")
    books.load("invoices", [invoice("IV1", due="2026-02-01"), invoice("IV2", due="2026-02-15")])
    with books.app.read("trade_ledger") as ctx:
        (table,) = reports.receivables_report(ctx, {}).tables
    assert [column.title for column in table.columns[3:-1]] == [
        "not yet due",
        "1-15 days",
        "16-45 days",
        ">45 days",
    ]
    assert next(iter(table.rows))[3:-1] == (0, 10000, 10000, 0)


def test_sales_are_added_up_by_month(trading: Books):
    with trading.app.read("trade_ledger") as ctx:
        report = reports.sales_by_month(ctx, {})
        tables = {table.currency: list(table.rows) for table in report.tables}
    assert tables["CNY"] == [("2025-09", 5000, 1, 1), ("2026-01", 27700, 2, 4)]
    assert tables["USD"] == [("2026-01", 900, 1, 1)]
    with trading.app.read("trade_ledger") as ctx:
        report = reports.sales_by_month(ctx, {"from": "2025-01-01", "to": "2025-08-31"})
    assert [list(table.rows) for table in report.tables] == [[("2025-03", 100000, 1, 1)]]


def test_a_day_that_is_none_is_a_usage_problem(books: Books):
    with books.app.read("trade_ledger") as ctx, pytest.raises(UsageProblem, match="as_of = 'soon'"):
        reports.receivables_report(ctx, {"as_of": "soon"})


def test_reports_of_an_empty_ledger_are_empty(books: Books):
    with books.app.read("trade_ledger") as ctx:
        assert reports.receivables_report(ctx, {}).tables == reports.sales_by_month(ctx, {}).tables == ()
