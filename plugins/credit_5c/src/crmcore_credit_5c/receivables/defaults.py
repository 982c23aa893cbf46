"""The default test (违约认定): what the rule needs, read from invoices and settlements, and marks made by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, to_minor, unrestricted
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import LeftOut, Money
from crmcore_credit_5c.receivables.claims import claims_on, customers, whole
from crmcore_credit_5c.receivables.collection import decimal_text
from crmcore_credit_5c.rules import default as rule
from crmcore_credit_5c.tables.receivables import CreditUnlikely

RULE = "after the banks' rule, CRR art. 178"
unlikely: sa.Table = CreditUnlikely.__table__  # type: ignore[attr-defined]


def default_test(ctx: Context, code: str) -> dict[str, Any]:
    """Return the test of one customer as `crm credit default CODE --json` prints it: schemas/default.schema.json.

    NotFound for an unknown customer, Refused for a restricted person.
    """
    number = find_usable(ctx, code)
    return next(default_tests(ctx, [number]))


def in_default(ctx: Context, left_out: LeftOut | None = None) -> Iterator[dict[str, Any]]:
    """Yield the customers that are in default or on probation, by code, each as `default_test`.

    Restricted persons are left out. left_out: as of `default_tests`.
    """
    ids = _candidates(ctx)
    query = sa.select(customers.c.id).where(*unrestricted(ctx.connection, customers.c.id))
    shown: list[int] = []
    for part in parts(ids):
        shown += ctx.connection.scalars(query.where(customers.c.id.in_(part)))
    found = [one for one in default_tests(ctx, shown, left_out) if one["in_default"]]
    yield from sorted(found, key=lambda one: one["customer"])


def default_tests(
    ctx: Context, customer_ids: Collection[int], left_out: LeftOut | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the test of each of these customers, in batches.

    left_out: takes note of who was billed in a currency without an exchange rate, and is passed over; NoRate without it.
    """
    limits = thresholds(ctx)
    money = Money(ctx, ctx.today)
    for part in parts(customer_ids):
        unknown = LeftOut()
        events = _events(ctx, money, part, unknown if left_out is not None else None)
        marks = _marks(ctx, part)
        query = sa.select(customers.c.id, customers.c.code, customers.c.name)
        for number, code, name in ctx.connection.execute(query.where(customers.c.id.in_(part))):
            if left_out is not None and number in unknown.problems:
                left_out.add(number, unknown.problems[number])
                continue
            found = {"customer": code, "name": name}
            yield {**found, **_test(ctx, limits, events.get(number, []), marks.get(number, []))}


def thresholds(ctx: Context) -> rule.Thresholds:
    """Return the company's figures."""
    settings = ctx.settings
    return rule.Thresholds(
        to_minor(Decimal(settings["default_absolute"]), ctx.currency),
        Fraction(settings["default_relative"]),
        settings["default_days"],
        settings["default_probation_months"],
    )


def _test(
    ctx: Context, limits: rule.Thresholds, events: list[rule.Event], marks: list[sa.RowMapping]
) -> dict[str, Any]:
    spans = rule.spans_above(events, limits)
    held = [rule.Span(mark["marked_on"], mark["ended_on"]) for mark in marks]
    outcome = rule.default_on(ctx.today, spans, held, limits)
    overdue = whole(sum(event.overdue for event in events))
    owed = whole(sum(event.owed for event in events))
    holding = next((mark for mark in marks if mark["ended_on"] is None), None)
    return {
        "rule": RULE,
        "as_of": ctx.today.isoformat(),
        "state": outcome.state,
        "in_default": outcome.state != rule.PERFORMING,
        "since": outcome.since.isoformat() if outcome.since else None,
        "probation_until": outcome.until.isoformat() if outcome.until else None,
        "causes": list(outcome.causes),
        "currency": ctx.currency,
        "past_due": {
            "amount_minor": overdue,
            "owed_minor": owed,
            "share": decimal_text(Fraction(overdue, owed), 4) if owed > 0 else None,
            "days": rule.consecutive_days(spans, ctx.today),
            "absolute_minor": limits.absolute_minor,
            "relative": ctx.settings["default_relative"],
            "days_allowed": limits.days,
        },
        "unlikely_to_pay": _mark_json(holding) if holding else None,
    }


def _mark_json(mark: sa.RowMapping) -> dict[str, Any]:
    return {
        "marked_on": mark["marked_on"].isoformat(),
        "author": mark["author"],
        "reason": mark["reason"],
    }


# -- what the rule needs ---------------------------------------------------------------------------------------


