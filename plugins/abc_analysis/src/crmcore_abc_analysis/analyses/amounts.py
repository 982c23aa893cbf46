"""What the analyses of value read: sums per customer in the currency of a run, per group in a run by groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from heapq import nlargest
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, unrestricted
from crmcore_abc_analysis.inputs import Component, Wanted, components, money_of_run, sums_of
from crmcore_abc_analysis.runs import customers, grades, holding, members_in, parts_of
from crmcore_abc_analysis.tables import GROUP

_BLOCK = 10_000
"""How many ids one statement is given; SQLite takes at most 32,766."""


class Named(NamedTuple):
    """A customer as people know it."""

    id: int
    code: str
    name: str


class Reading:
    """Reads what the customers of a run come to."""

    def __init__(self, ctx: Context, run: sa.Row[Any]) -> None:
        """Read nothing yet."""
        self.ctx = ctx
        self.run = run
        self._members = members_in(run)

    def totals(self, parts: Sequence[Component], among: sa.Select[Any] | None = None) -> dict[int, int]:
        """Return customer → its amounts added up, in minor units of the run's currency, at the run's rates.

        `among`: a select of the customers wanted. CrmError where an exchange rate is unknown.
        """
        if among is not None and self.run.level != GROUP:
            # Before they are grouped, which is what takes the time.
            parts = [Component(part.name, _of_those(part.select, among)) for part in parts]
        query = sums_of(parts, self.run.level)
        if among is not None and self.run.level == GROUP:
            query = sa.select(query.subquery("sums"))
            query = _of_those(query, among)
        query = query.with_only_columns(*list(query.selected_columns)[:3])
        totals: dict[int, int] = {}
        foreign: list[tuple[int, str, int]] = []
        for customer, currency, amount in self.ctx.connection.execute(
            query, execution_options={"yield_per": _BLOCK}
        ):
            if currency == self.run.currency:
                totals[customer] = amount
            else:
                foreign.append((customer, currency, amount))
        money = money_of_run(self.ctx, self.run, {currency for _customer, currency, _amount in foreign})
        for customer, currency, amount in foreign:
            totals[customer] = totals.get(customer, 0) + money.convert(amount, currency)
        return totals

    def purchases(self, start: date, end: date, among: sa.Select[Any] | None = None) -> dict[int, int]:
        """Return what each customer bought from one day through another, less returns."""
        parts, _missing = components(self.ctx, Wanted("purchases", self.run.level, start, end))
        return self.totals(parts, among)

    def potentials(self, among: sa.Select[Any] | None = None) -> dict[int, int]:
        """Return what each customer could buy in a year, by the latest estimates of today."""
        parts, _missing = components(
            self.ctx, Wanted("potential", self.run.level, self.run.period_start, self.ctx.today)
        )
        return self.totals(parts, among)

    def by_unit(self, rows: sa.Subquery) -> tuple[sa.FromClause, sa.ColumnElement[int]]:
        """Return where to select rows of a fact from, and who they count for: the head of the customer's group."""
        if self.run.level != GROUP:
            return rows, rows.c.customer_id
        members = self._members.subquery()
        source = rows.outerjoin(members, members.c.customer_id == rows.c.customer_id)
        return source, sa.func.coalesce(members.c.head_id, rows.c.customer_id)

    def classed(self, wanted: Collection[str]) -> sa.Select[Any]:
        """Select customer_id and amount_minor of those who are in some classes of the run."""
        query = sa.select(grades.c.customer_id, grades.c.amount_minor)
        return query.where(holding(self.run), grades.c.grade.in_(sorted(wanted)))


def _of_those(query: sa.Select[Any], among: sa.Select[Any]) -> sa.Select[Any]:
    return query.where(query.selected_columns.customer_id.in_(among))


def pairs(connection: sa.Connection, query: sa.Executable) -> dict[Any, Any]:
    """Return the first column of a statement → the second."""
    return {row[0]: row[1] for row in connection.execute(query)}


def named(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Named]:
    """Return id → code and name; restricted persons are named nowhere."""
    query = sa.select(customers.c.id, customers.c.code, customers.c.name)
    query = query.where(*unrestricted(connection, customers.c.id))
    found: dict[int, Named] = {}
    for part in parts_of(ids):
        rows = connection.execute(query.where(customers.c.id.in_(part)))
        found |= {row.id: Named(*row) for row in rows}
    return found


def largest(connection: sa.Connection, amounts: Mapping[int, int], limit: int | None) -> list[Named]:
    """Return the customers with the largest amounts, at most so many; equal amounts in the order of their codes."""
    if limit is not None and len(amounts) > limit:
        least = nlargest(limit, amounts.values())[-1]
        amounts = {customer: amount for customer, amount in amounts.items() if amount >= least}
    known = named(connection, amounts)
    ordered = sorted(known.values(), key=lambda customer: (-amounts[customer.id], customer.code))
    return ordered[:limit]


def archived(connection: sa.Connection) -> set[int]:
    """Return the customers whose trade has stopped."""
    return set(connection.scalars(sa.select(customers.c.id).where(customers.c.archived_at.is_not(None))))
