"""What the ledger imports and exports; the loaders are imported when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from crmcore.api import N_, Change, Context, Importable, LoadContext, Loaded, Row
from crmcore_trade_ledger.importers import columns

if TYPE_CHECKING:
    from crmcore.api import Tx


def importables() -> list[Importable]:
    """Return the eight."""
    documents = (
        ("orders", N_("Orders"), columns.ORDERS, "order"),
        ("deliveries", N_("Deliveries"), columns.DELIVERIES, "delivery"),
        ("invoices", N_("Invoices"), columns.INVOICES, "invoice"),
        ("returns", N_("Returns"), columns.RETURNS, "return"),
    )
    offered = [
        Importable("products", N_("Products"), columns.PRODUCTS, _products, partial(_export, "products")),
        Importable(
            "purchases", N_("Purchases"), columns.PURCHASES, _purchases, partial(_export, "purchases")
        ),
        *(
            Importable(name, title, fields, partial(_documents, kind), partial(_export_documents, kind))
            for name, title, fields, kind in documents
        ),
        Importable("payments", N_("Payments"), columns.PAYMENTS, _payments, partial(_export, "payments")),
        Importable(
            "allocations",
            N_("Allocations"),
            columns.ALLOCATIONS,
            _allocations,
            partial(_export, "allocations"),
        ),
    ]
    return [replace(importable, undone=_undone) for importable in offered]


def _products(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore_trade_ledger.importers.products import load_products

    return load_products(tx, rows, ctx)


def _purchases(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    """Load posted invoices of one line each, or of several where rows bear the same document number."""
    from crmcore_trade_ledger.importers.documents import load_documents

    return load_documents("invoice", tx, rows, ctx, cash=ctx.settings["purchases_paid"])


def _documents(kind: str, tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore_trade_ledger.importers.documents import load_documents

    return load_documents(kind, tx, rows, ctx)


def _payments(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore_trade_ledger.importers.payments import load_payments

    return load_payments(tx, rows, ctx)


def _allocations(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from crmcore_trade_ledger.importers.allocations import load_allocations

    return load_allocations(tx, rows, ctx)


def _undone(
    tx: Tx, changes: Sequence[Change], left: AbstractSet[tuple[str, int, str]]
) -> AbstractSet[tuple[str, int, str]]:
    from crmcore_trade_ledger.importers.undoing import settle_undone

    return settle_undone(tx, changes, left)


def _export(name: str, ctx: Context) -> Iterator[Mapping[str, Any]]:
    from crmcore_trade_ledger.importers import exports

    source = {
        "products": exports.export_products,
        "purchases": exports.export_purchases,
        "payments": exports.export_payments,
        "allocations": exports.export_allocations,
    }[name]
    return source(ctx)


def _export_documents(kind: str, ctx: Context) -> Iterator[Mapping[str, Any]]:
    from crmcore_trade_ledger.importers.exports import export_documents

    return export_documents(kind, ctx)
