"""Rules for judging a policy by the past (政策模拟): which orders it would have held, and what became of them.

1. Each order is judged on the books of its own day: what was owed, ordered and paid by then, orders of the day in turn.
2. History is taken as it was: an order that would have been held still counts for the ones after it.
3. A customer's grade and limit are those of the day; where none held yet, those of today.
4. What became of an order is what became of its invoices: the part paid after it was due, and the part that is past due
   and still open.

All amounts are integers in the smallest unit of the company's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from crmcore_credit_5c.rules.holds import Account

Kind = Literal["invoice", "settlement", "payment", "invoiced", "order"]
_TURN: Mapping[Kind, int] = {"invoice": 0, "invoiced": 0, "payment": 0, "settlement": 1, "order": 2}
"""On one day: first what was booked, then what settled it, then the orders that are judged on it."""


class Event(NamedTuple):
    """Something that happened in the books of one customer."""

    day: date
    kind: Kind
    customer: int
    matter: int
    """The invoice or the order that it is about."""
    amount_minor: int
    due_on: date | None = None


class Invoiced(NamedTuple):
    """What of an order became part of an invoice."""

    order: int
    invoice: int
    amount_minor: int


class Fate(NamedTuple):
    """What became of an invoice, or of an order by its invoices."""

    amount_minor: int = 0
    late_minor: int = 0
    """Paid after it was due."""
    unpaid_minor: int = 0
    """Past due and still open."""


@dataclass(slots=True)
class Books:
    """How a customer stood after the events so far."""

    owed: dict[int, int] = field(default_factory=dict)
    """Invoice → what of it is open; credit notes are below 0."""
    owed_minor: int = 0
    undelivered: dict[int, int] = field(default_factory=dict)
    """Order → what of it is not invoiced; below 0 where an invoice came before it, or for more."""
    undelivered_minor: int = 0
    paid_minor: int = 0
    settled_minor: int = 0
    _due: list[tuple[date, int]] = field(default_factory=list)

    def book(self, event: Event) -> None:
        """Write down an event."""
        if event.kind == "payment":
            self.paid_minor += event.amount_minor
        elif event.kind == "invoice":
            self._owe(event.matter, event.amount_minor)
            if event.amount_minor > 0:
                heappush(self._due, (event.due_on or event.day, event.matter))
        elif event.kind == "settlement":
            self._owe(event.matter, -event.amount_minor)
            self.settled_minor += event.amount_minor
        elif event.kind == "order":
            self._await(event.matter, event.amount_minor)
        else:
            self._await(event.matter, -event.amount_minor)

    def _owe(self, invoice: int, amount_minor: int) -> None:
        self.owed[invoice] = self.owed.get(invoice, 0) + amount_minor
        self.owed_minor += amount_minor

    def _await(self, order: int, amount_minor: int) -> None:
        before = self.undelivered.get(order, 0)
        self.undelivered[order] = before + amount_minor
        self.undelivered_minor += max(before + amount_minor, 0) - max(before, 0)

    def oldest_days(self, day: date) -> int:
        """Return for how many days the oldest open invoice is past due; 0 = none is."""
        while self._due and self.owed[self._due[0][1]] <= 0:
            heappop(self._due)
        return max((day - self._due[0][0]).days, 0) if self._due else 0

    def account(self, day: date) -> Account:
        """Return how the customer stood, without a limit."""
        return Account(
            None,
            self.owed_minor + self.undelivered_minor,
            self.owed_minor,
            max(self.paid_minor - self.settled_minor, 0),
            self.oldest_days(day),
        )


class Standing(NamedTuple):
    """An order, and how its customer and the group stood just before."""

    order: Event
    own: Account
    group: Account


def standings(events: Iterable[Event]) -> Iterator[Standing]:
    """Yield each order of one group with the accounts that it was judged on, the oldest first."""
    books: dict[int, Books] = {}
    group = Books()
    for event in sorted(events, key=lambda one: (one.day, _TURN[one.kind], one.matter)):
        own = books.setdefault(event.customer, Books())
        if event.kind == "order":
            yield Standing(event, own.account(event.day), group.account(event.day))
        own.book(event)
        group.book(event)


def fates(events: Iterable[Event], today: date) -> dict[int, Fate]:
    """Return invoice → what became of it by today; credit notes have no fate."""
    by_invoice: dict[int, list[Event]] = {}
    for event in events:
        if event.kind in {"invoice", "settlement"}:
            by_invoice.setdefault(event.matter, []).append(event)
    found = {}
    for invoice, its in by_invoice.items():
        made = next((one for one in its if one.kind == "invoice"), None)
        if made is not None and made.amount_minor > 0:
            found[invoice] = _fate(made, [one for one in its if one.kind == "settlement"], today)
    return found


def _fate(invoice: Event, settlements: Iterable[Event], today: date) -> Fate:
    due_on = invoice.due_on or invoice.day
    settled = late = 0
    for one in settlements:
        settled += one.amount_minor
        late += one.amount_minor if one.day > due_on else 0
    open_minor = max(invoice.amount_minor - settled, 0)
    return Fate(invoice.amount_minor, max(late, 0), open_minor if due_on < today else 0)


def fate_of_order(parts: Iterable[Invoiced], invoices: Mapping[int, Fate]) -> Fate:
    """Return what became of an order: of each invoice the share that came from it, whole minor units, rounded down."""
    amount = late = unpaid = 0
    for part in parts:
        fate = invoices.get(part.invoice)
        if fate is None:
            continue
        taken = min(part.amount_minor, fate.amount_minor)
        amount += taken
        late += fate.late_minor * taken // fate.amount_minor
        unpaid += fate.unpaid_minor * taken // fate.amount_minor
    return Fate(amount, late, unpaid)
