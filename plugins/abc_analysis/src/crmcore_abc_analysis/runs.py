"""Reading runs: which there are, what their classes come to, who is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, Customer, NotFound, translator

from .rules import GradeSum, GradeTotal, grade_totals, share_of
from .tables import CURRENT, PUBLISHED, AbcGrade, AbcRun

_ = translator("crmcore_abc_analysis")
_PART = 5000
"""How many ids one statement is given; SQLite takes at most 32,766."""

runs: sa.Table = AbcRun.__table__  # type: ignore[attr-defined]
grades: sa.Table = AbcGrade.__table__  # type: ignore[attr-defined]
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def find_run(ctx: Context, number: int | None = None) -> sa.Row[Any]:
    """Return a published run by its number, by default the one made last; NotFound says what to do."""
    wanted = runs.c.state == CURRENT if number is None else runs.c.id == number
    row = ctx.connection.execute(sa.select(runs).where(wanted, runs.c.state.in_(PUBLISHED))).first()
    if row is not None:
        return row
    if number is None:
        raise NotFound(_("there is no run yet; make one with: crm abc run"))
    raise NotFound(_("there is no run {number}; list them with: crm abc runs").format(number=number))


def grades_of_rule(run: sa.Row[Any]) -> tuple[str, ...]:
    """Return the classes of a run's rule, the best first."""
    return tuple(cutoff["grade"] for cutoff in run.settings["cutoffs"])


def totals_of_run(connection: sa.Connection, run: sa.Row[Any]) -> list[GradeTotal]:
    """Add up each class of a run, the best first."""
    bought = sa.case((grades.c.amount_minor > 0, grades.c.amount_minor), else_=0)
    query = sa.select(
        grades.c.grade, sa.func.count(), sa.func.sum(grades.c.amount_minor), sa.func.sum(bought)
    ).where(grades.c.run_id == run.id)
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
            "by": run.by,
            "preset": run.preset,
            "customers": run.customers,
            "amount_minor": run.amount_minor,
            "purchases": run.purchases,
            "settings": run.settings,
            "settings_version": run.settings_version,
            "rates": run.rates,
            "input_checksum": run.input_checksum,
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
    """Yield the customers of a run (code, name, grade, rank, amount_minor) and the share reached with each."""
    query: sa.Select[Any] = (
        sa.select(customers.c.code, customers.c.name, grades.c.grade, grades.c.rank, grades.c.amount_minor)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(grades.c.run_id == run.id)
        .order_by(*listing_order(connection))
        .limit(limit)
    )
    reached = 0
    for row in connection.execute(query):
        reached += max(row.amount_minor, 0)
        yield row, share_of(reached, run.positive_minor)


def listing_order(connection: sa.Connection) -> tuple[sa.ColumnElement[int], sa.ColumnElement[str]]:
    """Return the order of lists: by rank, equal amounts by code, the same on either database."""
    code: sa.ColumnElement[str] = customers.c.code
    return grades.c.rank, sa.collate(code, "C") if connection.dialect.name == "postgresql" else code


def grades_of(connection: sa.Connection, run_id: int, customer_ids: Sequence[int]) -> dict[int, sa.Row[Any]]:
    """Return customer id → its row in a run, with `since`, the day from which on it has had its class."""
    first = runs.alias("first")
    query = (
        sa.select(grades, first.c.made_on.label("since"))
        .outerjoin(first, first.c.id == grades.c.since_run)
        .where(grades.c.run_id == run_id)
    )
    found: dict[int, sa.Row[Any]] = {}
    for start in range(0, len(customer_ids), _PART):
        part = customer_ids[start : start + _PART]
        rows = connection.execute(query.where(grades.c.customer_id.in_(part)))
        found |= {row.customer_id: row for row in rows}
    return {customer_id: found[customer_id] for customer_id in customer_ids if customer_id in found}
