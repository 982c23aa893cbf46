"""Why a request may not be decided, in one sentence each."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from crmcore.builtin.approvals.rules import Decision, Hindrance, of_permission
from crmcore.builtin.approvals.words import shown_holder
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    import sqlalchemy as sa

_CLOSED = {
    "approved": N_("request {number} was approved by {who} on {day}; nothing more can be decided on it"),
    "rejected": N_("request {number} was rejected by {who} on {day}; nothing more can be decided on it"),
    "withdrawn": N_("request {number} was withdrawn by {who} on {day}; nothing more can be decided on it"),
    "expired": N_("request {number} has expired, its last day was {day}; whoever made it may ask again"),
}
_OTHERS = {
    "own": N_("request {number} is your own; somebody else must decide on it"),
    "for_requester": N_(
        "request {number} was made by {asked_by!r}, for whom you stand in; somebody else must decide on it"
    ),
    "not_allowed": N_(
        "actor {actor!r} may not decide on request {number}: it needs {what}; crm approvals show {number} says who may"
    ),
}
_NO_REASON: dict[Decision, str] = {
    "approve": N_("request {number} goes beyond the company's policy; say with --reason why it is approved"),
    "reject": N_("a rejection needs a reason; say with --reason why request {number} is rejected"),
}


def hindrance_sentence(
    found: Hindrance, row: sa.RowMapping, actor: str, decision: Decision, zone: tzinfo
) -> str:
    """Say why an actor may not decide so."""
    if found == "closed":
        return closed_sentence(row, zone)
    message = _NO_REASON[decision] if found == "no_reason" else _OTHERS[found]
    return _(message).format(number=row["id"], actor=actor, asked_by=row["requested_by"], what=needed(row))


def needed(row: sa.RowMapping) -> str:
    """Say what it takes to decide on a request."""
    holders = row["holders"] or [of_permission(row["permission"])]
    return _(" or ").join(map(shown_holder, holders))


def closed_sentence(row: sa.RowMapping, zone: tzinfo) -> str:
    """Say how a request ended, by whom and on which of the company's days."""
    message, day, who = _CLOSED[_ended(row)], row["expires_on"], row["decided_by"]
    if row["decided_at"] is not None:
        at = row["decided_at"]
        day = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone).date()
    return _(message).format(number=row["id"], who=who, day=day)


def _ended(row: sa.RowMapping) -> str:
    """Return how it ended; what nobody decided has expired, whether that is written down yet or not."""
    state = str(row["state"])
    return "expired" if state == "requested" else state
