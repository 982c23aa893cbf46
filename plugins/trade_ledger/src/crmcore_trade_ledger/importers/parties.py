"""Finding the customers and products that rows name by code, and creating the missing ones where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from crmcore.api import Customer, customer_ids, translator
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.tables import Product

if TYPE_CHECKING:
    from crmcore.api import LoadContext, Refusal, Tx
    from crmcore_trade_ledger.importers.entries import Entry, Refusals

_ = translator("crmcore_trade_ledger")
CUSTOMER_COLUMNS = ("customer", "bill_to", "ship_to")


def find_customers(
    tx: Tx, ctx: LoadContext, entries: Sequence[Entry], refusals: Refusals
) -> tuple[list[Entry], dict[str, int]]:
    """Return the entries whose customers are all known, and code → id; creates customers where the user said so."""
    others = [name for name in ("bill_to", "ship_to") if any(name in e.row.values for e in entries)]
    codes = {entry.customer for entry in entries}
    codes.update(e.row.values[name] for e in entries for name in others if name in e.row.values)
    known = customer_ids(tx.connection, codes)
    why: dict[str, str] = {}
    missing = sorted(codes.difference(known))
    if missing and ctx.create_customers:
        rows = [{"code": code, "name": code} for code in missing]
        known.update(_create(missing, lambda refused: tx.insert(Customer, rows, refused=refused), why))
    if len(known) == len(codes) and not why:
        return list(entries), known
    unknown = _("no customer has this code; import the customers first, or use --create-customers")
    kept = []
    for entry in entries:
        values = entry.row.values
        column = next((n for n in CUSTOMER_COLUMNS if n in values and values[n] not in known), None)
        if column is None:
            kept.append(entry)
        else:
            refusals.add(entry.row, column, why.get(values[column], unknown))
    return kept, known


def find_products(tx: Tx, ctx: LoadContext, entries: Sequence[Entry], refusals: Refusals) -> list[Entry]:
    """Give entries their product's id; unknown products are created or their rows refused, as the settings say."""
    codes = {e.row.values["product"] for e in entries if "product" in e.row.values}
    if not codes:
        return list(entries)
    known = queries.product_ids(tx.connection, codes)
    why: dict[str, str] = {}
    missing = sorted(codes.difference(known))
    if missing and ctx.settings["unknown_product"] == "create":
        rows = [{"code": code, "name": code, "currency": ctx.currency} for code in missing]
        known.update(_create(missing, lambda refused: tx.insert(Product, rows, refused=refused), why))
    unknown = _("no product has this code, and the setting unknown_product says reject")
    kept = []
    for entry in entries:
        code = entry.row.values.get("product")
        if code is not None and code not in known:
            refusals.add(entry.row, "product", why.get(code, unknown))
            continue
        entry.product_id = known[code] if code is not None else None
        kept.append(entry)
    return kept


def _create(
    codes: Sequence[str],
    insert: Callable[[Callable[[int, Refusal], None]], Iterable[int]],
    why: dict[str, str],
) -> dict[str, int]:
    """Insert rows for codes; returns code → id, and leaves in `why` the reasons of those that were refused."""

    def refused(index: int, refusal: Refusal) -> None:
        why[codes[index]] = refusal.message

    return {code: number for code, number in zip(codes, insert(refused), strict=True) if number}
