"""What a run reads: one sum per customer and currency, and how sums of several currencies become comparable.

A basis is a sum of components, each from a fact:

* purchases: the purchases of the period, net, less returns;
* margin: purchases less their cost; a line whose cost is unknown is left out, and the run says so;
* profit: margin less cost to serve, less investments, less the cost of credit, as far as these facts have a
  provider; the run names those that are missing. Who cost something without buying is a customer, too;
* potential: the latest estimate, on the day of the run, of what a customer could buy in a year: people estimate
  today, for a period that lies behind them.

Cost of credit: what a customer owed on average over a year (receivables less payments, summed up day by day and
divided by 365, whole minor units) times the yearly rate of the settings; who paid in advance costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, CrmError, convert, translator, unrestricted

from .runs import customers, group_members
from .tables import GROUP

_ = translator("crmcore_abc_analysis")
_DAYS_A_YEAR = 365
_MILLION = 1_000_000
_MANY = 100_000
"""Customers from which on purchases are read side by side, where an engine can."""


class Spent(NamedTuple):
    """What one customer comes to in one currency."""

    customer: int
    currency: str
    amount_minor: int
    purchases: int
    """How many rows it was added up from."""


@dataclass(frozen=True, slots=True)
class Money:
    """How sums of several currencies become comparable."""

    currency: str
    rounding: str
    rates: Mapping[str, Decimal]

    def convert(self, amount_minor: int, currency: str) -> int:
        """Return an amount in the common currency, in minor units; KeyError for a currency without a rate."""
        if currency == self.currency:
            return amount_minor
        return convert(amount_minor, currency, self.currency, self.rates[currency], self.rounding)

    def converted(self, spent: Spent) -> int:
        """Return a sum in the common currency, in minor units; KeyError for a currency without a rate."""
        return self.convert(spent.amount_minor, spent.currency)


def money_of(ctx: Context, currencies: Iterable[str], currency: str, day: date, rounding: str) -> Money:
    """Return the rates of a day; CrmError names all currencies that have none."""
    rates: dict[str, Decimal] = {}
    unknown: dict[str, CrmError] = {}
    for name in sorted({*currencies} - {currency}):
        try:
            rates[name] = ctx.facts.rate(name, currency, day)
        except CrmError as error:
            unknown[name] = error
    if len(unknown) == 1:
        raise unknown.popitem()[1]
    if unknown:
        raise CrmError(
            _(
                "no exchange rates to {target} on {day} from {sources}; add each to [currency.rates] in crm.toml"
            ).format(target=currency, day=day, sources=", ".join(unknown))
        )
    return Money(currency, rounding, rates)


def own_money(run: sa.Row[Any]) -> Money:
    """Return the rates that a run was made with."""
    return Money(run.currency, run.settings["rounding"], {k: Decimal(v) for k, v in run.rates.items()})


def money_of_run(ctx: Context, run: sa.Row[Any], currencies: Iterable[str]) -> Money:
    """Return the rates of a run; for currencies that it did not meet, those of the last day of its period."""
    own = own_money(run)
    more = money_of(ctx, {*currencies} - own.rates.keys(), run.currency, run.period_end, own.rounding)
    return Money(run.currency, own.rounding, {**more.rates, **own.rates})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be added up."""

    basis: str
    level: str
    start: date
    end: date
    estimated_on: date | None = None
    """The day whose estimates of potential count; None = today."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a basis: a select of customer_id, currency, amount_minor, purchases, a row per both keys."""

    name: str
    select: sa.Select[Any]


def components(
    ctx: Context, wanted: Wanted, customer_ids: Sequence[int] | None = None
) -> tuple[list[Component], list[str]]:
    """Return the parts of a basis, and the facts that are missing for it; of some customers if they are given.

    MissingFact where the fact that the basis stands on has no provider.
    """
    reader = _Reader(ctx, wanted, customer_ids)
    if wanted.basis == "purchases":
        return [reader.purchases()], []
    if wanted.basis == "potential":
        return [reader.potential()], []
    parts, missing = [reader.margin()], []
    if wanted.basis == "profit":
        for needs, make in (
            (("cost_to_serve",), partial(reader.spending, "cost_to_serve")),
            (("investments",), partial(reader.spending, "investments")),
            (("receivables", "payments"), reader.cost_of_credit),
        ):
            lacking = [fact for fact in needs if not provided(ctx, fact)]
            missing += lacking
            parts += [] if lacking else [make()]
    return parts, missing


