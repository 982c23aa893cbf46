"""`crm ledger …`: look into the ledger, and allocate payments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    echo,
    emit,
    emit_lines,
    format_minor,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)
from crmcore_trade_ledger.cli_tables import (
    allocations_table,
    decimal_of,
    document_columns,
    document_row,
    lines_table,
)
from crmcore_trade_ledger.rules import KINDS

_ = translator("crmcore_trade_ledger")
_PLUGIN = "trade_ledger"
_DAY = click.DateTime(["%Y-%m-%d"])
_limit = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, help=N_("At most so many (default 50).")
)


@click.group(cls=Group, help=N_("Products, business documents and payments."))
def ledger() -> None:
    """Hold the commands below."""


@ledger.command("products", cls=Command, help=N_("List products by code."))
@click.option("--line", "line_name", help=N_("Only this product line."))
@click.option("--archived", is_flag=True, help=N_("Archived ones too."))
@click.option("--after", metavar="CODE", help=N_("Go on after this code."))
@_limit
@json_option
@pass_session
def products(
    session: Session, *, limit: int, after: str | None, line_name: str | None, **options: Any
) -> None:
    """List products."""
    from crmcore_trade_ledger.listing import list_products

    with session.app.read(_PLUGIN) as ctx:
        found = list_products(ctx.connection, limit, after, line_name, archived=options["archived"])
        if options["as_json"]:
            emit_lines(in_bulk(session, ctx, "ledger_product", found, {"limit": limit}))
            return
        columns = (
            Column("code", _("Code")),
            Column("name", _("Name")),
            Column("line", _("Product line")),
            Column("unit", _("Unit")),
            Column("list_price", _("List price"), "decimal"),
            Column("currency", _("Currency")),
        )
        rows = [
            (
                p["code"],
                p["name"],
                p["line"],
                p["unit"],
                decimal_of(p["list_price_minor"], p["currency"]),
                p["currency"],
            )
            for p in found
        ]
        show_table(Table("products", _("Products"), columns, rows))


@ledger.command("documents", cls=Command, help=N_("List documents, the latest first."))
@click.option("--kind", type=click.Choice(KINDS), help=N_("Only this kind."))
@click.option("--customer", metavar="CODE", help=N_("Only this customer's; with --open those billed to it."))
@click.option("--state", help=N_("Only those in this state, such as posted."))
@click.option("--from", "start", type=_DAY, help=N_("From this day on, such as 2026-01-31."))
@click.option("--to", "end", type=_DAY, help=N_("Up to this day, included."))
@click.option("--open", "only_open", is_flag=True, help=N_("Only those of which something is open."))
@click.option("--after", metavar="CURSOR", help=N_("Go on after the document with this cursor."))
@_limit
@json_option
@pass_session
def documents(session: Session, *, limit: int, after: str | None, as_json: bool, **options: Any) -> None:
    """List documents."""
    from crmcore_trade_ledger.listing import Wanted, list_documents

    days = {name: _date(options.pop(name)) for name in ("start", "end")}
    with session.app.read(_PLUGIN) as ctx:
        found = list_documents(ctx.connection, Wanted(**options, **days), limit, after)
        if as_json:
            emit_lines(in_bulk(session, ctx, "ledger_document", found, {"limit": limit}))
            return
        rows = list(found)
        show_table(
            Table("documents", _("Documents"), document_columns(), [document_row(row) for row in rows])
        )
        if len(rows) == limit:
            echo(_("Go on with --after {cursor}").format(cursor=rows[-1]["cursor"]))


@ledger.command(
    "show", cls=Command, help=N_("Show a document with its lines, what they came from, and what settled it.")
)
@click.argument("number")
@click.option(
    "--kind", type=click.Choice(KINDS), help=N_("Its kind, where several documents bear the number.")
)
@json_option
@pass_session
def show(session: Session, number: str, kind: str | None, *, as_json: bool) -> None:
    """Show one document."""
    from crmcore_trade_ledger.listing import show_document

    with session.app.read(_PLUGIN) as ctx:
        found = show_document(ctx.connection, number, kind)
    if as_json:
        emit(found)
        return
    show_table(Table("document", found["number"], document_columns(), [document_row(found)]))
    if found["lines"]:
        show_table(lines_table(found))
    if found["allocations"]:
        show_table(allocations_table(found))


@ledger.command(
    "allocate", cls=Command, help=N_("Allocate payments to open documents, the one due first first.")
)
@click.option("--customer", metavar="CODE", help=N_("Only this customer's payments."))
@click.option("--payment", metavar="NUMBER", help=N_("Only this payment."))
@json_option
@pass_session
def allocate(session: Session, customer: str | None, payment: str | None, *, as_json: bool) -> None:
    """Allocate what is not allocated yet."""
    from crmcore_trade_ledger.services import allocate_payments

    done = allocate_payments(session.app, session.actor, customer=customer, payment=payment).as_json()
    if as_json:
        emit(done)
        return
    counts = _("{payments} payments allocated to {documents} documents.")
    echo(counts.format(payments=done["payments"], documents=done["documents"]))
    for sum_ in done["amounts"]:
        echo(f"{format_minor(sum_['amount_minor'], sum_['currency'])} {sum_['currency']}")


def _date(moment: datetime | None) -> Any:
    return moment.date() if moment else None
