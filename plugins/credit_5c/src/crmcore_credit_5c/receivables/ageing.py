"""Ageing of receivables (应收账款账龄): one statement adds up all documents; rows come to Python only in sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, unrestricted
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.money import KnownMoney, Money, set_aside
from crmcore_credit_5c.receivables.claims import claims_on, customers
from crmcore_credit_5c.receivables.groups import group_members, members_with
from crmcore_credit_5c.rules.ageing import bucket_names, first_days


@dataclass(frozen=True, slots=True)
class Asked:
    """What an ageing is asked for."""

    as_of: date | None = None
    by: str = "due"
    """`due`: days count from the due date (of the document where none is agreed); `invoice`: from the document's."""
    customer: str | None = None
    """Code of a customer, for it alone."""
    group: bool = False
    """A group of customers counts as one, under its head; with `customer` its whole group."""


def ageing(ctx: Context, asked: Asked) -> dict[str, Any]:
    """Return the sums as `crm credit ageing --json` prints them: schemas/ageing.schema.json.

    Credit notes reduce the bucket of their own date. A customer counts in each bucket in which any document of its is
    open. Amounts are added up per currency and converted at the rate of the day; what has no rate is in no sum, and
    `left_out` names it; of one customer it is NoRate. NotFound for an unknown customer, Refused for a restricted person.
    """
    reading = Reading(ctx, asked)
    amounts, counts = reading.sums()
    total = [reading.money.total(by_currency) for by_currency in amounts]
    return {
        "as_of": reading.day.isoformat(),
        "by": asked.by,
        "currency": reading.money.currency,
        "total_minor": sum(total),
        "buckets": [
            {"bucket": name, "amount_minor": amount, "customers": count}
            for name, amount, count in zip(reading.names, total, counts, strict=True)
        ],
        "left_out": reading.left_out(),
    }


def ageing_by_customer(ctx: Context, asked: Asked, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield who owes how much in which bucket, the largest debts first: schemas/ageing_customer.schema.json.

    Restricted persons are left out of the list; they stay in the sums of `ageing`. What has no exchange rate is in no
    amount: `ageing` names it.
    """
    reading = Reading(ctx, asked)
    found = [
        (sum(amounts), customer, amounts)
        for customer, amounts in reading.by_customer(*unrestricted(ctx.connection, reading.debtor)).items()
    ]
    found.sort(key=lambda one: (-one[0], one[1]))
    for start in range(0, len(found[:limit]), 500):
        part = found[:limit][start : start + 500]
        query = sa.select(customers.c.id, customers.c.code, customers.c.name)
        rows = ctx.connection.execute(query.where(customers.c.id.in_([one[1] for one in part])))
        names = {number: (code, name) for number, code, name in rows}
        for total, customer, amounts in part:
            code, name = names[customer]
            buckets = dict(zip(reading.names, amounts, strict=True))
            yield {"customer": code, "name": name, "total_minor": total, "buckets": buckets}


class Reading:
    """The statements behind an ageing."""

    def __init__(self, ctx: Context, asked: Asked) -> None:
        """Look up who is asked for; MissingFact where a fact that is needed has no provider."""
        self._connection = ctx.connection
        self.day = asked.as_of or ctx.today
        self._ctx = ctx
        alone = asked.customer is not None and not asked.group
        self.money = Money(ctx, self.day) if alone else KnownMoney(ctx, self.day)
        bounds = sorted(ctx.settings["ageing_bounds"])
        self.names = bucket_names(bounds)
        ids: list[int] | None = None
        if asked.customer is not None:
            number = find_usable(ctx, asked.customer)
            ids = members_with(ctx, number) if asked.group else [number]
        self._claims = claims_on(ctx, self.day, ids)
        self._heads = group_members().subquery("heads") if asked.group else None
        since = self._claims.rows.c.occurred_on if asked.by == "invoice" else self._claims.due_on
        self._bucket = _bucket(since, first_days(self.day, bounds))

    @property
    def debtor(self) -> sa.ColumnElement[int]:
        """The customer who owes, or the head of its group."""
        own = self._claims.rows.c.customer_id
        return own if self._heads is None else sa.func.coalesce(self._heads.c.head_id, own)

    def sums(self) -> tuple[list[dict[str, int]], list[int]]:
        """Return per bucket the sums by currency, and how many customers have anything open there."""
        amounts: list[dict[str, int]] = [{} for _name in self.names]
        counts = [0 for _name in self.names]
        for bucket, currency, amount, debtors in self._connection.execute(self._sums()):
            amounts[bucket][currency] = int(amount)
            counts[bucket] += int(debtors)
        return amounts, counts

    def left_out(self) -> list[dict[str, Any]]:
        """Return whose money is in no sum, once the sums were made; as `LeftOut.as_json`."""
        problems = self.money.problems if isinstance(self.money, KnownMoney) else {}
        return set_aside(self._ctx, problems, [(self._claims.rows, self._claims.open_minor)]).as_json(
            self._ctx
        )

    def _sums(self) -> sa.Select[Any]:
        """Select the sums in one pass; of a customer with several currencies in a bucket the first one counts it."""
        amount = sa.cast(sa.func.sum(self._claims.open_minor), sa.BigInteger).label("amount")
        keys = (self.debtor.label("debtor"), self._claims.rows.c.currency, self._bucket.label("bucket"))
        each = self._select(*keys, amount).group_by(*keys).subquery("each").c
        place = sa.func.row_number().over(partition_by=(each.bucket, each.debtor), order_by=each.currency)
        first = sa.case((place == 1, 1), else_=0).label("first")
        numbered = sa.select(each.bucket, each.currency, each.amount, first).subquery("numbered").c
        sums = sa.select(
            numbered.bucket, numbered.currency, sa.func.sum(numbered.amount), sa.func.sum(numbered.first)
        )
        return sums.group_by(numbered.bucket, numbered.currency)

    def by_customer(self, *where: sa.ColumnElement[bool]) -> dict[int, list[int]]:
        """Return customer → amount per bucket, in the company's currency."""
        columns = (self.debtor, self._claims.rows.c.currency, self._bucket)
        query = self._select(*columns, sa.func.sum(self._claims.open_minor)).where(*where)
        found: dict[int, list[int]] = {}
        for customer, currency, bucket, amount in self._connection.execute(query.group_by(*columns)):
            found.setdefault(customer, [0] * len(self.names))[bucket] += self.money.converted(
                amount, currency
            )
        return found

    def _select(self, *columns: Any) -> sa.Select[Any]:
        query = self._claims.select(*columns)
        if self._heads is None:
            return query
        own = self._claims.rows.c.customer_id
        return query.outerjoin(self._heads, self._heads.c.customer_id == own)


def _bucket(since: sa.ColumnElement[date], firsts: Sequence[date]) -> sa.ColumnElement[int]:
    """Return the number of a day's bucket, written into the text, so that the same expression can be grouped by."""
    branches: list[tuple[Any, Any]] = [
        (since >= sa.literal(first, sa.Date, literal_execute=True), sa.literal_column(str(number)))
        for number, first in enumerate(firsts)
    ]
    return sa.case(*branches, else_=sa.literal_column(str(len(firsts))))
