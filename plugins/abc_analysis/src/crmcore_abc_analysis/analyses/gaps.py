"""Products that comparable customers buy and one customer does not: what to offer it next."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import sqlalchemy as sa

from crmcore.api import Column, Context, NotFound, Report, Table, UsageProblem, find_customer, translator
from crmcore_abc_analysis.inputs import money_of_run
from crmcore_abc_analysis.rules.gaps import Bought, Gap, find_gaps, likeness
from crmcore_abc_analysis.runs import customers, find_run, grades, grades_of, heads_in, holding

from .amounts import Reading, pairs
from .goods import Product, no_data, products_named, same_provider
from .scope import limit_of
from .trading import names_products

_ = translator("crmcore_abc_analysis")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Comparable:
    """Who a customer is compared with."""

    grade: str
    field: str | None
    value: str | None
    ids: sa.Select[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _Found:
    """The gaps, or why there are none to be told."""

    gaps: Sequence[Gap] = ()
    products: Mapping[int, Product] | None = None
    needs: tuple[str, ...] = ()
    note: str = ""


def gaps(ctx: Context, code: str, limit: int | None = SHOWN) -> dict[str, Any]:
    """Return the gaps of a customer in the period of the run made last: schemas/gaps.schema.json.

    NotFound for an unknown customer, before the first run, or where the customer has no class in it.
    """
    customer = find_customer(ctx.connection, code)
    reading = Reading(ctx, find_run(ctx))
    run = reading.run
    unit = heads_in(ctx.connection, run, [customer]).get(customer, customer)
    comparable = _comparable(reading, unit, code)
    found = _find(reading, unit, comparable)
    shown = found.gaps[:limit]
    last = _last_bought(reading, unit, [gap.product for gap in shown])
    return {
        "customer": code,
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "comparable": {
            "customers": comparable.count,
            "grade": comparable.grade,
            "field": comparable.field,
            "value": comparable.value,
            "least_customers": ctx.settings["gaps"]["least_customers"],
            "least_share": ctx.settings["gaps"]["least_share"],
        },
        "answered": not found.note,
        "needs": list(found.needs),
        "note": found.note,
        "count": None if found.note else len(found.gaps),
        "products": [_shown(gap, (found.products or {})[gap.product], last) for gap in shown],
    }


def _shown(gap: Gap, product: Product, last: Mapping[int, date]) -> dict[str, Any]:
    return {
        "product": product.shown,
        "name": product.name,
        "line": product.line,
        "customers": gap.buyers,
        "share": float(gap.share),
        "average_minor": gap.average_minor,
        "last_bought_on": last[gap.product].isoformat() if gap.product in last else None,
    }


# -- who is comparable ---------------------------------------------------------------------------------------


def _comparable(reading: Reading, unit: int, code: str) -> _Comparable:
    ctx, run = reading.ctx, reading.run
    grade = grades_of(ctx, run, [unit]).get(unit)
    if grade is None:
        raise NotFound(
            _("customer {code} has no class in run {run}, so there is nobody to compare it with").format(
                code=code, run=run.id
            )
        )
    query = (
        sa.select(grades.c.customer_id)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(holding(run), grades.c.grade == grade.grade, grades.c.customer_id != unit)
    )
    values = ctx.connection.execute(sa.select(customers).where(customers.c.id == unit)).mappings().one()
    like = likeness(ctx.settings["gaps"]["fields"], values)  # type: ignore[arg-type]
    if like is not None:
        query = query.where(customers.c[like[0]] == like[1])
    count = ctx.connection.scalar(sa.select(sa.func.count()).select_from(query.subquery("comparable")))
    field, value = like or (None, None)
    return _Comparable(grade.grade, field, value, query, count or 0)


# -- what they buy -------------------------------------------------------------------------------------------


def _find(reading: Reading, unit: int, comparable: _Comparable) -> _Found:
    settings = reading.ctx.settings["gaps"]
    if not same_provider(reading.ctx, "products"):
        return _Found(needs=("products",), note=no_data(reading.ctx, "products"))
    if comparable.count < settings["least_customers"]:
        note = _("comparable customers: {count}; at least {least} are needed to tell anything").format(
            count=comparable.count, least=settings["least_customers"]
        )
        return _Found(note=note)
    share = Decimal(settings["least_share"])
    buyers = _buyers(reading, comparable, ceil(Fraction(share) * comparable.count))
    if not buyers and not names_products(reading.ctx, reading.run.period_start, reading.run.period_end):
        return _Found(needs=("purchases.product_id",), note=_("no data: needs the products of purchases"))
    amounts = _amounts(reading, comparable, buyers)
    products = products_named(reading.ctx, buyers)
    bought = [
        Bought(number, buyers[number], amounts[number])
        for number in sorted(buyers, key=lambda number: (products[number].shown, number))
    ]
    return _Found(find_gaps(bought, _own(reading, unit), comparable.count, share), products)


def _bought(reading: Reading, whose: Any) -> sa.Subquery:
    """Select what customers bought of each product, less returns: a row per customer, product and currency."""
    rows = reading.ctx.facts.select("purchases").subquery("purchases")
    source, customer = reading.by_unit(rows)
    amount = sa.cast(sa.func.sum(rows.c.amount_minor), sa.BigInteger)
    return (
        sa.select(
            customer.label("customer_id"),
            rows.c.product_id,
            rows.c.currency,
            amount.label("amount_minor"),
        )
        .select_from(source)
        .where(
            rows.c.occurred_on.between(reading.run.period_start, reading.run.period_end),
            rows.c.product_id.is_not(None),
            customer.in_(whose),
        )
        .group_by(customer, rows.c.product_id, rows.c.currency)
        .having(amount > 0)
        .subquery("bought")
    )


def _buyers(reading: Reading, comparable: _Comparable, least: int) -> dict[int, int]:
    """Return product → how many comparable customers bought it, if at least so many did."""
    bought = _bought(reading, comparable.ids)
    count = sa.func.count(bought.c.customer_id.distinct())
    query = sa.select(bought.c.product_id, count).group_by(bought.c.product_id).having(count >= least)
    return pairs(reading.ctx.connection, query)


def _amounts(reading: Reading, comparable: _Comparable, wanted: Container[int]) -> dict[int, int]:
    """Return product → what comparable customers bought of it, in minor units of the run's currency."""
    bought = _bought(reading, comparable.ids)
    amount = sa.cast(sa.func.sum(bought.c.amount_minor), sa.BigInteger)
    query = sa.select(bought.c.product_id, bought.c.currency, amount)
    found = reading.ctx.connection.execute(query.group_by(bought.c.product_id, bought.c.currency))
    rows = [row for row in found if row.product_id in wanted]
    money = money_of_run(reading.ctx, reading.run, {currency for _product, currency, _amount in rows})
    amounts: dict[int, int] = {}
    for product, currency, minor in rows:
        amounts[product] = amounts.get(product, 0) + money.convert(minor, currency)
    return amounts


