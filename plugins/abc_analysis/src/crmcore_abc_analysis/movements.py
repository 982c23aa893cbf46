"""Customers who fell to a worse class from one run to the next (客户等级变动)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Alert, Context, WorkItem, translator

from .rules import Made, is_drop, run_to_compare
from .runs import customers, grades, grades_of_rule, runs
from .tables import CURRENT, PUBLISHED

_ = translator("crmcore_abc_analysis")


class Drop(NamedTuple):
    """A customer's fall; `now` is None if it bought nothing any more."""

    customer_id: int
    code: str
    name: str
    owner: str | None
    was: str
    now: str | None
    rank_before: int
    run_before: int


def run_before(connection: sa.Connection, run: sa.Row[Any]) -> int | None:
    """Return the run to compare with, made under the same settings; None for the first of its kind."""
    same = runs.c.settings_version == run.settings_version
    query = sa.select(runs.c.id, runs.c.period_start, runs.c.period_end, runs.c.published_at)
    others = map(Made._make, connection.execute(query.where(same, runs.c.state.in_(PUBLISHED))))
    found = run_to_compare(Made(run.id, run.period_start, run.period_end, run.published_at), others)
    return found.run if found is not None else None


def drops(connection: sa.Connection, run: sa.Row[Any]) -> list[Drop]:
    """Return who fell since the run before, the best customers of that run first."""
    before = run_before(connection, run)
    if before is None:
        return []
    was, now = grades.alias("was"), grades.alias("now")
    both = sa.and_(now.c.customer_id == was.c.customer_id, now.c.run_id == run.id)
    query = (
        sa.select(
            customers.c.id,
            customers.c.code,
            customers.c.name,
            customers.c.owner,
            was.c.grade,
            now.c.grade,
            was.c.rank,
            was.c.run_id,
        )
        .select_from(was)
        .join(customers, customers.c.id == was.c.customer_id)
        .outerjoin(now, both)
        .where(was.c.run_id == before, sa.or_(now.c.grade.is_(None), now.c.grade != was.c.grade))
        .order_by(was.c.rank, customers.c.id)
    )
    order = grades_of_rule(run)
    return [drop for drop in map(Drop._make, connection.execute(query)) if is_drop(drop.was, drop.now, order)]


def drop_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield a work item for each customer who fell in the current run.

    Who owns customers sees theirs and those of nobody; who owns none, as a manager, sees all.
    """
    run = _published(ctx.connection, None)
    if run is None or (since is not None and run.made_on < since):
        return
    best = grades_of_rule(run)[0]
    owns = ctx.connection.scalar(sa.select(sa.exists().where(customers.c.owner == actor)))
    for drop in drops(ctx.connection, run):
        if not owns or drop.owner in {actor, None, ""}:
            yield WorkItem(
                key=f"abc:drop:{run.id}:{drop.customer_id}",
                customer_id=drop.customer_id,
                due=None,
                title=_drop_sentence(drop),
                severity="critical" if drop.was == best else "warning",
                # Without a purchase there is nothing to explain in this run, but in the one before.
                command=f"crm abc explain {drop.code}" + ("" if drop.now else f" --run {drop.run_before}"),
            )


def drop_alerts(number: str | None, ctx: Context) -> Iterator[Alert]:
    """Yield one alert for a run in which customers fell: how many, and from which class."""
    run = _published(ctx.connection, number)
    fallen = drops(ctx.connection, run) if run is not None else []
    if run is None or not fallen:
        return
    counts = Counter(drop.was for drop in fallen)
    order = grades_of_rule(run)
    shown = ", ".join(f"{grade}: {counts[grade]}" for grade in order if counts[grade])
    yield Alert(
        key=f"abc:drops:{run.id}",
        customer_id=None,
        at=run.published_at,
        title=_("customers who fell to a worse class in run {run}: {count} ({shown})").format(
            count=len(fallen), run=run.id, shown=shown
        ),
        severity="critical" if counts[order[0]] else "warning",
    )


def _drop_sentence(drop: Drop) -> str:
    if drop.now is None:
        return _("{name} was in class {was} and buys nothing any more").format(name=drop.name, was=drop.was)
    return _("{name} fell from class {was} to {now}").format(name=drop.name, was=drop.was, now=drop.now)


def _published(connection: sa.Connection, number: str | None) -> sa.Row[Any] | None:
    """Return the current run or the one asked for; None for what is no run of ours."""
    if number is not None and not number.isdecimal():
        return None
    wanted = runs.c.state == CURRENT if number is None else runs.c.id == int(number)
    return connection.execute(sa.select(runs).where(wanted, runs.c.state.in_(PUBLISHED))).first()
