"""Stored words of requests as people read them."""

from __future__ import annotations

from crmcore.i18n import N_, _

_WORDS = {
    "requested": N_("waits for a decision"),
    "approved": N_("approved"),
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn"),
    "expired": N_("expired"),
}


def shown_state(state: str) -> str:
    """Return a state in the user's language."""
    return _(_WORDS[state])


def shown_yes(value: bool | None) -> str:  # noqa: FBT001  (a stored value, not a switch)
    """Return yes, no, or that it depends on the request."""
    if value is None:
        return _("depends")
    return _("yes") if value else _("no")
