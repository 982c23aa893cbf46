"""Standings and fates, against an oracle that looks at all events anew for each order."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crmcore_credit_5c.rules.simulation import Event, Fate, Invoiced, fate_of_order, fates, standings

START = date(2025, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


@st.composite
def books(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    matters = iter(range(1, 1000))
    for _each in range(draw(st.integers(0, 8))):
        who, amount = draw(st.integers(1, 3)), draw(st.integers(1, 500))
        made, order, invoice = draw(st.integers(0, 40)), next(matters), next(matters)
        events.append(Event(day(made), "order", who, order, amount))
        if draw(st.booleans()):
            billed = made + draw(st.integers(0, 20))
            events.append(Event(day(billed), "invoiced", who, order, amount))
            due = draw(st.none() | st.integers(0, 30).map(lambda late, billed=billed: day(billed + late)))  # type: ignore[misc]
            events.append(Event(day(billed), "invoice", who, invoice, amount, due))
            if draw(st.booleans()):
                paid, part = billed + draw(st.integers(0, 50)), draw(st.integers(1, amount))
                events.append(Event(day(paid), "payment", who, next(matters), part))
                events.append(Event(day(paid), "settlement", who, invoice, part))
    return draw(st.permutations(events))


@given(books())
def test_an_order_stands_on_what_was_booked_by_its_day_and_on_the_orders_before(events: list[Event]) -> None:
    found = {one.order.matter: one for one in standings(events)}
    orders = sorted((e for e in events if e.kind == "order"), key=lambda e: (e.day, e.matter))
    assert list(found) == [order.matter for order in orders]
    for place, order in enumerate(orders):
        for account, mine in (
            (found[order.matter].own, [e for e in events if e.customer == order.customer]),
            (found[order.matter].group, events),
        ):
            until = [e for e in mine if e.day <= order.day]
            earlier = [e for e in orders[:place] if e in mine]
            owed = sum(e.amount_minor for e in until if e.kind == "invoice")
            owed -= sum(e.amount_minor for e in until if e.kind == "settlement")
            waiting = 0
            for one in earlier:
                billed = sum(e.amount_minor for e in until if e.kind == "invoiced" and e.matter == one.matter)
                waiting += max(one.amount_minor - billed, 0)
            assert account.owed_minor == owed
            assert account.exposure_minor == owed + waiting
            paid = sum(e.amount_minor for e in until if e.kind == "payment")
            settled = sum(e.amount_minor for e in until if e.kind == "settlement")
            assert account.unallocated_minor == max(paid - settled, 0)
            assert account.oldest_days == oldest(until, order.day)


def oldest(until: list[Event], on: date) -> int:
    days = [0]
    for one in until:
        if one.kind == "invoice" and one.amount_minor > 0:
            settled = sum(e.amount_minor for e in until if e.kind == "settlement" and e.matter == one.matter)
            if settled < one.amount_minor:
                days.append((on - (one.due_on or one.day)).days)
    return max(days)


def invoice(amount: int, due: int | None, *settled: tuple[int, int]) -> list[Event]:
    due_on = None if due is None else day(due)
    events = [Event(day(0), "invoice", 1, 7, amount, due_on)]
    return [*events, *(Event(day(on), "settlement", 1, 7, part) for on, part in settled)]


def test_what_is_paid_on_the_day_it_is_due_is_in_time_and_a_day_later_late() -> None:
    assert fates(invoice(100, 30, (30, 100)), day(99))[7] == Fate(100, 0, 0)
    assert fates(invoice(100, 30, (30, 60), (31, 40)), day(99))[7] == Fate(100, 40, 0)


def test_what_is_open_is_unpaid_only_after_it_was_due() -> None:
    assert fates(invoice(100, 30, (10, 70)), day(30))[7] == Fate(100, 0, 0)
    assert fates(invoice(100, 30, (10, 70)), day(31))[7] == Fate(100, 0, 30)
    assert fates(invoice(100, None), day(1))[7] == Fate(100, 0, 100), "without terms it is due at once"


def test_a_credit_note_has_no_fate() -> None:
    assert fates(invoice(-100, 30), day(99)) == {}


def test_an_order_shares_the_fate_of_its_invoices_by_what_came_from_it() -> None:
    invoices = {7: Fate(100, 40, 20), 8: Fate(50, 0, 0)}
    assert fate_of_order([Invoiced(1, 7, 25), Invoiced(1, 8, 50)], invoices) == Fate(75, 10, 5)
    assert fate_of_order([Invoiced(1, 7, 500)], invoices) == Fate(100, 40, 20), "never more than the invoice"
    assert fate_of_order([Invoiced(1, 9, 500)], invoices) == Fate(0, 0, 0), "an invoice of nobody we know"
    assert fate_of_order([], invoices) == Fate(0, 0, 0)
