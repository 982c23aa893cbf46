"""What will be collected when (回款预测): open invoices, each as late as its customer usually pays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context
from crmcore_credit_5c.money import KnownMoney, Money, set_aside
from crmcore_credit_5c.receivables.claims import claims_on, has_fact
from crmcore_credit_5c.receivables.collection import decimal_text
from crmcore_credit_5c.receivables.paying import days_beyond_terms, habits
from crmcore_credit_5c.rules.forecast import expected_on, period_start


def forecast(ctx: Context, by: str = "week") -> dict[str, Any]:
    """Return what is expected by `week` or `month`: schemas/forecast.schema.json.

    Who paid nothing in the time that the settings name is taken to pay as all others do. Credit notes are taken off in
    the period of their own date. Amounts are added up per currency and converted at today's rates; what has no rate is
    in no sum, and `left_out` names it.
    """
    money = KnownMoney(ctx, ctx.today)
    usual, general = _usual(ctx, money)
    sums: dict[date, dict[str, int]] = {}
    due: dict[date, dict[str, int]] = {}
    for customer, currency, due_on, amount in _open_amounts(ctx):
        delay = usual.get(customer, general) if amount > 0 else Fraction(0)
        expected = period_start(expected_on(due_on, delay, ctx.today), by)
        agreed = period_start(max(due_on, ctx.today), by)
        for place, found in ((expected, sums), (agreed, due)):
            in_period = found.setdefault(place, {})
            in_period[currency] = in_period.get(currency, 0) + amount
    periods = [
        {
            "from": start.isoformat(),
            "expected_minor": money.total(sums.get(start, {})),
            "due_minor": money.total(due.get(start, {})),
        }
        for start in sorted(sums.keys() | due.keys())
    ]
    return {
        "as_of": ctx.today.isoformat(),
        "by": by,
        "currency": money.currency,
        "usual_delay_days": decimal_text(general, 1),
        "total_minor": sum(period["expected_minor"] for period in periods),
        "periods": periods,
        "left_out": _left_out(ctx, money.problems),
    }


def _left_out(ctx: Context, problems: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return whose open money is in no period, and whose payments are in no usual delay."""
    claims = claims_on(ctx, ctx.today)
    others = []
    if has_fact(ctx, "settlements"):
        paid = ctx.facts.select("settlements").subquery("settlement")
        since = ctx.today - timedelta(days=ctx.settings["paying_days"])
        lately = sa.select(paid).where(paid.c.settled_on.between(since, ctx.today)).subquery("lately")
        others.append((lately, lately.c.amount_minor))
    return set_aside(ctx, problems, [(claims.rows, claims.open_minor)], others).as_json(ctx)


def _usual(ctx: Context, money: Money) -> tuple[dict[int, Fraction], Fraction]:
    """Return how late each customer usually pays, and how late all do together; 0 where nobody knows."""
    if not has_fact(ctx, "settlements"):
        return {}, Fraction(0)
    start = ctx.today - timedelta(days=ctx.settings["paying_days"])
    general = days_beyond_terms(ctx, start, ctx.today, money=money)
    return habits(ctx, start, ctx.today, money=money), general or Fraction(0)


def _open_amounts(ctx: Context) -> Any:
    """Return what is open by customer, currency and due day, invoices and credit notes apart."""
    claims = claims_on(ctx, ctx.today)
    c = claims.rows.c
    is_credit = claims.open_minor < 0
    query = claims.select(c.customer_id, c.currency, claims.due_on, sa.func.sum(claims.open_minor))
    grouped = query.group_by(c.customer_id, c.currency, claims.due_on, is_credit)
    for customer, currency, due_on, amount in ctx.connection.execute(
        grouped.execution_options(yield_per=1_000)
    ):
        yield customer, currency, due_on, int(amount)
