"""Decisions on limits (额度审批): by the general manager, through the core's approvals; what follows is written here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from crmcore.api import (
    N_,
    ApprovalKind,
    ApprovalRequest,
    Customer,
    NotFound,
    Refused,
    UsageProblem,
    Verdict,
    approval_table,
    decide_approval,
    find_approvals,
    lock_customers,
    translator,
)
from crmcore_credit_5c.assessing.reads import refuse_restricted
from crmcore_credit_5c.limiting.current import current_limits, limits
from crmcore_credit_5c.limiting.import_deciding import decided_json
from crmcore_credit_5c.limiting.import_rows import KIND as IMPORT_KIND
from crmcore_credit_5c.limiting.proposing import KIND, PLUGIN, describe
from crmcore_credit_5c.tables.limits import CreditLimit

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")

PERMISSION = "credit.approve"
RENEWED = N_("a renewal that does not raise the limit needs no decision")
"""Stored as it is; each reader is told it in their language."""
BY_RULE = "rule"
"""Stands for who decided where the company's settings did."""


def limit_kind() -> ApprovalKind:
    """Return the kind of requests on limits; beyond the rules an approval says why."""
    title = N_("Credit limit")
    return ApprovalKind(
        KIND, title, PERMISSION, apply_limit, outside_policy=is_outside_rules, describe=describe
    )


def decide(
    app: App, actor: str, number: int, decision: Literal["approve", "reject"], reason: str
) -> dict[str, Any]:
    """Approve or reject a request on a limit; returns schemas/limit_decision.schema.json, of a file limit_import_decision.

    NotFound for a request that is none on a limit, UsageProblem without a reason, Refused with the rule that forbids it:
    never by who proposed it (but for a firm of one person), only by who may, deputies within their amount bands.
    """
    if not reason.strip():
        raise UsageProblem(_("a decision on a limit needs its reason; add --reason TEXT"))
    with app.read(PLUGIN, actor) as ctx:
        _limit_request(ctx, number)
    decide_approval(app, actor, number, decision, reason)
    with app.read(PLUGIN, actor) as ctx:
        request = _limit_request(ctx, number)
        told = decided_json if request.kind == IMPORT_KIND else _decided_json
        return told(ctx, request, actor, reason)


def _limit_request(ctx: Context, number: int) -> ApprovalRequest:
    request = find_approvals(ctx, [number]).get(number)
    if request is None or request.kind not in (KIND, IMPORT_KIND):
        message = _(
            "there is no request {number} on a credit limit; list them with: crm approvals list --kind {kind}"
        )
        raise NotFound(message.format(number=number, kind=KIND))
    return request


def _decided_json(ctx: Context, request: ApprovalRequest, actor: str, reason: str) -> dict[str, Any]:
    from crmcore.api import customer_codes

    assert request.customer_id is not None  # noqa: S101  (each request on a limit has one)
    codes = customer_codes(ctx.connection, [request.customer_id])
    return {
        "request": request.id,
        "customer": codes[request.customer_id],
        "state": request.state,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "until": request.payload.get("until"),
        "payment_days": request.payload.get("payment_days"),
        "requested_by": request.requested_by,
        "decided_by": actor,
        "single_person": actor == request.requested_by,
        "reason": reason,
    }


# -- what follows from an approval -----------------------------------------------------------------------------------


def apply_limit(tx: Tx, request: ApprovalRequest) -> None:
    """Write an approved limit, and terms that are to stand on the customer card; in the transaction of the approval."""
    payload, customer_id = request.payload, request.customer_id
    if not payload:
        raise Refused(_("the person was erased, and what was asked for with them; reject the request"))
    assert customer_id is not None  # noqa: S101  (each request on a limit has one)
    until = date.fromisoformat(payload["until"]) if payload["until"] else None
    if until is not None and until < tx.ctx.today:
        message = _("the raise was asked for until {until}, which is past; reject it and ask anew")
        raise Refused(message.format(until=until))
    refuse_restricted(tx.ctx, customer_id)
    lock_customers(tx, [customer_id])  # an order is released under the old limit or the new one
    _refuse_overtaken(tx.ctx, request)
    by_rule = _settled_by_rule(tx, request)
    row = {
        "customer_id": customer_id,
        "limit_minor": payload["limit_minor"],
        "currency": payload["currency"],
        "valid_from": tx.ctx.today,
        "ends_on": None if until is None else until + timedelta(days=1),
        "payment_days": payload["payment_days"],
        "grade": payload["grade"],
        "assessment_id": payload["assessment"],
        "approval_id": request.id,
        "workings": list(payload["workings"]),
        "reason": request.reason or None,
        "proposed_by": request.requested_by,
        "decided_by": BY_RULE if by_rule else tx.actor,
        "single_person": not by_rule and tx.actor == request.requested_by,
        "decided_at": tx.now,
    }
    tx.insert(CreditLimit, [row])
    if payload["payment_days"] is not None and until is None:
        tx.update(Customer, [(customer_id, {"attributes": {"payment_days": payload["payment_days"]}})])


def _refuse_overtaken(ctx: Context, request: ApprovalRequest) -> None:
    """Refuse to replace what was decided while a request waited: after a merge two may wait on one limit."""
    asked_at = ctx.connection.scalar(
        sa.select(approval_table.c.requested_at).where(approval_table.c.id == request.id)
    )
    c = limits.c
    query = sa.select(sa.func.max(c.approval_id)).where(
        c.customer_id == request.customer_id, sa.or_(c.approval_id > request.id, c.decided_at > asked_at)
    )
    other = ctx.connection.scalar(query)
    if other is not None:
        message = _(
            "the limit was decided by request {other} while request {number} waited; reject this one, and ask anew if it is still wanted"
        )
        raise Refused(message.format(other=other, number=request.id))


def _settled_by_rule(tx: Tx, request: ApprovalRequest) -> bool:
    """Say whether a rule settled the request as it was made: then it is still open in the books while this runs."""
    return find_approvals(tx.ctx, [request.id])[request.id].state == "requested"


def renewals(requests: Sequence[ApprovalRequest], ctx: Context) -> list[Verdict]:
    """Approve, where the company wants it, what does not raise the limit that stands and keeps to the rules."""
    mine = {place: one for place, one in enumerate(requests) if one.kind == KIND}
    if not (mine and ctx.settings["auto_renew_limits"]):
        return []
    held = current_limits(ctx, [one.customer_id for one in mine.values() if one.customer_id is not None])
    return [Verdict(place, "approve", RENEWED) for place, one in mine.items() if _is_renewal(one, held)]


def _is_renewal(request: ApprovalRequest, held: Any) -> bool:
    limit = held.get(request.customer_id)
    payload = request.payload
    return (
        limit is not None
        and limit.until is None
        and payload["until"] is None
        and payload["payment_days"] is None
        and not payload["outside_rules"]
        and limit.currency == payload["currency"]
        and payload["limit_minor"] <= limit.limit_minor
    )


def is_outside_rules(request: ApprovalRequest) -> bool:
    """Say whether more is asked for than the rules come to: approving then needs a reason."""
    return bool(request.payload.get("outside_rules"))
