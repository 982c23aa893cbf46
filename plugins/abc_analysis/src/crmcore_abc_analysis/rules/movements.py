"""Customers move between classes (客户等级变动): which runs are compared, and what a move means.

1. A run is compared with the run of the period before, made under the same settings; a month with a month, a year
   with a year.
2. A customer moves up to a better class or down to a worse one; it is won if it had none before, gone if it has
   none now.
3. Who moves down has fallen. So has who is gone, but from the last class: nobody was counted on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

Move = Literal["stayed", "up", "down", "won", "gone", "other"]
"""`other`: the two runs have different classes, which nobody can put in one order."""


class Made(NamedTuple):
    """A run as it is compared with others: its period, and when it became the current one."""

    run: int
    start: date
    end: date
    published: datetime


def run_to_compare(run: Made, others: Iterable[Made]) -> Made | None:
    """Return the run of the period before: of the same length if there is one, else whichever ended last.

    Where there is no earlier period, the run of the same period that later purchases have made old.
    """
    known = [other for other in others if other.run != run.run]
    earlier = [other for other in known if other.end < run.end]
    if earlier:
        return max(
            earlier, key=lambda other: (_same_length(other, run), other.end, other.published, other.run)
        )
    again = [other for other in known if other.end == run.end and _made(other) < _made(run)]
    return max(again, key=_made, default=None)


def _made(run: Made) -> tuple[datetime, int]:
    return run.published, run.run


def _same_length(one: Made, other: Made) -> bool:
    """Tell whether two periods are both months, quarters or years: these differ by up to three days."""
    return abs((one.end - one.start) - (other.end - other.start)) <= timedelta(days=3)


def order_of_both(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of two rules in one order, the best first; () where neither rule holds the other's.

    A B C and A B C D have the order A B C D; A B C and Gold Silver have none.
    """
    longer, shorter = (before, now) if len(before) > len(now) else (now, before)
    return tuple(longer) if [grade for grade in longer if grade in shorter] == list(shorter) else ()


def move_of(was: str | None, now: str | None, order: Sequence[str]) -> Move:
    """Name the move from one class to another; None = no class."""
    if was == now:
        return "stayed"
    if was is None:
        return "won"
    if now is None:
        return "gone"
    if was not in order or now not in order:
        return "other"
    return "up" if order.index(now) < order.index(was) else "down"


def is_drop(was: str | None, now: str | None, order: Sequence[str]) -> bool:
    """Tell whether a customer fell: to a worse class, or from any but the last to none at all."""
    move = move_of(was, now, order)
    return move == "down" or (move == "gone" and was in order[:-1])
