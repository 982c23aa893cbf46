"""`crm gift …`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Group,
    Session,
    Table,
    UsageProblem,
    echo,
    emit,
    emit_lines,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_birthday_gifts")


@click.group(cls=Group, help=N_("Birthday gifts: give, list"))
def gift() -> None:
    """Hold the commands below."""


@gift.command(
    "give",
    cls=Command,
    help=N_("Give something to a customer; who may approve is asked where it costs more."),
)
@click.argument("code")
@click.option("--title", required=True, help=N_("What is given."))
@click.option(
    "--value", required=True, metavar="AMOUNT", help=N_("What it costs, in the company's currency.")
)
@click.option("--note", help=N_("Why just this one."))
@json_option
@pass_session
def give_command(
    session: Session, code: str, title: str, value: str, *, note: str | None, as_json: bool
) -> None:
    """Give something."""
    from .services import ask_for_gift

    done = ask_for_gift(session.app, session.actor, code, title, _amount(value), note)
    if as_json:
        emit(done)
    elif done["state"] == "given":
        echo(_("{title} was given to {customer}.").format(**done))
    else:
        echo(_("{title} for {customer} waits for approval; see: crm approvals list").format(**done))


@gift.command("list", cls=Command, help=N_("List what customers were given."))
@json_option
@pass_session
def list_command(session: Session, *, as_json: bool) -> None:
    """List gifts."""
    from .services import PLUGIN, list_gifts

    with session.app.read(PLUGIN, session.actor) as ctx:
        found = in_bulk(session, ctx, "gift_given", list_gifts(ctx), {})
        if as_json:
            emit_lines(found)
        else:
            _show(list(found), ctx.currency)


def _show(found: list[dict[str, Any]], currency: str) -> None:
    columns = (
        Column("customer", _("Customer")),
        Column("title", _("Gift")),
        Column("value_minor", _("Value"), "amount"),
        Column("given_on", _("Given on"), "date"),
    )
    rows = [tuple(gift[column.name] for column in columns) for gift in found]
    show_table(Table("gifts", "", columns, rows, currency))


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise UsageProblem(_("{value!r} is no amount; write it as 88.00").format(value=text))
    return amount
