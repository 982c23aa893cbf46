"""Use cases: propose another policy, and what follows once it is approved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crmcore.api import (
    N_,
    ApprovalKind,
    ApprovalRequest,
    CrmError,
    NotFound,
    Refused,
    UsageProblem,
    decide_approval,
    find_approvals,
    printable,
    request_approvals,
    to_minor,
    translator,
)
from crmcore_credit_5c.assessing.files import read_json
from crmcore_credit_5c.assessing.sentences import shown
from crmcore_credit_5c.policies.versions import as_grades, as_list, differences_json, grades_on, rows_of
from crmcore_credit_5c.rules import policy as rules
from crmcore_credit_5c.rules.policy import BadPolicy, Grades
from crmcore_credit_5c.tables.policy import CreditPolicy

if TYPE_CHECKING:
    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
KIND = "credit_5c_policy"
_MOST_GRADES = 20
_LONGEST_GRADE = 8
_LONGEST_REASON = 1000
Wanted = Path | tuple[str, Mapping[str, str]]
"""A file with a whole policy, or a grade and what is typed of it (key → text)."""


def policy_kind() -> ApprovalKind:
    """Return the kind of requests by which the policy is changed."""
    schema = {
        "type": "object",
        "required": ["grades", "valid_from", "versions"],
        "properties": {
            "grades": {"type": "array", "minItems": 1, "items": {"type": "object"}},
            "valid_from": {"type": "string"},
            "versions": {"type": "integer"},
            "changed": {"type": "array", "items": {"type": "string"}},
        },
    }
    title = N_("Credit policy")
    return ApprovalKind(KIND, title, "credit.policy", apply_policy, payload_schema=schema, describe=describe)


def describe(request: ApprovalRequest) -> str | None:
    """Say from when on which grades change, in the reader's language; None of a request of an older version."""
    return _subject(request.payload) if "changed" in request.payload else None


def _subject(payload: Mapping[str, Any]) -> str:
    message = _("credit policy from {day} on: {grades}")
    return message.format(day=payload["valid_from"], grades=", ".join(payload["changed"]))[:200]


def propose(app: App, actor: str, wanted: Wanted, reason: str, start: date | None = None) -> dict[str, Any]:
    """Ask for another policy from a day on, by default today; returns schemas/policy_proposal.schema.json.

    UsageProblem for a day that is past or an empty reason, CrmError for what is no policy or changes nothing, Refused
    while another proposal waits.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        message = _("a policy needs its reason, of at most {most} characters; add --reason TEXT")
        raise UsageProblem(message.format(most=_LONGEST_REASON))
    with app.write(actor, "crm credit policy propose", plugin=PLUGIN) as tx:
        ctx = tx.ctx
        first = _first_day(ctx, start)
        _number, before = grades_on(ctx, first)
        after = wanted_grades(ctx, wanted, first)
        found = rules.differences(before, after)
        if not found and list(before) == list(after):
            raise CrmError(_("the policy says so already; nothing was proposed"))
        payload = {"grades": as_list(after), "valid_from": first.isoformat(), "versions": len(rows_of(ctx))}
        payload["changed"] = _grades(found, after)
        request = ApprovalRequest(KIND, _subject(payload), reason.strip(), "policy", payload=payload)
        (number,) = request_approvals(tx, [request])
        stored = find_approvals(ctx, [number])[number]
        if dict(stored.payload) != payload or stored.requested_by != tx.actor:
            message = _(
                "request {number} on the policy waits already; decide on it, or withdraw it with: crm approvals withdraw {number}"
            )
            raise Refused(message.format(number=number))
    return {
        "request": number,
        "state": stored.state,
        "valid_from": first.isoformat(),
        "changes": differences_json(found),
    }


def decide(
    app: App, actor: str, number: int, decision: Literal["approve", "reject"], reason: str
) -> dict[str, Any]:
    """Approve or reject a proposed policy; returns schemas/policy_decision.schema.json.

    NotFound for a request that is none on a policy, UsageProblem without a reason, Refused with the rule against it.
    """
    if not reason.strip():
        raise UsageProblem(_("a decision on a policy needs its reason; add --reason TEXT"))
    with app.read(PLUGIN, actor) as ctx:
        _policy_request(ctx, number)
    decide_approval(app, actor, number, decision, reason)
    with app.read(PLUGIN, actor) as ctx:
        request = _policy_request(ctx, number)
        return {
            "request": number,
            "state": request.state,
            "valid_from": request.payload["valid_from"],
            "version": len(rows_of(ctx)) if request.state == "approved" else None,
            "requested_by": request.requested_by,
            "decided_by": actor,
            "reason": reason,
        }


def apply_policy(tx: Tx, request: ApprovalRequest) -> None:
    """Write an approved policy, in the transaction of the approval; Refused where another one was approved meanwhile.

    A first day that has passed while the request waited becomes today: how customers were dealt with is not rewritten.
    """
    payload = request.payload
    if len(rows_of(tx.ctx)) != payload["versions"]:
        raise Refused(
            _("another policy was approved since this one was proposed; reject it and propose it anew")
        )
    row = {
        "valid_from": max(date.fromisoformat(payload["valid_from"]), tx.ctx.today),
        "policy": {"grades": [dict(terms) for terms in payload["grades"]]},
        "reason": request.reason,
        "author": request.requested_by,
        "decided_by": tx.actor,
        "approval_id": request.id,
        "created_at": tx.now,
    }
    tx.insert(CreditPolicy, [row])


def wanted_grades(ctx: Context, wanted: Wanted, day: date) -> Grades:
    """Return the policy that is wanted; CrmError with the path in the file, UsageProblem for what is typed wrong."""
    if isinstance(wanted, Path):
        return _from_file(ctx, wanted)
    grade, words = wanted
    if not words:
        raise UsageProblem(
            _("nothing to change was given; name keys and values: {keys}").format(
                keys=", ".join(f"{key}=…" for key in rules.KEYS)
            )
        )
    _check_grade(grade)
    try:
        found = rules.changed(grades_on(ctx, day)[1], grade, words)
        return {name: _in_currency(ctx, terms) for name, terms in found.items()}
    except BadPolicy as error:
        raise UsageProblem(problem_sentence(error)) from None


def _from_file(ctx: Context, path: Path) -> Grades:
    listed = _read(path)
    found: dict[str, dict[str, Any]] = {}
    for place, terms in enumerate(listed):
        try:
            grade = _grade_in(terms, found)
            found[grade] = _in_currency(ctx, rules.checked({k: v for k, v in terms.items() if k != "grade"}))
        except BadPolicy as error:
            raise CrmError(f"{path}: grades[{place}]: {problem_sentence(error)}") from None
        except CrmError as error:
            raise CrmError(f"{path}: grades[{place}]: {error}") from None
    return found


def _grade_in(terms: Any, found: Mapping[str, Any]) -> str:
    """Return which grade an entry of a file is about; CrmError where it is none, or one that stands there already."""
    if not isinstance(terms, dict) or not isinstance(terms.get("grade"), str):
        raise CrmError(_("is no grade; write {example}").format(example=_EXAMPLE))
    grade: str = terms["grade"]
    _check_grade(grade)
    if grade in found:
        message = _("grade {grade} stands there twice; keep one of them")
        raise CrmError(message.format(grade=printable(grade)))
    return grade


_EXAMPLE = '{"grade": "A", "payment_days": 60, "deposit": "0", "hold": "limit", "overdue_days": 30, "review_days": 365}'


def _read(path: Path) -> list[Any]:
    content = read_json(path)
    listed = content.get("grades") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST_GRADES:
        message = _(
            '{path} holds no policy; write {{"grades": [{example}, …]}}, the best grade first, at most {most} of them'
        )
        raise CrmError(message.format(path=path, example=_EXAMPLE, most=_MOST_GRADES))
    return listed


def _check_grade(grade: str) -> None:
    if not grade or len(grade) > _LONGEST_GRADE or not grade.isprintable() or any(map(str.isspace, grade)):
        message = _("{grade!r} is no grade; use 1 to {most} characters without spaces, such as A")
        raise UsageProblem(message.format(grade=printable(grade), most=_LONGEST_GRADE))


def _in_currency(ctx: Context, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the terms; BadPolicy where the ceiling is finer than the company's currency."""
    try:
        if "cap" in terms:
            to_minor(Decimal(terms["cap"]), ctx.currency)
    except ValueError:
        raise BadPolicy("value", "cap", terms["cap"]) from None
    return dict(terms)


