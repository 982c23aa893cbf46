"""`crm customer …`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from crmcore.builtin.records.options import (
    PLUGIN,
    SHOWN,
    after_option,
    by,
    count_rows,
    limit_option,
    print_page,
    reason_option,
    record_bulk,
    require_some,
    version_option,
)
from crmcore.cli.kit import Command, Group, Session, echo, emit, emit_lines, json_option, pass_session
from crmcore.errors import StaleVersion
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from crmcore.plugins.types import Context

_set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help=N_("Set a field of the card; an empty value clears it. May be repeated."),
)
_name_option = click.option("--name", help=N_("Full name."))
_kind_option = click.option("--kind", metavar="KIND", help=N_("organisation or person."))


@click.group(cls=Group, help=N_("Customers: add, edit, show, list, archive"))
def customer() -> None:
    """Hold the commands below."""


@customer.command("add", cls=Command, help=N_("Add a customer."))
@_name_option
@click.option("--code", help=N_("Code; by default one is made from the company's pattern."))
@_kind_option
@_set_option
@click.option("--expect-version", type=int, hidden=True)
@reason_option
@json_option
@pass_session
def add_command(
    session: Session, settings: tuple[str, ...], expect_version: int | None, **options: Any
) -> None:
    """Add a customer."""
    from crmcore.builtin.records.fields import read_settings
    from crmcore.builtin.records.services.customers import add

    if expect_version:
        raise StaleVersion(_("a new customer has no version {version} yet").format(version=expect_version))
    reason, as_json = options.pop("reason"), options.pop("as_json")
    values = read_settings(session, settings, **options)
    code = add(session.app, by(session, reason), values)
    _answer(session, code, _("Customer {code} was added."), as_json=as_json)


@customer.command("edit", cls=Command, help=N_("Change fields of a customer."))
@click.argument("current", metavar="CODE")
@_name_option
@click.option("--code", help=N_("Another code."))
@_kind_option
@_set_option
@version_option
@reason_option
@json_option
@pass_session
def edit_command(
    session: Session, current: str, settings: tuple[str, ...], expect_version: int | None, **options: Any
) -> None:
    """Change a customer."""
    from crmcore.builtin.records.fields import read_settings
    from crmcore.builtin.records.services.customers import edit

    reason, as_json = options.pop("reason"), options.pop("as_json")
    values = read_settings(session, settings, **options)
    require_some(values)
    code = edit(session.app, by(session, reason), current, values, expect_version=expect_version)
    _answer(session, code, _("Customer {code} was changed."), as_json=as_json)


@customer.command("archive", cls=Command, help=N_("Archive customers: they stay, with their history."))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@reason_option
@json_option
@pass_session
def archive_command(session: Session, codes: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Archive customers."""
    _set_archived(session, codes, reason, archived=True, as_json=as_json)


@customer.command("restore", cls=Command, help=N_("Take customers back from the archive."))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@reason_option
@json_option
@pass_session
def restore_command(session: Session, codes: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Take customers back."""
    _set_archived(session, codes, reason, archived=False, as_json=as_json)


def _set_archived(
    session: Session, codes: Sequence[str], reason: str, *, archived: bool, as_json: bool
) -> None:
    from crmcore.builtin.records.services.customers import set_archived

    set_archived(session.app, by(session, reason), codes, archived=archived)
    message = (
        _("Customer {code} was archived.") if archived else _("Customer {code} is back from the archive.")
    )
    for code in codes:
        _answer(session, code, message, as_json=as_json)


@customer.command("show", cls=Command, help=N_("Show the whole card of a customer."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show a card."""
    from crmcore.builtin.records.services.customers import cards
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Customer

    with session.app.read(PLUGIN, session.actor) as ctx:
        card, sections = cards(session.app, ctx, [find_row(ctx.connection, Customer, code)])[0]
    _record_sensitive(session, [card])
    if as_json:
        emit(card)
        return
    from crmcore.builtin.records.card import print_card

    print_card(session, card, sections)


@customer.command("list", cls=Command, help=N_("List customers by code."))
@click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    help=N_("Only those with this value; archived=true lists archived ones, archived=any all."),
)
@limit_option
@after_option
@json_option
@pass_session
def list_command(
    session: Session, where: tuple[str, ...], limit: int | None, after: str | None, *, as_json: bool
) -> None:
    """List customers."""
    from crmcore.builtin.records.card import customer_table
    from crmcore.builtin.records.fields import read_conditions
    from crmcore.builtin.records.services.customers import select, stream

    query = select(session.app, read_conditions(session, where), after)
    limit = limit if as_json else limit or SHOWN
    with session.app.read(PLUGIN, session.actor) as ctx:
        count = count_rows(ctx, query, limit)
        record_bulk(session, ctx, "customer", count, {"where": where or None, "after": after, "limit": limit})
        if as_json:
            emit_lines(_card_lines(session, ctx, stream(ctx, query, limit)))
        else:
            rows = [row for page in stream(ctx, query, limit) for row in page]
            print_page(customer_table(rows), count, limit)


def _card_lines(
    session: Session, ctx: Context, pages: Iterator[Sequence[Any]]
) -> Iterator[Mapping[str, Any]]:
    from crmcore.builtin.records.services.customers import cards

    for page in pages:
        made = [card for card, _sections in cards(session.app, ctx, page)]
        _record_sensitive(session, made)
        yield from made


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    """Say what was done; with --json print the customer as it is now."""
    if not as_json:
        echo(message.format(code=code))
        return
    from crmcore.builtin.records.services.customers import cards
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Customer

    with session.app.read(PLUGIN, session.actor) as ctx:
        card, _sections = cards(session.app, ctx, [find_row(ctx.connection, Customer, code)])[0]
    _record_sensitive(session, [card])
    emit(card)


def _record_sensitive(session: Session, cards: Sequence[Mapping[str, Any]]) -> None:
    """Record that sensitive fields with a value were read: whose, and which."""
    sensitive = {field.name for field in session.app.catalogue.fields.values() if field.sensitive}
    read = {card["code"]: sensitive & card["attributes"].keys() for card in cards}
    codes = [code for code, names in read.items() if names]
    if codes:
        whose = codes[0] if len(codes) == 1 else f"{codes[0]}…{codes[-1]}"
        names = ",".join(sorted(set().union(*read.values())))
        session.app.log_read(session.actor, "sensitive", "customer", len(codes), f"{whose}: {names}")