def purchases_are_in_files(ctx: Context, basis: str) -> bool:
    """Tell whether a basis is added up from Parquet files instead of the database."""
    return bool(ctx.settings["purchases_files"]) and basis != "potential"


def provided(ctx: Context, fact: str) -> bool:
    """Tell whether a fact has a provider; MissingFact where two wait for the company's choice."""
    if fact not in ctx.facts.available():
        return False
    ctx.facts.provider(fact)
    return True


class _Reader:
    """Writes the selects of the components."""

    def __init__(self, ctx: Context, wanted: Wanted, customer_ids: Sequence[int] | None) -> None:
        self._ctx = ctx
        self._wanted = wanted
        self._only = customer_ids

    def purchases(self) -> Component:
        rows = self._rows("purchases")
        return self._component("purchases", rows, rows.c.amount_minor, sa.func.count())

    def margin(self) -> Component:
        rows = self._rows("purchases")
        known = rows.c.cost_minor.is_not(None)
        return self._component(
            "margin", rows, rows.c.amount_minor - rows.c.cost_minor, sa.func.count(), where=known
        )

    def spending(self, fact: str) -> Component:
        rows = self._rows(fact)
        return self._component(fact, rows, -rows.c.amount_minor, sa.literal_column("0"))

    def cost_of_credit(self) -> Component:
        owed = sa.union_all(
            self._balance_days("receivables", 1), self._balance_days("payments", -1)
        ).subquery("balance")
        average = _big(sa.func.sum(owed.c.minor_days)).op("/")(_DAYS_A_YEAR)
        millionths = int(Decimal(self._ctx.settings["cost_of_credit"]) * _MILLION)
        cost = sa.case((average > 0, (average * millionths).op("/")(_MILLION)), else_=0)
        query = sa.select(
            owed.c.customer_id,
            owed.c.currency,
            _big(-cost).label("amount_minor"),
            sa.literal_column("0").label("purchases"),
        ).group_by(owed.c.customer_id, owed.c.currency)
        return Component("cost_of_credit", self._some(query, owed.c.customer_id))

    def _balance_days(self, fact: str, sign: int) -> sa.Select[Any]:
        """Select what each document adds to the sum of daily balances within the period."""
        rows = self._ctx.facts.select(fact).subquery(fact)
        start, end = (sa.literal(day, sa.Date) for day in (self._wanted.start, self._wanted.end))
        first = sa.case((rows.c.occurred_on < start, start), else_=rows.c.occurred_on)
        if self._ctx.connection.dialect.name == "postgresql":
            days = end.op("-", return_type=sa.Integer())(sa.cast(first, sa.Date)) + 1
        else:
            days = sa.cast(sa.func.julianday(end) - sa.func.julianday(first), sa.Integer) + 1
        return sa.select(
            rows.c.customer_id, rows.c.currency, (sign * rows.c.amount_minor * days).label("minor_days")
        ).where(rows.c.occurred_on <= self._wanted.end)

    def potential(self) -> Component:
        from .potentials import latest_potentials

        on = self._wanted.estimated_on or self._ctx.today
        rows = latest_potentials(self._ctx, on).subquery("potential")
        return self._component("potential", rows, rows.c.amount_minor, sa.func.count())

    def _rows(self, fact: str) -> sa.Subquery:
        return self._ctx.facts.select(fact).subquery(fact)

    def _component(
        self,
        name: str,
        rows: sa.Subquery,
        amount: sa.ColumnElement[Any],
        purchases: sa.ColumnElement[Any],
        where: sa.ColumnElement[bool] | None = None,
    ) -> Component:
        query = sa.select(
            rows.c.customer_id,
            rows.c.currency,
            # PostgreSQL adds bigints up to a numeric, which would come as Decimal.
            _big(sa.func.sum(amount)).label("amount_minor"),
            purchases.label("purchases"),
        )
        if "occurred_on" in rows.c:
            query = query.where(rows.c.occurred_on.between(self._wanted.start, self._wanted.end))
        if where is not None:
            query = query.where(where)
        query = self._some(query, rows.c.customer_id)
        return Component(name, query.group_by(rows.c.customer_id, rows.c.currency))

    def _some(self, query: sa.Select[Any], customer: sa.ColumnElement[int]) -> sa.Select[Any]:
        """Leave out whom it is not about, and persons whose data is kept and not used."""
        query = query.where(*unrestricted(self._ctx.connection, customer))
        return query if self._only is None else query.where(customer.in_(self._only))


