"""What the plugin gives to the kernel; everything heavy is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from crmcore.api import (
    N_,
    CardSection,
    Context,
    DemoFile,
    FactProvider,
    Importable,
    Parameter,
    Report,
    ReportSpec,
    TableSpec,
    WorkItem,
    hookimpl,
)


@hookimpl
def models() -> Iterable[TableSpec]:
    """Keep products, logged in full, and the many rows of documents, logged by range."""
    from crmcore_trade_ledger import tables

    return [
        TableSpec(tables.Product),
        TableSpec(
            tables.LedgerDocument,
            log="range",
            customer_references=("customer_id", "bill_to_id", "ship_to_id"),
        ),
        TableSpec(tables.LedgerLine, log="range", customer_references=("customer_id",)),
        TableSpec(tables.LedgerLink, log="range"),
        TableSpec(tables.LedgerAllocation),
        TableSpec(tables.LedgerPlace, log="range"),
    ]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide purchases, receivables, payments, open orders, documents and products."""
    from crmcore_trade_ledger.facts import providers

    return providers()


@hookimpl
def importables() -> Iterable[Importable]:
    """Import and export products, purchases, documents, payments and allocations."""
    from crmcore_trade_ledger.importers.specs import importables

    return importables()


@hookimpl
def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterable[CardSection]:
    """Show receivables and purchases on the customer card."""
    from crmcore_trade_ledger.cards import sections

    return list(sections(customer_ids, as_of, ctx))


@hookimpl
def work_items(actor: str, since: date | None, ctx: Context) -> Iterable[WorkItem]:
    """Ask for the money of customers whose invoices are long overdue."""
    from crmcore_trade_ledger.work import overdue_items

    return list(overdue_items(actor, since, ctx))


@hookimpl
def reports() -> Iterable[ReportSpec]:
    """Offer receivables by age, and sales by month."""
    return [
        ReportSpec(
            "receivables",
            N_("Receivables by age"),
            _receivables,
            (
                Parameter("as_of", N_("As they stood on this day (empty = today)"), "date"),
                Parameter(
                    "by",
                    N_("Count days from the due date or the invoice date"),
                    "choice",
                    "due",
                    ("due", "invoice"),
                ),
            ),
        ),
        ReportSpec(
            "sales_by_month",
            N_("Sales by month"),
            _sales_by_month,
            (
                Parameter("from", N_("First day (empty = twelve months back)"), "date"),
                Parameter("to", N_("Last day (empty = today)"), "date"),
            ),
        ),
    ]


@hookimpl
def demo_data() -> Iterable[DemoFile]:
    """Generate three years of trade for the demo company."""
    from crmcore_trade_ledger.demo import demo_files

    return demo_files()


def _receivables(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from crmcore_trade_ledger.reports import receivables_report

    return receivables_report(ctx, parameters)


def _sales_by_month(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from crmcore_trade_ledger.reports import sales_by_month

    return sales_by_month(ctx, parameters)
