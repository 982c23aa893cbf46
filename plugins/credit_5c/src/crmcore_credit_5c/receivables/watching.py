"""What gives alarm: grades that fell, slower payment, large orders, another legal representative.

Each function looks at all customers in a few statements and yields what it found; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, CrmError
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.receivables.claims import customers, has_fact
from crmcore_credit_5c.receivables.collection import decimal_text
from crmcore_credit_5c.receivables.paying import days_late
from crmcore_credit_5c.rules import alarms as rule
from crmcore_credit_5c.tables.assessments import RELEASED, CreditAssessment
from crmcore_credit_5c.tables.receivables import CreditAlarm

if TYPE_CHECKING:
    from crmcore.api import App

assessments: sa.Table = CreditAssessment.__table__  # type: ignore[attr-defined]
alarms: sa.Table = CreditAlarm.__table__  # type: ignore[attr-defined]
_YEAR = timedelta(days=365)
_NO_ORDER = ("draft", "cancelled")


class Found(NamedTuple):
    """Something to raise an alarm about."""

    customer_id: int
    kind: str
    matter: str
    details: dict[str, Any]


def find_alarms(app: App, ctx: Context) -> Iterator[Found]:
    """Yield all that the settings ask to be told of, known matters among it."""
    yield from grade_drops(ctx)
    yield from slower_payers(ctx)
    yield from large_orders(ctx)
    yield from changed_representatives(app, ctx)


def grade_drops(ctx: Context) -> Iterator[Found]:
    """Yield the assessments released lately that came to a worse grade than the one before."""
    steps = ctx.settings["alarm_grade_steps"]
    if not steps:
        return
    now, earlier, between = (
        assessments.alias("now"),
        assessments.alias("earlier"),
        assessments.alias("between"),
    )
    newer = sa.exists().where(
        between.c.customer_id == now.c.customer_id,
        between.c.state == RELEASED,
        between.c.id < now.c.id,
        between.c.id > earlier.c.id,
    )
    before = sa.and_(
        earlier.c.customer_id == now.c.customer_id,
        earlier.c.state == RELEASED,
        earlier.c.id < now.c.id,
        sa.not_(newer),
    )
    since = ctx.today - timedelta(days=ctx.settings["alarm_days"])
    columns = (now.c.id, now.c.customer_id, now.c.model, now.c.grade, earlier.c.grade)
    query = sa.select(*columns).select_from(now).join(earlier, before)
    lately = query.where(now.c.state == RELEASED, now.c.released_on >= since).order_by(now.c.id)
    rows = ctx.connection.execute(lately).all()
    scales = {model: _scale(ctx, model) for model in {row[2] for row in rows}}
    for number, customer, model, grade, was in rows:
        if rule.grade_dropped(was, grade, scales[model], steps):
            yield Found(customer, rule.GRADE_DROP, str(number), {"before": was, "now": grade})


def _scale(ctx: Context, model: str) -> list[str]:
    """Return the grades of a model, the best first; none where it is not known any more."""
    from crmcore_credit_5c.assessing.models import load_model

    try:
        return [one["grade"] for one in load_model(ctx, model).content["grades"]]
    except CrmError:
        return []


def slower_payers(ctx: Context) -> Iterator[Found]:
    """Yield who paid the last invoices later than those before; invoices of an earlier alarm do not count again."""
    days, invoices = ctx.settings["alarm_slower_days"], ctx.settings["alarm_slower_invoices"]
    if not days or not has_fact(ctx, "settlements"):
        return
    raised = _last_raised(ctx, rule.PAYING_SLOWER)
    rows = ctx.connection.execute(_latest_paid(ctx, 2 * invoices), execution_options={"yield_per": 1_000})
    for customer, group in groupby(rows, key=lambda row: row[0]):
        paid = list(group)
        slower = rule.paying_slower([row.late for row in paid], days, invoices)
        new_enough = customer not in raised or paid[min(invoices, len(paid)) - 1].paid_on > raised[customer]
        if slower is not None and new_enough:
            details = {
                "invoices": invoices,
                "days": decimal_text(slower.days, 1),
                "before": decimal_text(slower.before, 1),
            }
            yield Found(customer, rule.PAYING_SLOWER, str(paid[0].document_id), details)


def _latest_paid(ctx: Context, count: int) -> sa.Select[Any]:
    """Select the invoices that each customer paid last: customer_id, document_id, paid_on, late in days."""
    fact = ctx.facts.select("settlements").subquery("settlement")
    c = fact.c
    paid_on = sa.func.max(c.settled_on)
    late = days_late(ctx.connection, paid_on, sa.func.coalesce(c.due_on, c.occurred_on))
    paid = (
        sa.select(c.customer_id, c.document_id, paid_on.label("paid_on"), late.label("late"))
        .where(c.amount_minor > 0, c.settled_on <= ctx.today)
        .group_by(c.customer_id, c.document_id, c.due_on, c.occurred_on)
        .subquery("paid")
    )
    newest = (paid.c.paid_on.desc(), paid.c.document_id.desc())
    place = sa.func.row_number().over(partition_by=paid.c.customer_id, order_by=newest).label("place")
    placed = sa.select(paid, place).subquery("placed")
    columns = [placed.c[name] for name in ("customer_id", "document_id", "paid_on", "late")]
    return sa.select(*columns).where(placed.c.place <= count).order_by(placed.c.customer_id, placed.c.place)


def _last_raised(ctx: Context, kind: str) -> dict[int, date]:
    query = sa.select(alarms.c.customer_id, sa.func.max(alarms.c.raised_on)).where(alarms.c.kind == kind)
    return {row[0]: row[1] for row in ctx.connection.execute(query.group_by(alarms.c.customer_id))}


def large_orders(ctx: Context) -> Iterator[Found]:
    """Yield recent orders far above the average of the customer's orders in the year before, in the same currency."""
    times = Decimal(ctx.settings["alarm_order_times"])
    if not times or not has_fact(ctx, "orders"):
        return
    fact = ctx.facts.select("orders").subquery("ordered")
    since = ctx.today - timedelta(days=ctx.settings["alarm_days"])
    counts = (fact.c.state.not_in(_NO_ORDER), fact.c.occurred_on <= ctx.today)
    recent = sa.select(fact.c.customer_id).where(*counts, fact.c.occurred_on >= since).distinct()
    names = ("customer_id", "currency", "occurred_on", "document_id", "document", "amount_minor")
    columns = [fact.c[name] for name in names]
    for part in parts(ctx.connection.scalars(recent).all()):
        query = sa.select(*columns).where(
            *counts, fact.c.customer_id.in_(part), fact.c.occurred_on >= since - _YEAR
        )
        rows = ctx.connection.execute(query.order_by(*columns[:4])).all()
        for _key, group in groupby(rows, key=lambda row: (row.customer_id, row.currency)):
            yield from _large_among(list(group), since, times)


