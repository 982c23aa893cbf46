"""The books of a simulation day by day: what is owed, ordered and paid before an order is judged."""

from __future__ import annotations

from datetime import date, timedelta

from crmcore_credit_5c.rules.holds import Account
from crmcore_credit_5c.rules.simulation import (
    Books,
    Event,
    Fate,
    Invoiced,
    Kind,
    fate_of_order,
    fates,
    standings,
)

START = date(2025, 1, 1)


def on(day: int, kind: Kind, matter: int, amount: int, due: int | None = None, who: int = 1) -> Event:
    due_on = None if due is None else START + timedelta(days=due)
    return Event(START + timedelta(days=day), kind, who, matter, amount, due_on)


def before(*events: Event) -> Account:
    """Return how the customer stood before the order on day 10."""
    standing = next(one for one in standings([*events, on(10, "order", 99, 1)]) if one.order.matter == 99)
    assert standing.own == standing.group, "one customer is the whole group"
    return standing.own


def test_of_an_order_counts_what_is_not_invoiced_and_of_an_invoice_what_is_not_paid() -> None:
    """Ordered 100, of it 60 invoiced, of that 25 paid of a payment of 30."""
    assert before(
        on(1, "order", 1, 100),
        on(2, "invoiced", 1, 60),
        on(2, "invoice", 2, 60, due=4),
        on(3, "payment", 3, 30),
        on(3, "settlement", 2, 25),
    ) == Account(None, 40 + 35, 35, 5, 6)


def test_an_invoice_that_came_before_its_order_is_not_counted_twice() -> None:
    assert before(on(1, "invoiced", 1, 60), on(2, "order", 1, 100)).undelivered_minor == 40
    assert before(on(1, "invoiced", 1, 120), on(2, "order", 1, 100)).undelivered_minor == 0
    more = (on(1, "order", 1, 100), on(2, "invoiced", 1, 130), on(3, "order", 2, 50))
    assert before(*more).undelivered_minor == 50, "what is invoiced beyond an order is no credit for another"


def test_what_happens_on_the_day_of_an_order_is_booked_before_it_is_judged() -> None:
    paid = (on(10, "settlement", 200, 60), on(10, "payment", 300, 60), on(10, "invoice", 200, 60))
    assert before(*paid) == Account(None, 0, 0, 0, 0)
    assert before(on(10, "order", 98, 7)).exposure_minor == 7, "orders of a day in the order of their numbers"
    assert before(on(11, "invoice", 2, 60)) == Account(None, 0, 0, 0, 0)


def test_the_oldest_open_invoice_counts_and_credit_notes_are_none() -> None:
    assert before(on(1, "invoice", 2, 60, due=3), on(1, "invoice", 3, 60, due=8)).oldest_days == 7
    assert before(on(1, "invoice", 2, 60, due=3), on(2, "settlement", 2, 59)).oldest_days == 7
    settled = (on(1, "invoice", 2, 60, due=3), on(2, "settlement", 2, 60), on(1, "invoice", 3, 60, due=8))
    assert before(*settled).oldest_days == 2
    assert before(on(1, "invoice", 2, 60)).oldest_days == 9, "without terms it is due at once"
    assert before(on(1, "invoice", 2, 1)).oldest_days == 9, "little owed is owed"
    assert before(on(1, "invoice", 2, 60, due=10)).oldest_days == 0
    assert before(on(1, "invoice", 2, -60, due=3)) == Account(None, -60, -60, 0, 0)


def test_more_settled_than_paid_leaves_no_payment_below_nothing() -> None:
    assert before(on(1, "invoice", 2, 60), on(2, "settlement", 2, 60)).unallocated_minor == 0


def test_a_member_stands_on_its_own_books_and_the_group_on_those_of_all() -> None:
    events = [
        on(1, "invoice", 2, 60, who=1), on(1, "invoice", 3, 40, who=2), on(5, "order", 4, 7, who=2),
        on(6, "order", 5, 9, who=1),
    ]  # fmt: skip
    found = list(standings(events))
    assert [(one.order.matter, one.own.exposure_minor, one.group.exposure_minor) for one in found] == [
        (4, 40, 100),
        (5, 60, 107),
    ]


def test_an_account_of_the_past_has_no_limit_of_its_own() -> None:
    books = Books()
    books.book(on(1, "invoice", 2, 60))
    assert books.account(START) == Account(None, 60, 60, 0, 0), "nothing is past due before it was made"


# -- what became of it -------------------------------------------------------------------------------------------


def fate(*events: Event, today: int = 99) -> Fate | None:
    return fates(events, START + timedelta(days=today)).get(7)


def test_what_was_paid_late_is_late_and_what_is_given_back_is_not() -> None:
    made = on(0, "invoice", 7, 100, due=30)
    assert fate(made, on(31, "settlement", 7, 60), on(40, "settlement", 7, -20)) == Fate(100, 40, 60)
    assert fate(made, on(30, "settlement", 7, 100), on(40, "settlement", 7, -20)) == Fate(100, 0, 20)
    assert fate(made, on(31, "settlement", 7, 100)) == Fate(100, 100, 0)


def test_orders_and_payments_are_no_fate_of_an_invoice() -> None:
    made = on(0, "invoice", 7, 100, due=30)
    assert fate(made, on(1, "payment", 7, 100), on(2, "order", 7, 50), on(3, "invoiced", 7, 50)) == Fate(
        100, 0, 100
    )
    assert fate(on(1, "settlement", 7, 100)) is None, "of an invoice that nobody knows"
    assert fate(on(0, "invoice", 7, 0)) is None
    assert fate(on(0, "invoice", 7, 1)) == Fate(1, 0, 1)
    assert Fate(1) == Fate(1, 0, 0)
    assert Fate() == Fate(0, 0, 0)


def test_what_is_settled_beyond_an_invoice_is_not_owed_below_nothing() -> None:
    found = fate(on(0, "invoice", 7, 100, due=30), on(1, "settlement", 7, 130))
    assert found is not None
    assert found.unpaid_minor == 0


def test_the_share_of_an_order_is_rounded_down() -> None:
    invoices = {7: Fate(3, 2, 1)}
    assert fate_of_order([Invoiced(1, 7, 2)], invoices) == Fate(2, 1, 0)
    two = [Invoiced(1, 9, 5), Invoiced(1, 7, 3), Invoiced(1, 8, 4)]
    assert fate_of_order(two, {**invoices, 8: Fate(4, 0, 4)}) == Fate(7, 2, 5), "unknown ones are passed over"
