"""Who is past due today, for whoever holds orders or grades customers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.money import LeftOut, Money
from crmcore_credit_5c.receivables.claims import claims_on
from crmcore_credit_5c.rules.ageing import days_past_due


class Overdue(NamedTuple):
    """What a customer has not paid in time (逾期)."""

    days: int
    """How long the oldest open invoice is past due; at least 1."""
    amount_minor: int
    """Sum of the open invoices past due, in minor units of `currency`; credit notes are not taken off."""
    currency: str
    """The company's."""


class PastDue(NamedTuple):
    """The same, with the day on which the oldest open invoice was due."""

    since: date
    amount_minor: int


def overdue(ctx: Context, customer_ids: Collection[int]) -> dict[int, Overdue]:
    """Return customer → what is past due today; who owes nothing past due is left out.

    An invoice without a due date is due on its own day. Other currencies are converted at today's rate.
    """
    return {
        customer_id: Overdue(days_past_due(ctx.today, found.since), found.amount_minor, ctx.currency)
        for customer_id, found in past_due(ctx, customer_ids).items()
    }


class Late(NamedTuple):
    """Who is past due, as far as it can be told."""

    known: dict[int, PastDue]
    left_out: LeftOut
    """Customers with invoices past due in a currency without an exchange rate, with all that they owe past due."""


def past_due(ctx: Context, customer_ids: Collection[int] | None = None) -> dict[int, PastDue]:
    """Return customer → what is past due today, of these customers or of all; NoRate where one owes what has no rate."""
    found = late_customers(ctx, customer_ids)
    for customer_id in sorted(found.left_out.problems):
        Money(ctx, ctx.today).total(found.left_out.amounts[customer_id])
    return found.known


def late_customers(ctx: Context, customer_ids: Collection[int] | None = None) -> Late:
    """Return who is past due today, of these customers or of all, and who cannot be told of."""
    oldest: dict[int, date] = {}
    amounts: dict[int, dict[str, int]] = {}
    for part in [None] if customer_ids is None else parts(customer_ids):
        for customer_id, currency, due_on, amount in ctx.connection.execute(_past_due(ctx, part)):
            oldest[customer_id] = min(due_on, oldest.get(customer_id, due_on))
            amounts.setdefault(customer_id, {})[currency] = int(amount)
    money = Money(ctx, ctx.today)
    found = Late({}, LeftOut())
    for customer_id, by_currency in amounts.items():
        if problems := money.lacking(by_currency):
            found.left_out.add(customer_id, problems, by_currency)
        else:
            found.known[customer_id] = PastDue(oldest[customer_id], money.total(by_currency))
    return found


def _past_due(ctx: Context, customer_ids: Collection[int] | None) -> sa.Select[Any]:
    claims = claims_on(ctx, ctx.today, customer_ids)
    c = claims.rows.c
    columns = (c.customer_id, c.currency)
    return (
        claims.select(*columns, sa.func.min(claims.due_on), sa.func.sum(claims.open_minor))
        .where(claims.open_minor > 0, claims.due_on < ctx.today)
        .group_by(*columns)
    )
