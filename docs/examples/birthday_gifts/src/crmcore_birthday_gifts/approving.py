"""Gifts are requests: small ones are approved by a rule, larger ones by people, and what is approved is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.api import N_, ApprovalKind, ApprovalRequest, Context, Verdict, minor_digits, translator

from .rules import verdict_on

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_birthday_gifts")
KIND = "gift"
PERMISSION = "gift.approve"
PAYLOAD = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200},
        "note": {"type": ["string", "null"]},
    },
}


def kinds() -> list[ApprovalKind]:
    """Return the one kind of request."""
    return [ApprovalKind(KIND, N_("Birthday gift"), PERMISSION, give, payload_schema=PAYLOAD)]


def give(tx: Tx, request: ApprovalRequest) -> None:
    """Give what was approved, in the transaction of the approval."""
    from .tables import Gift

    gift = {
        "customer_id": request.customer_id,
        "given_on": tx.ctx.today,
        "title": request.payload["title"],
        "value_minor": request.amount_minor,
        "currency": request.currency,
        "note": request.payload.get("note"),
    }
    tx.insert(Gift, [gift])


def verdicts(requests: Sequence[ApprovalRequest], ctx: Context) -> Iterable[Verdict]:
    """Approve what is small; of the rest people decide."""
    free = ctx.settings["free_up_to"] * 10 ** minor_digits(ctx.currency)
    for index, request in enumerate(requests):
        if request.kind == KIND and request.currency == ctx.currency:
            verdict = verdict_on(request.amount_minor or 0, free)
            if verdict is not None:
                yield Verdict(
                    index,
                    verdict,
                    _("gifts up to {amount} are free").format(amount=ctx.settings["free_up_to"]),
                )


def key_of(customer_id: int, day: date) -> str:
    """Return what keeps two people from asking for the same gift: one a year."""
    return f"{customer_id}:{day.year}"
