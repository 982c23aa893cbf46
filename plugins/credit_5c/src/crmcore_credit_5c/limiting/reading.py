"""Limits read: one, its history, all of them, and what of them is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import MissingFact, approval_table, customer_codes, find_approvals, translator, unrestricted
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.limiting.current import (
    Record,
    counting,
    counting_rows,
    decisions_of,
    last_day,
    records,
)
from crmcore_credit_5c.limiting.exposure import Exposure, exposures, exposures_as_they_bind
from crmcore_credit_5c.limiting.groups import customers, groups_of
from crmcore_credit_5c.limiting.proposing import open_request
from crmcore_credit_5c.money import LeftOut

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_CHUNK = 500
_NAMED = 10
"""So many top parents are named."""


def limit_on(ctx: Context, code: str, as_of: date | None = None, *, told: bool = False) -> dict[str, Any]:
    """Return a customer's limit on a day, by default today; schemas/limit.schema.json. NotFound for an unknown one.

    told: with a rule's reason in the reader's language, for people.
    """
    customer_id = find_usable(ctx, code)
    day = as_of or ctx.today
    top = groups_of(ctx.connection, [customer_id]).tops[customer_id]
    rows = counting_rows(ctx, {customer_id, top}, day)
    waiting = open_request(ctx, customer_id)
    of_group = rows.get(top) if top != customer_id else None
    return {
        "customer": code,
        "on": day.isoformat(),
        **_limit_json(ctx, rows.get(customer_id), told=told),
        "group": None if of_group is None else _group_json(ctx, top, of_group),
        "waiting": None if waiting is None else waiting.id,
    }


def _limit_json(ctx: Context, row: Record | None, *, told: bool) -> dict[str, Any]:
    if row is None:
        empty = (
            "currency",
            "since",
            "until",
            "payment_days",
            "grade",
            "request",
            "proposed_by",
            "decided_by",
            "decided_for",
        )
        return {
            "limit_minor": None,
            **dict.fromkeys(empty),
            "single_person": False,
            "reason": None,
            "decision_reason": None,
            "proposals": [],
        }
    return {
        "limit_minor": row["limit_minor"],
        "currency": row["currency"],
        "since": row["valid_from"].isoformat(),
        "until": _text(last_day(row["ends_on"])),
        "payment_days": row["payment_days"],
        "grade": row["grade"],
        "request": row["approval_id"],
        "proposed_by": row["proposed_by"],
        "decided_by": row["decided_by"],
        "decided_for": _decided_for(ctx, row["approval_id"]),
        "single_person": row["single_person"],
        "reason": row["reason"],
        "decision_reason": _decision_reason(ctx, row["approval_id"], told=told),
        "proposals": row["workings"],
    }


def _decision_reason(ctx: Context, request: int | None, *, told: bool) -> str | None:
    """Return why a limit was decided so: it stands in the request; a limit handed on in a merge has none."""
    numbers = [] if request is None else [request]
    return next(
        (one.decision_reason or None for one in find_approvals(ctx, numbers, told=told).values()), None
    )


def _decided_for(ctx: Context, request: int | None) -> str | None:
    """Return in whose name a deputy decided; None where nobody was stood in for."""
    found = sa.select(approval_table.c.decided_for).where(approval_table.c.id == request)
    name: str | None = None if request is None else ctx.connection.scalar(found)
    return name


def _group_json(ctx: Context, top: int, row: Record) -> dict[str, Any]:
    return {
        "customer": customer_codes(ctx.connection, [top])[top],
        "limit_minor": row["limit_minor"],
        "currency": row["currency"],
        "until": _text(last_day(row["ends_on"])),
    }


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def proposals_of(ctx: Context, customer_id: int) -> list[dict[str, Any]]:
    """Return how a customer's limit was worked out: by the request that waits, else by the decision that counts."""
    waiting = open_request(ctx, customer_id)
    if waiting is not None:
        return list(waiting.payload.get("workings", ()))  # nothing is left of one who was erased
    row = counting_rows(ctx, [customer_id], ctx.today).get(customer_id)
    return [] if row is None else list(row["workings"] or ())


