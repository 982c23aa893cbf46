"""Requests read: one, lists, the inbox, and what plugins ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.approvals.rules import EVERYTHING, Matter, Standing, decides_for, state_on
from crmcore.builtin.approvals.tables import Approval
from crmcore.db.base import dumps
from crmcore.entities.lookup import batches, customer_codes, table_of
from crmcore.errors import NotFound
from crmcore.i18n import _
from crmcore.plugins.types import ApprovalRequest

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

approval_table = table_of(Approval)
_c = approval_table.c
LARGEST = 2**63 - 1
Row = sa.RowMapping | Mapping[str, Any]
"""A stored request by column name."""
_PLAIN = (
    "uid",
    "kind",
    "plugin",
    "key",
    "subject",
    "reason",
    "amount_minor",
    "currency",
    "payload",
    "permission",
    "up_to",
    "holders",
    "deputies",
    "outside_policy",
    "requested_by",
    "requested_at",
    "expires_on",
    "decided_by",
    "decided_for",
    "single_person",
    "decided_at",
    "decision_reason",
    "version",
)


def find_approvals(ctx: Context, ids: Iterable[int], *, told: bool = False) -> dict[int, ApprovalRequest]:
    """Return number → request, with its state of today; those that do not exist are left out.

    told: with the texts in the reader's language, for people; without it as they are stored, for programs.
    """
    found: dict[int, ApprovalRequest] = {}
    for part in batches(ids):
        query = sa.select(approval_table).where(_c.id.in_(part)).order_by(_c.id)
        rows: Sequence[Row] = ctx.connection.execute(query).mappings().all()
        if told:
            from crmcore.builtin.approvals.telling import told as as_told

            rows = as_told(ctx._app, rows, ctx.today)  # noqa: SLF001  (the kernel's own way back)
        found.update((row["id"], as_request(row, ctx.today)) for row in rows)
    return found


def latest_approvals(ctx: Context, kind: str, keys: Iterable[str]) -> dict[str, ApprovalRequest]:
    """Return key → the newest request of that matter, with its state of today; others are left out."""
    found: dict[str, ApprovalRequest] = {}
    for part in batches(keys):
        newest = sa.select(sa.func.max(_c.id)).where(_c.kind == kind, _c.key.in_(part)).group_by(_c.key)
        query = sa.select(approval_table).where(_c.id.in_(newest)).order_by(_c.key)
        rows = ctx.connection.execute(query).mappings()
        found.update((row["key"], as_request(row, ctx.today)) for row in rows)
    return found


def as_request(row: Row, today: date) -> ApprovalRequest:
    """Return a stored request as plugins see it."""
    names = ("kind", "subject", "key", "customer_id", "amount_minor", "currency", "payload", "id")
    return ApprovalRequest(
        **{name: row[name] for name in names},
        reason=row["reason"] or "",
        state=state_on(row["state"], row["expires_on"], today),
        requested_by=row["requested_by"],
        decision_reason=row["decision_reason"] or "",
    )


def as_matter(row: sa.RowMapping, today: date, *, single_person: bool = False) -> Matter:
    """Return a stored request as the rules see it; `single_person`: who asks may decide."""
    state = state_on(row["state"], row["expires_on"], today)
    holders = None if row["holders"] is None else frozenset(row["holders"])
    terms = (row["requested_by"], row["permission"], row["outside_policy"])
    return Matter(*terms, state, holders, row["deputies"], single_person)


def read_row(connection: sa.Connection, number: int, *, lock: bool = False) -> sa.RowMapping:
    """Return a request's row; with `lock` nobody else decides on it until this transaction ends."""
    query = sa.select(approval_table).where(_c.id == number)
    query = query.with_for_update() if lock else query
    found = connection.execute(query).mappings().first() if 0 < number <= LARGEST else None
    if found is None:
        message = _("there is no request {number}; list them with: crm approvals list")
        raise NotFound(message.format(number=number))
    return found


def is_open(today: date) -> sa.ColumnElement[bool]:
    """Choose what can still be decided on a day."""
    return sa.and_(_c.state == "requested", sa.or_(_c.expires_on.is_(None), _c.expires_on >= today))


def count_open(connection: sa.Connection, plugin: str, today: date) -> dict[str, int]:
    """Return kind → number of the requests that wait on a day, of the kinds of one plugin, whether it runs or not."""
    query = sa.select(_c.kind, sa.func.count()).where(_c.plugin == plugin, is_open(today))
    rows = connection.execute(query.group_by(_c.kind).order_by(_c.kind))
    return dict(rows.all())


def is_late(today: date) -> sa.ColumnElement[bool]:
    """Choose what has expired on a day and is not marked so yet."""
    return sa.and_(_c.state == "requested", _c.expires_on < today)


def in_inbox(
    actor: Standing, absent: Sequence[Standing], today: date, *, single_person: bool = False
) -> sa.ColumnElement[bool]:
    """Choose the open requests that an actor may decide, as `rules.decides_for` says of each."""
    others = _c.requested_by != actor.code
    in_own_name = _held(actor) if single_person else sa.and_(_held(actor), others)
    names = [sa.and_(_held(one), _c.requested_by != one.code, others, _c.deputies) for one in absent]
    return sa.and_(is_open(today), sa.or_(in_own_name, *names))


def _held(one: Standing) -> sa.ColumnElement[bool]:
    if EVERYTHING in one.permissions:
        return sa.true()
    by_permission = sa.and_(_c.holders.is_(None), _c.permission.in_(sorted(one.permissions)))
    # Taken out of the text: LIKE has its own idea of `_`, and on SQLite of capital letters.
    held, nothing = sa.cast(_c.holders, sa.Text), sa.literal("")
    by_band = [held != sa.func.replace(held, dumps(holder), nothing) for holder in sorted(one.holds)]
    return sa.or_(by_permission, *by_band)


def select(
    today: date,
    chosen: sa.ColumnElement[bool] | None = None,
    *,
    state: str | None = None,
    kind: str | None = None,
    after: int | None = None,
) -> sa.Select[Any]:
    """Build a list of requests, the newest first, behind the number `after`."""
    query = sa.select(approval_table).order_by(_c.id.desc())
    if chosen is not None:
        query = query.where(chosen)
    if state is not None:
        query = query.where(_in_state(state, today))
    if kind is not None:
        query = query.where(_c.kind == kind)
    return query if after is None else query.where(_c.id < after)


def _in_state(state: str, today: date) -> sa.ColumnElement[bool]:
    if state == "requested":
        return is_open(today)
    if state == "expired":
        return sa.or_(_c.state == "expired", is_late(today))
    return _c.state == state


def as_json(ctx: Context, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the published JSON of requests."""
    firms = customer_codes(ctx.connection, [row["customer_id"] for row in rows if row["customer_id"]])
    return [
        {
            "number": row["id"],
            "state": state_on(row["state"], row["expires_on"], ctx.today),
            "customer": firms.get(row["customer_id"]),
            **{name: row[name] for name in _PLAIN},
        }
        for row in rows
    ]


def deciders(
    row: sa.RowMapping,
    actors: Iterable[tuple[Standing, Sequence[Standing]]],
    today: date,
    *,
    single_person: bool = False,
) -> list[str]:
    """Return the codes of those who may decide on a request today; nobody on one that is closed."""
    matter = as_matter(row, today, single_person=single_person)
    if matter.state != "requested":
        return []
    return [actor.code for actor, absent in actors if decides_for(matter, actor, absent) is not None]
