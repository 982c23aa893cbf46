"""How customers trade with us: complaints, largest orders, products bought, wallets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, MissingFact
from crmcore_abc_analysis.inputs import Component, money_of_run
from crmcore_abc_analysis.runs import code_order, customers

from .amounts import Reading, named, pairs
from .goods import same_provider


def complaints(reading: Reading, start: date, end: date, *, least: int) -> dict[int, int]:
    """Return customer → its complaints from one day through another, of those who have at least so many."""
    rows = reading.ctx.facts.select("complaints").subquery("complaints")
    source, customer = reading.by_unit(rows)
    query = (
        sa.select(customer, sa.func.count())
        .select_from(source)
        .where(rows.c.occurred_on.between(start, end))
        .group_by(customer)
        .having(sa.func.count() >= least)
    )
    return pairs(reading.ctx.connection, query)


def wallets(reading: Reading, on: date) -> dict[int, int]:
    """Return customer → what it buys in a year, from anybody, by the latest estimate on or before a day.

    Of several estimates of one day the largest counts.
    """
    rows = reading.ctx.facts.select("wallet").subquery("wallet")
    newest_first = (rows.c.as_of.desc(), rows.c.amount_minor.desc(), rows.c.currency)
    place = sa.func.row_number().over(partition_by=rows.c.customer_id, order_by=newest_first).label("place")
    placed = sa.select(rows, place).where(rows.c.as_of <= on).subquery("placed")
    latest = sa.select(
        placed.c.customer_id,
        placed.c.currency,
        placed.c.amount_minor,
        sa.literal_column("1").label("purchases"),
    ).where(placed.c.place == 1)
    return reading.totals([Component("wallet", latest)])


class Products(NamedTuple):
    """How many products customers bought."""

    counts: Mapping[int, int]
    """Customer → number of products that it bought more of than it returned."""
    unsure: frozenset[int]
    """Customers with purchases that name no product: they may have bought more."""


def products_bought(reading: Reading, start: date, end: date) -> Products:
    """Count the products that each customer whose wallet is known bought from one day through another."""
    rows = reading.ctx.facts.select("purchases").subquery("purchases")
    source, customer = reading.by_unit(rows)
    bought = (
        sa.select(customer.label("customer_id"), rows.c.product_id)
        .select_from(source)
        .where(rows.c.occurred_on.between(start, end), customer.in_(_with_wallet(reading)))
        .group_by(customer, rows.c.product_id, rows.c.currency)
        .having(sa.func.sum(rows.c.amount_minor) > 0)
        .subquery("bought")
    )
    query = sa.select(
        bought.c.customer_id,
        sa.func.count(bought.c.product_id.distinct()),
        sa.func.count() - sa.func.count(bought.c.product_id),
    ).group_by(bought.c.customer_id)
    found = reading.ctx.connection.execute(query).all()
    return Products(
        {customer: products for customer, products, _nameless in found},
        frozenset(customer for customer, _products, nameless in found if nameless),
    )


def _with_wallet(reading: Reading) -> sa.Select[Any]:
    source, customer = reading.by_unit(reading.ctx.facts.select("wallet").subquery("wallet"))
    return sa.select(customer).select_from(source)


def names_products(ctx: Context, start: date, end: date) -> bool:
    """Tell whether any purchase from one day through another names its product."""
    rows = ctx.facts.select("purchases").subquery("purchases")
    named_one = sa.select(sa.literal(1)).where(
        rows.c.occurred_on.between(start, end), rows.c.product_id.is_not(None)
    )
    return ctx.connection.scalar(named_one.limit(1)) is not None


class Order(NamedTuple):
    """A customer's largest document of a period."""

    document: str
    """Its number where the provider of the purchases tells it, else its id."""
    ordered_on: date
    amount_minor: int
    """In minor units of the run's currency."""


