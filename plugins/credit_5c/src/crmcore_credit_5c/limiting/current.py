"""The limits that hold on a day, and the decisions behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.tables.limits import CreditLimit

if TYPE_CHECKING:
    from crmcore.api import Context

limits: sa.Table = CreditLimit.__table__  # type: ignore[attr-defined]
Record = Mapping[str, Any]
"""A row by column name."""


class Limit(NamedTuple):
    """The limit that holds for one customer (信用额度)."""

    limit_minor: int
    currency: str
    since: date
    until: date | None
    """The last day of a temporary raise; None = it stands until the next decision."""
    request: int | None
    """Number of the request by which it was approved."""


def current_limits(ctx: Context, customer_ids: Iterable[int], on: date | None = None) -> dict[int, Limit]:
    """Return customer → its own limit on a day, by default today; without one it is left out.

    What binds a customer as a member of a group is the limit of its top parent: see `limiting.exposure`.
    """
    return {
        number: limit_of(row) for number, row in counting_rows(ctx, customer_ids, on or ctx.today).items()
    }


def counting_rows(ctx: Context, customer_ids: Iterable[int], day: date) -> dict[int, Record]:
    """Return customer → the decision that counts on a day (`rules.limits.counting`, as SQL)."""
    return {
        row["customer_id"]: row
        for part in parts(customer_ids)
        for row in records(ctx, counting(day).where(limits.c.customer_id.in_(part)))
    }


def counting(day: date) -> sa.Select[Any]:
    """Select of each customer the decision that counts on a day: the one made last of those that hold."""
    later = limits.alias("later")
    newer = sa.exists().where(
        later.c.customer_id == limits.c.customer_id, later.c.id > limits.c.id, holding(later, day)
    )
    return sa.select(limits).where(holding(limits, day), sa.not_(newer))


def holding(table: sa.FromClause, day: date | sa.ColumnElement[date]) -> sa.ColumnElement[bool]:
    """Say whether a decision holds on a day."""
    ends_on = table.c.ends_on
    return sa.and_(table.c.valid_from <= day, sa.or_(ends_on.is_(None), ends_on > day))


def decisions_of(ctx: Context, customer_id: int) -> list[Record]:
    """Return all decisions on a customer's limit, the newest first."""
    query = sa.select(limits).where(limits.c.customer_id == customer_id).order_by(limits.c.id.desc())
    return list(records(ctx, query))


def records(ctx: Context, query: sa.Select[Any]) -> Iterable[Record]:
    """Return the rows of a query by column name."""
    return cast("Iterable[Record]", ctx.connection.execute(query).mappings())


def limit_of(row: Record) -> Limit:
    """Return a decision as the limit that it sets."""
    return Limit(
        row["limit_minor"], row["currency"], row["valid_from"], last_day(row["ends_on"]), row["approval_id"]
    )


def last_day(ends_on: date | None) -> date | None:
    """Return the last day on which something holds that ends on a day."""
    from datetime import timedelta

    return None if ends_on is None else ends_on - timedelta(days=1)


def select_limits(settings: Mapping[str, Any], today: date | None = None) -> sa.Select[Any]:  # noqa: ARG001  (the host hands them to each column)
    """Select each customer's limit of the company's day."""
    assert today is not None  # noqa: S101  (the host hands it to a column that takes it)
    held = counting(today).subquery("held")
    return sa.select(held.c.customer_id, held.c.limit_minor.label("value"))
