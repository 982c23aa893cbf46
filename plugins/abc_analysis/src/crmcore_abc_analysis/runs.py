"""Reading runs: which there are, what their classes come to, who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, Customer, NotFound, rows_as_of, translator, unrestricted

from .rules.classes import GradeSum, GradeTotal, grade_totals, share_of
from .tables import CURRENT, GROUP, PUBLISHED, AbcGrade, AbcMember, AbcPublication, AbcRun

_ = translator("crmcore_abc_analysis")
LARGEST_ID = 2**63 - 1
_PART = 5000
"""How many ids one statement is given; SQLite takes at most 32,766."""

runs: sa.Table = AbcRun.__table__  # type: ignore[attr-defined]
members: sa.Table = AbcMember.__table__  # type: ignore[attr-defined]
publications: sa.Table = AbcPublication.__table__  # type: ignore[attr-defined]
grades: sa.Table = AbcGrade.__table__  # type: ignore[attr-defined]
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def find_run(ctx: Context, number: int | None = None) -> sa.Row[Any]:
    """Return a published run by its number, by default the one made last; NotFound says what to do."""
    query = sa.select(runs).where(runs.c.state.in_(PUBLISHED))
    if number is not None and not 0 < number <= LARGEST_ID:
        query = query.where(sa.false())
    elif number is None:
        latest = sa.select(publications.c.run_id).order_by(publications.c.id.desc()).limit(1)
        query = query.where(runs.c.id == latest.scalar_subquery())
    else:
        query = query.where(runs.c.id == number)
    row = ctx.connection.execute(query).first()
    if row is not None:
        return row
    if number is None:
        raise NotFound(_("there is no run yet; make one with: crm abc run"))
    raise NotFound(_("there is no run {number}; list them with: crm abc runs").format(number=number))


def usual_run(ctx: Context, on: date | None = None) -> sa.Row[Any] | None:
    """Return the run whose classes count: the current one of the company's usual basis and level.

    `on`: the one that was current at the end of a past day. None before the first.
    """
    basis, level = ctx.settings["basis"], ctx.settings["level"]
    if on is None:
        return ctx.connection.execute(_current_run(basis, level)).first()
    query = (
        sa.select(runs)
        .join(publications, publications.c.run_id == runs.c.id)
        .where(publications.c.published_on <= on, runs.c.basis == basis, runs.c.level == level)
        .order_by(publications.c.id.desc())
        .limit(1)
    )
    return ctx.connection.execute(query).first()


@cache
def _current_run(basis: str, level: str) -> sa.Select[Any]:
    return sa.select(runs).where(runs.c.state == CURRENT, runs.c.basis == basis, runs.c.level == level)


def holding(run: sa.Row[Any], rows: sa.FromClause = grades) -> sa.ColumnElement[bool]:
    """Return the condition that a row of abc_grade holds in a run."""
    return _holding(run.snapshot_id or run.id, run.id, rows)


def _holding(snapshot: Any, run: Any, rows: sa.FromClause = grades) -> sa.ColumnElement[bool]:
    c = rows.c
    return sa.and_(
        c.snapshot_id == snapshot,
        c.run_id <= run,
        sa.or_(c.until_run.is_(None), c.until_run > run),
    )


def ranked(run: sa.Row[Any], name: str = "ranked") -> sa.Subquery:
    """Return the classes of a run: customer_id, grade, amount_minor, since_run, rank, ahead_minor.

    `rank`: 1 = the largest amount, equal amounts share the best. `ahead_minor`: what those strictly ahead bought.
    Windows over the whole run: for lists. One customer is looked up by `grades_of`.
    """
    amount: sa.ColumnElement[int] = grades.c.amount_minor
    bought = sa.case((amount > 0, amount), else_=0)
    ahead = sa.func.sum(bought).over(order_by=amount.desc(), groups=(None, -1))
    return (
        sa.select(
            *(grades.c.customer_id, grades.c.grade, amount, grades.c.since_run),
            sa.func.rank().over(order_by=amount.desc()).label("rank"),
            sa.cast(sa.func.coalesce(ahead, 0), sa.BigInteger).label("ahead_minor"),
        )
        .where(holding(run))
        .subquery(name)
    )


def grades_of_rule(run: sa.Row[Any]) -> tuple[str, ...]:
    """Return the classes of a run's rule, the best first."""
    return tuple(row["grade"] for row in run.settings.get("cutoffs") or run.settings["thresholds"])


