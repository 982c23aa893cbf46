"""What customers have: read on the card, in lists, in the report and before anything is redeemed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context

from .tables import entries

_PART = 500
"""How many ids one statement is given."""


class Standing(NamedTuple):
    """A customer's points, and the day of the last entry."""

    points: int
    last_booked_on: date | None


NOTHING = Standing(0, None)


def standings(ctx: Context, customer_ids: Iterable[int]) -> dict[int, Standing]:
    """Return customer id → points, of those among them who ever had any."""
    query = _summed(sa.func.max(entries.c.booked_on).label("last_booked_on"))
    return {
        row.customer_id: Standing(int(row.value), row.last_booked_on)
        for part in _parts(sorted(set(customer_ids)))
        for row in ctx.connection.execute(query.where(entries.c.customer_id.in_(part)))
    }


def select_points(_settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select every customer's points: a column of lists."""
    return _summed()


def select_last_days(_settings: Mapping[str, Any]) -> sa.Select[Any]:
    """Select the day of every customer's last entry: another column of lists."""
    last = sa.func.max(entries.c.booked_on).label("value")
    return sa.select(entries.c.customer_id, last).group_by(entries.c.customer_id)


def _summed(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    points = sa.func.sum(entries.c.points).label("value")
    return sa.select(entries.c.customer_id, points, *more).group_by(entries.c.customer_id)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _PART):
        yield ids[start : start + _PART]