def _own(reading: Reading, unit: int) -> set[int]:
    bought = _bought(reading, [unit])
    return set(reading.ctx.connection.scalars(sa.select(bought.c.product_id)))


def _last_bought(reading: Reading, unit: int, products: Sequence[int]) -> dict[int, date]:
    """Return product → the day on which the customer bought it last before the period."""
    rows = reading.ctx.facts.select("purchases").subquery("purchases")
    source, customer = reading.by_unit(rows)
    query = (
        sa.select(rows.c.product_id, sa.func.max(rows.c.occurred_on))
        .select_from(source)
        .where(
            customer == unit,
            rows.c.product_id.in_(products),
            rows.c.amount_minor > 0,
            rows.c.occurred_on < reading.run.period_start,
        )
        .group_by(rows.c.product_id)
    )
    return pairs(reading.ctx.connection, query)


# -- report --------------------------------------------------------------------------------------------------


def gaps_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the gaps of a customer: parameters `customer`, its code, and `limit`, by default 20."""
    code = parameters.get("customer") or ""
    if not code:
        raise UsageProblem(_("the report needs a customer; give its code as customer=CODE"))
    return report_of(gaps(ctx, code, limit_of(parameters) or SHOWN))


def report_of(found: Mapping[str, Any]) -> Report:
    """Turn gaps, as `gaps` returns them, into a report."""
    title = _("What {customer} could buy, too").format(customer=found["customer"])
    if not found["answered"]:
        return Report(title, (), (), (found["note"], comparison(found["comparable"])))
    columns = (
        Column("product", _("Product")),
        Column("name", _("Product name")),
        Column("customers", _("Customers"), "integer"),
        Column("share", _("Share"), "share"),
        Column("average", _("Average amount"), "amount"),
        Column("last_bought_on", _("Last bought"), "date"),
    )
    rows = [
        (
            p["product"],
            p["name"],
            p["customers"],
            Decimal(str(p["share"])),
            p["average_minor"],
            date.fromisoformat(p["last_bought_on"]) if p["last_bought_on"] else None,
        )
        for p in found["products"]
    ]
    table = Table("gaps", _("Bought by comparable customers"), columns, rows, found["currency"])
    return Report(title, (table,), (), tuple(_notes(found)))


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    yield comparison(found["comparable"])
    yield _(
        "Listed is what at least {share:.0%} of them bought from {start} to {end}: {count} products."
    ).format(
        share=Decimal(found["comparable"]["least_share"]),
        start=found["period"][0],
        end=found["period"][1],
        count=found["count"],
    )


def comparison(comparable: Mapping[str, Any]) -> str:
    """Say who the comparable customers are."""
    if comparable["field"] is None:
        return _("Comparable are {customers} customers of class {grade}.").format(**comparable)
    fields = {
        "industry": _("industry"),
        "customer_kind": _("customer kind"),
        "channel": _("channel"),
        "region": _("region"),
        "legal_form": _("legal form"),
    }
    return _("Comparable are {customers} customers of class {grade} with the same {field}: {value}.").format(
        **{**comparable, "field": fields[comparable["field"]]}
    )
