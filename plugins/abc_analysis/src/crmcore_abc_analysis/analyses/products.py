"""Sales, gross margin (毛利) and sales mix by product or by line of products."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from crmcore.api import Column, Context, Report, Table, format_minor, translator
from crmcore_abc_analysis.inputs import Money
from crmcore_abc_analysis.rules.trade import Margin, Place, margin_of, places

from .goods import Goods, Product, Sold, goods_of, no_data, products_named, same_provider, sold
from .scope import BARS, Scope, bar_chart, limit_of, rate_notes, scope_of_parameters, shown_note

_ = translator("crmcore_abc_analysis")
By = Literal["product", "line"]


class ProductSales(NamedTuple):
    """What was sold of one product, or of one line of products."""

    product: Product | None
    """None for purchases without a product, and by line."""
    line: str | None
    sold: Sold
    margin: Margin | None
    place: Place


@dataclass(frozen=True, slots=True)
class AllProductSales:
    """All that was sold in a period."""

    scope: Scope
    money: Money
    by: By
    needs: str | None
    """The fact that is missing, with a sentence in `why`; then there are no rows."""
    why: str
    sold: Sold
    rows: list[ProductSales]
    """The largest amount first, equal ones by code or line; what has no product, or no line, last among its equals."""


def product_sales(ctx: Context, scope: Scope, by: By) -> AllProductSales:
    """Return what was sold by product or line; MissingFact without purchases, CrmError for unknown rates."""
    if by == "line" and not same_provider(ctx, "products"):
        money = scope.money(ctx, ())
        return AllProductSales(
            scope, money, by, "products", no_data(ctx, "products"), sold((), money, addable=False), []
        )
    goods = goods_of(ctx, scope)
    money = scope.money(ctx, {row.currency for row in goods})
    named = products_named(ctx, (row.product for row in goods if row.product is not None))
    rows = _ranked(_grouped(goods, named, by), named, money)
    return AllProductSales(
        scope, money, by, None, "", sold(goods, money, addable=_addable(goods, named)), rows
    )


def _grouped(
    goods: list[Goods], named: Mapping[int, Product], by: By
) -> dict[tuple[Product | None, str | None], list[Goods]]:
    groups: dict[tuple[Product | None, str | None], list[Goods]] = defaultdict(list)
    for row in goods:
        product = named[row.product] if row.product is not None else None
        line = product.line if product is not None else None
        groups[(product if by == "product" else None), line].append(row)
    return groups


def _ranked(
    groups: Mapping[tuple[Product | None, str | None], list[Goods]],
    named: Mapping[int, Product],
    money: Money,
) -> list[ProductSales]:
    sums = [(key, sold(rows, money, addable=_addable(rows, named))) for key, rows in groups.items()]
    sums.sort(key=lambda group: (-group[1].amount_minor, *_order(*group[0])))
    ranked = places(total.amount_minor for _key, total in sums)
    return [
        ProductSales(product, line, total, margin_of(total.costed_minor, total.cost_minor), place)
        for ((product, line), total), place in zip(sums, ranked, strict=True)
    ]


def _order(product: Product | None, line: str | None) -> tuple[bool, str, int]:
    if product is not None:
        return False, product.shown, product.number
    return line is None, line or "", 0


def _addable(goods: list[Goods], named: Mapping[int, Product]) -> bool:
    """Tell whether quantities may be added up: they are of one product, or all of the same unit."""
    products = {row.product for row in goods if row.quantity_micro is not None}
    units = {named[number].unit if number is not None else None for number in products}
    return None not in (products if len(products) <= 1 else units) and len(units) <= 1


def products_document(found: AllProductSales, limit: int | None = None) -> dict[str, Any]:
    """Return sales as `crm abc products --json` prints them: schemas/products.schema.json."""
    total = found.sold
    return {
        **found.scope.heading(found.money),
        "by": found.by,
        "needs": [found.needs] if found.needs else [],
        **_measures(total, margin_of(total.costed_minor, total.cost_minor)),
        "rows": len(found.rows),
        "products": [
            {
                "rank": row.place.rank,
                "product": row.product.number if row.product else None,
                "code": row.product.code if row.product else None,
                "name": row.product.name if row.product else None,
                "line": row.line,
                "unit": row.product.unit if row.product else None,
                "share": float(row.place.share),
                **_measures(row.sold, row.margin),
            }
            for row in found.rows[:limit]
        ],
    }


def _measures(total: Sold, margin: Margin | None) -> dict[str, Any]:
    return {
        "purchases": total.purchases,
        "amount_minor": total.amount_minor,
        "quantity_micro": total.quantity_micro,
        "without_quantity": total.without_quantity,
        "cost_minor": total.cost_minor,
        "without_cost_minor": total.without_cost_minor,
        "margin_minor": margin.margin_minor if margin else None,
        "margin_rate": float(margin.rate) if margin and margin.rate is not None else None,
    }


def products_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return sales by product or line (parameters by, from, to, limit) with a chart of the mix."""
    scope, limit = scope_of_parameters(ctx, parameters), limit_of(parameters)
    found = product_sales(ctx, scope, "line" if parameters.get("by") == "line" else "product")
    title = _("Sales by product, {start} to {end}").format(start=scope.start, end=scope.end)
    if found.needs:
        return Report(title, notes=(found.why,))
    shown = found.rows[:limit]
    heading = _("Sales by product line") if found.by == "line" else _("Sales by product")
    bars = [(_name(row, found.by), row.sold.amount_minor) for row in shown[:BARS]]
    chart = bar_chart("products", heading, bars, scope.currency)
    return Report(title, (_table(found, shown, heading),), chart, tuple(_notes(found, len(shown))))