def totals_of_run(connection: sa.Connection, run: sa.Row[Any]) -> list[GradeTotal]:
    """Add up each class of a run, the best first."""
    bought = sa.case((grades.c.amount_minor > 0, grades.c.amount_minor), else_=0)
    query = sa.select(
        grades.c.grade, sa.func.count(), sa.func.sum(grades.c.amount_minor), sa.func.sum(bought)
    ).where(holding(run))
    rows = connection.execute(query.group_by(grades.c.grade))
    sums = [GradeSum(grade, count, int(amount), int(positive)) for grade, count, amount, positive in rows]
    return grade_totals(sums, grades_of_rule(run))


def run_summary(ctx: Context, number: int | None = None) -> dict[str, Any]:
    """Return a run as `crm abc run --json` prints it: schemas/run.schema.json."""
    run = find_run(ctx, number)
    return {
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "basis": run.basis,
        "customers": run.customers,
        "amount_minor": run.amount_minor,
        "grades": [
            {
                "grade": total.grade,
                "customers": total.customers,
                "amount_minor": total.amount_minor,
                "share": float(total.share),
            }
            for total in totals_of_run(ctx.connection, run)
        ],
        "level": run.level,
        "by": run.by,
        "remarks": run.remarks,
    }


def list_runs(ctx: Context) -> Iterator[dict[str, Any]]:
    """Yield all runs, the newest first, as `crm abc runs --json` prints them: schemas/runs.schema.json."""
    for run in ctx.connection.execute(sa.select(runs).order_by(runs.c.id.desc())):
        yield {
            "run": run.id,
            "state": run.state,
            "period": [run.period_start.isoformat(), run.period_end.isoformat()],
            "currency": run.currency,
            "basis": run.basis,
            "level": run.level,
            "by": run.by,
            "preset": run.preset,
            "customers": run.customers,
            "amount_minor": run.amount_minor,
            "purchases": run.purchases,
            "settings": run.settings,
            "settings_version": run.settings_version,
            "rates": run.rates,
            "input_checksum": run.input_checksum,
            "remarks": run.remarks,
            "written_from": run.snapshot_id,
            "engine": run.engine,
            "duration_ms": run.duration_ms,
            "actor": run.actor,
            "created_at": run.created_at.isoformat(),
        }


def list_grades(
    ctx: Context, number: int | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the customers of a run in rank order, as `crm abc grades --json` prints them."""
    run = find_run(ctx, number)
    for row, cumulative in listed(ctx.connection, run, limit):
        yield {
            "customer": row.code,
            "grade": row.grade,
            "rank": row.rank,
            "amount_minor": row.amount_minor,
            "cumulative_share": float(cumulative),
        }


def listed(
    connection: sa.Connection, run: sa.Row[Any], limit: int | None = None
) -> Iterator[tuple[sa.Row[Any], Decimal]]:
    """Yield the customers of a run (code, name, grade, rank, amount_minor) and the share reached with each.

    Restricted persons count in ranks and shares, as the run had them, and are not named.
    """
    ranks, hidden = ranked(run), unrestricted(connection, customers.c.id)
    query: sa.Select[Any] = (
        sa.select(
            customers.c.code,
            customers.c.name,
            ranks.c.customer_id,
            ranks.c.grade,
            ranks.c.rank,
            ranks.c.amount_minor,
            sa.and_(sa.true(), *hidden).label("named"),
        )
        .join(customers, customers.c.id == ranks.c.customer_id)
        .order_by(ranks.c.rank, code_order(connection))
        .limit(None if hidden else limit)
    )
    reached = named = 0
    for row in connection.execute(query):
        reached += max(row.amount_minor, 0)
        if row.named:
            yield row, share_of(reached, run.positive_minor)
            named += 1
        if named == limit:
            break


def code_order(connection: sa.Connection) -> sa.ColumnElement[str]:
    """Return the order of codes that is the same on either database; lists go by rank, equal amounts by code."""
    code: sa.ColumnElement[str] = customers.c.code
    return sa.collate(code, "C") if connection.dialect.name == "postgresql" else code


def grades_of(ctx: Context, run: sa.Row[Any], customer_ids: Sequence[int]) -> dict[int, sa.Row[Any]]:
    """Return customer id → its row in a run, with `since`, the day from which on it has had its class.

    In a run by groups a member has the class of its group.
    """
    heads = heads_in(ctx.connection, run, customer_ids)
    wanted = {"snapshot": run.snapshot_id or run.id, "run": run.id}
    found: dict[int, sa.Row[Any]] = {}
    for part in parts_of(heads.get(number, number) for number in customer_ids):
        rows = ctx.connection.execute(_grades_of(), {**wanted, "ids": part})
        found |= {row.customer_id: row for row in rows}
    return {n: found[heads.get(n, n)] for n in customer_ids if heads.get(n, n) in found}


@cache
def _grades_of() -> sa.Select[Any]:
    """Select the rows of `ids` that hold in `run` of `snapshot`; built once, which takes longer than reading a page."""
    first = runs.alias("first")
    return (
        sa.select(grades, first.c.made_on.label("since"))
        .outerjoin(first, first.c.id == grades.c.since_run)
        .where(_holding(sa.bindparam("snapshot"), sa.bindparam("run")))
        .where(grades.c.customer_id.in_(sa.bindparam("ids", expanding=True)))
    )


def parts_of(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Cut ids into sorted lists of as many as one statement may be given."""
    ordered = sorted(set(numbers))
    return (ordered[start : start + _PART] for start in range(0, len(ordered), _PART))


def standing_of(connection: sa.Connection, run: sa.Row[Any], amount_minor: int) -> tuple[int, int]:
    """Return the rank that an amount has in a run, and what those strictly ahead of it bought."""
    bought = sa.case((grades.c.amount_minor > 0, grades.c.amount_minor), else_=0)
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(bought), 0))
    ahead, ahead_minor = connection.execute(
        query.where(holding(run), grades.c.amount_minor > amount_minor)
    ).one()
    return ahead + 1, int(ahead_minor)


