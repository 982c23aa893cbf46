"""The rules of classes that are set by hand (手工定级), as a sales manager would write them down.

1. A class that was set by hand holds from the day on which it was set through its last day, unless it was ended
   before: from the day of its end on it does not hold.
2. Of several that hold on a day, the one that was set last counts; in a group, the customer's own comes before its
   head's.
3. The effective class is the one set by hand; without one, that of the run that was current at the end of the day;
   without a class there, the company's class for customers without purchases, if it names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

Source = Literal["hand", "run", "default", "none"]
_DAY = timedelta(days=1)


class HandSet(NamedTuple):
    """A class that somebody set by hand."""

    number: int
    """They are numbered as they are set."""
    grade: str
    set_on: date
    until: date
    """The last day, included."""
    ended_on: date | None = None
    """The first day on which it did not hold any more, where it was ended before its time."""
    own: bool = True
    """Set for the customer itself, not for the head of its group."""


class Published(NamedTuple):
    """A run that became the current one on a day, and the class that it gave to a customer; None = no class."""

    day: date
    run: int
    grade: str | None


class State(NamedTuple):
    """The effective class on a day, and where it comes from."""

    grade: str | None
    source: Source
    run: int | None
    """The run that was current, also where a class set by hand stood before its."""
    computed: str | None
    """The class that the run gave."""
    hand: HandSet | None


class Span(NamedTuple):
    """Days on which the effective class did not change; `end` is None for the last."""

    start: date
    end: date | None
    state: State


def holds(hand: HandSet, day: date) -> bool:
    """Tell whether a class that was set by hand holds on a day."""
    return hand.set_on <= day <= hand.until and (hand.ended_on is None or day < hand.ended_on)


def hand_set_on(hands: Iterable[HandSet], day: date) -> HandSet | None:
    """Return the one of a customer's hand-set classes that counts on a day."""
    return max((hand for hand in hands if holds(hand, day)), key=_precedence, default=None)


def state_on(
    published: Sequence[Published], hands: Iterable[HandSet], default: str | None, day: date
) -> State:
    """Return a customer's effective class at the end of a day; `published` in the order of publication."""
    run = next((run for run in reversed(published) if run.day <= day), None)
    number, computed = (run.run, run.grade) if run is not None else (None, None)
    hand = hand_set_on(hands, day)
    if hand is not None:
        return State(hand.grade, "hand", number, computed, hand)
    if computed is not None:
        return State(computed, "run", number, computed, None)
    return State(default, "default" if default else "none", number, None, None)


def history(
    published: Sequence[Published], hands: Sequence[HandSet], default: str | None, through: date
) -> list[Span]:
    """Return the effective classes from the first one that was given on, one span for each change.

    A run that gives the same class as the one before goes on with its span, whose state names the first of them.
    """
    spans: list[Span] = []
    for day in _days_of_change(published, hands, through):
        state = state_on(published, hands, default, day)
        if spans and _same(spans[-1].state, state):
            continue
        if not spans and state.source in {"default", "none"}:
            continue
        if spans:
            spans[-1] = spans[-1]._replace(end=day - _DAY)
        spans.append(Span(day, None, state))
    return spans


def warned_from(hand: HandSet, days: int) -> date:
    """Return the day from which on people are told that a hand-set class ends."""
    return max(hand.set_on, hand.until - timedelta(days=days))


def _days_of_change(
    published: Iterable[Published], hands: Iterable[HandSet], through: date
) -> Iterator[date]:
    days = {run.day for run in published}
    for hand in hands:
        days |= {hand.set_on} | ({hand.ended_on} if hand.ended_on else set())
        days |= {hand.until + _DAY} if hand.until < through else set()
    return (day for day in sorted(days) if day <= through)


def _same(one: State, other: State) -> bool:
    return (one.grade, one.source, one.hand) == (other.grade, other.source, other.hand)


def _precedence(hand: HandSet) -> tuple[bool, date, int]:
    return hand.own, hand.set_on, hand.number
