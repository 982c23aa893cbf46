"""Why a customer has its class: rank, share, neighbours, bounds, rule, and the purchases behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import (
    Context,
    MissingFact,
    NotFound,
    Refused,
    find_customer,
    format_minor,
    restricted_ids,
    translator,
    unrestricted,
)

from .inputs import Money, Spent, Wanted, components, own_money, purchases_between
from .rules.classes import Cutoff, Floor, Rule, share_of
from .runs import (
    code_order,
    customers,
    find_run,
    grades,
    grades_of,
    heads_in,
    holding,
    members_of,
    standing_of,
)
from .tables import GROUP

_ = translator("crmcore_abc_analysis")


def explain(ctx: Context, code: str, number: int | None = None, neighbours: int = 2) -> dict[str, Any]:
    """Return all that decided a customer's class in a run: schemas/explain.schema.json.

    NotFound for an unknown customer or run, or if the customer bought nothing in the run's period; Refused for a
    restricted person.
    """
    customer_id = find_customer(ctx.connection, code)
    if customer_id in restricted_ids(ctx):
        message = _("the data of {customer} may not be used (restricted); see: crm person restrict")
        raise Refused(message.format(customer=code))
    run = find_run(ctx, number)
    grade = _grade_of(ctx, run, customer_id, code)
    head, members = _group_of(ctx, run, customer_id)
    rank, ahead = standing_of(ctx.connection, run, grade.amount_minor)
    in_files = "purchases_files" in run.settings
    amounts = [] if in_files else _amounts(ctx, run, members)
    bounds = _bounds(ctx.connection, run)
    return {
        "customer": code,
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "basis": run.basis,
        "level": run.level,
        "group": {"head": head, "members": len(members)} if run.level == GROUP else None,
        "grade": grade.grade,
        "since": grade.since.isoformat(),
        "rank": rank,
        "customers": run.customers,
        "amount_minor": grade.amount_minor,
        "share": float(share_of(max(grade.amount_minor, 0), run.positive_minor)),
        "cumulative_share": float(share_of(_reached(ctx, run, grade, ahead, head), run.positive_minor)),
        "why": _why(run, grade, rank, bounds),
        "rule": {"by": run.by, "preset": run.preset},
        "bounds": bounds,
        "settings_version": run.settings_version,
        "input_checksum": run.input_checksum,
        "remarks": run.remarks,
        "inputs_changed": None if in_files else _comes_to(run, amounts) != grade.amount_minor,
        "amounts": amounts,
        "neighbours": _neighbours(ctx.connection, run, (grade.amount_minor, head), neighbours),
        "purchases_files": run.settings.get("purchases_files"),
        "documents": [] if in_files or run.basis == "potential" else _documents(ctx, run, members),
    }


def rule_of_run(run: sa.Row[Any]) -> Rule:
    """Return the rule that a run was made by, as it was stored with it."""
    if run.by == "threshold":
        rows = run.settings["thresholds"]
        return Rule(run.preset, run.by, floors=tuple(Floor(row["grade"], row["from_minor"]) for row in rows))
    cutoffs = tuple(Cutoff(c["grade"], Decimal(c["within"])) for c in run.settings["cutoffs"])
    return Rule(run.preset, run.by, cutoffs)


def _grade_of(ctx: Context, run: sa.Row[Any], customer_id: int, code: str) -> sa.Row[Any]:
    row = grades_of(ctx, run, [customer_id]).get(customer_id)
    if row is None:
        raise NotFound(
            _("customer {code} has no class in run {run}: nothing of it counts from {start} to {end}").format(
                code=code, run=run.id, start=run.period_start, end=run.period_end
            )
        )
    return row


def _group_of(ctx: Context, run: sa.Row[Any], customer_id: int) -> tuple[str, list[int]]:
    """Return the code under which a customer is ranked, and the ids of all that count for it."""
    head = heads_in(ctx.connection, run, [customer_id]).get(customer_id, customer_id)
    code = ctx.connection.scalar(sa.select(customers.c.code).where(customers.c.id == head))
    members = members_of(ctx.connection, run, head) if run.level == GROUP else [head]
    return str(code), members


def _bounds(connection: sa.Connection, run: sa.Row[Any]) -> list[dict[str, Any]]:
    """Return where each class ends and the smallest amount that is in it."""
    query = sa.select(grades.c.grade, sa.func.count(), sa.func.min(grades.c.amount_minor))
    rows = connection.execute(query.where(holding(run)).group_by(grades.c.grade))
    found = {grade: (count, least) for grade, count, least in rows}
    rule = rule_of_run(run)
    return [
        {
            "grade": grade,
            "within": within,
            "bound": bound,
            "customers": found.get(grade, (0, None))[0],
            "least_minor": found.get(grade, (0, None))[1],
        }
        for grade, within, bound in _ends(rule, run)
    ]


def _ends(rule: Rule, run: sa.Row[Any]) -> Iterator[tuple[str, str | None, int | None]]:
    """Yield each class with its share and where that ends; by threshold with the amount from which on it is open."""
    if rule.by == "threshold":
        yield from ((floor.grade, None, floor.least_minor) for floor in rule.floors)
        return
    bounds = rule.bounds(run.customers if rule.by == "rank" else run.positive_minor)
    for cutoff, bound in zip(rule.cutoffs, bounds, strict=True):
        yield cutoff.grade, f"{cutoff.within:f}", bound


def _why(run: sa.Row[Any], grade: sa.Row[Any], rank: int, bounds: list[dict[str, Any]]) -> str:
    if grade.amount_minor <= 0:
        return _("what counts comes to no more than zero, so it is in the last class, {grade}").format(
            grade=grade.grade
        )
    bound = next(b["bound"] for b in bounds if b["grade"] == grade.grade)
    if run.by == "threshold":
        if bound is None:
            return _("its amount reaches no threshold, so it is in the last class, {grade}").format(
                grade=grade.grade
            )
        return _("its amount reaches {bound} {currency}, from where class {grade} is open").format(
            grade=grade.grade, bound=format_minor(bound, run.currency), currency=run.currency
        )
    if run.by == "rank":
        return _("rank {rank} of {customers}; class {grade} is open to the ranks up to {bound}").format(
            rank=rank, customers=run.customers, grade=grade.grade, bound=bound
        )
    return _(
        "those ahead of it come to less than {bound} {currency}, up to where class {grade} is open"
    ).format(grade=grade.grade, bound=format_minor(bound, run.currency), currency=run.currency)


def _amounts(ctx: Context, run: sa.Row[Any], members: Sequence[int]) -> list[dict[str, Any]]:
    """Return what each component of the basis comes to now, by currency, at the run's rates."""
    money = own_money(run)
    wanted = Wanted(run.basis, run.level, run.period_start, run.period_end)
    parts, _missing = components(ctx, wanted, members)
    return [
        {
            "component": part.name,
            "currency": spent.currency,
            "amount_minor": spent.amount_minor,
            "purchases": spent.purchases,
            "rate": "1" if spent.currency == run.currency else run.rates.get(spent.currency),
            "converted_minor": _converted(money, spent),
        }
        for part in parts
        for spent in _by_currency(ctx, part.select)
    ]


