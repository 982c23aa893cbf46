"""The ABC report: a table by class with a Pareto chart, and the list of all customers with their class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

import sqlalchemy as sa

from crmcore.api import (
    Chart,
    Column,
    Context,
    Report,
    Table,
    UsageProblem,
    format_minor,
    from_minor,
    translator,
)

from .rules.classes import share_of
from .runs import find_run, grades, holding, listed, totals_of_run
from .tables import GROUP

_ = translator("crmcore_abc_analysis")
BARS = 10


def abc_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the classes of a run (parameter `run`, by default the one made last) with a Pareto chart."""
    run = find_run(ctx, _number(parameters))
    return Report(
        title_of(run), (grade_table(ctx, run),), tuple(pareto_chart(ctx.connection, run)), tuple(_notes(run))
    )


def grades_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return all customers of a run with their class, in rank order."""
    run = find_run(ctx, _number(parameters))
    return Report(title_of(run), (customer_table(ctx, run),), (), tuple(_notes(run)))


def _number(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("run") or ""
    if text and not text.isdecimal():
        raise UsageProblem(
            _("{text!r} is no number of a run; list them with: crm abc runs").format(text=text)
        )
    return int(text) if text else None


def title_of(run: sa.Row[Any]) -> str:
    """Return the heading of a run."""
    names = {
        "purchases": _("ABC analysis by purchases, {start} to {end}"),
        "margin": _("ABC analysis by gross margin, {start} to {end}"),
        "profit": _("ABC analysis by customer profit, {start} to {end}"),
        "potential": _("ABC analysis by potential, {start} to {end}"),
    }
    return names[run.basis].format(start=run.period_start, end=run.period_end)


def grade_table(ctx: Context, run: sa.Row[Any]) -> Table:
    """Return one row per class: customers, amount, and their shares."""
    totals = totals_of_run(ctx.connection, run)
    return Table(
        "grades",
        _("Classes"),
        (
            Column("grade", _("Class")),
            Column("customers", _("Customers"), "integer"),
            Column("customers_share", _("Share of customers"), "share"),
            Column("amount", _("Amount"), "amount"),
            Column("share", _("Share of amount"), "share"),
        ),
        [
            (t.grade, t.customers, share_of(t.customers, run.customers), t.amount_minor, t.share)
            for t in totals
        ],
        run.currency,
    )


def customer_table(ctx: Context, run: sa.Row[Any], limit: int | None = None) -> Table:
    """Return one row per customer in rank order."""
    return Table(
        "customers",
        _("Customers by rank"),
        (
            Column("rank", _("Rank"), "integer"),
            Column("customer", _("Code")),
            Column("name", _("Name")),
            Column("grade", _("Class")),
            Column("amount", _("Amount"), "amount"),
            Column("share", _("Share of amount"), "share"),
            Column("cumulative_share", _("Cumulative share"), "share"),
        ),
        list(_customer_rows(ctx.connection, run, limit)),
        run.currency,
    )


def _customer_rows(connection: sa.Connection, run: sa.Row[Any], limit: int | None) -> Iterator[Sequence[Any]]:
    for row, cumulative in listed(connection, run, limit):
        share = share_of(max(row.amount_minor, 0), run.positive_minor)
        yield row.rank, row.code, row.name, row.grade, row.amount_minor, share, cumulative


def pareto_chart(connection: sa.Connection, run: sa.Row[Any]) -> Iterator[Chart]:
    """Yield the Pareto chart: what each tenth of the customers bought, the best first, and shares added up.

    Nothing where nobody bought anything; one bar per customer where they are ten or fewer.
    """
    if run.positive_minor == 0:
        return
    tenth = sa.func.ntile(BARS).over(order_by=grades.c.amount_minor.desc()).label("tenth")
    placed = sa.select(grades.c.amount_minor, tenth).where(holding(run)).subquery()
    bought = sa.case((placed.c.amount_minor > 0, placed.c.amount_minor), else_=0)
    query = sa.select(placed.c.tenth, sa.func.count(), sa.func.sum(bought))
    rows = connection.execute(query.group_by(placed.c.tenth).order_by(placed.c.tenth)).all()
    lasts = list(accumulate(count for _tenth, count, _bought in rows))
    amounts = [int(amount) for _tenth, _count, amount in rows]
    yield Chart(
        "pareto",
        _("Amount by rank of customers, and shares added up ({currency})").format(currency=run.currency),
        "pareto",
        tuple(_ranks(first + 1, last) for first, last in zip([0, *lasts], lasts, strict=False)),
        tuple(from_minor(amount, run.currency) for amount in amounts),
        tuple(share_of(reached, run.positive_minor) for reached in accumulate(amounts)),
    )


def _ranks(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}–{last}"


def _notes(run: sa.Row[Any]) -> Iterator[str]:
    yield rule_sentence(run)
    yield _("Run {run} of {day}, settings {version}, {purchases} rows added up, currency {currency}.").format(
        run=run.id,
        day=run.made_on,
        version=run.settings_version,
        purchases=run.purchases,
        currency=run.currency,
    )
    if run.positive_minor != run.amount_minor:
        yield _("Shares are shares of the positive amounts, {amount} {currency} in all.").format(
            amount=format_minor(run.positive_minor, run.currency), currency=run.currency
        )
    for currency, rate in run.rates.items():
        yield _("Converted at 1 {foreign} = {rate} {currency}.").format(
            foreign=currency, rate=rate, currency=run.currency
        )
    yield from remark_sentences(run)


def remark_sentences(run: sa.Row[Any]) -> Iterator[str]:
    """Yield what a run has to say of its inputs: facts that are missing, purchases whose cost is unknown."""
    if run.level == GROUP:
        yield _("Customers with a common parent count as one, under the code of the head of the group.")
    for fact in run.remarks.get("missing_facts", ()):
        yield _("No data: needs fact {fact}; the profit is that much too high.").format(fact=fact)
    for left_out in run.remarks.get("without_cost", ()):
        yield _("Left out, since their cost is unknown: {count} purchases of {amount} {currency}.").format(
            count=left_out["purchases"],
            amount=format_minor(left_out["amount_minor"], left_out["currency"]),
            currency=left_out["currency"],
        )


def rule_sentence(run: sa.Row[Any]) -> str:
    """Return the rule of a run in words: A 1 %, B 5 %, C 20 %, D 100 % of the customers or of the amount."""
    if run.by == "threshold":
        floors = [(row["grade"], row["from_minor"]) for row in run.settings["thresholds"]]
        begins = ", ".join(
            f"{grade} {format_minor(least, run.currency)}" for grade, least in floors if least is not None
        )
        return _("Classes begin at these amounts in {currency}: {begins}; {last} takes the rest.").format(
            currency=run.currency, begins=begins, last=floors[-1][0]
        )
    ends = ", ".join(f"{c['grade']} {_percent(c['within'])}" for c in run.settings["cutoffs"])
    if run.by == "rank":
        return _("Classes end at these shares of the customers, from the largest amount on: {ends}.").format(
            ends=ends
        )
    return _("Classes end at these shares of the amount, from the largest customer on: {ends}.").format(
        ends=ends
    )


def _percent(share: str) -> str:
    return f"{(Decimal(share) * 100).normalize():f} %"
