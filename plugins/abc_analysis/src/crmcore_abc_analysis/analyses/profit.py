"""Customer profit: each customer's margin, and what it costs us, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from crmcore.api import Column, format_minor, translator
from crmcore_abc_analysis.inputs import Component, Wanted, components
from crmcore_abc_analysis.rules.profit import PARTS, Profit

from .amounts import Reading

_ = translator("crmcore_abc_analysis")


@dataclass(frozen=True, slots=True)
class Profits:
    """The profit of all customers of a period; amounts in minor units of the run's currency."""

    parts: Mapping[str, Mapping[int, int]]
    """Part of the profit → customer → amount; costs are negative."""
    without_cost: Mapping[int, int]
    """Customer → its purchases of unknown cost."""
    missing: Sequence[str]
    """Facts that nobody provides."""
    totals: Mapping[int, int]
    """Customer → its profit: the parts added up."""

    @property
    def costs_known(self) -> bool:
        """Whether any purchase has a cost: without that there is no margin, and no profit."""
        return bool(self.parts["margin"])

    def of(self, customer: int) -> Profit:
        """Return what is known of a customer."""
        parts = {name: amounts[customer] for name, amounts in self.parts.items() if customer in amounts}
        return Profit(parts, self.without_cost.get(customer, 0))


def read_profits(reading: Reading, start: date, end: date) -> Profits:
    """Add up the profit of each customer; MissingFact without a provider of purchases."""
    parts, missing = components(reading.ctx, Wanted("profit", reading.run.level, start, end))
    amounts = {part.name: reading.totals([part]) for part in parts}
    totals: dict[int, int] = {}
    for part in amounts.values():
        for customer, amount in part.items():
            totals[customer] = totals.get(customer, 0) + amount
    return Profits(amounts, reading.totals([_without_cost(reading, start, end)]), missing, totals)


def _without_cost(reading: Reading, start: date, end: date) -> Component:
    rows = reading.ctx.facts.select("purchases").subquery("purchases")
    query = sa.select(
        rows.c.customer_id,
        rows.c.currency,
        # PostgreSQL adds bigints up to a numeric, which would come as Decimal.
        sa.cast(sa.func.sum(rows.c.amount_minor), sa.BigInteger).label("amount_minor"),
        sa.func.count().label("purchases"),
    ).where(rows.c.occurred_on.between(start, end), rows.c.cost_minor.is_(None))
    return Component("without_cost", query.group_by(rows.c.customer_id, rows.c.currency))


def profit_figures(profit: Profit) -> dict[str, int | None]:
    """Return the profit and its parts as JSON has them; null = not known, or nothing."""
    return {
        "profit_minor": profit.profit_minor,
        **{f"{name}_minor": profit.parts.get(name) for name in PARTS},
        "without_cost_minor": profit.without_cost_minor,
    }


def part_columns() -> tuple[Column, ...]:
    """Return a column for each part of the profit."""
    titles = {
        "margin": _("Margin"),
        "cost_to_serve": _("Cost to serve"),
        "investments": _("Investments"),
        "cost_of_credit": _("Cost of credit"),
    }
    return tuple(Column(name, titles[name], "amount") for name in PARTS)


def parts_in_words(profit: Profit, currency: str) -> str:
    """Write the parts one after the other: margin 100.00, cost to serve -40.00."""
    words = {
        "margin": _("margin {amount}"),
        "cost_to_serve": _("cost to serve {amount}"),
        "investments": _("investments {amount}"),
        "cost_of_credit": _("cost of credit {amount}"),
    }
    known = [name for name in PARTS if name in profit.parts]
    return ", ".join(words[name].format(amount=format_minor(profit.parts[name], currency)) for name in known)


def no_data(needs: Iterable[str]) -> str:
    """Say what is missing, a sentence for each fact, or column of one."""
    known = {
        "potential": _("no data: needs fact potential, record estimates with: crm abc potential set"),
        "purchases.cost_minor": _("no data: needs the cost of purchases"),
        "purchases.product_id": _("no data: needs the products of purchases"),
    }
    return "; ".join(known.get(fact) or _("no data: needs fact {fact}").format(fact=fact) for fact in needs)
