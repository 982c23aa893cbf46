"""Why a customer has its class: rank, share, neighbours, bounds, rule, and the purchases behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, MissingFact, NotFound, find_customer, format_minor, translator

from .inputs import Money, Spent, purchases_between, spent_by_customers
from .rules import Cutoff, Rule, share_of
from .runs import customers, find_run, grades, grades_of, listing_order

_ = translator("crmcore_abc_analysis")


def explain(ctx: Context, code: str, number: int | None = None, neighbours: int = 2) -> dict[str, Any]:
    """Return all that decided a customer's class in a run: schemas/explain.schema.json.

    NotFound for an unknown customer or run, or if the customer bought nothing in the run's period.
    """
    customer_id = find_customer(ctx.connection, code)
    run = find_run(ctx, number)
    grade = _grade_of(ctx, run, customer_id, code)
    amounts = _amounts(ctx, run, customer_id)
    bounds = _bounds(ctx.connection, run)
    return {
        "customer": code,
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "basis": run.basis,
        "grade": grade.grade,
        "since": grade.since.isoformat(),
        "rank": grade.rank,
        "customers": run.customers,
        "amount_minor": grade.amount_minor,
        "share": float(share_of(max(grade.amount_minor, 0), run.positive_minor)),
        "cumulative_share": float(share_of(_reached(ctx.connection, grade, code), run.positive_minor)),
        "why": _why(run, grade, bounds),
        "rule": {"by": run.by, "preset": run.preset},
        "bounds": bounds,
        "settings_version": run.settings_version,
        "input_checksum": run.input_checksum,
        "inputs_changed": _sum(amounts) != grade.amount_minor,
        "amounts": amounts,
        "neighbours": _neighbours(ctx.connection, grade, code, neighbours),
        "documents": _documents(ctx, run, customer_id),
    }


def rule_of_run(run: sa.Row[Any]) -> Rule:
    """Return the rule that a run was made by, as it was stored with it."""
    cutoffs = tuple(Cutoff(c["grade"], Decimal(c["within"])) for c in run.settings["cutoffs"])
    return Rule(run.preset, run.by, cutoffs)


def _grade_of(ctx: Context, run: sa.Row[Any], customer_id: int, code: str) -> sa.Row[Any]:
    row = grades_of(ctx.connection, run.id, [customer_id]).get(customer_id)
    if row is None:
        raise NotFound(
            _("customer {code} has no class in run {run}: it bought nothing from {start} to {end}").format(
                code=code, run=run.id, start=run.period_start, end=run.period_end
            )
        )
    return row


def _bounds(connection: sa.Connection, run: sa.Row[Any]) -> list[dict[str, Any]]:
    """Return where each class ends and the smallest amount that is in it."""
    query = sa.select(grades.c.grade, sa.func.count(), sa.func.min(grades.c.amount_minor))
    rows = connection.execute(query.where(grades.c.run_id == run.id).group_by(grades.c.grade))
    found = {grade: (count, least) for grade, count, least in rows}
    rule = rule_of_run(run)
    bounds = rule.bounds(run.customers if rule.by == "rank" else run.positive_minor)
    return [
        {
            "grade": cutoff.grade,
            "within": f"{cutoff.within:f}",
            "bound": bound,
            "customers": found.get(cutoff.grade, (0, None))[0],
            "least_minor": found.get(cutoff.grade, (0, None))[1],
        }
        for cutoff, bound in zip(rule.cutoffs, bounds, strict=True)
    ]


def _why(run: sa.Row[Any], grade: sa.Row[Any], bounds: list[dict[str, Any]]) -> str:
    if grade.amount_minor <= 0:
        return _("its purchases come to no more than zero, so it is in the last class, {grade}").format(
            grade=grade.grade
        )
    bound = next(b["bound"] for b in bounds if b["grade"] == grade.grade)
    if run.by == "rank":
        return _("rank {rank} of {customers}; class {grade} is open to the ranks up to {bound}").format(
            rank=grade.rank, customers=run.customers, grade=grade.grade, bound=bound
        )
    return _(
        "those ahead of it bought less than {bound} {currency}, up to where class {grade} is open"
    ).format(grade=grade.grade, bound=format_minor(bound, run.currency), currency=run.currency)


def _amounts(ctx: Context, run: sa.Row[Any], customer_id: int) -> list[dict[str, Any]]:
    """Return what the customer's purchases of the period come to now, at the run's rates."""
    rates = {name: Decimal(rate) for name, rate in run.rates.items()}
    money = Money(run.currency, run.settings["rounding"], rates)
    return [
        {
            "currency": spent.currency,
            "amount_minor": spent.amount_minor,
            "purchases": spent.purchases,
            "rate": "1" if spent.currency == run.currency else run.rates.get(spent.currency),
            "converted_minor": _converted(money, spent),
        }
        for spent in spent_by_customers(ctx, run.period_start, run.period_end, customer_id)
    ]


def _converted(money: Money, spent: Spent) -> int | None:
    """Return None for a currency that the run did not meet, since the purchase came later."""
    known = spent.currency == money.currency or spent.currency in money.rates
    return money.converted(spent) if known else None


def _sum(amounts: list[dict[str, Any]]) -> int | None:
    converted = [amount["converted_minor"] for amount in amounts]
    return None if None in converted else sum(converted)


def _reached(connection: sa.Connection, grade: sa.Row[Any], code: str) -> int:
    """Return what the customer and all listed before it bought; equal amounts are listed by code."""
    if grade.amount_minor <= 0:
        return int(grade.ahead_minor)
    _rank, codes = listing_order(connection)
    query = (
        sa.select(sa.func.count())
        .select_from(grades)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(grades.c.run_id == grade.run_id, grades.c.rank == grade.rank, codes <= code)
    )
    return int(grade.ahead_minor + grade.amount_minor * connection.execute(query).scalar_one())


def _neighbours(
    connection: sa.Connection, grade: sa.Row[Any], code: str, count: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the customers listed directly before and after, in rank order."""
    order = listing_order(connection)
    here = sa.tuple_(grade.rank, code)
    query = (
        sa.select(customers.c.code.label("customer"), grades.c.grade, grades.c.rank, grades.c.amount_minor)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(grades.c.run_id == grade.run_id)
        .limit(count)
    )
    before = query.where(sa.tuple_(*order) < here).order_by(*(column.desc() for column in order))
    after = query.where(sa.tuple_(*order) > here).order_by(*order)
    return {
        "before": [dict(row) for row in reversed(connection.execute(before).mappings().all())],
        "after": [dict(row) for row in connection.execute(after).mappings()],
    }


