"""What may be done with an order, as the sales office states it: plain Python over plain values.

An order is a draft until it is released for delivery; what is delivered and invoiced of it moves it on. Whether it may
be released is for others to say (the credit controller, 信用管理); what they hold against it are its holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum


class Ended(StrEnum):
    """How a hold came to its end."""

    GONE = "gone"
    """Nobody held the order any more when it was asked again."""
    OVERRIDDEN = "overridden"
    """Somebody with the authority released the order over it."""
    CANCELLED = "cancelled"
    """The order was cancelled."""


def N_(message: str) -> str:  # noqa: N802  (gettext's customary name; the rules import nothing of the core)
    """Mark a message for the catalogue."""
    return message


_RELEASED = N_("order {number} is released already; deliver it")
_DONE = N_("order {number} is delivered already; there is nothing left to release")
_CANCELLED = N_("order {number} is cancelled; add a new one")
_NOT_RELEASED = {"released": _RELEASED, "delivered": _DONE, "invoiced": _DONE, "cancelled": _CANCELLED}

_TOO_LATE = N_("order {number} is delivered and cannot be cancelled; take the goods back with a return")
_BEGUN = N_(
    "order {number} is partly delivered and cannot be cancelled as a whole; cancel what is left of it with --rest"
)
_NOT_BEGUN = N_("nothing of order {number} is delivered yet; cancel it without --rest")
_BEGUN_DRAFT = N_("order {number} is a draft of which something is delivered; release it first")
_TWICE = N_("order {number} is cancelled already; there is nothing to do")


ENTERED = "order add"
"""The origin of an order that somebody entered here."""
_NOT_BY_FILE = N_(
    "order {number} was entered here, so a file cannot release it; release it with: crm order release {number}"
)
_NOT_BEYOND = N_(
    "order {number} was entered and released here, so no file can raise its amount, or change its currency or payer; add what is more with: crm order add"
)


def release_obstacle(state: str) -> str | None:
    """Return why an order in a state cannot be released, a sentence with {number}; None = it can."""
    return _NOT_RELEASED.get(state)


def cancel_obstacle(state: str, *, begun: bool, rest: bool = False) -> str | None:
    """Return why an order, or the rest of it, cannot be cancelled, a sentence with {number}; None = it can.

    begun: something of it is delivered; rest: what is delivered shall stay.
    """
    if state == "cancelled":
        return _TWICE
    if state in ("delivered", "invoiced"):
        return _TOO_LATE
    if rest and not begun:
        return _NOT_BEGUN
    if begun and state == "draft":
        return _BEGUN_DRAFT
    return _BEGUN if begun and not rest else None


def file_obstacle(*, before: bool, after: bool, more: bool) -> str | None:
    """Return why a file may not change an order that was entered here, a sentence with {number}; None = it may.

    before, after: whether it is released, or further; more: it would be of a higher amount, or another debt. Who decides
    on releases is asked by `crm order release` only.
    """
    if after and not before:
        return _NOT_BY_FILE
    return _NOT_BEYOND if before and after and more else None


def lacking(permissions: Collection[str | None], has: Callable[[str], bool]) -> str | None:
    """Return a permission that who wants to go over holds lacks, "" where nobody may go over one; None = they may.

    permissions: of each hold the one that goes over it, None = nobody's. All of them are needed.
    """
    if None in permissions:
        return ""
    return next((one for one in sorted(set(filter(None, permissions))) if not has(one)), None)
