"""What limits are worked out from: the company's rules, and what is known of a customer."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import BadConfig, to_minor, translator
from crmcore_credit_5c.money import Money
from crmcore_credit_5c.receivables.claims import has_fact
from crmcore_credit_5c.rules.limits import Known, LimitRule
from crmcore_credit_5c.tables.evidence import CreditStatement

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_statements: sa.Table = CreditStatement.__table__  # type: ignore[attr-defined]
_MONTHS = 6


def limit_rules(ctx: Context) -> list[LimitRule]:
    """Return the company's rules; BadConfig, with the path, for an amount finer than the currency or floor above cap."""
    return [_rule(ctx, place, given) for place, given in enumerate(ctx.settings["limit_rules"])]


def _rule(ctx: Context, place: int, given: Mapping[str, Any]) -> LimitRule:
    path = f"plugins.credit_5c.limit_rules.{place}"
    amounts = {
        name: _minor(ctx, f"{path}.{name}", given[name])
        for name in ("cap", "floor", "round_to")
        if name in given
    }
    cap, floor = amounts.get("cap"), amounts.get("floor")
    if cap is not None and floor is not None and floor > cap:
        message = _("crm.toml: {path}.floor = {floor!r} is above its cap, {cap!r}; lower the floor")
        raise BadConfig(message.format(path=path, floor=given["floor"], cap=given["cap"]))
    times = given.get("times")
    factors = None if times is None else {grade: Fraction(factor) for grade, factor in times.items()}
    months = given.get("months", _MONTHS)
    return LimitRule(given["base"], months, factors, cap, floor, amounts.get("round_to", 1))


def _minor(ctx: Context, path: str, text: str) -> int:
    try:
        return to_minor(Decimal(text), ctx.currency)
    except ValueError as error:
        message = _("crm.toml: {path} = {value!r}: {problem}; correct it")
        raise BadConfig(message.format(path=path, value=text, problem=error)) from None


def known_of(
    ctx: Context, customer_id: int, grade: str, rules: Iterable[LimitRule], requested_minor: int | None
) -> Known:
    """Return what is known of a customer that the rules ask for, in minor units of the company's currency."""
    given = list(rules)
    months = {rule.months for rule in given if rule.base == "avg_monthly_purchases"}
    wants_assets = any(rule.base == "net_assets" for rule in given)
    return Known(
        grade,
        {count: _bought(ctx, customer_id, count) for count in months},
        _net_assets(ctx, customer_id) if wants_assets else None,
        requested_minor,
    )


def _bought(ctx: Context, customer_id: int, months: int) -> int | None:
    """Return what a customer bought in so many months up to today, returns taken off; None without any purchase."""
    if not has_fact(ctx, "purchases"):
        return None
    rows = ctx.facts.select("purchases").subquery("purchases")
    query = (
        sa.select(rows.c.currency, sa.func.sum(rows.c.amount_minor))
        .where(rows.c.customer_id == customer_id)
        .where(rows.c.occurred_on > months_before(ctx.today, months), rows.c.occurred_on <= ctx.today)
        .group_by(rows.c.currency)
    )
    amounts = {currency: int(amount) for currency, amount in ctx.connection.execute(query)}
    return Money(ctx, ctx.today).total(amounts) if amounts else None


def months_before(day: date, months: int) -> date:
    """Return the day so many months before, or the last of that month where it has no such day."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def _net_assets(ctx: Context, customer_id: int) -> int | None:
    """Return the net assets by the newest statement that counts today; None where no statement tells them."""
    c = _statements.c
    query = (
        sa.select(c.figures, c.currency, c.period_end)
        .where(c.customer_id == customer_id, c.period_end <= ctx.today, c.withdrawn_on.is_(None))
        .where(sa.or_(c.expires_on.is_(None), c.expires_on >= ctx.today))
        .order_by(c.period_end.desc(), c.id.desc())
        .limit(1)
    )
    row = ctx.connection.execute(query).first()
    amount = None if row is None else _equity(row.figures)
    if row is None or amount is None:
        return None
    # A statement may be finer than the currency: what is over is cut off, never rounded up.
    return Money(ctx, row.period_end).converted(_whole_minor(amount, row.currency), row.currency)


def _equity(figures: Mapping[str, Any]) -> Decimal | None:
    if figures.get("equity") is not None:
        return Decimal(figures["equity"])
    assets, debts = figures.get("total_assets"), figures.get("total_liabilities")
    return None if assets is None or debts is None else Decimal(assets) - Decimal(debts)


def _whole_minor(amount: Decimal, currency: str) -> int:
    from decimal import ROUND_FLOOR

    from crmcore.api import minor_digits

    return to_minor(amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_FLOOR), currency)
