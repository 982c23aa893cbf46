"""Stored words of requests as people read them."""

from __future__ import annotations

from decimal import Decimal

from crmcore.i18n import N_, _

_WORDS = {
    "requested": N_("waits for a decision"),
    "approved": N_("approved"),
    "rejected": N_("rejected"),
    "withdrawn": N_("withdrawn"),
    "expired": N_("expired"),
}


_BY_REQUESTER = {
    "approved": N_("approved by the one who asked"),
    "rejected": N_("rejected by the one who asked"),
}


def shown_state(state: str, *, single_person: bool = False) -> str:
    """Return a state in the user's language; `single_person`: who asked decided."""
    return _(_BY_REQUESTER[state] if single_person else _WORDS[state])


def shown_holder(holder: str) -> str:
    """Return who may decide, as `rules.of_permission` and `rules.of_role` write it, for people."""
    kind, _colon, name = holder.partition(":")
    message = _("the role {name!r}") if kind == "role" else _("the permission {name!r}")
    return message.format(name=name)


def shown_band(up_to: str | None, currency: str) -> str:
    """Return how far an amount band goes."""
    if up_to is None:
        return _("any amount")
    return _("up to {amount} {currency}").format(amount=f"{Decimal(up_to):,f}", currency=currency)


def shown_yes(value: bool | None) -> str:  # noqa: FBT001  (a stored value, not a switch)
    """Return yes, no, or that it depends on the request."""
    if value is None:
        return _("depends")
    return _("yes") if value else _("no")