def history(ctx: Context, code: str, *, told: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the decisions on a customer's limit, the newest first; schemas/limit_history.schema.json.

    told: with a rule's reason in the reader's language, for people.
    """
    customer_id = find_usable(ctx, code)
    counts = counting_rows(ctx, [customer_id], ctx.today).get(customer_id)
    for row in decisions_of(ctx, customer_id):
        yield {
            "customer": code,
            **_limit_json(ctx, row, told=told),
            "decided_at": row["decided_at"],
            "counts": counts is not None and counts["id"] == row["id"],
        }


def list_limits(ctx: Context, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the limits that hold today with what of them is used, by code; schemas/limit_use.schema.json."""
    held = counting(ctx.today).subquery("held")
    query = (
        sa.select(held, customers.c.code, customers.c.name)
        .join(customers, customers.c.id == held.c.customer_id)
        .where(*unrestricted(ctx.connection, customers.c.id))
        .order_by(customers.c.code)
        .limit(limit)
    )
    rows = list(records(ctx, query))
    for start in range(0, len(rows), _CHUNK):
        yield from _with_use(ctx, rows[start : start + _CHUNK])


def _with_use(ctx: Context, rows: Sequence[Record]) -> Iterator[dict[str, Any]]:
    left_out = LeftOut()
    ids = [row["customer_id"] for row in rows]
    used = used_as_they_bind(ctx, ids, left_out)
    members = groups_of(ctx.connection, ids).members
    for row in rows:
        one = used.get(row["customer_id"])
        yield {
            "customer": row["code"],
            "name": row["name"],
            "limit_minor": row["limit_minor"],
            "limit_currency": row["currency"],
            "since": row["valid_from"].isoformat(),
            "until": _text(last_day(row["ends_on"])),
            "grade": row["grade"],
            "group": len(members.get(row["customer_id"], ())) > 1,
            "currency": ctx.currency,
            "exposure_minor": None if one is None else one.exposure_minor,
            "headroom_minor": None if one is None else one.headroom_minor,
            "problem": left_out.problem(row["customer_id"]),
        }


def used_as_they_bind(ctx: Context, customer_ids: Sequence[int], left_out: LeftOut) -> dict[int, Exposure]:
    """Return what of their limits customers use, a top parent with its group; nothing where the company keeps no ledger.

    left_out: as of `exposures`.
    """
    try:
        return exposures_as_they_bind(ctx, customer_ids, left_out)
    except MissingFact:
        return {}


def shared_limits(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say of which lines of `list_limits` the limit is that of a whole group, and so is what is used."""
    codes = [str(one["customer"]) for one in lines if one["group"]]
    if codes:
        named = ", ".join([*codes[:_NAMED], *["…"][: len(codes) > _NAMED]])
        yield _("Used by the whole group, whose limit it is: {customers}").format(customers=named)


def unknown_use(lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield, as `LeftOut.as_json` would, those lines of `list_limits` whose use is not known for want of a rate."""
    for one in lines:
        if one["problem"] is not None:
            yield {"customer": one["customer"], "amounts": [], "problem": one["problem"]}


def limit_of_group(ctx: Context, code: str) -> str | None:
    """Return the code of the top parent of a customer, if that is another one and has a limit; None else."""
    customer_id = find_usable(ctx, code)
    top = groups_of(ctx.connection, [customer_id]).tops[customer_id]
    if top == customer_id or not counting_rows(ctx, [top], ctx.today):
        return None
    return customer_codes(ctx.connection, [top])[top]


def exposure_json(ctx: Context, code: str, *, group: bool = False) -> dict[str, Any]:
    """Return a customer's exposure, or that of its group; schemas/exposure.schema.json. NotFound for an unknown one."""
    customer_id = find_usable(ctx, code)
    one = exposures(ctx, [customer_id], group=group)[customer_id]
    return {
        "customer": code,
        "limit_of": customer_codes(ctx.connection, [one.customer_id])[one.customer_id],
        "group": group,
        "limit_minor": one.limit_minor,
        "exposure_minor": one.exposure_minor,
        "receivables_minor": one.receivables_minor,
        "orders_minor": one.orders_minor,
        "deliveries_minor": one.deliveries_minor,
        "headroom_minor": one.headroom_minor,
        "currency": one.currency,
    }
