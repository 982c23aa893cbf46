"""What a run reads: the sums of each customer's purchases, converted into one currency, with a checksum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, convert


class Spent(NamedTuple):
    """What one customer bought in one currency."""

    customer: int
    currency: str
    amount_minor: int
    purchases: int


@dataclass(frozen=True, slots=True)
class Money:
    """How sums of several currencies become comparable."""

    currency: str
    rounding: str
    rates: Mapping[str, Decimal]

    def converted(self, spent: Spent) -> int:
        """Return the sum in the common currency, in minor units; KeyError for a currency without a rate."""
        if spent.currency == self.currency:
            return spent.amount_minor
        rate = self.rates[spent.currency]
        return convert(spent.amount_minor, spent.currency, self.currency, rate, self.rounding)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a run reckons with."""

    totals: Mapping[int, int]
    """Customer → amount in the common currency, in minor units."""
    money: Money
    purchases: int
    checksum: str


def read_inputs(ctx: Context, start: date, end: date, currency: str, rounding: str) -> Inputs:
    """Add up the purchases of a period, last day included; CrmError where an exchange rate is unknown."""
    sums = spent_by_customers(ctx, start, end)
    foreign = sorted({row.currency for row in sums} - {currency})
    money = Money(currency, rounding, {name: ctx.facts.rate(name, currency, end) for name in foreign})
    return Inputs(_totals(sums, money), money, sum(row.purchases for row in sums), checksum(sums))


def purchases_between(ctx: Context, start: date, end: date) -> tuple[sa.Subquery, sa.ColumnElement[bool]]:
    """Return the fact and the condition of the period, to be put into one statement."""
    purchases = ctx.facts.select("purchases").subquery("purchases")
    return purchases, purchases.c.occurred_on.between(start, end)


def spent_by_customers(ctx: Context, start: date, end: date, customer_id: int | None = None) -> list[Spent]:
    """Return one row per customer and currency, sorted by both; of one customer if it is given."""
    purchases, in_period = purchases_between(ctx, start, end)
    key = (purchases.c.customer_id, purchases.c.currency)
    # PostgreSQL adds bigints up to a numeric, which would come as Decimal.
    amount = sa.cast(sa.func.sum(purchases.c.amount_minor), sa.BigInteger)
    query = sa.select(*key, amount, sa.func.count()).where(in_period)
    if customer_id is not None:
        query = query.where(purchases.c.customer_id == customer_id)
    rows = ctx.connection.execute(query.group_by(*key).order_by(*key)).all()
    return list(map(Spent._make, rows))


def checksum(sums: Iterable[Spent]) -> str:
    """Return the sha256 of the sorted sums: the same purchases give the same, in whatever order they came."""
    return sha256(
        "".join([f"{c} {currency} {amount} {n}\n" for c, currency, amount, n in sums]).encode()
    ).hexdigest()


def _totals(sums: Iterable[Spent], money: Money) -> dict[int, int]:
    totals: dict[int, int] = {}
    for spent in sums:
        customer, currency, amount, _purchases = spent
        if currency != money.currency:
            amount = money.converted(spent)
        totals[customer] = totals.get(customer, 0) + amount
    return totals
