"""Reports of the ledger: receivables by age, sales by month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import Chart, Column, Context, Report, Table, UsageProblem, from_minor, translator
from crmcore_trade_ledger import rules
from crmcore_trade_ledger.claims import CLAIMS, open_documents, owners

_ = translator("crmcore_trade_ledger")


@dataclass(slots=True)
class Aged:
    """What one customer owes in one currency, by age."""

    buckets: list[int]
    unallocated: int = 0

    @property
    def total(self) -> int:
        """All of it, without the money that is not allocated yet."""
        return sum(self.buckets)


@dataclass(slots=True)
class Ageing:
    """What all customers owe in one currency."""

    customers: dict[int, Aged] = field(default_factory=dict)


def ageing(ctx: Context, as_of: date | None, *, by_due: bool = True) -> dict[str, Ageing]:
    """Return what is open by age, per currency and customer; credit notes reduce the bucket of their own date.

    `by_due`: age counts from the due date, or from the document's own where none is agreed; otherwise always from that.
    """
    bounds = sorted(ctx.settings["ageing_bounds"])
    day = as_of or ctx.today
    found: dict[str, Ageing] = {}
    for claim in open_documents(ctx.connection, (*CLAIMS, "payment"), as_of=as_of):
        customers = found.setdefault(claim.currency, Ageing()).customers
        aged = customers.setdefault(claim.customer_id, Aged([0] * (len(bounds) + 2)))
        if claim.kind == "payment":
            aged.unallocated += claim.open_minor
            continue
        since = (claim.due_on if by_due else None) or claim.occurred_on
        aged.buckets[rules.ageing_bucket(rules.days_late(day, since), bounds)] += claim.open_minor
    return dict(sorted(found.items()))


def receivables_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Show who owes how much for how long, largest debts first (应收账款账龄)."""
    as_of = _day(parameters, "as_of")
    by_due = parameters.get("by", "due") == "due"
    tables, charts = [], []
    for currency, aged in ageing(ctx, as_of, by_due=by_due).items():
        names = [_bucket_title(name) for name in rules.bucket_names(sorted(ctx.settings["ageing_bounds"]))]
        columns = (
            Column("customer", _("Customer")),
            Column("name", _("Name")),
            Column("total", _("Open"), "amount"),
            *(Column(f"bucket_{i}", name, "amount") for i, name in enumerate(names)),
            Column("unallocated", _("Payments not allocated"), "amount"),
        )
        title = _("Open receivables in {currency}").format(currency=currency)
        tables.append(Table(f"receivables_{currency}", title, columns, list(_rows(ctx, aged)), currency))
        sums = [sum(one.buckets[i] for one in aged.customers.values()) for i in range(len(names))]
        values = tuple(from_minor(amount, currency) for amount in sums)
        charts.append(Chart(f"ageing_{currency}", title, "bar", tuple(names), values))
    day = (as_of or ctx.today).isoformat()
    return Report(_("Receivables by age on {day}").format(day=day), tuple(tables), tuple(charts))


def _rows(ctx: Context, aged: Ageing) -> Iterator[tuple[Any, ...]]:
    customers = owners(ctx.connection, aged.customers)
    for number, one in sorted(aged.customers.items(), key=lambda item: (-item[1].total, item[0])):
        code, name, _owner = customers[number]
        yield (code, name, one.total, *one.buckets, one.unallocated)


def _bucket_title(name: str) -> str:
    return _("not yet due") if name == "current" else _("{days} days").format(days=name)


def sales_by_month(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Show net sales, buyers and documents per month and currency."""
    end = _day(parameters, "to") or ctx.today
    start = _day(parameters, "from") or rules.year_before(end)
    fact = ctx.facts.select("purchases").subquery()
    year, month = sa.extract("year", fact.c.occurred_on), sa.extract("month", fact.c.occurred_on)
    query = (
        sa.select(
            fact.c.currency,
            year,
            month,
            sa.func.sum(fact.c.amount_minor),
            sa.func.count(sa.distinct(fact.c.customer_id)),
            sa.func.count(sa.distinct(fact.c.document_id)),
        )
        .where(fact.c.occurred_on.between(start, end))
        .group_by(fact.c.currency, year, month)
        .order_by(fact.c.currency, year, month)
    )
    by_currency: dict[str, list[tuple[Any, ...]]] = {}
    for currency, in_year, in_month, amount, buyers, documents in ctx.connection.execute(query):
        row = (f"{int(in_year):04d}-{int(in_month):02d}", int(amount), buyers, documents)
        by_currency.setdefault(currency, []).append(row)
    columns = (
        Column("month", _("Month")),
        Column("amount", _("Net sales"), "amount"),
        Column("buyers", _("Buyers"), "integer"),
        Column("documents", _("Documents"), "integer"),
    )
    tables, charts = [], []
    for currency, rows in by_currency.items():
        title = _("Net sales in {currency}").format(currency=currency)
        tables.append(Table(f"sales_{currency}", title, columns, rows, currency))
        values: tuple[Decimal, ...] = tuple(from_minor(row[1], currency) for row in rows)
        charts.append(Chart(f"sales_{currency}", title, "bar", tuple(row[0] for row in rows), values))
    title = _("Sales by month, {start} to {end}").format(start=start, end=end)
    return Report(title, tuple(tables), tuple(charts))


def _day(parameters: Mapping[str, str], name: str) -> date | None:
    stated = parameters.get(name)
    if not stated:
        return None
    try:
        return date.fromisoformat(stated)
    except ValueError:
        message = _("{name} = {value!r} is no day; write it as 2026-03-31")
        raise UsageProblem(message.format(name=name, value=stated)) from None
