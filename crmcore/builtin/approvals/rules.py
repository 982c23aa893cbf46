"""The rules of approvals, as a general manager states them: plain Python over plain values (审批规则).

* Who has the permission decides, or who stands in today for somebody who has it.
* Nobody decides their own request, nor a request of whom they stand in for in that person's name (四眼原则).
* What was decided, withdrawn or has expired stays so.
* A rejection needs a reason; so does an approval that goes beyond the company's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeVar

State = Literal["requested", "approved", "rejected", "withdrawn", "expired"]
Decision = Literal["approve", "reject"]
Hindrance = Literal["closed", "own", "for_requester", "not_allowed", "no_reason"]

STATES: tuple[State, ...] = ("requested", "approved", "rejected", "withdrawn", "expired")
BECOMES: dict[Decision, State] = {"approve": "approved", "reject": "rejected"}
EVERYTHING = "*"
"""The permission that contains all others."""
TOLD_DAYS = 7
"""For so many days whoever asked is told of a decision."""
_SOON = timedelta(days=1)

T = TypeVar("T")


class Standing(NamedTuple):
    """An actor and what their roles allow."""

    code: str
    permissions: frozenset[str]

    def has(self, permission: str) -> bool:
        """Say whether the roles give a permission."""
        return permission in self.permissions or EVERYTHING in self.permissions


class Matter(NamedTuple):
    """What the rules want to know of a request."""

    requested_by: str
    permission: str
    outside_policy: bool
    state: State
    """As of today."""


def last_day(asked_on: date, days: int | None) -> date | None:
    """Return the last day on which a request can be decided; None = it never expires. ValueError below 0 days."""
    if days is not None and days < 0:
        raise ValueError(f"expires_days = {days} is below 0")
    return None if days is None else asked_on + timedelta(days=days)


def state_on(state: State, expires_on: date | None, today: date) -> State:
    """Return a request's state on a day: the last day passes, and what nobody decided has expired."""
    late = expires_on is not None and today > expires_on
    return "expired" if state == "requested" and late else state


def decides_for(matter: Matter, actor: Standing, absent: Sequence[Standing]) -> str | None:
    """Return in whose name an actor may decide: their own, or that of somebody absent; None = in nobody's."""
    if actor.code == matter.requested_by:
        return None
    for one in (actor, *absent):
        if one.has(matter.permission) and one.code != matter.requested_by:
            return one.code
    return None


def hindrance(
    matter: Matter, actor: Standing, absent: Sequence[Standing], decision: Decision, reason: str
) -> Hindrance | None:
    """Return what keeps an actor from deciding so; None = nothing."""
    if matter.state != "requested":
        return "closed"
    if actor.code == matter.requested_by:
        return "own"
    if decides_for(matter, actor, absent) is None:
        only = any(one.code == matter.requested_by and one.has(matter.permission) for one in absent)
        return "for_requester" if only else "not_allowed"
    if not reason and (decision == "reject" or matter.outside_policy):
        return "no_reason"
    return None


def settled(verdicts: Iterable[tuple[Decision, T]]) -> T | None:
    """Return the verdict that counts: the first rejection, or else the first approval; None = people decide."""
    given = list(verdicts)
    for wanted in ("reject", "approve"):
        for decision, verdict in given:
            if decision == wanted:
                return verdict
    return None


def is_urgent(expires_on: date | None, today: date) -> bool:
    """Say whether today or tomorrow is the last day."""
    return expires_on is not None and expires_on - today <= _SOON