def _large_among(orders: list[Any], since: date, times: Decimal) -> Iterator[Found]:
    """Yield the large ones of one customer's orders in one currency, in order of their days."""
    for place, order in enumerate(orders):
        if order.occurred_on < since:
            continue
        before = [one.amount_minor for one in orders[:place] if one.occurred_on >= order.occurred_on - _YEAR]
        if rule.order_is_large(order.amount_minor, sum(before), len(before), times):
            details = {
                "order": order.document,
                "amount_minor": int(order.amount_minor),
                "usual_minor": int(sum(before)) // len(before),
                "currency": order.currency,
            }
            yield Found(order.customer_id, rule.LARGE_ORDER, str(order.document_id), details)


def changed_representatives(app: App, ctx: Context) -> Iterator[Found]:
    """Yield who has another legal representative than some days ago, of the customers that owe or were assessed."""
    if not ctx.settings["alarm_representative"]:
        return
    day = ctx.today - timedelta(days=ctx.settings["alarm_days"])
    for part in parts(_watched(ctx)):
        now, before = _representatives(app, ctx, part, ctx.today), _representatives(app, ctx, part, day)
        for customer in part:
            names = before.get(customer, frozenset()), now.get(customer, frozenset())
            if rule.representative_changed(*names):
                matter = ">".join(",".join(map(str, sorted(one))) for one in names)
                yield Found(customer, rule.REPRESENTATIVE, matter[:200], {})


def _watched(ctx: Context) -> Collection[int]:
    found = set(ctx.connection.scalars(sa.select(assessments.c.customer_id).distinct()))
    if has_fact(ctx, "receivables"):
        fact = ctx.facts.select("receivables").subquery("receivable")
        query = sa.select(fact.c.customer_id).where(fact.c.open_minor != sa.literal_column("0")).distinct()
        found.update(ctx.connection.scalars(query))
    live = sa.select(customers.c.id).where(customers.c.archived_at.is_(None))
    kept: list[int] = []
    for part in parts(found):
        kept += ctx.connection.scalars(live.where(customers.c.id.in_(part)))
    return kept


def _representatives(app: App, ctx: Context, part: list[int], day: date) -> dict[int, frozenset[int]]:
    """Return customer → the contacts that were known as its legal representatives on a day."""
    from crmcore.api import rows_as_of

    places = app.tables["contact_firm"]
    wanted = ("contact_id", "roles", "since", "until")
    rows: list[Any]
    if day >= ctx.today:
        c = places.table.c
        columns = [c.customer_id, *(c[name] for name in wanted)]
        query = sa.select(*columns).where(c.customer_id.in_(part))
        rows = list(ctx.connection.execute(query).mappings())
    else:
        rows = rows_as_of(ctx, places.spec.table, "customer_id", part, day, wanted)
    found: dict[int, set[int]] = {}
    for row in rows:
        if "legal_representative" in row["roles"] and _is_there(row, day):
            found.setdefault(row["customer_id"], set()).add(row["contact_id"])
    return {customer: frozenset(contacts) for customer, contacts in found.items()}


def _is_there(row: Any, day: date) -> bool:
    since, until = row["since"], row["until"]
    return (since is None or since <= day) and (until is None or until >= day)
