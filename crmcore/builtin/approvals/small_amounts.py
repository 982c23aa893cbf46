"""The rule that every company wants first: what is small enough needs nobody's decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.i18n import N_
from crmcore.money import format_minor, from_minor, to_minor
from crmcore.plugins.types import Verdict

if TYPE_CHECKING:
    from crmcore.plugins.types import ApprovalRequest, Context

REASON = N_("up to {amount} {currency} needs no decision by the company's settings")
"""Stored in English; `telling` says it to each reader."""


def verdicts(requests: Sequence[ApprovalRequest], ctx: Context) -> list[Verdict]:
    """Approve requests up to the amount that `approve_up_to` names for their kind, in the company's currency only."""
    limits: Mapping[str, str] = ctx.settings["approve_up_to"]
    return [
        Verdict(place, "approve", _reason(limits[one.kind], ctx.currency))
        for place, one in enumerate(requests)
        if one.kind in limits and _is_within(one, Decimal(limits[one.kind]), ctx.currency)
    ]


def _is_within(request: ApprovalRequest, limit: Decimal, currency: str) -> bool:
    if request.amount_minor is None or request.currency != currency:
        return False
    return from_minor(request.amount_minor, currency) <= limit


def _reason(limit: str, currency: str) -> str:
    try:
        shown = format_minor(to_minor(Decimal(limit), currency), currency)
    except ValueError:  # finer than the currency: shown as the company wrote it
        shown = limit
    return REASON.format(amount=shown, currency=currency)
