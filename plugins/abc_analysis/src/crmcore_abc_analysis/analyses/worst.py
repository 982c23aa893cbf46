"""The worst customers (最差客户): who brings least, or costs us money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from crmcore.api import Column, Context, Report, Table, translator
from crmcore_abc_analysis.rules.profit import PARTS, Basis, basis_for
from crmcore_abc_analysis.runs import find_run

from .amounts import Reading, largest
from .profit import Profits, no_data, part_columns, profit_figures, read_profits
from .scope import limit_of

_ = translator("crmcore_abc_analysis")
SHOWN = 10


class _Found(NamedTuple):
    basis: Basis
    amounts: Mapping[int, int]


def worst(ctx: Context, limit: int | None = SHOWN) -> dict[str, Any]:
    """Return the worst customers of the period of the run made last, the worst first: schemas/worst.schema.json.

    NotFound before the first run, MissingFact without a provider of purchases.
    """
    run = find_run(ctx)
    reading = Reading(ctx, run)
    profits = read_profits(reading, run.period_start, run.period_end)
    bought = reading.purchases(run.period_start, run.period_end)
    basis, amounts = _amounts(profits, bought)
    listed = largest(ctx.connection, {customer: -amount for customer, amount in amounts.items()}, limit)
    below, unsure = _below_zero(profits, basis, amounts)
    return {
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "basis": basis,
        "needs": needs_of(profits, bought),
        "count": len(amounts),
        "below_zero": below,
        "unsure": unsure,
        "customers": [
            {
                "customer": customer.code,
                "name": customer.name,
                "amount_minor": amounts[customer.id],
                "purchases_minor": bought.get(customer.id, 0),
                **_figures(profits, basis, customer.id),
            }
            for customer in listed
        ],
    }


def needs_of(profits: Profits, bought: Mapping[int, int]) -> list[str]:
    """Return what is missing for the whole profit: facts, and the cost of purchases where not one has it."""
    without_cost = bool(bought) and not profits.costs_known
    return [*(["purchases.cost_minor"] if without_cost else []), *profits.missing]


def _amounts(profits: Profits, bought: Mapping[int, int]) -> _Found:
    basis = basis_for(profits.missing, costs_known=profits.costs_known)
    amounts = {"profit": profits.totals, "margin": profits.parts["margin"], "purchases": bought}
    return _Found(basis, amounts[basis])


def _below_zero(profits: Profits, basis: Basis, amounts: Mapping[int, int]) -> tuple[int, int]:
    """Return how many come to less than nothing for certain, and how many only if their goods cost something."""
    below = [customer for customer, amount in amounts.items() if amount < 0]
    if basis == "purchases":
        return len(below), 0
    certain = sum(profits.of(customer).costs_us_money for customer in below)
    return certain, len(below) - certain


def _figures(profits: Profits, basis: Basis, customer: int) -> dict[str, int | None]:
    """Return the components that the amount is made of; null for what is not known, or nothing."""
    figures = profit_figures(profits.of(customer))
    shown = {"profit": PARTS, "margin": ("margin",), "purchases": ()}[basis]
    known = {f"{name}_minor": figures[f"{name}_minor"] if name in shown else None for name in PARTS}
    return {**known, "without_cost_minor": figures["without_cost_minor"]}


def worst_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the worst customers; parameter `limit`: how many, by default 10."""
    return report_of(worst(ctx, limit_of(parameters) or SHOWN))


def report_of(found: Mapping[str, Any]) -> Report:
    """Turn the worst customers, as `worst` returns them, into a report."""
    titles = {"profit": _("Customer profit"), "margin": _("Margin"), "purchases": _("Purchases")}
    parts = part_columns() if found["basis"] == "profit" else ()
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("amount", titles[found["basis"]], "amount"),
        *parts,
        *((Column("purchases", _("Purchases"), "amount"),) if found["basis"] != "purchases" else ()),
    )
    keys = [
        column.name if column.name in {"customer", "name"} else f"{column.name}_minor" for column in columns
    ]
    rows = [tuple(customer[key] for key in keys) for customer in found["customers"]]
    start, end = found["period"]
    title = _("Worst customers, {start} to {end}").format(start=start, end=end)
    table = Table("worst", _("The worst first"), columns, rows, found["currency"])
    return Report(title, (table,), (), tuple(_notes(found)))


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    counted = {"count": found["count"], "below": found["below_zero"]}
    if not found["count"]:
        start, end = found["period"]
        yield _("Nobody bought anything from {start} to {end}.").format(start=start, end=end)
    elif found["basis"] == "profit":
        yield _("By customer profit: {below} of {count} customers cost us money.").format(**counted)
    elif found["basis"] == "margin":
        yield _(
            "By margin, since no other costs are recorded: {below} of {count} customers lose money."
        ).format(**counted)
    else:
        yield _(
            "By purchases, since no purchase has a cost: {below} of {count} customers returned more."
        ).format(**counted)
    if found["unsure"]:
        yield _(
            "Not counted are {count} customers who may lose money: not all their purchases have a cost."
        ).format(count=found["unsure"])
    if found["needs"]:
        yield _("What is missing: {missing}.").format(missing=no_data(found["needs"]))
    if found["basis"] != "purchases" and any(c["without_cost_minor"] for c in found["customers"]):
        yield _("Purchases without a cost are left out of the margin; with --json each customer's are shown.")