def problem_sentence(error: BadPolicy) -> str:
    """Say what is wrong with a policy, and what to do."""
    if error.problem == "missing":
        return _("{key} is missing; add it, as in {example}").format(key=error.key, example=_EXAMPLE)
    if error.problem == "key":
        message = _("a policy has no key {key!r}; known are {known}")
        return message.format(key=printable(error.key), known=", ".join(rules.KEYS))
    message = _("{key} = {value!r} is not allowed; allowed is {allowed}")
    value = printable(error.value if isinstance(error.value, str) else shown(error.value))[:80]
    return message.format(key=error.key, value=value, allowed=_allowed(error.key))


def _allowed(key: str) -> str:
    if key == "hold":
        return ", ".join(rules.HOLDS)
    if key in rules.BOUNDS:
        least, most = rules.BOUNDS[key]
        return _("a whole number from {least} to {most}").format(least=least, most=most)
    if key == "deposit":
        return _("a share from 0 to 1 as decimal text, such as {example}").format(example="0.3")
    return _("an amount in the company's currency as decimal text, such as {example}").format(
        example="500000"
    )


def _first_day(ctx: Context, start: date | None) -> date:
    first = start or ctx.today
    if first < ctx.today:
        message = _("policies of past days are not rewritten: --from {day} is before today, {today}")
        raise UsageProblem(message.format(day=first, today=ctx.today))
    return first


def _grades(found: list[rules.Difference], after: Grades) -> list[str]:
    return list(dict.fromkeys([one.grade for one in found] or list(after)))


def _policy_request(ctx: Context, number: int) -> ApprovalRequest:
    request = find_approvals(ctx, [number]).get(number)
    if request is None or request.kind != KIND:
        message = _(
            "there is no request {number} on the credit policy; list them with: crm approvals list --kind {kind}"
        )
        raise NotFound(message.format(number=number, kind=KIND))
    return request


def grades_of(request: ApprovalRequest) -> Grades:
    """Return the policy that a request is about."""
    return as_grades(dict(terms) for terms in request.payload["grades"])


def requested_grades(ctx: Context, number: int) -> Grades:
    """Return the policy that was asked for by number; NotFound where the request is about something else."""
    return grades_of(_policy_request(ctx, number))