def largest_orders(reading: Reading, start: date, end: date, count: int) -> dict[int, Order]:
    """Return the customers with the largest documents of a period, at most so many, each with its largest one."""
    best = _best_of_each(reading, start, end, count)
    money = money_of_run(reading.ctx, reading.run, {row.currency for row in best})
    largest: dict[int, tuple[int, Any]] = {}
    for row in best:
        amount = money.convert(row.amount_minor, row.currency)
        if row.customer_id not in largest or amount > largest[row.customer_id][0]:
            largest[row.customer_id] = amount, row
    known = named(reading.ctx.connection, largest)
    ordered = sorted(known.values(), key=lambda customer: (-largest[customer.id][0], customer.code))[:count]
    chosen = {customer.id: largest[customer.id] for customer in ordered}
    return _orders(reading, start, end, chosen)


def _documents(
    reading: Reading, start: date, end: date, whose: Collection[int] | None = None
) -> sa.Select[Any]:
    """Select the documents of a period that come to more than nothing, one row per currency; of some customers."""
    rows = reading.ctx.facts.select("purchases").subquery("purchases")
    source, customer = reading.by_unit(rows)
    amount = sa.cast(sa.func.sum(rows.c.amount_minor), sa.BigInteger)
    in_period = rows.c.occurred_on.between(start, end)
    return (
        sa.select(
            customer.label("customer_id"),
            rows.c.currency,
            rows.c.document_id,
            amount.label("amount_minor"),
            sa.func.min(rows.c.occurred_on).label("ordered_on"),
        )
        .select_from(source)
        .where(in_period if whose is None else sa.and_(in_period, customer.in_(whose)))
        .group_by(customer, rows.c.currency, rows.c.document_id)
        .having(amount > 0)
    )


def _best_of_each(reading: Reading, start: date, end: date, count: int) -> list[sa.Row[Any]]:
    """Return each customer's largest amount of a document in a currency, of each currency the largest so many.

    No more are needed: whoever is among the largest of all is among the largest of its currency.
    """
    documents = _documents(reading, start, end).subquery("documents")
    best = (
        sa.select(
            documents.c.customer_id,
            documents.c.currency,
            sa.func.max(documents.c.amount_minor).label("amount_minor"),
        )
        .group_by(documents.c.customer_id, documents.c.currency)
        .subquery("best")
    )
    order = (best.c.amount_minor.desc(), code_order(reading.ctx.connection))
    place = sa.func.row_number().over(partition_by=best.c.currency, order_by=order).label("place")
    placed = sa.select(best, place).join(customers, customers.c.id == best.c.customer_id).subquery("placed")
    return list(reading.ctx.connection.execute(sa.select(placed).where(placed.c.place <= count)))


def _orders(
    reading: Reading, start: date, end: date, chosen: Mapping[int, tuple[int, Any]]
) -> dict[int, Order]:
    """Look up the documents behind the amounts; of equal ones the earliest."""
    if not chosen:
        return {}
    documents = _documents(reading, start, end, list(chosen)).subquery("documents")
    d = documents.c
    key = sa.tuple_(d.customer_id, d.currency, d.amount_minor)
    wanted = [(row.customer_id, row.currency, row.amount_minor) for _amount, row in chosen.values()]
    query = sa.select(documents).where(key.in_(wanted)).order_by(d.ordered_on.desc(), d.document_id.desc())
    found = {row.customer_id: row for row in reading.ctx.connection.execute(query)}
    numbers = document_numbers(reading.ctx, [row.document_id for row in found.values()])
    return {
        customer: Order(
            numbers.get(found[customer].document_id, str(found[customer].document_id)),
            found[customer].ordered_on,
            amount,
        )
        for customer, (amount, _row) in chosen.items()
    }


def document_numbers(ctx: Context, ids: list[int]) -> dict[int, str]:
    """Return document id → number, where the plugin that knows the purchases also knows their documents."""
    try:
        if not same_provider(ctx, "documents"):
            return {}
    except MissingFact:  # several and no choice
        return {}
    documents = ctx.facts.select("documents").subquery("documents").c
    query = sa.select(documents.document_id, documents.document).where(documents.document_id.in_(ids))
    return pairs(ctx.connection, query)