def heads_in(connection: sa.Connection, run: sa.Row[Any], customer_ids: Sequence[int]) -> dict[int, int]:
    """Return customer id → the head that it counted for in a run by groups, for those that had one."""
    return _heads(connection, members_in(run), customer_ids) if run.level == GROUP else {}


def members_in(run: sa.Row[Any]) -> sa.Select[Any]:
    """Select who counted for whom in a run by groups: customer_id, head_id; heads themselves are left out."""
    return sa.select(members.c.customer_id, members.c.head_id).where(members.c.run_id == run.id)


def heads_of(connection: sa.Connection, customer_ids: Sequence[int]) -> dict[int, int]:
    """Return customer id → the head of its group as it is now, for those that have a parent."""
    return _heads(connection, group_members(), customer_ids)


def heads_then(ctx: Context, customer_ids: Iterable[int], day: date) -> dict[int, int]:
    """Return customer id → the head of its group as it was known at the end of a day, for those that had a parent."""
    wanted = set(customer_ids)
    parents: dict[int, int] = {}
    asked, seen = set(wanted), set(wanted)
    while asked and ctx.settings["level"] == GROUP:
        rows = rows_as_of(ctx, Customer, "id", asked, day, ("parent_id",))
        parents |= {row["id"]: row["parent_id"] for row in rows if row["parent_id"] is not None}
        asked = set(parents.values()) - seen
        seen |= asked
    heads = {}
    for number in wanted & parents.keys():
        heads[number] = parents[number]
        while heads[number] in parents:
            heads[number] = parents[heads[number]]
    return heads


def _heads(connection: sa.Connection, pairs: sa.Select[Any], customer_ids: Sequence[int]) -> dict[int, int]:
    rows = pairs.subquery("pairs")
    found: dict[int, int] = {}
    for part in parts_of(customer_ids):
        query = sa.select(rows.c.customer_id, rows.c.head_id).where(rows.c.customer_id.in_(part))
        found |= {row.customer_id: row.head_id for row in connection.execute(query)}
    return found


def members_of(connection: sa.Connection, run: sa.Row[Any], head: int) -> list[int]:
    """Return a head and all who counted for it in a run by groups."""
    query = sa.select(members.c.customer_id).where(members.c.run_id == run.id, members.c.head_id == head)
    return [head, *connection.scalars(query.order_by(members.c.customer_id))]


def members_now(connection: sa.Connection, level: str) -> list[tuple[int, int]]:
    """Return who counts for whom by groups now, sorted by customer; nobody for single customers."""
    if level != GROUP:
        return []
    rows = group_members().subquery("pairs")
    query = sa.select(rows.c.customer_id, rows.c.head_id).order_by(rows.c.customer_id)
    return [(row.customer_id, row.head_id) for row in connection.execute(query)]


@cache
def group_members() -> sa.Select[Any]:
    """Select all members of groups as they are now: customer_id, head_id; heads themselves are left out.

    One and the same select, so that it may stand in a statement twice.
    """
    child = customers.alias("child")
    parents = sa.select(child.c.parent_id).where(child.c.parent_id.is_not(None))
    top = sa.select(customers.c.id.label("customer_id"), customers.c.id.label("head_id")).where(
        customers.c.parent_id.is_(None), customers.c.id.in_(parents)
    )
    group = top.cte("customer_group", recursive=True)
    below = sa.select(customers.c.id, group.c.head_id).join(
        group, customers.c.parent_id == group.c.customer_id
    )
    group = group.union_all(below)
    return sa.select(group.c.customer_id, group.c.head_id).where(group.c.customer_id != group.c.head_id)
