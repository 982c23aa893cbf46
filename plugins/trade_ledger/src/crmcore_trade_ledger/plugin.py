"""What the plugin gives to the kernel; everything heavy is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.api import (
    N_,
    CardSection,
    Context,
    DemoFile,
    ErasedData,
    FactProvider,
    Importable,
    JobSpec,
    Move,
    Moved,
    Parameter,
    Person,
    PersonData,
    Report,
    ReportSpec,
    TableSpec,
    WorkItem,
    hookimpl,
)

if TYPE_CHECKING:
    from crmcore.api import Tx


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
        *(
            TableSpec(table, customer_references=("customer_id",), personal=("reason",), person="customer_id")
            for table in (tables.LedgerHold, tables.LedgerStep)
        ),
    ]


@hookimpl
def move_references(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Let documents follow as customers are merged; what settled what stays, for it is between documents."""
    from crmcore.api import move_rows
    from crmcore_trade_ledger.tables import LedgerDocument, LedgerHold, LedgerLine, LedgerStep

    documents = ("customer_id", "bill_to_id", "ship_to_id")
    moved = [move_rows(tx, LedgerDocument, column, moves) for column in documents]
    return [
        *moved,
        *(move_rows(tx, table, "customer_id", moves) for table in (LedgerLine, LedgerHold, LedgerStep)),
    ]


@hookimpl
def export_persons(persons: Sequence[Person], ctx: Context) -> Iterable[PersonData]:
    """Give the documents of a person, also those that somebody else got and the person pays, with their lines."""
    from crmcore_trade_ledger.persons import export

    return export(ctx, persons)


@hookimpl
def erase_persons(persons: Sequence[Person], tx: Tx, ctx: Context) -> Iterable[ErasedData]:
    """Keep documents under the pseudonym of the customer: accounting law asks for them, and they hold no name.

    Why an order was held, released or cancelled may speak of the person; that goes.
    """
    from crmcore_trade_ledger.persons import blank, keep

    return [*keep(tx, persons, ctx), *blank(tx, persons)]


@hookimpl
def facts() -> Iterable[FactProvider]:
    """Provide purchases, receivables, payments and how they settle, orders, what is delivered, documents, products."""
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
    """Ask for the money of customers whose invoices are long overdue; show the orders that are held."""
    from crmcore_trade_ledger.ordering.work import held_items
    from crmcore_trade_ledger.work import overdue_items

    return [*overdue_items(actor, since, ctx), *held_items(actor, since, ctx)]


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
def jobs() -> Iterable[JobSpec]:
    """Release held orders that nobody holds any more."""
    return [
        JobSpec(
            "ledger_release_held", N_("Release orders that are held no longer"), _release_held, "*/30 * * * *"
        )
    ]


@hookimpl
def demo_data() -> Iterable[DemoFile]:
    """Generate three years of trade for the demo company."""
    from crmcore_trade_ledger.demo import demo_files

    return demo_files()


def _release_held(app: Any, actor: str) -> Mapping[str, Any]:
    from crmcore_trade_ledger.ordering.held import release_held

    return release_held(app, actor)


def _receivables(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from crmcore_trade_ledger.reports import receivables_report

    return receivables_report(ctx, parameters)


def _sales_by_month(ctx: Context, parameters: Mapping[str, str]) -> Report:
    from crmcore_trade_ledger.reports import sales_by_month

    return sales_by_month(ctx, parameters)