def _big(value: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(value, sa.BigInteger)


def sums_of(parts: Sequence[Component], level: str) -> sa.Select[Any]:
    """Add components up: customer_id, currency, amount_minor, purchases; by groups under the id of their head."""
    if len(parts) == 1 and level != GROUP:
        return parts[0].select
    rows = sa.union_all(*(part.select for part in parts)).subquery("parts")
    customer: sa.ColumnElement[int] = rows.c.customer_id
    source: sa.FromClause = rows
    if level == GROUP:
        members = group_members().subquery("members")
        customer = sa.func.coalesce(members.c.head_id, rows.c.customer_id)
        source = rows.outerjoin(members, members.c.customer_id == rows.c.customer_id)
    return (
        sa.select(
            customer.label("customer_id"),
            rows.c.currency,
            _big(sa.func.sum(rows.c.amount_minor)).label("amount_minor"),
            _big(sa.func.sum(rows.c.purchases)).label("purchases"),
        )
        .select_from(source)
        .group_by(customer, rows.c.currency)
    )


def spread_of(ctx: Context, parts: Sequence[Component], level: str) -> tuple[str, int, int] | None:
    """Return how sums lie, by customer, where they are easily cut and it is worth it to read them side by side."""
    if len(parts) > 1 or level == GROUP:
        return None
    number = customers.c.id
    least, most = ctx.connection.execute(sa.select(sa.func.min(number), sa.func.max(number))).one()
    return ("customer_id", least, most) if least is not None and most - least > _MANY else None


def read_sums(connection: sa.Connection, sums: sa.Select[Any]) -> list[Spent]:
    """Return one row per customer and currency, sorted by both."""
    rows = sums.subquery("sums")
    query = sa.select(rows).order_by(rows.c.customer_id, rows.c.currency)
    return list(map(Spent._make, connection.execute(query).all()))


class Total(NamedTuple):
    """What one customer comes to in the common currency."""

    customer: int
    amount_minor: int
    purchases: int


def totals_of(sums: Iterable[Spent], money: Money) -> list[Total]:
    """Convert and add up sums that are sorted by customer."""
    totals: list[Total] = []
    last = -1
    for customer, currency, own, purchases in sums:
        amount = own if currency == money.currency else money.convert(own, currency)
        if customer == last:
            before = totals[-1]
            totals[-1] = Total(customer, before.amount_minor + amount, before.purchases + purchases)
        else:
            totals.append(Total(customer, amount, purchases))
            last = customer
    return totals


def checksum(totals: Iterable[Total]) -> str:
    """Return the sha256 of the totals, which are sorted by customer: the same inputs give the same."""
    return sha256("".join([f"{c} {amount} {n}\n" for c, amount, n in totals]).encode()).hexdigest()


def purchases_between(ctx: Context, start: date, end: date) -> tuple[sa.Subquery, sa.ColumnElement[bool]]:
    """Return the fact and the condition of the period, to be put into one statement."""
    purchases = ctx.facts.select("purchases").subquery("purchases")
    return purchases, purchases.c.occurred_on.between(start, end)


class WithoutCost(NamedTuple):
    """Purchases in one currency that no margin counts."""

    currency: str
    purchases: int
    amount_minor: int


def remarks_on(
    ctx: Context, wanted: Wanted, missing: Sequence[str], without_cost: Sequence[WithoutCost] | None = None
) -> dict[str, Any]:
    """Return what a run has to say of its inputs: facts that are missing, purchases whose cost is unknown.

    `without_cost` None: they are looked up in the database.
    """
    remarks: dict[str, Any] = {"missing_facts": list(missing)} if missing else {}
    if wanted.basis in {"margin", "profit"}:
        left_out = _without_cost(ctx, wanted) if without_cost is None else without_cost
        remarks |= {"without_cost": [row._asdict() for row in left_out]} if left_out else {}
    return remarks


def _without_cost(ctx: Context, wanted: Wanted) -> list[WithoutCost]:
    purchases, in_period = purchases_between(ctx, wanted.start, wanted.end)
    query = (
        sa.select(purchases.c.currency, sa.func.count(), _big(sa.func.sum(purchases.c.amount_minor)))
        .where(in_period, purchases.c.cost_minor.is_(None))
        .group_by(purchases.c.currency)
        .order_by(purchases.c.currency)
    )
    return list(map(WithoutCost._make, ctx.connection.execute(query)))
