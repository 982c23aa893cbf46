"""`crm order …`: enter orders, release them for delivery, cancel them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from crmcore.api import (
    N_,
    Command,
    Group,
    Refused,
    Session,
    UsageProblem,
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

if TYPE_CHECKING:
    from decimal import Decimal

_ = translator("crmcore_trade_ledger")
_PLUGIN = "trade_ledger"
_DAY = click.DateTime(["%Y-%m-%d"])
_STATES = ("draft", "released", "delivered", "invoiced", "cancelled")


@click.group(cls=Group, help=N_("Orders: add them, release them for delivery, cancel them."))
def order() -> None:
    """Hold the commands below."""


@order.command("add", cls=Command, help=N_("Add a draft order of a customer; --release releases it at once."))
@click.argument("customer")
@click.option(
    "--line",
    "lines",
    metavar="PRODUCT,QTY[,PRICE]",
    multiple=True,
    help=N_(
        "A product, how much of it, and the price per unit without tax (default: its list price); repeatable."
    ),
)
@click.option("--amount", metavar="AMOUNT", help=N_("The amount without tax, where no products are named."))
@click.option("--currency", metavar="CODE", help=N_("Its currency, such as USD (default: the company's)."))
@click.option("--tax-rate", metavar="RATE", help=N_("The rate of tax, such as 13% (default: the usual one)."))
@click.option("--number", metavar="N", help=N_("Its number (default: the next one)."))
@click.option("--date", "day", type=_DAY, help=N_("The day of the order (default: today)."))
@click.option("--due", type=_DAY, help=N_("When it is to be delivered."))
@click.option("--bill-to", metavar="CODE", help=N_("The customer who is billed, where it is another one."))
@click.option("--release", is_flag=True, help=N_("Release it at once, if nothing holds it."))
@json_option
@pass_session
def add(session: Session, *, release: bool, as_json: bool, **options: Any) -> None:
    """Add an order."""
    from crmcore_trade_ledger.ordering.adding import NewOrder, add_order
    from crmcore_trade_ledger.ordering.lines import read_lines

    options["lines"] = read_lines(options["lines"])
    options["amount"] = _amount(options["amount"])
    options |= {name: _date(options[name]) for name in ("day", "due")}
    number = add_order(session.app, session.actor, NewOrder(**options))
    if release:
        _release(session, number, None, as_json=as_json)
    elif as_json:
        _emit_order(session, number)
    else:
        echo(_("Order {number} is added as a draft.").format(number=number))


@order.command("list", cls=Command, help=N_("List orders, the latest first."))
@click.option("--state", type=click.Choice(_STATES), help=N_("Only those in this state."))
@click.option("--customer", metavar="CODE", help=N_("Only this customer's."))
@click.option("--held", is_flag=True, help=N_("Only drafts that something holds."))
@click.option("--after", metavar="CURSOR", help=N_("Go on after the order with this cursor."))
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, help=N_("At most so many (default 50).")
)
@json_option
@pass_session
def list_(session: Session, *, limit: int, after: str | None, as_json: bool, **options: Any) -> None:
    """List orders."""
    from crmcore_trade_ledger.listing import Wanted
    from crmcore_trade_ledger.ordering.listing import list_orders

    wanted = Wanted("order", options["customer"], options["state"])
    with session.app.read(_PLUGIN) as ctx:
        found = list_orders(ctx.connection, wanted, limit, after, only_held=options["held"])
        if as_json:
            emit_lines(in_bulk(session, ctx, "ledger_document", found, {"limit": limit}))
            return
        rows = list(found)
    from crmcore_trade_ledger.cli_tables import orders_table

    show_table(orders_table(rows))
    if len(rows) == limit:
        echo(_("Go on with --after {cursor}").format(cursor=rows[-1]["cursor"]))


@order.command(
    "show", cls=Command, help=N_("Show an order with its lines, what holds it, and what was done with it.")
)
@click.argument("number")
@json_option
@pass_session
def show(session: Session, number: str, *, as_json: bool) -> None:
    """Show one order."""
    from crmcore_trade_ledger import cli_tables
    from crmcore_trade_ledger.ordering.listing import show_order

    with session.app.read(_PLUGIN) as ctx:
        found = show_order(ctx.connection, number)
    if as_json:
        emit(found)
        return
    zone = session.app.config.timezone
    show_table(cli_tables.orders_table([found], found["number"]))
    for table in (
        cli_tables.lines_table(found),
        cli_tables.holds_table(found, zone),
        cli_tables.steps_table(found, zone),
    ):
        if table.rows:
            show_table(table)


@order.command("release", cls=Command, help=N_("Release an order for delivery, or say what holds it."))
@click.argument("number")
@click.option("--over-hold", is_flag=True, help=N_("Release it although it is held, as who may do so."))
@click.option("--reason", metavar="WHY", help=N_("Why it is released although it is held."))
@json_option
@pass_session
def release(session: Session, number: str, *, over_hold: bool, reason: str | None, as_json: bool) -> None:
    """Release an order."""
    if over_hold != (reason is not None):
        raise UsageProblem(
            _("--over-hold and --reason go together: say why it is released although it is held")
        )
    _release(session, number, reason, as_json=as_json)


@order.command("cancel", cls=Command, help=N_("Cancel an order, or with --rest what is left of one."))
@click.argument("number")
@click.option("--rest", is_flag=True, help=N_("Of an order that is partly delivered: cancel what is not."))
@click.option("--reason", metavar="WHY", required=True, help=N_("Why it is cancelled."))
@json_option
@pass_session
def cancel(session: Session, number: str, *, reason: str, rest: bool, as_json: bool) -> None:
    """Cancel an order, or the rest of it."""
    from crmcore_trade_ledger.ordering.cancelling import cancel_order

    left, currency = cancel_order(session.app, session.actor, number, reason, rest=rest)
    if as_json:
        _emit_order(session, number)
    elif rest:
        amount = format_minor(left, currency)
        message = _("The rest of order {number} is cancelled: {amount} {currency}.")
        echo(message.format(number=number, amount=amount, currency=currency))
    else:
        echo(_("Order {number} is cancelled.").format(number=number))


def _release(session: Session, number: str, over_hold: str | None, *, as_json: bool) -> None:
    from crmcore_trade_ledger.ordering.releasing import held_sentence, release_order

    holds = release_order(session.app, session.actor, number, over_hold=over_hold)
    if as_json:
        _emit_order(session, number)
    if holds:
        raise Refused(held_sentence(number, holds))
    if not as_json:
        echo(_("Order {number} is released.").format(number=number))


def _emit_order(session: Session, number: str) -> None:
    from crmcore_trade_ledger.ordering.listing import show_order

    with session.app.read(_PLUGIN) as ctx:
        emit(show_order(ctx.connection, number))


def _amount(text: str | None) -> Decimal | None:
    from decimal import Decimal, InvalidOperation

    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise UsageProblem(_("--amount {text!r} is no amount; write it as 1234.50").format(text=text))
    return amount


def _date(moment: datetime | None) -> Any:
    return moment.date() if moment else None
