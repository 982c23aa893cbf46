"""How late customers pay (付款习惯): days beyond terms, from what was settled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import Money
from crmcore_credit_5c.rules import dso


def days_late(connection: sa.Connection, settled_on: Any, due_on: Any) -> sa.ColumnElement[int]:
    """Return the days between two columns as a whole number, in the words of the database."""
    if connection.dialect.name == "sqlite":
        return sa.cast(sa.func.julianday(settled_on) - sa.func.julianday(due_on), sa.Integer)
    return sa.cast(settled_on - due_on, sa.Integer)


def days_beyond_terms(
    ctx: Context,
    start: date,
    end: date,
    customer_ids: Collection[int] | None = None,
    money: Money | None = None,
) -> Fraction | None:
    """Return days beyond terms of all that was paid from a day to another, weighted by amount; None where nothing was.

    Payments in part count with their part; an invoice without a due date was due on its own day. Other currencies are
    converted at the rates of the last day, or by `money`.
    """
    sums = _sums(ctx, start, end, customer_ids)
    return _average(money or Money(ctx, end), [row[1:] for row in sums])


def habits(
    ctx: Context,
    start: date,
    end: date,
    customer_ids: Collection[int] | None = None,
    money: Money | None = None,
) -> dict[int, Fraction]:
    """Return customer → days beyond terms; who paid nothing in that time is left out. money: as of `days_beyond_terms`."""
    rows: dict[int, list[Any]] = {}
    for row in _sums(ctx, start, end, customer_ids):
        rows.setdefault(row[0], []).append(row[1:])
    money = money or Money(ctx, end)
    averages = {customer: _average(money, found) for customer, found in rows.items()}
    return {customer: days for customer, days in averages.items() if days is not None}


def _average(money: Money, sums: list[Any]) -> Fraction | None:
    """Average over currencies: per currency the sum paid, and the sum of amount times days."""
    alone = len({currency for currency, _amount, _days in sums}) == 1
    paid = []
    for currency, amount, amount_days in sums:
        # Each currency is one payment of all its money, so many days late; where it is the only one, no rate matters.
        weight = (1 if alone else money.unit(currency)) * int(amount)
        paid.append((weight, Fraction(int(amount_days), int(amount))))
    return dso.days_beyond_terms(paid)


def _sums(ctx: Context, start: date, end: date, customer_ids: Collection[int] | None) -> list[Any]:
    fact = ctx.facts.select("settlements").subquery("settlement")
    late = days_late(ctx.connection, fact.c.settled_on, sa.func.coalesce(fact.c.due_on, fact.c.occurred_on))
    query = (
        sa.select(
            fact.c.customer_id,
            fact.c.currency,
            sa.func.sum(fact.c.amount_minor),
            sa.func.sum(fact.c.amount_minor * late),
        )
        .where(fact.c.amount_minor > 0, fact.c.settled_on.between(start, end))
        .group_by(fact.c.customer_id, fact.c.currency)
    )
    if customer_ids is None:
        return list(ctx.connection.execute(query))
    found: list[Any] = []
    for part in parts(customer_ids):
        found += ctx.connection.execute(query.where(fact.c.customer_id.in_(part)))
    return found