def _documents(ctx: Context, run: sa.Row[Any], customer_id: int) -> list[dict[str, Any]]:
    purchases, in_period = purchases_between(ctx, run.period_start, run.period_end)
    column = purchases.c
    query = (
        sa.select(column.occurred_on, column.document_id, column.line, column.currency, column.amount_minor)
        .where(in_period, column.customer_id == customer_id)
        .order_by(column.occurred_on, column.document_id, column.line)
    )
    rows = ctx.connection.execute(query).all()
    numbers = _numbers(ctx, run, customer_id)
    return [
        {
            "date": row.occurred_on.isoformat(),
            "document": row.document_id,
            "number": numbers.get(row.document_id),
            "line": row.line,
            "currency": row.currency,
            "amount_minor": row.amount_minor,
        }
        for row in rows
    ]


def _numbers(ctx: Context, run: sa.Row[Any], customer_id: int) -> dict[int, str]:
    """Return document id → number, where the plugin that knows the purchases also knows their documents."""
    facts = ctx.facts
    try:
        if facts.provider("documents").plugin != facts.provider("purchases").plugin:
            return {}
    except MissingFact:  # none, or several and no choice
        return {}
    documents = facts.select("documents").subquery("documents").c
    query = sa.select(documents.document_id, documents.document).where(
        documents.customer_id == customer_id,
        documents.occurred_on.between(run.period_start, run.period_end),
    )
    return {row.document_id: row.document for row in ctx.connection.execute(query)}
