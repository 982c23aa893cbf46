"""`crm consent …`: what persons agreed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from crmcore.builtin.records.options import (
    DAY,
    NUMBER,
    day_of,
    limit_option,
    list_records,
    version_option,
)
from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

_code = click.argument("code")
_purpose = click.option(
    "--purpose", required=True, metavar="NAME", help=N_("To what; one of purposes in [plugins.privacy].")
)
_on = click.option("--on", type=DAY, metavar="DAY", help=N_("On which day; by default today."))


@click.group(cls=Group, help=N_("Consents of persons: give, withdraw, list"))
def consent() -> None:
    """Hold the commands below."""


@consent.command("give", cls=Command, help=N_("Note that the person CODE agrees to a purpose."))
@_code
@_purpose
@click.option("--how", required=True, help=N_("In what form: a signed paper, a message, at a counter."))
@_on
@json_option
@pass_session
def give_command(
    session: Session, code: str, purpose: str, how: str, on: datetime | None, *, as_json: bool
) -> None:
    """Note a consent."""
    from crmcore.builtin.privacy.consents import give

    number = give(session.app, session.actor, code, purpose, how, day_of(on))
    _answer(session, number, _("{person} consents to {purpose} since {given_on}."), as_json=as_json)


@consent.command("withdraw", cls=Command, help=N_("Note that the person CODE takes a consent back."))
@_code
@_purpose
@click.option("--how", default="", help=N_("In what form: a letter, a message, by telephone."))
@_on
@version_option
@json_option
@pass_session
def withdraw_command(
    session: Session, code: str, purpose: str, how: str, on: datetime | None, **options: Any
) -> None:
    """Note a withdrawal."""
    from crmcore.builtin.privacy.consents import withdraw

    seen = options["expect_version"]
    number = withdraw(session.app, session.actor, code, purpose, how, on=day_of(on), expect_version=seen)
    message = _("{person} no longer consents to {purpose}, since {withdrawn_on}.")
    _answer(session, number, message, as_json=options["as_json"])


@consent.command("list", cls=Command, help=N_("List consents, withdrawn ones among them."))
@click.option("--person", "code", metavar="CODE", help=N_("Only those of this person."))
@click.option("--purpose", metavar="NAME", help=N_("Only those to this purpose."))
@click.option("--after", type=NUMBER, metavar="N", help=N_("Go on behind this number."))
@limit_option
@json_option
@pass_session
def list_command(session: Session, **options: Any) -> None:
    """List consents."""
    from crmcore.builtin.privacy.consents import as_json, select

    with session.app.read("privacy", session.actor) as ctx:
        query = select(ctx.connection, options["code"], options["purpose"], options["after"])
        list_records(session, ctx, query, as_json, _table, options)


def _answer(session: Session, number: int, message: str, *, as_json: bool) -> None:
    from crmcore.builtin.privacy.consents import one_as_json

    found = one_as_json(session.app, number)
    if as_json:
        emit(found)
    else:
        echo(message.format(**found))


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("number", _("Number"), "integer"),
        Column("person", _("Person")),
        Column("purpose", _("Purpose")),
        Column("given_on", _("Given"), "date"),
        Column("how", _("How")),
        Column("withdrawn_on", _("Withdrawn"), "date"),
    )
    rows = [tuple(one[column.name] for column in columns) for one in found]
    return Table("consents", "", columns, rows)
