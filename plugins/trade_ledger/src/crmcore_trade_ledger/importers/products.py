"""Loading products."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.api import LoadContext, Loaded, Row, translator
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.importers.entries import Refusals, RowRefused, read_currency, read_minor
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.tables import Product

if TYPE_CHECKING:
    from crmcore.api import Refusal, Tx

_ = translator("crmcore_trade_ledger")
_TEXTS = ("name", "model", "line", "unit")
_PRICES = {"list_price": "list_price_minor", "standard_cost": "standard_cost_minor"}


def load_products(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Create products, or change what their rows say of them; a product without a name bears its code."""
    loaded, refusals = Loaded(), Refusals()
    present = _present(tx, rows)
    fresh: dict[str, tuple[Row, dict[str, Any]]] = {}
    edits: dict[str, tuple[Row, int, dict[str, Any]]] = {}
    for row in rows:
        code = row.values["code"]
        if code in fresh or code in edits:
            refusals.add(row, "code", _("product {code} stands twice in the file").format(code=code))
            continue
        known = present.get(code)
        try:
            stated = _stated(row.values, ctx, known)
        except RowRefused as refused:
            refusals.add(row, refused.column, refused.reason)
            continue
        if known is None:
            fresh[code] = row, {"code": code, "name": code, "currency": ctx.currency, **stated}
        else:
            edits[code] = row, known["id"], _changes(known, stated)
    _insert(tx, fresh, loaded, refusals)
    _update(tx, list(edits.values()), loaded, refusals)
    return refusals.report(loaded)


def _present(tx: Tx, rows: Sequence[Row]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for part in queries.parts({row.values["code"] for row in rows}):
        query = queries.select_products().where(queries.product.c.code.in_(part))
        found.update({record["code"]: record for record in queries.records(tx.connection, query)})
    return found


def _stated(values: Mapping[str, Any], ctx: LoadContext, known: Record | None) -> dict[str, Any]:
    """Return the columns that a row speaks of."""
    clear = ctx.columns if ctx.clear_empty else frozenset()
    stated: dict[str, Any] = {n: values.get(n) for n in _TEXTS if n in values or (n in clear and n != "name")}
    usual = known["currency"] if known else ctx.currency
    currency = read_currency(values.get("currency"), usual, {})
    stated["currency"] = currency
    for name, column in _PRICES.items():
        if name in values or name in clear:
            stated[column] = read_minor(values, name, currency)
    if "attributes" in values:
        stated["attributes"] = read_attributes(values["attributes"])
    return stated


def _changes(known: Record, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs; of the attributes only those named, others stay."""
    changes = {name: value for name, value in stated.items() if known[name] != value}
    if "attributes" in changes:
        own = {
            name: value
            for name, value in stated["attributes"].items()
            if known["attributes"].get(name) != value
        }
        changes |= {"attributes": own}
        if not own:
            del changes["attributes"]
    return changes


def read_attributes(text: str) -> dict[str, Any]:
    """Read a product's own attributes, a JSON object of texts, numbers and booleans."""
    try:
        read = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or not all(
        isinstance(v, str | int | float | bool | None) for v in read.values()
    ):
        raise RowRefused("attributes", _('write attributes as a JSON object such as {"colour": "red"}'))
    return read


def _no_number(word: str) -> float:
    raise ValueError(word)


def _insert(
    tx: Tx, fresh: Mapping[str, tuple[Row, dict[str, Any]]], loaded: Loaded, refusals: Refusals
) -> None:
    # The gate is fastest with rows that all have the same columns.
    columns = {name for _row, stated in fresh.values() for name in stated}
    ordered = [fresh[code] for code in sorted(fresh)]
    optional: dict[str, Any] = {name: {} if name == "attributes" else None for name in columns}

    def refused(index: int, refusal: Refusal) -> None:
        refusals.add(ordered[index][0], refusal.field or "code", refusal.message)

    ids = tx.insert(Product, [{**optional, **stated} for _row, stated in ordered], refused=refused)
    loaded.created += sum(map(bool, ids))


def _update(
    tx: Tx, edits: Sequence[tuple[Row, int, dict[str, Any]]], loaded: Loaded, refusals: Refusals
) -> None:
    changed = [edit for edit in edits if edit[2]]

    def refused(index: int, refusal: Refusal) -> None:
        refusals.add(changed[index][0], refusal.field or "code", refusal.message)

    loaded.updated += tx.update(
        Product, [(number, changes) for _row, number, changes in changed], refused=refused
    )
    loaded.unchanged += len(edits) - len(changed)
