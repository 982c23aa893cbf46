"""The rules of the file of documents, as who keeps it states them (资料管理): plain Python over plain values.

* A paper is asked for, approved by somebody else, fetched, and returned; until then nobody else gets it.
* Who fetched it and did not bring it back by the due day is overdue. Who did not fetch it by then loses the right to.
* What is confidential is not handed out to its own customer, nor to the people there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, cast

State = Literal["requested", "approved", "rejected", "withdrawn", "expired", "lent", "overdue", "returned"]

STATES: tuple[State, ...] = (
    "requested",
    "approved",
    "rejected",
    "withdrawn",
    "expired",
    "lent",
    "overdue",
    "returned",
)
OPEN: frozenset[State] = frozenset({"requested", "approved", "lent", "overdue"})
"""While a loan is in one of these, nobody else can borrow the paper."""
OUT: frozenset[State] = frozenset({"lent", "overdue"})
"""The borrower holds the paper."""
_SHORTEST_NAME = 2


def state_on(stored: str, decision: str, due_on: date, today: date) -> State:
    """Return what a loan is on a day, from what was written down and what became of its request."""
    found = stored
    if stored == "requested" and decision != "approved":
        found = decision
    elif due_on < today:
        found = {"lent": "overdue", "approved": "expired"}.get(stored, stored)
    return cast("State", found)


def is_reminded(due_on: date, today: date, days: int) -> bool:
    """Say whether people are reminded of a paper that is out: so many days before it is due, and ever after."""
    return today >= due_on - timedelta(days=days)


def told_names(whom: str, names: Iterable[str]) -> Sequence[str]:
    """Return which names occur in what somebody wrote, in any width and case, with or without blanks."""
    text = _folded(whom)
    return [name for name in names if len(_folded(name)) >= _SHORTEST_NAME and _folded(name) in text]


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
