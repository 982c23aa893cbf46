"""Requests for approval (审批情况) on limits, assessments, the policy and scorecards: by whom, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import (
    Column,
    Report,
    Table,
    approval_table,
    company_zone,
    customer_codes,
    find_approvals,
    from_minor,
    translator,
    unrestricted,
)
from crmcore_credit_5c.receivables.collection import period_of

from .shared import PLUGIN, day_of, without_empty

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_DAY = timedelta(days=1)
WAITS = "requested"
Request = Mapping[str, Any]
"""A stored request with its state of today."""


def approvals_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return what was decided in a period, and what waits; UsageProblem where the period runs backwards."""
    period = period_of(ctx, day_of(parameters, "from"), day_of(parameters, "to"))
    c = approval_table.c
    asked_before = c.requested_at < _begin(ctx, period.end + _DAY)
    decided = sa.and_(
        c.decided_at >= _begin(ctx, period.start), c.decided_at < _begin(ctx, period.end + _DAY)
    )
    # One that nobody decided in time was closed by its last day.
    lapsed = sa.and_(c.state.in_((WAITS, "expired")), c.expires_on < ctx.today)
    lapsed_then = sa.and_(lapsed, c.expires_on.between(period.start, period.end))
    waits = sa.and_(c.state == WAITS, sa.not_(sa.func.coalesce(lapsed, sa.false())), asked_before)
    found = requests(ctx, sa.or_(decided, lapsed_then, waits))
    waiting = sum(one["state"] == WAITS for one in found)
    title = _("Approvals of credit, {start} to {end}").format(start=period.start, end=period.end)
    note = _("Requests closed: {decided}; waiting: {waiting}.").format(
        decided=len(found) - waiting, waiting=waiting
    )
    people = _by_person(ctx, found)
    tables = (people, requests_table(ctx, found)) if found else (requests_table(ctx, found),)
    return Report(title, tables, (), (note,))


def requests(ctx: Context, *where: sa.ColumnElement[bool], limit: int | None = None) -> list[Request]:
    """Return requests of this plugin's kinds, the newest first, with their state of today; none on restricted persons."""
    c = approval_table.c
    shown = unrestricted(ctx.connection, c.customer_id)
    query = sa.select(approval_table).where(c.plugin == PLUGIN, *shown, *where).order_by(c.id.desc())
    rows = ctx.connection.execute(query.limit(limit)).mappings().all()
    states = {number: one.state for number, one in find_approvals(ctx, [row["id"] for row in rows]).items()}
    return [{**row, "state": states[row["id"]]} for row in rows]


def about(customer_id: int) -> sa.ColumnElement[bool]:
    """Choose the requests about one customer."""
    return approval_table.c.customer_id == customer_id


def _begin(ctx: Context, day: date) -> datetime:
    """Return when a day of the company begins."""
    return datetime(day.year, day.month, day.day, tzinfo=company_zone(ctx)).astimezone(UTC)


# -- shown ---------------------------------------------------------------------------------------------------------


def requests_table(ctx: Context, found: Sequence[Request], *, of_one: bool = False) -> Table:
    """Return a line for each request; `of_one`: of a single customer, who is not named again."""
    columns = [
        Column("request", _("Request"), "integer"),
        Column("kind", _("Kind")),
        Column("customer", _("Customer")),
        Column("amount", _("Amount"), "decimal"),
        Column("currency", _("Currency")),
        Column("state", _("State")),
        Column("requested_by", _("Asked by")),
        Column("requested_at", _("Asked on"), "date"),
        Column("decided_by", _("Decided by")),
        Column("decided_for", _("As deputy of")),
        Column("decided_at", _("Decided on"), "date"),
        Column("days", _("Days it took"), "decimal"),
        Column("single_person", _("Decided by who asked")),
    ]
    codes = customer_codes(ctx.connection, {one["customer_id"] for one in found if one["customer_id"]})
    rows = [_row(ctx, one, codes) for one in found]
    if of_one:
        columns, rows = columns[:2] + columns[3:], [row[:2] + row[3:] for row in rows]
    table = Table("requests", _("Requests, the newest first"), tuple(columns), rows)
    return without_empty(table, {"decided_for", "single_person", "amount", "currency"})


def _row(ctx: Context, one: Request, codes: Mapping[int, str]) -> tuple[Any, ...]:
    amount = None if one["amount_minor"] is None else from_minor(one["amount_minor"], one["currency"])
    return (
        one["id"],
        _kinds().get(one["kind"], one["kind"]),
        codes.get(one["customer_id"], ""),
        amount,
        one["currency"] if amount is not None else None,
        _states()[one["state"]],
        one["requested_by"],
        _local(ctx, one["requested_at"]),
        _decider(one),
        one["decided_for"],
        _local(ctx, one["decided_at"]),
        _days(ctx, one),
        _("yes") if one["single_person"] else None,
    )


def _kinds() -> dict[str, str]:
    return {
        "credit_5c_limit": _("Credit limit"),
        "credit_5c_limit_import": _("Credit limits of a file"),
        "credit_5c_assessment": _("Credit assessment"),
        "credit_5c_policy": _("Credit policy"),
        "credit_5c_scorecard": _("Scorecard"),
    }


def _states() -> dict[str, str]:
    return {
        WAITS: _("waits"),
        "approved": _("approved"),
        "rejected": _("rejected"),
        "withdrawn": _("withdrawn"),
        "expired": _("expired"),
    }


def _decider(one: Request) -> str | None:
    """Return who decided; what the company's settings decided was decided by rule."""
    by = one["decided_by"]
    return _("by rule") if by and by.startswith("plugin:") else by


def _local(ctx: Context, moment: datetime | None) -> date | None:
    return None if moment is None else _aware(moment).astimezone(company_zone(ctx)).date()


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _days(ctx: Context, one: Request) -> Decimal | None:
    """Return how long a request waited until it was decided, or waits by now, in days; None of one that lapsed."""
    end = ctx.now if one["state"] == WAITS else one["decided_at"]
    if end is None:
        return None
    seconds = (_aware(end) - _aware(one["requested_at"])).total_seconds()
    return (Decimal(int(seconds)) / 86_400).quantize(Decimal("0.1"))


def _by_person(ctx: Context, found: Iterable[Request]) -> Table:
    """Return who decided how many, and how long it took; what waits, or lapsed, stands below."""
    columns = (
        Column("who", _("Decided by")),
        Column("requests", _("Requests"), "integer"),
        Column("approved", _("Approved"), "integer"),
        Column("rejected", _("Rejected"), "integer"),
        Column("single_person", _("Decided by who asked"), "integer"),
        Column("days", _("Days on average"), "decimal"),
        Column("longest", _("Longest, in days"), "decimal"),
    )
    groups: dict[tuple[int, str], list[Request]] = {}
    for one in found:
        groups.setdefault(_group(one), []).append(one)
    rows = [(name, *_figures(ctx, groups[place, name])) for place, name in sorted(groups)]
    return Table("people", _("By whom"), columns, rows)


def _group(one: Request) -> tuple[int, str]:
    if one["state"] in {"approved", "rejected"}:
        return 0, _decider(one) or ""
    return 1, _states()[one["state"]]


def _figures(ctx: Context, group: Sequence[Request]) -> tuple[Any, ...]:
    days = [took for one in group if (took := _days(ctx, one)) is not None]
    return (
        len(group),
        sum(one["state"] == "approved" for one in group),
        sum(one["state"] == "rejected" for one in group),
        sum(one["single_person"] for one in group),
        (sum(days, Decimal(0)) / len(days)).quantize(Decimal("0.1")) if days else None,
        max(days, default=None),
    )
