"""A second pair of eyes (复核): an assessment that waits until somebody else has agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    ApprovalKind,
    ApprovalRequest,
    Refused,
    customer_codes,
    find_approvals,
    request_approvals,
    translator,
)
from crmcore_credit_5c.tables.assessments import REJECTED, RELEASED, WAITING, CreditAssessment

from .current import assessments
from .reads import refuse_restricted
from .reviews import answer_reviews

if TYPE_CHECKING:
    from crmcore.api import Context, Tx

_ = translator("crmcore_credit_5c")
KIND = "credit_5c_assessment"
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["assessment"],
    "properties": {
        "assessment": {"type": "integer", "minimum": 1},
        "customer": {"type": "string"},
        "grade": {"type": ["string", "null"]},
    },
}


def approval_kind(title: str) -> ApprovalKind:
    """Return the kind of request that releases an assessment; who may assess may decide, but not on its own."""
    return ApprovalKind(
        KIND, title, "credit.assess", release, expires_days=30, payload_schema=_SCHEMA, describe=describe
    )


def describe(request: ApprovalRequest) -> str | None:
    """Say which grade waits, in the reader's language; None of a request that an older version made."""
    return _subject(request.payload) if "grade" in request.payload else None


def _subject(payload: Mapping[str, Any]) -> str:
    message = _("Credit of {customer}: grade {grade}")
    return message.format(customer=payload["customer"], grade=payload["grade"])


def needs_second(ctx: Context, grade: str | None, before: str | None) -> bool:
    """Say whether an assessment waits, by the setting `second_pair_of_eyes`.

    `changes`: where the grade is another than the one released last; the first grade changes nothing.
    """
    rule = ctx.settings["second_pair_of_eyes"]
    return rule == "always" or (rule == "changes" and before is not None and before != grade)


def request_release(tx: Tx, waiting: Mapping[int, tuple[int, str]]) -> None:
    """Ask for the release of assessments, number → (customer, grade)."""
    if not waiting:
        return
    codes = customer_codes(tx.connection, [customer for customer, _grade in waiting.values()])
    payloads = {
        number: {"assessment": number, "customer": codes[customer], "grade": grade}
        for number, (customer, grade) in waiting.items()
    }
    requests = [
        ApprovalRequest(
            KIND,
            _subject(payloads[number]),
            key=f"assessment:{number}",
            customer_id=customer,
            payload=payloads[number],
        )
        for number, (customer, _grade) in waiting.items()
    ]
    asked = request_approvals(tx, requests)
    tx.update(
        CreditAssessment,
        [(number, {"approval_id": request}) for number, request in zip(waiting, asked, strict=True)],
    )


def turned_down(ctx: Context) -> dict[int, int]:
    """Return assessment → customer of those that wait no more, since nobody agreed: rejected, withdrawn, or too late."""
    c = assessments.c
    query = sa.select(c.id, c.customer_id, c.approval_id).where(
        c.state == WAITING, c.approval_id.is_not(None)
    )
    rows = ctx.connection.execute(query).all()
    requests = find_approvals(ctx, [row.approval_id for row in rows])
    return {row.id: row.customer_id for row in rows if requests[row.approval_id].state != "requested"}


def settle_turned_down(tx: Tx) -> None:
    """Write down which assessments nobody agreed to."""
    tx.update(CreditAssessment, [(number, {"state": REJECTED}) for number in turned_down(tx.ctx)])


def release(tx: Tx, request: ApprovalRequest) -> None:
    """Let an assessment count, in the transaction of the approval; Refused where it waits no more, or a newer one counts."""
    number = int(request.payload["assessment"])
    row = tx.connection.execute(sa.select(assessments).where(assessments.c.id == number)).first()
    if row is None or row.state != WAITING:
        message = _("assessment {number} does not wait any more; look at it: crm credit explain")
        raise Refused(message.format(number=number))
    refuse_restricted(tx.ctx, row.customer_id)
    _refuse_older(tx, row)
    tx.update(
        CreditAssessment,
        [(number, {"state": RELEASED, "released_on": tx.ctx.today, "released_by": tx.actor})],
    )
    answer_reviews(tx, [row.customer_id])


def _refuse_older(tx: Tx, row: sa.Row[Any]) -> None:
    c = assessments.c
    newer = sa.select(c.id).where(c.customer_id == row.customer_id, c.state == RELEASED, c.id > row.id)
    found = tx.connection.scalar(newer.limit(1))
    if found is not None:
        message = _("assessment {newer} is newer than {number} and counts already; reject the request")
        raise Refused(message.format(newer=found, number=row.id))