class _Dated(NamedTuple):
    """One kind of change, as SQL: on which day, and by how much."""

    rows: sa.Subquery
    day: sa.ColumnElement[date]
    next_day: bool
    """What is due on a day is past due from the next one."""
    overdue: sa.ColumnElement[int]
    owed: sa.ColumnElement[int]


def _events(
    ctx: Context, money: Money, part: list[int], left_out: LeftOut | None
) -> dict[int, list[rule.Event]]:
    """Return customer → by how much what is past due and owed changed on each day, in order.

    Invoices count until they are settled; open credit notes do not count before they settle one.
    """
    changes: dict[int, dict[date, list[int | Fraction]]] = {}
    for dated in _changes(ctx):
        c = dated.rows.c
        query = (
            sa.select(
                c.customer_id, c.currency, dated.day, sa.func.sum(dated.overdue), sa.func.sum(dated.owed)
            )
            .where(c.customer_id.in_(part))
            .group_by(c.customer_id, c.currency, dated.day)
        )
        for customer, currency, day, overdue, owed in ctx.connection.execute(query):
            if left_out is not None and (problems := money.lacking([currency])):
                left_out.add(customer, problems)
                continue
            on = day + timedelta(days=1) if dated.next_day and day < date.max else day
            if on <= ctx.today:
                found = changes.setdefault(customer, {}).setdefault(on, [0, 0])
                found[0] += int(overdue) * money.unit(currency)
                found[1] += int(owed) * money.unit(currency)
    return {
        customer: [rule.Event(day, *found) for day, found in sorted(days.items())]
        for customer, days in changes.items()
    }


def _changes(ctx: Context) -> Iterator[_Dated]:
    claim = ctx.facts.select("receivables").subquery("receivable")
    paid = ctx.facts.select("settlements").subquery("settlement")
    invoice = sa.select(claim).where(claim.c.amount_minor > 0, claim.c.occurred_on <= ctx.today)
    settled = sa.select(paid).where(paid.c.amount_minor > 0, paid.c.settled_on <= ctx.today)
    settled = settled.where(paid.c.occurred_on <= ctx.today)
    nothing = sa.literal_column("0", sa.BigInteger)
    rows = invoice.subquery("invoice")
    paid_off = settled.subquery("settled")
    yield _Dated(rows, rows.c.occurred_on, False, nothing, rows.c.amount_minor)  # noqa: FBT003  (a record)
    yield _Dated(rows, _late_after(rows.c), True, rows.c.amount_minor, nothing)  # noqa: FBT003
    begun = sa.case(
        (paid_off.c.settled_on > paid_off.c.occurred_on, paid_off.c.settled_on), else_=paid_off.c.occurred_on
    )
    yield _Dated(paid_off, begun, False, nothing, -paid_off.c.amount_minor)  # noqa: FBT003
    before = settled.where(paid.c.settled_on <= _late_after(paid.c)).subquery("before")
    yield _Dated(before, _late_after(before.c), True, -before.c.amount_minor, nothing)  # noqa: FBT003
    after = settled.where(paid.c.settled_on > _late_after(paid.c)).subquery("after")
    yield _Dated(after, after.c.settled_on, False, -after.c.amount_minor, nothing)  # noqa: FBT003


def _late_after(c: Any) -> sa.ColumnElement[date]:
    """Return the last day on which a document is not past due: that on which it is due, not before its own."""
    return sa.case((c.due_on > c.occurred_on, c.due_on), else_=c.occurred_on)


def _candidates(ctx: Context) -> set[int]:
    """Return the customers who may be in default: past due now, or late or marked not too long ago."""
    found = set(ctx.connection.scalars(sa.select(unlikely.c.customer_id).distinct()))
    claims = claims_on(ctx, ctx.today)
    past_due = claims.select(claims.rows.c.customer_id).where(
        claims.open_minor > 0, claims.due_on < ctx.today
    )
    found.update(ctx.connection.scalars(past_due.distinct()))
    paid = ctx.facts.select("settlements").subquery("settlement")
    since = ctx.today - timedelta(days=31 * (ctx.settings["default_probation_months"] + 1))
    late = sa.select(paid.c.customer_id).where(
        paid.c.settled_on > _late_after(paid.c), paid.c.settled_on >= since
    )
    found.update(ctx.connection.scalars(late.distinct()))
    return found


def _marks(ctx: Context, part: list[int]) -> dict[int, list[sa.RowMapping]]:
    query = sa.select(unlikely).where(unlikely.c.customer_id.in_(part)).order_by(unlikely.c.id)
    found: dict[int, list[sa.RowMapping]] = {}
    for row in ctx.connection.execute(query).mappings():
        found.setdefault(row["customer_id"], []).append(row)
    return found
