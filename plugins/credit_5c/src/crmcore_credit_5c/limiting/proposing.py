"""Proposals of limits (额度申请): worked out by rule, put to whoever decides on limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    ApprovalRequest,
    CrmError,
    Refused,
    UsageProblem,
    find_approvals,
    format_minor,
    request_approvals,
    to_minor,
    translator,
)
from crmcore_credit_5c.assessing.current import Grade, current_grades
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.limiting.bases import known_of, limit_rules
from crmcore_credit_5c.limiting.exposure import limits_in_currency
from crmcore_credit_5c.limiting.import_rows import waiting_alone, waiting_imports
from crmcore_credit_5c.limiting.workings import shown_working, working_json
from crmcore_credit_5c.policies.current import GradePolicy, grade_policies
from crmcore_credit_5c.rules.limits import Working, smallest, work_out_all

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")

PLUGIN = "credit_5c"
KIND = "credit_5c_limit"
_LONGEST_REASON = 1_000
_MOST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    requested: str | None = None
    """An amount in the company's currency, as typed."""
    until: date | None = None
    """The last day of a temporary raise (临时额度); None = the limit is to stand."""
    payment_days: int | None = None
    reason: str = ""


def propose(app: App, actor: str, code: str, wish: Wish, *, source: str = "cli") -> dict[str, Any]:
    """Work out a customer's limit and ask for its approval; returns schemas/limit_proposal.schema.json.

    NotFound for an unknown customer, UsageProblem for a wrong value, Refused without a grade that holds today, without
    anything to work it out from, or while another request on the same limit waits.
    """
    with app.write(actor, "crm credit limit propose", source, plugin=PLUGIN) as tx:
        ctx = tx.ctx
        customer_id = find_usable(ctx, code)
        requested = _checked(ctx, wish)
        _refuse_lower_raise(ctx, customer_id, wish, requested)
        grade = _grade(ctx, customer_id, code)
        policy = policy_of(grade_policies(ctx), grade.grade)
        workings = _workings(ctx, customer_id, grade, policy, requested)
        amount = _amount(ctx, code, wish, requested, workings)
        _refuse_second(ctx, customer_id, code)
        payload = {"customer": code, **_payload(ctx, wish, grade, amount, workings)}
        request = _request(customer_id, wish, payload)
        number = _asked(tx, request, code)
        state = find_approvals(ctx, [number])[number].state
    return {
        "request": number,
        "customer": code,
        "state": state,
        "amount_minor": amount,
        "currency": ctx.currency,
        "grade": grade.grade,
        "until": wish.until.isoformat() if wish.until else None,
        "payment_days": policy.payment_days if wish.payment_days is None else wish.payment_days,
        "outside_rules": payload["outside_rules"],
        "proposals": payload["workings"],
    }


def policy_of(policies: Mapping[str, GradePolicy], grade: str | None) -> GradePolicy:
    """Return the policy of a grade; who has none, or one without a policy, is dealt with as one of the last grade."""
    found = policies.get(grade) if grade is not None else None
    return found or list(policies.values())[-1]


# -- inside --------------------------------------------------------------------------------------------------------


def _checked(ctx: Context, wish: Wish) -> int | None:
    """Return the amount asked for in minor units; UsageProblem for any value that is not allowed."""
    if wish.until is not None and wish.until < ctx.today:
        message = _("the last day is past: --until {until} is before today, {today}; name a later one")
        raise UsageProblem(message.format(until=wish.until, today=ctx.today))
    if wish.until is not None and wish.requested is None:
        raise UsageProblem(_("a temporary raise needs its amount; add --requested AMOUNT"))
    if len(wish.reason) > _LONGEST_REASON:
        message = _("the reason has {count} characters; shorten it to {most}")
        raise UsageProblem(message.format(count=len(wish.reason), most=_LONGEST_REASON))
    if wish.payment_days is not None and not 0 <= wish.payment_days <= _MOST_DAYS:
        message = _("--terms {days} is not from 0 to {most} days; correct it")
        raise UsageProblem(message.format(days=wish.payment_days, most=_MOST_DAYS))
    return None if wish.requested is None else _requested_minor(wish.requested, ctx.currency)


def _requested_minor(text: str, currency: str) -> int:
    try:
        minor = to_minor(Decimal(text.replace(",", "")), currency)
    except (InvalidOperation, ValueError):
        minor = -1
    if minor < 0:
        message = _("--requested {text!r} is no amount in {currency}; write it as 50000 or 50000.00")
        raise UsageProblem(message.format(text=text, currency=currency))
    if minor == 0:
        raise UsageProblem(_("--requested 0 is no limit to ask for; name an amount above 0"))
    return minor


def _refuse_lower_raise(ctx: Context, customer_id: int, wish: Wish, requested: int | None) -> None:
    """Refuse a temporary raise that would raise nothing: it would lower the limit until its last day."""
    if wish.until is None or requested is None:
        return
    held = limits_in_currency(ctx, [customer_id]).get(customer_id)
    if held is not None and requested <= held:
        message = _(
            "{amount} {currency} is not above the limit that holds, {limit} {currency}; propose it without --temporary"
        )
        shown = {"amount": format_minor(requested, ctx.currency), "limit": format_minor(held, ctx.currency)}
        raise Refused(message.format(currency=ctx.currency, **shown))


