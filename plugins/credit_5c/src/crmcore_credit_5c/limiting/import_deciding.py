"""What follows as a file of limits is approved (额度审批): all its limits hold at once, but for what has changed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    ApprovalKind,
    ApprovalRequest,
    Customer,
    Refused,
    customer_ids,
    find_approvals,
    format_minor,
    lock_customers,
    restricted_ids,
    translator,
)
from crmcore_credit_5c.assessing.reads import archived
from crmcore_credit_5c.limiting.current import Record
from crmcore_credit_5c.limiting.import_rows import (
    KIND,
    asked_of,
    customers_in,
    last_decisions,
    rows_of,
    skip_sentence,
)
from crmcore_credit_5c.limiting.proposing import KIND as LIMIT_KIND
from crmcore_credit_5c.money import Money, NoRate
from crmcore_credit_5c.rules.imports import Since, Skip, skip_of
from crmcore_credit_5c.tables.imports import CreditLimitImportRow
from crmcore_credit_5c.tables.limits import CreditLimit

if TYPE_CHECKING:
    from crmcore.api import Context, Tx

_ = translator("crmcore_credit_5c")
_DAY = timedelta(days=1)
_DIGITS_SHOWN = 12


def import_kind(permission: str) -> ApprovalKind:
    """Return the kind of requests on files of limits; the bands of single limits bind the largest of a file, too.

    No rule has worked these limits out: approving them says why.
    """
    return ApprovalKind(
        KIND,
        N_("Credit limits of a file"),
        permission,
        apply_import,
        payload_schema=_PAYLOAD,
        outside_policy=True,
        describe=describe,
        bands_of=LIMIT_KIND,
    )


_PAYLOAD: Mapping[str, Any] = {
    "type": "object",
    "required": ["import", "file", "sha256", "customers", "sum_minor", "largest_minor", "currency"],
    "properties": {
        "import": {"type": "integer", "minimum": 1},
        "file": {"type": "string"},
        "sha256": {"type": "string"},
        "customers": {"type": "integer", "minimum": 1},
        "sum_minor": {"type": "integer", "minimum": 0},
        "largest_minor": {"type": "integer", "minimum": 0},
        "currency": {"type": "string"},
    },
}


def describe(request: ApprovalRequest) -> str | None:
    """Say what a file asks for, in the reader's language."""
    return subject_of(request.payload) if "sum_minor" in request.payload else None


def subject_of(payload: Mapping[str, Any]) -> str:
    """Say in one line what a file asks for: whose limits, how much, and by which bytes."""
    message = _(
        "credit limits by file: {count}, together {sum} {currency}, the largest {largest}; {file} (SHA-256 {digest}…)"
    )
    currency = payload["currency"]
    return message.format(
        count=f"{payload['customers']:,}",
        sum=format_minor(payload["sum_minor"], currency),
        currency=currency,
        largest=format_minor(payload["largest_minor"], currency),
        file=_short(payload["file"]),
        digest=payload["sha256"][:_DIGITS_SHOWN],
    )


def _short(name: str, most: int = 60) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


# -- what follows from an approval -------------------------------------------------------------------------------------


def apply_import(tx: Tx, request: ApprovalRequest) -> None:
    """Let the limits of a file hold, in the transaction of the approval; Refused where none of its rows is left.

    What was erased, archived, merged, restricted or decided otherwise since is left out, and marked so.
    """
    number = request.payload["import"]
    lock_customers(
        tx, customers_in(tx.ctx, number)
    )  # an order is released under the old limits or the new ones
    rows = rows_of(tx.ctx, number)
    skipped = _skipped(tx.ctx, rows)
    good = [row for row in rows if row["id"] not in skipped]
    if not good:
        raise Refused(_("no limit of the file can be set any more; reject the request"))
    tx.update(CreditLimitImportRow, [(number, {"skipped": why}) for number, why in skipped.items()])
    decided = _decided(tx, request)
    tx.insert(CreditLimit, [{**_limit(row), **decided} for row in good])
    tx.update(Customer, _terms(good))


def _skipped(ctx: Context, rows: Sequence[Record]) -> dict[int, Skip]:
    """Return row → why it is left out."""
    ids = {row["customer_id"] for row in rows}
    heirs = customer_ids(ctx.connection, {row["code"] for row in rows})
    gone, restricted, last = archived(ctx, ids), restricted_ids(ctx), last_decisions(ctx, ids)
    found = {}
    for row in rows:
        number = row["customer_id"]
        since = Since(
            merged=heirs[row["code"]] != number,
            archived=number in gone,
            restricted=number in restricted,
            decided=last.get(number) != row["after_id"],
        )
        why = skip_of(asked_of(row), since, ctx.today)
        if why is not None:
            found[row["id"]] = why
    return found


def _limit(row: Record) -> dict[str, Any]:
    return {
        "customer_id": row["customer_id"],
        "limit_minor": row["limit_minor"],
        "currency": row["currency"],
        "ends_on": None if row["until"] is None else row["until"] + _DAY,
        "payment_days": row["payment_days"],
    }


def _decided(tx: Tx, request: ApprovalRequest) -> dict[str, Any]:
    """Return what is the same for each limit of a file: who asked, who decided, and when."""
    # A rule settles a request as it is made: then it is still open in the books while this runs.
    by_rule = find_approvals(tx.ctx, [request.id])[request.id].state == "requested"
    return {
        "valid_from": tx.ctx.today,
        "grade": None,
        "assessment_id": None,
        "approval_id": request.id,
        "workings": [],
        "reason": request.reason or None,
        "proposed_by": request.requested_by,
        "decided_by": "rule" if by_rule else tx.actor,
        "single_person": not by_rule and tx.actor == request.requested_by,
        "decided_at": tx.now,
    }


def _terms(rows: Iterable[Record]) -> list[tuple[int, dict[str, Any]]]:
    """Return what the customer cards are to say of payment: terms that stand, not those of a while."""
    return [
        (row["customer_id"], {"attributes": {"payment_days": row["payment_days"]}})
        for row in rows
        if row["payment_days"] is not None and row["until"] is None
    ]


# -- told ----------------------------------------------------------------------------------------------------------


def decided_json(ctx: Context, request: ApprovalRequest, actor: str, reason: str) -> dict[str, Any]:
    """Return what became of a file on which somebody has just decided: schemas/limit_import_decision.schema.json."""
    payload = request.payload
    rows = rows_of(ctx, payload["import"])
    held = [row for row in rows if not row["skipped"]] if request.state == "approved" else []
    return {
        "request": request.id,
        "state": request.state,
        "file": payload["file"],
        "sha256": payload["sha256"],
        "customers": len(held),
        "sum_minor": _sum(ctx, held),
        "currency": ctx.currency,
        "skipped": [_skip_json(row) for row in rows if row["skipped"]],
        "erased": payload["customers"] - len(rows),
        "requested_by": request.requested_by,
        "decided_by": actor,
        "single_person": actor == request.requested_by,
        "reason": reason,
    }


def _sum(ctx: Context, rows: Iterable[Record]) -> int | None:
    """Return the sum in the company's currency; None where the rate of one is not known any more."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["currency"]] += row["limit_minor"]
    try:
        return Money(ctx, ctx.today).total(sums)
    except NoRate:
        return None


def _skip_json(row: Record) -> dict[str, Any]:
    return {
        "line": row["line"],
        "customer": row["code"],
        "problem": row["skipped"],
        "reason": skip_sentence(row["skipped"], row["code"], row["until"]),
    }
