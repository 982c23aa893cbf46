"""Stored words of loans as people read them."""

from __future__ import annotations

from crmcore.i18n import N_, _

_WORDS = {
    "requested": N_("asked for"),
    "approved": N_("to be fetched"),
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn"),
    "expired": N_("expired"),
    "lent": N_("lent"),
    "overdue": N_("overdue"),
    "returned": N_("returned"),
    "ok": N_("whole"),
    "missing": N_("missing"),
    "damaged": N_("damaged"),
}


def shown_state(state: str) -> str:
    """Return a state of a loan, or of a stored file, in the user's language."""
    return _(_WORDS[state])
