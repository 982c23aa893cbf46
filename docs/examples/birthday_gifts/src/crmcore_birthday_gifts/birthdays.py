"""Whose birthday is near: work for those who look after them, alerts where one passed, more points meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from crmcore.api import Alert, Context, Customer, WorkItem, translator, unrestricted
from crmcore_loyalty_club.api import PointsRule

from .rules import days_around, nearest_birthday
from .tables import gifts

_ = translator("crmcore_birthday_gifts")
_PART = 500
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]
_born_on = customers.c.attributes["gift_birthday"].as_string()


class Birthday(NamedTuple):
    """A birthday, and the customer who has it."""

    customer_id: int
    code: str
    name: str
    owner: str | None
    day: date


def work(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Ask for a gift before each birthday, of customers that are the actor's own or nobody's."""
    for birthday in _without_gift(ctx):
        announced = birthday.day - timedelta(days=ctx.settings["days_ahead"])
        if (
            birthday.day >= ctx.today
            and birthday.owner in {actor, None}
            and (since is None or announced >= since)
        ):
            title = _("{name} has a birthday on {day}: choose a gift")
            yield WorkItem(
                f"gift:{birthday.customer_id}:{birthday.day.year}",
                birthday.customer_id,
                birthday.day,
                title.format(name=birthday.name, day=birthday.day),
                "info",
                f"crm gift give {birthday.code} --title … --value …",
            )


def passed(ctx: Context) -> Iterator[Alert]:
    """Tell of birthdays that passed without a gift."""
    for birthday in _without_gift(ctx):
        if birthday.day < ctx.today:
            title = _("the birthday of {name} on {day} passed without a gift")
            key = f"gift:missed:{birthday.customer_id}:{birthday.day.year}"
            yield Alert(
                key, birthday.customer_id, ctx.now, title.format(name=birthday.name, day=birthday.day)
            )


def more_points(customer_ids: Sequence[int], ctx: Context) -> Iterator[PointsRule]:
    """Give more points to who has a birthday this month: an answer to the hook that loyalty_club declares."""
    for start in range(0, len(customer_ids), _PART):
        part = list(customer_ids[start : start + _PART])
        month = sa.func.substr(_born_on, 6, 2) == f"{ctx.today.month:02}"
        for number in ctx.connection.scalars(
            sa.select(customers.c.id).where(customers.c.id.in_(part), month)
        ):
            yield PointsRule(number, ctx.settings["extra_percent"], _("birthday month"))


def _without_gift(ctx: Context) -> Iterator[Birthday]:
    """Yield the birthdays around today that no gift was given for; the database looks for month and day."""
    reach = ctx.settings["days_ahead"]
    given = sa.select(gifts.c.id).where(
        gifts.c.customer_id == customers.c.id, gifts.c.given_on >= ctx.today - timedelta(days=300)
    )
    query = (
        sa.select(
            customers.c.id, customers.c.code, customers.c.name, customers.c.owner, _born_on.label("born_on")
        )
        .where(
            customers.c.archived_at.is_(None),
            sa.func.substr(_born_on, 6, 5).in_(days_around(ctx.today, reach)),
        )
        .where(sa.not_(given.exists()), *unrestricted(ctx.connection, customers.c.id))
        .order_by(customers.c.code)
    )
    for row in ctx.connection.execute(query):
        day = nearest_birthday(date.fromisoformat(row.born_on), ctx.today)
        if abs((day - ctx.today).days) <= reach:
            yield Birthday(row.id, row.code, row.name, row.owner, day)