def _by_currency(ctx: Context, select: sa.Select[Any]) -> list[Spent]:
    """Add up the members of a group by currency."""
    rows = select.subquery("part")
    amount, count = (sa.cast(sa.func.sum(c), sa.BigInteger) for c in (rows.c.amount_minor, rows.c.purchases))
    query = sa.select(sa.literal(0), rows.c.currency, amount, count)
    found = ctx.connection.execute(query.group_by(rows.c.currency).order_by(rows.c.currency))
    return list(map(Spent._make, found))


def _converted(money: Money, spent: Spent) -> int | None:
    """Return None for a currency that the run did not meet, since the purchase came later."""
    known = spent.currency == money.currency or spent.currency in money.rates
    return money.converted(spent) if known else None


def _comes_to(run: sa.Row[Any], amounts: Sequence[Mapping[str, Any]]) -> int | None:
    """Add up as a run does: the components of each currency first, then converted; None for an unknown rate."""
    sums = Counter[str]()
    for amount in amounts:
        sums[amount["currency"]] += amount["amount_minor"]
    money = own_money(run)
    converted = [_converted(money, Spent(0, currency, amount, 0)) for currency, amount in sums.items()]
    return None if None in converted else sum(amount or 0 for amount in converted)


def _reached(ctx: Context, run: sa.Row[Any], grade: sa.Row[Any], ahead: int, code: str) -> int:
    """Return what the customer and all listed before it come to; equal amounts are listed by code."""
    if grade.amount_minor <= 0:
        return int(run.positive_minor)
    query = (
        sa.select(sa.func.count())
        .select_from(grades)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(
            holding(run),
            grades.c.amount_minor == grade.amount_minor,
            code_order(ctx.connection) <= code,
        )
    )
    return int(ahead + grade.amount_minor * ctx.connection.execute(query).scalar_one())


