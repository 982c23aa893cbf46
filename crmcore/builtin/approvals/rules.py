"""The rules of approvals, as a general manager states them: plain Python over plain values (审批规则).

* Who has the permission decides, or who stands in today for somebody who has it; where the company has amount bands,
  who holds what the band of the amount asks for, and deputies only where the band lets them.
* Nobody decides their own request, nor a request of whom they stand in for in that person's name (四眼原则). Only in a
  firm of one person decides who asks, and that is marked.
* What was decided, withdrawn or has expired stays so.
* A rejection needs a reason; so does an approval that goes beyond the company's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple, TypeVar

State = Literal["requested", "approved", "rejected", "withdrawn", "expired"]
Decision = Literal["approve", "reject"]
Hindrance = Literal["closed", "own", "for_requester", "in_person", "not_allowed", "no_reason"]

STATES: tuple[State, ...] = ("requested", "approved", "rejected", "withdrawn", "expired")
BECOMES: dict[Decision, State] = {"approve": "approved", "reject": "rejected"}
EVERYTHING = "*"
"""The permission that contains all others."""
TOLD_DAYS = 7
"""For so many days whoever asked is told of a decision."""
_SOON = timedelta(days=1)

T = TypeVar("T")


def of_permission(name: str) -> str:
    """Return how it is written that who has a permission decides."""
    return f"permission:{name}"


def of_role(name: str) -> str:
    """Return how it is written that who has a role decides."""
    return f"role:{name}"


class Standing(NamedTuple):
    """An actor, their roles, and what these allow."""

    code: str
    permissions: frozenset[str]
    roles: frozenset[str] = frozenset()

    def has(self, permission: str) -> bool:
        """Say whether the roles give a permission."""
        return permission in self.permissions or EVERYTHING in self.permissions

    @property
    def holds(self) -> frozenset[str]:
        """All that a band may ask for and that this actor has."""
        return frozenset({*map(of_permission, self.permissions), *map(of_role, self.roles)})


class Matter(NamedTuple):
    """What the rules want to know of a request."""

    requested_by: str
    permission: str
    outside_policy: bool
    state: State
    """As of today."""
    holders: frozenset[str] | None = None
    """Who may decide by the band of its amount, as `of_permission` and `of_role` write it; None = by the permission."""
    deputies: bool = True
    """Whether somebody may decide in the name of a holder who is absent."""
    single_person: bool = False
    """Whether who asks may decide: the firm has one person (一人公司)."""


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
        return actor.code if matter.single_person and is_held(matter, actor) else None
    for one in (actor, *absent) if matter.deputies else (actor,):
        if is_held(matter, one) and one.code != matter.requested_by:
            return one.code
    return None


def is_held(matter: Matter, one: Standing) -> bool:
    """Say whether an actor has what it takes to decide, whoever asked."""
    if matter.holders is None or EVERYTHING in one.permissions:
        return one.has(matter.permission)
    return not matter.holders.isdisjoint(one.holds)


def hindrance(
    matter: Matter, actor: Standing, absent: Sequence[Standing], decision: Decision, reason: str
) -> Hindrance | None:
    """Return what keeps an actor from deciding so; None = nothing."""
    if matter.state != "requested":
        return "closed"
    if actor.code == matter.requested_by and not matter.single_person:
        return "own"
    if decides_for(matter, actor, absent) is None:
        return _why_not(matter, absent)
    if not reason and (decision == "reject" or matter.outside_policy):
        return "no_reason"
    return None


def _why_not(matter: Matter, absent: Sequence[Standing]) -> Hindrance:
    able = {one.code for one in absent if is_held(matter, one)}
    if matter.requested_by in able:
        return "for_requester"
    return "in_person" if able and not matter.deputies else "not_allowed"


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
