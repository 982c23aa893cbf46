"""Dunning (催款): one step after the other, each when it is time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the company's dunning."""

    number: int
    """From 1."""
    days: int
    """Days past due of the invoice open longest, from which it is time."""
    title: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken."""

    number: int
    on: date


@dataclass(frozen=True, slots=True)
class Next:
    """The step that comes next, and from when."""

    step: Step
    due_on: date


def last_step(taken: Iterable[Taken], since: date) -> Taken | None:
    """Return the furthest step that counts for what is overdue since a day.

    Steps from before that day were about invoices that are paid by now: then dunning begins anew.
    """
    counting = [one for one in taken if one.on > since]
    return max(counting, key=lambda one: (one.number, one.on), default=None)


def next_step(steps: Sequence[Step], taken: Iterable[Taken], since: date) -> Next | None:
    """Return the step after the last one that was taken; None where all were.

    since: when the invoice was due that is open longest. A step is never due sooner after the one before than the days
    between both: who was reminded late has as much time to pay as everybody.
    """
    last = last_step(taken, since)
    number = last.number if last else 0
    if number >= len(steps):
        return None
    step = steps[number]
    due_on = _after(since, step.days)
    if last is not None:
        due_on = max(due_on, _after(last.on, step.days - steps[number - 1].days))
    return Next(step, due_on)


def _after(day: date, days: int) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))


def steps_increase(days: Sequence[int]) -> bool:
    """Tell whether each step comes later than the one before."""
    return all(before < after for before, after in pairwise(days))
