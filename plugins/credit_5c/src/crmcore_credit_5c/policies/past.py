"""The books of customers as they were: read from the facts for a batch of customers at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore_credit_5c.assessing.current import assessments
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.current import limits
from crmcore_credit_5c.money import Money, NoRate
from crmcore_credit_5c.rules.limits import Decided, counting
from crmcore_credit_5c.rules.simulation import Event, Invoiced, Kind
from crmcore_credit_5c.tables.assessments import RELEASED

if TYPE_CHECKING:
    from crmcore.api import Context

NOT_RELEASED = ("draft", "cancelled")
"""States of orders that nobody has released."""


@dataclass(slots=True)
class Past:
    """What is known of a batch of customers."""

    today: date
    customers: list[int]
    events: dict[int, list[Event]] = field(default_factory=dict)
    """Customer → what happened, in any order."""
    invoiced: dict[int, list[Invoiced]] = field(default_factory=dict)
    """Order → what of it was invoiced."""
    grades: dict[int, list[Any]] = field(default_factory=dict)
    limits: dict[int, list[Decided]] = field(default_factory=dict)
    no_rate: dict[int, dict[str, str]] = field(default_factory=dict)
    """Customer → currency without an exchange rate → the sentence that says so: of these the books are not whole."""

    def grade_on(self, customer: int, day: date) -> tuple[str | None, bool]:
        """Return the grade that held on a day, else that of today, and whether it is the one of the day."""
        then = self._grade(customer, day)
        return (then, True) if then is not None else (self._grade(customer, self.today), False)

    def _grade(self, customer: int, day: date) -> str | None:
        held = [
            row
            for row in self.grades.get(customer, ())
            if (row.released_on or row.assessed_on) <= day
            and (row.expires_on is None or row.expires_on >= day)
        ]
        return held[-1].grade if held else None

    def limit_on(self, customer: int, day: date) -> tuple[int | None, bool]:
        """Return the limit that held on a day, else that of today, and whether it is the one of the day.

        Who has no limit to this day is judged as one without.
        """
        decided = self.limits.get(customer, [])
        then = counting(decided, day)
        if then is not None:
            return then.limit_minor, True
        now = counting(decided, self.today)
        return (None, True) if now is None else (now.limit_minor, False)


def past_of(ctx: Context, customer_ids: Collection[int], last: date) -> Past:
    """Read the books of customers: orders up to a day, invoices, payments and settlements up to today."""
    past = Past(ctx.today, sorted(customer_ids))
    reading = _Reading(ctx, past)
    for part in parts(customer_ids):
        for event in reading.events(part, last):
            past.events.setdefault(event.customer, []).append(event)
        for invoiced, event in reading.invoiced(part):
            past.invoiced.setdefault(invoiced.order, []).append(invoiced)
            past.events.setdefault(event.customer, []).append(event)
        reading.read_decisions(part)
    return past


class _Reading:
    """Reads rows in the company's currency; a customer with one that has no rate is noted."""

    def __init__(self, ctx: Context, past: Past) -> None:
        self._ctx, self._past = ctx, past
        self._money = Money(ctx, ctx.today)

    def _converted(self, customer: int, amount: int, currency: str) -> int:
        try:
            return self._money.converted(amount, currency)
        except NoRate as problem:
            self._past.no_rate.setdefault(customer, {})[currency] = str(problem)
            return 0

    def events(self, part: list[int], last: date) -> Iterator[Event]:
        """Yield what happened, but for the invoicing of orders."""
        for row in _rows(self._ctx, "orders", part):
            if row.state not in NOT_RELEASED and row.occurred_on <= last:
                yield self._event("order", row.occurred_on, row)
        for row in _rows(self._ctx, "receivables", part):
            yield self._event("invoice", row.occurred_on, row)
        for row in _rows(self._ctx, "settlements", part):
            yield self._event("settlement", row.settled_on, row)
        for row in _rows(self._ctx, "payments", part):
            yield self._event("payment", row.occurred_on, row)

    def _event(self, kind: Kind, happened: date, row: Any) -> Event:
        amount = self._converted(row.customer_id, row.amount_minor, row.currency)
        due_on = row.due_on if kind == "invoice" else None
        return Event(happened, kind, row.customer_id, row.document_id, amount, due_on)

    def invoiced(self, part: list[int]) -> Iterator[tuple[Invoiced, Event]]:
        """Yield what of orders was invoiced."""
        for row in _rows(self._ctx, "order_invoices", part):
            amount = self._converted(row.customer_id, row.amount_minor, row.currency)
            yield (
                Invoiced(row.order_id, row.document_id, amount),
                Event(row.occurred_on, "invoiced", row.customer_id, row.order_id, amount),
            )

    def read_decisions(self, part: list[int]) -> None:
        """Read grades and limits."""
        a, c = assessments.c, limits.c
        graded = sa.select(a.customer_id, a.grade, a.assessed_on, a.released_on, a.expires_on)
        query = graded.where(a.customer_id.in_(part), a.state == RELEASED).order_by(a.id)
        for row in self._ctx.connection.execute(query):
            self._past.grades.setdefault(row.customer_id, []).append(row)
        decided = self._ctx.connection.execute(sa.select(limits).where(c.customer_id.in_(part))).mappings()
        for one in decided:
            limit = self._converted(one["customer_id"], one["limit_minor"], one["currency"])
            decision = Decided(one["id"], limit, one["valid_from"], one["ends_on"])
            self._past.limits.setdefault(one["customer_id"], []).append(decision)


def _rows(ctx: Context, fact: str, part: list[int]) -> Iterator[Any]:
    rows = ctx.facts.select(fact).subquery(fact)
    yield from ctx.connection.execute(sa.select(rows).where(rows.c.customer_id.in_(part)))
