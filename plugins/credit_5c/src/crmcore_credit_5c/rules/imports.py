"""Rules for files of limits (批量导入额度), as a credit controller states them: plain Python over plain values.

* Every row is looked at before anything is asked for. One that cannot be taken is rejected, with the reason.
* A customer stands in a file once: of two rows nobody knows which is right, so both are rejected.
* A limit that waits for a decision already is not asked for a second time.
* What holds already is not asked for: the same file again asks for nothing.
* A file that says nothing of the payment days leaves them as they are.
* Between the file and its approval a customer may have changed; such a row is left out and named, since whoever
  proposed it did not know.

All amounts are integers in the smallest unit of their currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

State = Literal["new", "changed", "unchanged", "rejected"]
Problem = Literal[
    "unreadable",
    "unknown_customer",
    "archived",
    "restricted",
    "twice",
    "currency",
    "decimals",
    "negative",
    "implausible",
    "until_past",
    "payment_days",
    "waiting",
]
"""Why a row is rejected."""
Skip = Literal["merged", "archived", "restricted", "decided", "until_past"]
"""Why a row is left out as its file is approved."""

MOST_DAYS = 3_650


class Asked(NamedTuple):
    """What a row asks for."""

    limit_minor: int
    currency: str
    until: date | None = None
    """The last day; None = the limit is to stand."""
    payment_days: int | None = None
    """None = nothing is said of them."""


class Since(NamedTuple):
    """What became of a customer after its row was asked for."""

    merged: bool = False
    archived: bool = False
    restricted: bool = False
    decided: bool = False
    """Its limit was decided otherwise."""


def problem_of(asked: Asked, in_own_minor: int, largest_minor: int, today: date) -> Problem | None:
    """Return what is wrong with the values of a row; None = nothing.

    in_own_minor: the limit in the company's currency. largest_minor: more than that is a slip of the pen.
    """
    if asked.limit_minor < 0:
        return "negative"
    if in_own_minor > largest_minor:
        return "implausible"
    if asked.until is not None and asked.until < today:
        return "until_past"
    if asked.payment_days is not None and not 0 <= asked.payment_days <= MOST_DAYS:
        return "payment_days"
    return None


def state_of(asked: Asked, held: Asked | None) -> State:
    """Return what a row would do to the limit that holds; None = none does."""
    if held is None:
        return "new"
    same = asked._replace(payment_days=None) == held._replace(payment_days=None)
    days = asked.payment_days is None or asked.payment_days == held.payment_days
    return "unchanged" if same and days else "changed"


def skip_of(asked: Asked, since: Since, today: date) -> Skip | None:
    """Return why a row is left out of an approved file; None = its limit holds from now on."""
    if since.merged:
        return "merged"
    if since.archived:
        return "archived"
    if since.restricted:
        return "restricted"
    if since.decided:
        return "decided"
    return "until_past" if asked.until is not None and asked.until < today else None


def twice(lines: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return line → another line of the same customer, of (line, customer) pairs; who stands there once is left out."""
    by_customer: dict[int, list[int]] = {}
    for line, customer in lines:
        by_customer.setdefault(customer, []).append(line)
    return {
        line: found[1] if line == found[0] else found[0]
        for found in by_customer.values()
        if len(found) > 1
        for line in found
    }