def _grade(ctx: Context, customer_id: int, code: str) -> Grade:
    grade = current_grades(ctx, [customer_id]).get(customer_id)
    if grade is None:
        message = _(
            "customer {code} has no credit grade that holds today, which a limit needs; grade it with: crm credit assess {code} --evidence FILE.json"
        )
        raise Refused(message.format(code=code))
    return grade


def _workings(
    ctx: Context, customer_id: int, grade: Grade, policy: GradePolicy, requested: int | None
) -> list[Working]:
    rules = limit_rules(ctx)
    known = known_of(ctx, customer_id, grade.grade, rules, requested)
    cap = policy.cap_minor if policy.grade == grade.grade else None
    return work_out_all(rules, known, cap)


def _amount(ctx: Context, code: str, wish: Wish, requested: int | None, workings: Sequence[Working]) -> int:
    """Return what is proposed: the smallest by the rules, of a temporary raise what was asked for."""
    best = smallest(workings)
    if wish.until is not None and requested is not None:
        return requested
    if best is None or best.amount_minor is None:
        jsons = [working_json(one, ctx.currency, chosen=False) for one in workings]
        said = "; ".join(shown_working(one, ctx.currency) for one in jsons)
        message = _(
            "no limit can be proposed for {code}: {workings}; ask for an amount with --requested AMOUNT"
        )
        raise Refused(message.format(code=code, workings=said))
    if best.amount_minor == 0:
        raise _nothing(ctx, code, best)
    return best.amount_minor


def _nothing(ctx: Context, code: str, best: Working) -> CrmError:
    """Say which rule comes to nothing: a limit of 0 is decided on purpose, by a file, or not at all."""
    said = shown_working(working_json(best, ctx.currency, chosen=True), ctx.currency)
    message = _(
        "no limit is proposed for {code}, since it would be nothing: {working}; correct the rules, or give 0 on purpose with: crm credit limit import FILE"
    )
    return Refused(message.format(code=code, working=said))


def _refuse_second(ctx: Context, customer_id: int, code: str) -> None:
    waiting = open_request(ctx, customer_id)
    if waiting is not None:
        raise _second(waiting.id, code)


def open_request(ctx: Context, customer_id: int) -> ApprovalRequest | None:
    """Return the request on a customer's limit that waits, on this one or on all of a file; None = none does."""
    alone = waiting_alone(ctx, [customer_id], KIND).get(customer_id)
    if alone is not None:
        return find_approvals(ctx, [alone])[alone]
    return waiting_imports(ctx, [customer_id]).get(customer_id)


def matter(customer_id: int) -> str:
    """Return the key of the matter that a request is about: of one customer only one waits at a time."""
    return f"limit:{customer_id}"


def _second(number: int, code: str) -> CrmError:
    message = _(
        "request {number} on the limit of {code} waits already; decide on it, or withdraw it with: crm approvals withdraw {number}"
    )
    return Refused(message.format(number=number, code=code))


def _payload(
    ctx: Context, wish: Wish, grade: Grade, amount: int, workings: Sequence[Working]
) -> dict[str, Any]:
    best = smallest(workings)
    by_rules = best.amount_minor if best is not None else None
    return {
        "limit_minor": amount,
        "currency": ctx.currency,
        "until": wish.until.isoformat() if wish.until else None,
        "payment_days": wish.payment_days,
        "grade": grade.grade,
        "assessment": grade.assessment,
        "outside_rules": by_rules is None or amount > by_rules,
        "workings": [
            working_json(one, ctx.currency, chosen=one is best and best.amount_minor == amount)
            for one in workings
        ],
    }


def _request(customer_id: int, wish: Wish, payload: Mapping[str, Any]) -> ApprovalRequest:
    return ApprovalRequest(
        KIND,
        _subject(payload),
        wish.reason,
        matter(customer_id),
        customer_id,
        payload["limit_minor"],
        payload["currency"],
        payload,
    )


def describe(request: ApprovalRequest) -> str | None:
    """Say which limit is asked for, in the reader's language; None of a request that an older version made."""
    return _subject(request.payload) if "customer" in request.payload else None


def _subject(payload: Mapping[str, Any]) -> str:
    message = (
        _("credit limit of {code}: {amount} {currency}")
        if payload["until"] is None
        else _("credit limit of {code}: {amount} {currency} until {until}")
    )
    amount = format_minor(payload["limit_minor"], payload["currency"])
    return message.format(
        code=payload["customer"], amount=amount, currency=payload["currency"], until=payload["until"]
    )


def _asked(tx: Tx, request: ApprovalRequest, code: str) -> int:
    (number,) = request_approvals(tx, [request])
    stored = find_approvals(tx.ctx, [number])[number]
    if stored.requested_by != tx.actor or dict(stored.payload) != dict(request.payload):
        raise _second(number, code)  # somebody else asked at the same moment
    return number
