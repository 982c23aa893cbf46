"""Ask for approval, inside any transaction of the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.again import again_if_given_up
from crmcore.builtin.approvals.company import authority_over
from crmcore.builtin.approvals.decisions import decide as decide_approval
from crmcore.builtin.approvals.kinds import Terms, carry_out, check_payload, find_kind, terms_of
from crmcore.builtin.approvals.queries import approval_table, find_approvals, latest_approvals
from crmcore.builtin.approvals.rules import BECOMES, settled
from crmcore.builtin.approvals.tables import Approval
from crmcore.builtin.approvals.telling import described, in_english
from crmcore.builtin.approvals.values import cleaned_reason, cleaned_request
from crmcore.entities.lookup import batches, customer_codes
from crmcore.errors import NotFound, Refused
from crmcore.i18n import _
from crmcore.plugins.isolation import frozen

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import ApprovalKind, ApprovalRequest, Verdict
    from crmcore.tx import Tx

__all__ = [
    "approval_table",
    "ask",
    "decide_approval",
    "find_approvals",
    "latest_approvals",
    "request_approvals",
]

_Matter = tuple[str, str]


@again_if_given_up
def ask(app: App, actor: str, request: ApprovalRequest) -> int:
    """Make one request in a transaction of its own; returns its number."""
    # What people write as a reason may be personal: it stands in the request, never in the log's header.
    with app.write(actor, "request approval", plugin="approvals") as tx:
        return request_approvals(tx, [request])[0]


def request_approvals(tx: Tx, requests: Sequence[ApprovalRequest]) -> list[int]:
    """Ask for approval inside a transaction; returns one number per request, in order.

    A matter (kind and key) that waits already keeps its request. Verdicts of plugins settle requests at once, and
    what follows from an approval is done here, too. Raises CrmError for a value that is not allowed, NotFound for
    an unknown kind or customer, Refused where a plugin cannot decide or cannot carry out what it approved.
    """
    app = tx._app  # noqa: SLF001  (the app of this very transaction; nobody may hand in another)
    kinds = {name: find_kind(app, name) for name in dict.fromkeys(one.kind for one in requests)}
    asked = [_prepared(app, tx, kinds[one.kind], one) for one in requests]
    _check_customers(tx, asked)
    _take_turns(tx, {one.kind for one in asked if one.key is not None})
    numbers = _open_matters(tx, asked)
    fresh = _without_twins(asked, numbers)
    made = _make(app, tx, kinds, fresh)
    numbers.update({_matter(one): one.id for one in made if one.key is not None})
    unnamed = iter([one.id for one in made if one.key is None])
    return [next(unnamed) if one.key is None else numbers[_matter(one)] for one in asked]


def _prepared(app: App, tx: Tx, kind: ApprovalKind, request: ApprovalRequest) -> ApprovalRequest:
    """Return a request as it will be stored: clean, in the name of who acts, in English where its kind describes it."""
    cleaned = cleaned_request(request)
    check_payload(app, kind, cleaned.payload)
    made = replace(cleaned, id=0, state="requested", requested_by=tx.actor, decision_reason="")
    said = in_english(lambda: described(app, kind, _copied(made)))
    return replace(made, subject=said or made.subject)


def _matter(request: ApprovalRequest) -> _Matter:
    return request.kind, request.key or ""


def _without_twins(asked: Sequence[ApprovalRequest], known: Mapping[_Matter, int]) -> list[ApprovalRequest]:
    """Return those that are new: of one matter the first."""
    seen: set[_Matter] = set(known)
    fresh = []
    for one in asked:
        if one.key is None or _matter(one) not in seen:
            fresh.append(one)
            seen.add(_matter(one))
    return fresh


def _take_turns(tx: Tx, kinds: Iterable[str]) -> None:
    """Let one writer at a time look which matters of a kind wait already (SQLite has only one anyway)."""
    if tx.connection.dialect.name == "postgresql":
        query = sa.text("SELECT pg_advisory_xact_lock(726867, hashtext(:kind))")
        for kind in sorted(kinds):
            tx.connection.execute(query, {"kind": kind})


def _check_customers(tx: Tx, asked: Sequence[ApprovalRequest]) -> None:
    wanted = {one.customer_id for one in asked if one.customer_id is not None}
    if missing := wanted.difference(customer_codes(tx.connection, wanted)):
        message = _("{entity} has no row {id}")
        raise NotFound(message.format(entity=_("customer"), id=min(missing)))


def _open_matters(tx: Tx, asked: Sequence[ApprovalRequest]) -> dict[_Matter, int]:
    """Return the matters that wait already; those that nobody decided in time make room for a new request."""
    c, found, late = approval_table.c, {}, []
    for kind in {one.kind for one in asked}:
        for keys in batches(one.key for one in asked if one.kind == kind and one.key is not None):
            query = sa.select(c.id, c.kind, c.key, c.expires_on).where(
                c.state == "requested", c.kind == kind, c.key.in_(keys)
            )
            for row in tx.connection.execute(query):
                if row.expires_on is not None and row.expires_on < tx.ctx.today:
                    late.append(row.id)
                else:
                    found[row.kind, row.key] = row.id
    tx.update(Approval, [(number, {"state": "expired"}) for number in late])
    return found


# -- new ones ----------------------------------------------------------------------------------------------------


def _make(
    app: App, tx: Tx, kinds: Mapping[str, ApprovalKind], fresh: Sequence[ApprovalRequest]
) -> list[ApprovalRequest]:
    """Write new requests, settled where plugins settle them, and do what follows; returns them with their numbers."""
    if not fresh:
        return []
    verdicts = _verdicts(app, tx, fresh)
    terms = [terms_of(app, kinds[one.kind], _copied(one), tx.ctx.today) for one in fresh]
    rows = [_row(app, tx, kinds[one.kind], one, its) for one, its in zip(fresh, terms, strict=True)]
    numbers = tx.insert(Approval, rows)
    made = [replace(one, id=number) for one, number in zip(fresh, numbers, strict=True)]
    for place in sorted(verdicts):
        if verdicts[place].decision == "approve":
            approved = replace(_copied(made[place]), state="approved")
            carry_out(app, tx, kinds[approved.kind], approved)
    # Only now: an approval whose deed failed is none, even if somebody catches the error and goes on.
    tx.update(Approval, [(numbers[place], _decided(tx, verdict)) for place, verdict in verdicts.items()])
    return made


def _copied(request: ApprovalRequest) -> ApprovalRequest:
    """Return a request whose payload may be changed by whoever is given it: what is stored is another."""
    return replace(request, payload=deepcopy(dict(request.payload)))


def _verdicts(app: App, tx: Tx, fresh: Sequence[ApprovalRequest]) -> dict[int, Verdict]:
    """Ask the plugins; returns place → the verdict that counts."""
    asked = [replace(one, payload=frozen(dict(one.payload))) for one in fresh]
    given: dict[int, list[Verdict]] = {}
    for verdict in app.host.decide("approve_requests", tx, requests=asked):
        if not cleaned_reason(verdict.reason):
            message = _(
                "plugin {plugin!r} gave no reason for its verdict on {subject!r}, so nothing was written; repair it or run: crm plugins disable {plugin}"
            )
            raise Refused(message.format(plugin=verdict.plugin, subject=fresh[verdict.index].subject))
        given.setdefault(verdict.index, []).append(verdict)
    counting = {place: settled((v.decision, v) for v in verdicts) for place, verdicts in given.items()}
    return {place: verdict for place, verdict in counting.items() if verdict is not None}


def _row(app: App, tx: Tx, kind: ApprovalKind, request: ApprovalRequest, terms: Terms) -> dict[str, Any]:
    names = ("kind", "key", "customer_id", "subject", "amount_minor", "currency", "requested_by")
    who = authority_over(app, tx.ctx, request, terms.permission)
    return {
        **{name: getattr(request, name) for name in names},
        "plugin": kind.plugin,
        "reason": request.reason or None,
        "payload": dict(request.payload),
        "requested_at": tx.now,
        **terms._asdict(),
        "up_to": None if who is None or who.up_to is None else f"{who.up_to:f}",
        "holders": None if who is None else list(who.holders),
        "deputies": who is None or who.deputies,
    }


def _decided(tx: Tx, verdict: Verdict) -> dict[str, Any]:
    return {
        "state": BECOMES[verdict.decision],
        "decided_by": f"plugin:{verdict.plugin}",
        "decided_at": tx.now,
        "decision_reason": cleaned_reason(verdict.reason),
    }
