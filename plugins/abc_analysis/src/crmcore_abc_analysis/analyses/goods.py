"""What was sold of each product, and what the products are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, translator
from crmcore_abc_analysis.inputs import Money, provided, purchases_between
from crmcore_abc_analysis.runs import parts_of

from .scope import Scope, amounts_by_name

_ = translator("crmcore_abc_analysis")


class Product(NamedTuple):
    """What is known of a product; all but the number is None where its provider tells no more."""

    number: int
    code: str | None = None
    name: str | None = None
    line: str | None = None
    unit: str | None = None

    @property
    def shown(self) -> str:
        """Its code, or else its number."""
        return self.code or str(self.number)


class Goods(NamedTuple):
    """Sums of purchase lines of one product in one currency."""

    product: int | None
    currency: str
    purchases: int
    """How many lines."""
    amount_minor: int
    costed_minor: int
    """What the lines with a known cost were sold for."""
    cost_minor: int | None
    """None where no line has a cost."""
    quantity_micro: int | None
    """None where no line has a quantity."""
    without_quantity: int
    """How many lines have none."""


@dataclass(frozen=True, slots=True)
class Sold:
    """Goods of one product, or of one line of products, in the common currency."""

    purchases: int
    amount_minor: int
    costed_minor: int
    cost_minor: int | None
    quantity_micro: int | None
    """None where no line has one, and where the units differ or are not known."""
    without_quantity: int

    @property
    def without_cost_minor(self) -> int:
        """What the lines without a known cost were sold for."""
        return self.amount_minor - self.costed_minor


def goods_of(ctx: Context, scope: Scope) -> list[Goods]:
    """Add up the purchases of a period by product and currency; MissingFact without purchases."""
    purchases, in_period = purchases_between(ctx, scope.start, scope.end)
    c = purchases.c
    costed = sa.case((c.cost_minor.is_not(None), c.amount_minor), else_=0)
    query = sa.select(
        c.product_id,
        c.currency,
        sa.func.count(),
        # PostgreSQL adds bigints up to a numeric, which would come as Decimal.
        *(
            sa.cast(sa.func.sum(column), sa.BigInteger)
            for column in (c.amount_minor, costed, c.cost_minor, c.quantity_micro)
        ),
        sa.func.count() - sa.func.count(c.quantity_micro),
    )
    rows = ctx.connection.execute(query.where(in_period).group_by(c.product_id, c.currency))
    return list(map(Goods._make, rows))


def sold(goods: Iterable[Goods], money: Money, *, addable: bool) -> Sold:
    """Add up goods; `addable`: whether their quantities may be added up, too."""
    rows = list(goods)
    costs = [(0, row.currency, row.cost_minor) for row in rows if row.cost_minor is not None]
    quantities = [row.quantity_micro for row in rows if row.quantity_micro is not None]
    return Sold(
        sum(row.purchases for row in rows),
        _total(((0, row.currency, row.amount_minor) for row in rows), money),
        _total(((0, row.currency, row.costed_minor) for row in rows), money),
        _total(costs, money) if costs else None,
        sum(quantities) if quantities and addable else None,
        sum(row.without_quantity for row in rows),
    )


def _total(rows: Iterable[tuple[int, str, int]], money: Money) -> int:
    return int(amounts_by_name(rows, money).get(0, 0))


def products_named(ctx: Context, numbers: Iterable[int]) -> Mapping[int, Product]:
    """Return number → product, with code, name, line and unit as far as its provider tells them."""
    wanted = sorted(set(numbers))
    found = {number: Product(number) for number in wanted}
    if not same_provider(ctx, "products"):
        return found
    products = ctx.facts.select("products").subquery("products")
    c = products.c
    query = sa.select(c.product_id, c.code, c.name, c.line, c.unit)
    for part in parts_of(wanted):
        rows: Iterable[Any] = ctx.connection.execute(query.where(c.product_id.in_(part)))
        found.update((row.product_id, Product._make(row)) for row in rows)
    return found


def same_provider(ctx: Context, fact: str) -> bool:
    """Tell whether the plugin that provides the purchases provides this fact, too: only then do the products match.

    MissingFact without purchases, or where two providers wait for the company's choice.
    """
    purchases = ctx.facts.provider("purchases")
    return provided(ctx, fact) and ctx.facts.provider(fact).plugin == purchases.plugin


def no_data(ctx: Context, fact: str) -> str:
    """Say which fact is missing, and who would have to provide it."""
    if provided(ctx, fact):
        return _(
            "no data: needs fact {fact} from {plugin}, which provides the purchases; {other} has other products"
        ).format(
            fact=fact,
            plugin=ctx.facts.provider("purchases").plugin,
            other=ctx.facts.provider(fact).plugin,
        )
    return _("no data: needs fact {fact}").format(fact=fact)