def _table(found: AllProductSales, rows: list[ProductSales], title: str) -> Table:
    by_product = found.by == "product"
    columns = (
        Column("rank", _("Rank"), "integer"),
        Column("code", _("Product") if by_product else _("Product line")),
        *((Column("name", _("Product name")),) if by_product else ()),
        Column("quantity", _("Quantity"), "decimal"),
        *((Column("unit", _("Unit")),) if by_product else ()),
        Column("amount", _("Sales"), "amount"),
        Column("share", _("Share of sales"), "share"),
        Column("cost", _("Cost"), "amount"),
        Column("margin", _("Gross margin"), "amount"),
        Column("margin_rate", _("Margin rate"), "share"),
        Column("without_cost", _("Sales without a known cost"), "amount"),
    )
    cells = [tuple(_cells(row, found.by)) for row in rows]
    return Table("products", title, columns, cells, found.scope.currency)


def _cells(row: ProductSales, by: By) -> Iterator[Any]:
    total, product, margin = row.sold, row.product, row.margin
    yield row.place.rank
    yield _name(row, by)
    if by == "product":
        yield product.name if product else None
    yield quantity_of(total.quantity_micro)
    if by == "product":
        yield product.unit if product else None
    yield from (total.amount_minor, row.place.share, total.cost_minor)
    yield from (margin.margin_minor, margin.rate) if margin else (None, None)
    yield total.without_cost_minor


def _name(row: ProductSales, by: By) -> str:
    if by == "line":
        return row.line if row.line is not None else _("(no line)")
    return row.product.shown if row.product is not None else _("(no product)")


def quantity_of(micro: int | None) -> Decimal | None:
    """Turn millionths into a number without needless noughts."""
    if micro is None:
        return None
    whole, rest = divmod(micro, 10**6)
    return Decimal(micro).scaleb(-6).normalize() if rest else Decimal(whole)


def _notes(found: AllProductSales, shown: int) -> Iterator[str]:
    total = found.sold
    if total.without_cost_minor:
        yield _("Sales of {amount} {currency} have no known cost; they are in no margin.").format(
            amount=format_minor(total.without_cost_minor, found.scope.currency), currency=found.scope.currency
        )
    if total.without_quantity:
        yield _("Purchases without a quantity: {count}.").format(count=total.without_quantity)
    yield from shown_note(shown, len(found.rows))
    yield from rate_notes(found.money)
