"""`crm customer …`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crmcore.builtin.records.options import (
    DAY,
    PLUGIN,
    SHOWN,
    after_option,
    bulk,
    by,
    day_of,
    limit_option,
    print_page,
    reason_option,
    require_some,
    version_option,
)
from crmcore.cli.kit import Command, Group, Session, echo, emit, emit_lines, json_option, pass_session
from crmcore.errors import StaleVersion, UsageProblem
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from crmcore.builtin.records.roster import Line
    from crmcore.plugins.types import CardSection, Context

T = TypeVar("T")
_set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help=N_("Set a field of the card; an empty value clears it. May be repeated."),
)
_name_option = click.option("--name", help=N_("Full name."))
_kind_option = click.option("--kind", metavar="KIND", help=N_("organisation or person."))


_PRINT = N_("Print cards as PDF, one page each, with place for the seal.")


@click.group(
    cls=Group,
    help=N_("Customers: add, edit, show, list, archive"),
    lazy={"print": (_PRINT, "crmcore.builtin.printing.cli:print_command")},
)
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
    _warn(session, code, values)
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
    _warn(session, code, values)
    _answer(session, code, _("Customer {code} was changed."), as_json=as_json)


@customer.command("archive", cls=Command, help=N_("Archive customers: they stay, with their history."))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@version_option
@reason_option
@json_option
@pass_session
def archive_command(session: Session, codes: tuple[str, ...], **options: Any) -> None:
    """Archive customers."""
    _set_archived(session, codes, archived=True, **options)


@customer.command("restore", cls=Command, help=N_("Take customers back from the archive."))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@version_option
@reason_option
@json_option
@pass_session
def restore_command(session: Session, codes: tuple[str, ...], **options: Any) -> None:
    """Take customers back."""
    _set_archived(session, codes, archived=False, **options)


def _set_archived(
    session: Session,
    codes: Sequence[str],
    *,
    archived: bool,
    expect_version: int | None,
    reason: str,
    as_json: bool,
) -> None:
    from crmcore.builtin.records.services.customers import set_archived

    if expect_version and len(set(codes)) > 1:
        raise UsageProblem(_("--expect-version is of one record; name one customer"))
    set_archived(session.app, by(session, reason), codes, archived=archived, expect_version=expect_version)
    message = (
        _("Customer {code} was archived.") if archived else _("Customer {code} is back from the archive.")
    )
    for code in codes:
        _answer(session, code, message, as_json=as_json)


@customer.command("show", cls=Command, help=N_("Show the whole card of a customer."))
@click.argument("code")
@click.option(
    "--as-of",
    "day",
    type=DAY,
    metavar="DATE",
    help=N_("As it was known at the end of this day; by default as it is now."),
)
@json_option
@pass_session
def show_command(session: Session, code: str, day: datetime | None, *, as_json: bool) -> None:
    """Show a card."""
    with session.app.read(PLUGIN, session.actor) as ctx:
        card, sections = _card_of(session, ctx, code, day_of(day))
    _record_card(session, card, sections)
    if as_json:
        emit(card)
        return
    from crmcore.builtin.records.card import print_card

    if day:
        echo(_("As known at the end of {day}:").format(day=day.date()))
    elif code in card["merged_from"]:
        echo(_("{code} was merged into {into}:").format(code=code, into=card["code"]))
    print_card(session, card, sections)


def _card_of(
    session: Session, ctx: Context, code: str, day: date | None
) -> tuple[dict[str, Any], list[CardSection]]:
    from crmcore.builtin.privacy.restricted import require_shown

    if day is not None:
        from crmcore.builtin.audit.as_of import card_as_of
        from crmcore.builtin.privacy.persons import by_uid

        past = card_as_of(session.app, ctx, code, day)
        for person in by_uid(ctx.connection, [past[0]["uid"]]):
            require_shown(session.app, ctx, person.entity, person.id)
        return past
    from crmcore.builtin.duplicates.heirs import merged_row
    from crmcore.builtin.records.services.customers import cards

    row = merged_row(ctx.connection, code)
    restricted = require_shown(session.app, ctx, "customer", row["id"])
    card, sections = cards(session.app, ctx, [row])[0]
    return (card | {"restricted": True} if restricted else card), sections


@customer.command("list", cls=Command, help=N_("List customers, chosen and ordered by any of their columns."))
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help=N_(
        "Only those with this value; also != >= <= > <, and columns of plugins. archived=true lists archived ones, archived=any all."
    ),
)
@click.option(
    "--columns",
    metavar="COLUMN,…",
    help=N_("Show these: fields of the card, and columns of plugins such as abc.grade."),
)
@click.option(
    "--sort",
    metavar="COLUMN",
    help=N_("Order by this column instead of the code; -COLUMN from the greatest down."),
)
@limit_option
@after_option
@json_option
@pass_session
def list_command(session: Session, limit: int | None, *, as_json: bool, **options: Any) -> None:
    """List customers."""
    from crmcore.builtin.records.card import customer_table
    from crmcore.builtin.records.roster import open_roster

    limit = limit if as_json else limit or SHOWN
    with session.app.read(PLUGIN, session.actor) as ctx:
        roster = open_roster(session, ctx, limit, options)
        filters = {**options, "where": options["where"] or None, "limit": limit}

        def taken(rows: Iterator[T]) -> AbstractContextManager[Iterable[T]]:
            return bulk(session, ctx, "customer", rows, filters)

        if as_json:
            with taken(_recorded(session, roster.pages())) as values:
                emit_lines(values)
        elif roster.is_of_columns:
            with taken(roster.lines()) as given:
                lines = list(given)
            _record_sensitive(session, {line.code: line.read for line in lines})
            roster.print_lines(lines, limit)
        else:
            with taken(roster.rows()) as rows:
                table = customer_table(rows)
            print_page(table, len(list(table.rows)), limit)


def _recorded(session: Session, pages: Iterator[Sequence[Line]]) -> Iterator[Mapping[str, Any]]:
    for page in pages:
        _record_sensitive(session, {line.code: line.read for line in page})
        yield from (line.values for line in page)


def _warn(session: Session, code: str, values: Mapping[str, Any]) -> None:
    """Warn of customers that look the same, and of a tax id that cannot be: what is entered is entered all the same."""
    from crmcore.builtin.duplicates.checking import warn_of_entry

    warn_of_entry(session.app, session.actor, code, values)


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    """Say what was done; with --json print the customer as it is now."""
    if not as_json:
        echo(message.format(code=code))
        return
    from crmcore.builtin.records.services.customers import cards
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Customer

    with session.app.read(PLUGIN, session.actor) as ctx:
        card, sections = cards(session.app, ctx, [find_row(ctx.connection, Customer, code)])[0]
    _record_card(session, card, sections)
    emit(card)


def _record_card(session: Session, card: Mapping[str, Any], sections: Sequence[CardSection]) -> None:
    from crmcore.builtin.records.services.sensitive import read_of

    _record_sensitive(session, {card["code"]: read_of(card, sections)})


def _record_sensitive(session: Session, fields: Mapping[str, frozenset[str]]) -> None:
    from crmcore.builtin.records.services.sensitive import record_sensitive

    record_sensitive(session.app, session.actor, fields)