def _neighbours(
    connection: sa.Connection, run: sa.Row[Any], here: tuple[int, str], count: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the customers listed directly before and after, in rank order."""
    amount, code = here
    by_code = code_order(connection)
    same = grades.c.amount_minor == amount
    query = (
        sa.select(customers.c.code.label("customer"), grades.c.grade, grades.c.amount_minor)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(holding(run), *unrestricted(connection, customers.c.id))
        .limit(count)
    )
    before = query.where(sa.or_(grades.c.amount_minor > amount, sa.and_(same, by_code < code)))
    after = query.where(sa.or_(grades.c.amount_minor < amount, sa.and_(same, by_code > code)))
    return {
        "before": [
            _with_rank(connection, run, row)
            for row in reversed(
                connection.execute(before.order_by(grades.c.amount_minor, by_code.desc())).mappings().all()
            )
        ],
        "after": [
            _with_rank(connection, run, row)
            for row in connection.execute(after.order_by(grades.c.amount_minor.desc(), by_code)).mappings()
        ],
    }


def _with_rank(connection: sa.Connection, run: sa.Row[Any], row: sa.RowMapping) -> dict[str, Any]:
    rank, _ahead = standing_of(connection, run, row["amount_minor"])
    return {
        "customer": row["customer"],
        "grade": row["grade"],
        "rank": rank,
        "amount_minor": row["amount_minor"],
    }


def _documents(ctx: Context, run: sa.Row[Any], members: Sequence[int]) -> list[dict[str, Any]]:
    purchases, in_period = purchases_between(ctx, run.period_start, run.period_end)
    column = purchases.c
    query = (
        sa.select(
            column.occurred_on,
            column.document_id,
            column.line,
            column.currency,
            column.amount_minor,
            column.cost_minor,
        )
        .where(in_period, column.customer_id.in_(members))
        .order_by(column.occurred_on, column.document_id, column.line)
    )
    rows = ctx.connection.execute(query).all()
    numbers = _numbers(ctx, run, members)
    return [
        {
            "date": row.occurred_on.isoformat(),
            "document": row.document_id,
            "number": numbers.get(row.document_id),
            "line": row.line,
            "currency": row.currency,
            "amount_minor": row.amount_minor,
            "cost_minor": row.cost_minor,
        }
        for row in rows
    ]


def _numbers(ctx: Context, run: sa.Row[Any], members: Sequence[int]) -> dict[int, str]:
    """Return document id → number, where the plugin that knows the purchases also knows their documents."""
    facts = ctx.facts
    try:
        if facts.provider("documents").plugin != facts.provider("purchases").plugin:
            return {}
    except MissingFact:  # none, or several and no choice
        return {}
    documents = facts.select("documents").subquery("documents").c
    query = sa.select(documents.document_id, documents.document).where(
        documents.customer_id.in_(members),
        documents.occurred_on.between(run.period_start, run.period_end),
    )
    return {row.document_id: row.document for row in ctx.connection.execute(query)}
