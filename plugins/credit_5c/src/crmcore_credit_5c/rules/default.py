"""When a customer is in default (违约), in two parts, after the banks' rule.

Regulation (EU) 575/2013 (CRR) art. 178 and EBA/GL/2016/07: unlikely to pay, or past due for more than 90 consecutive
days with an amount above both an absolute and a relative threshold; back to normal after three months at least.
For the credit that a trading company gives, all figures are the company's own.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

PERFORMING, PROBATION, DEFAULT = "performing", "probation", "default"
PAST_DUE, UNLIKELY = "past_due", "unlikely_to_pay"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The company's figures; an amount or a share must lie above its threshold, as many days as this are none yet."""

    absolute_minor: int = 500_00
    relative: Fraction = Fraction(1, 100)
    days: int = 90
    probation_months: int = 3


class Event(NamedTuple):
    """By how much what is past due, and all that is owed, changes on a day; in minor units."""

    day: date
    overdue: int | Fraction
    owed: int | Fraction


class Span(NamedTuple):
    """Days from the first, and the first day after them; None = not yet over."""

    start: date
    end: date | None


def is_above(overdue: int | Fraction, owed: int | Fraction, thresholds: Thresholds) -> bool:
    """Tell whether what is past due lies above both thresholds."""
    return overdue > thresholds.absolute_minor and overdue > thresholds.relative * owed


def spans_above(events: Iterable[Event], thresholds: Thresholds) -> list[Span]:
    """Return the unbroken spans of days at whose end both thresholds were exceeded; events in order of their days."""
    spans: list[Span] = []
    first: date | None = None
    for day, overdue, owed in _balances(events):
        above = is_above(overdue, owed, thresholds)
        if above and first is None:
            first = day
        elif not above and first is not None:
            spans.append(Span(first, day))
            first = None
    if first is not None:
        spans.append(Span(first, None))
    return spans


def _balances(events: Iterable[Event]) -> Iterable[Event]:
    """Yield the balances at the end of each day on which anything happened."""
    overdue: int | Fraction = 0
    owed: int | Fraction = 0
    day: date | None = None
    for event in events:
        if day is not None and event.day != day:
            yield Event(day, overdue, owed)
        day = event.day
        overdue += event.overdue
        owed += event.owed
    if day is not None:
        yield Event(day, overdue, owed)


def consecutive_days(spans: Sequence[Span], day: date) -> int:
    """Return how many days in a row both thresholds are exceeded, up to a day, itself included; 0 if not on that day."""
    for span in spans:
        if _holds(span, day):
            return (day - span.start).days + 1
    return 0


class Outcome(NamedTuple):
    """What the test says of one day."""

    state: str
    """`default`, `probation` (the causes have ceased, not long enough ago), `performing`."""
    since: date | None
    """When the default began; probation is part of it."""
    until: date | None
    """On probation: the day on which it ends if nothing happens."""
    causes: tuple[str, ...]
    """`past_due`, `unlikely_to_pay`: those that hold on the day."""


def default_on(day: date, spans: Sequence[Span], unlikely: Sequence[Span], thresholds: Thresholds) -> Outcome:
    """Return whether a customer is in default on a day.

    spans: when both thresholds were exceeded (`spans_above`); unlikely: when it was held to be unlikely to pay.
    """
    past_due = [span for one in spans if (span := _days_counted(one, thresholds.days)) is not None]
    causes = [*((PAST_DUE, span) for span in past_due), *((UNLIKELY, span) for span in unlikely)]
    active = tuple(dict.fromkeys(name for name, span in causes if _holds(span, day)))
    whole = _with_probation([span for _name, span in causes], thresholds.probation_months)
    current = next((span for span in whole if _holds(span, day)), None)
    if current is None:
        return Outcome(PERFORMING, None, None, ())
    if active:
        return Outcome(DEFAULT, current.start, None, active)
    return Outcome(PROBATION, current.start, current.end, ())


def _holds(span: Span, day: date) -> bool:
    return span.start <= day and (span.end is None or day < span.end)


def _with_probation(causes: Sequence[Span], months: int) -> list[Span]:
    """Join what overlaps, each cause with the months of probation after it."""
    joined: list[Span] = []
    for span in sorted(causes, key=lambda one: one.start):
        end = None if span.end is None else add_months(span.end, months)
        if joined and _holds(joined[-1], span.start):
            before = joined.pop()
            ends = None if before.end is None or end is None else max(before.end, end)
            joined.append(Span(before.start, ends))
        else:
            joined.append(Span(span.start, end))
    return joined


def _days_counted(span: Span, days: int) -> Span | None:
    """Return the days of a span on which it had lasted for more than so many."""
    start = span.start + timedelta(days=min(days, (date.max - span.start).days))
    return Span(start, span.end) if span.end is None or start < span.end else None


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
