"""`crm contact …`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from crmcore.builtin.records.options import (
    DAY,
    NUMBER,
    PLUGIN,
    after_option,
    beside_version_option,
    by,
    day_of,
    given,
    limit_option,
    list_records,
    reason_option,
    require_some,
    version_option,
)
from crmcore.builtin.records.words import shown_all
from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session, show_table
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

_PERSON = ("name", "phone", "mobile", "email")


def _person_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--email", help=N_("E-mail address.")),
        click.option("--mobile", help=N_("Mobile phone.")),
        click.option("--phone", help=N_("Telephone.")),
    ):
        command = option(command)
    return command


def _place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--since", type=DAY, help=N_("First day there, such as 2025-01-01.")),
        click.option("--position", help=N_("Position at the customer.")),
        click.option(
            "--role",
            "roles",
            multiple=True,
            help=N_(
                "Part in decisions: decides, advises, opposes, influences, uses, gatekeeper, owner,"
                " legal_representative, key_person. May be repeated."
            ),
        ),
    ):
        command = option(command)
    return command


_place_version_option = click.option(
    "--expect-place-version",
    type=NUMBER,
    metavar="N",
    help=N_("Refuse the edit unless the place at the customer still has this version."),
)


@click.group(cls=Group, help=N_("Contacts: the people at customers"))
def contact() -> None:
    """Hold the commands below."""


@contact.command("add", cls=Command, help=N_("Add a person at a customer."))
@click.argument("customer")
@click.option("--name", required=True, help=N_("Name of the person."))
@click.option("--code", help=N_("Code; by default one is made from the company's pattern."))
@_person_options
@_place_options
@reason_option
@json_option
@pass_session
def add_command(session: Session, customer: str, **options: Any) -> None:
    """Add a contact."""
    from crmcore.builtin.records.services.contacts import add

    person = given(**{name: options[name] for name in (*_PERSON, "code")})
    code = add(session.app, by(session, options["reason"]), customer, person, _place(options))
    _answer(session, code, _("Contact {code} was added."), as_json=options["as_json"])


@contact.command("edit", cls=Command, help=N_("Change a person, or their place at a customer."))
@click.argument("code")
@click.option("--name", help=N_("Name of the person."))
@_person_options
@click.option("--customer", help=N_("Whose place is meant; needed where there are several."))
@_place_options
@version_option
@_place_version_option
@reason_option
@json_option
@pass_session
def edit_command(session: Session, code: str, customer: str | None, **options: Any) -> None:
    """Change a contact."""
    from crmcore.builtin.records.services.contacts import edit

    person, place = given(**{name: options[name] for name in _PERSON}), _place(options)
    require_some({**person, **place})
    edit(
        session.app,
        by(session, options["reason"]),
        code,
        person,
        place,
        customer=customer,
        expect_version=options["expect_version"],
        expect_place_version=options["expect_place_version"],
    )
    _answer(session, code, _("Contact {code} was changed."), as_json=options["as_json"])


@contact.command("join", cls=Command, help=N_("Note that a person works for one more customer."))
@click.argument("code")
@click.argument("customer")
@_place_options
@beside_version_option
@reason_option
@json_option
@pass_session
def join_command(session: Session, code: str, customer: str, **options: Any) -> None:
    """Add a place."""
    from crmcore.builtin.records.services.contacts import join

    seen = options["expect_version"]
    join(session.app, by(session, options["reason"]), code, customer, _place(options), expect_version=seen)
    _answer(session, code, _("Contact {code} was changed."), as_json=options["as_json"])


@contact.command("leave", cls=Command, help=N_("Note that a person no longer works for a customer."))
@click.argument("code")
@click.argument("customer", required=False)
@click.option("--until", type=DAY, help=N_("Last day there; by default today."))
@_place_version_option
@reason_option
@json_option
@pass_session
def leave_command(
    session: Session, code: str, customer: str | None, until: datetime | None, **options: Any
) -> None:
    """End a place."""
    from crmcore.builtin.records.services.contacts import leave

    seen = options["expect_place_version"]
    place = (code, customer, day_of(until))
    leave(session.app, by(session, options["reason"]), *place, expect_place_version=seen)
    _answer(session, code, _("Contact {code} was changed."), as_json=options["as_json"])


@contact.command("move", cls=Command, help=N_("Note that a person changed from their firms to a customer."))
@click.argument("code")
@click.argument("customer")
@click.option("--until", type=DAY, help=N_("Last day at the firms before; by default the day before."))
@_place_options
@beside_version_option
@_place_version_option
@reason_option
@json_option
@pass_session
def move_command(session: Session, code: str, customer: str, until: datetime | None, **options: Any) -> None:
    """Change the place."""
    from crmcore.builtin.records.services.contacts import move

    seen = {name: options[name] for name in ("expect_version", "expect_place_version")}
    to = (code, customer, _place(options), day_of(until))
    move(session.app, by(session, options["reason"]), *to, **seen)
    _answer(session, code, _("Contact {code} was changed."), as_json=options["as_json"])


@contact.command("archive", cls=Command, help=N_("Archive a person; with --undo take them back."))
@click.argument("code")
@click.option("--undo", is_flag=True, help=N_("Take back from the archive."))
@version_option
@reason_option
@json_option
@pass_session
def archive_command(session: Session, code: str, reason: str, *, undo: bool, **options: Any) -> None:
    """Archive a contact."""
    from crmcore.builtin.records.services.contacts import set_archived

    seen = options["expect_version"]
    set_archived(session.app, by(session, reason), code, archived=not undo, expect_version=seen)
    message = _("Contact {code} is back from the archive.") if undo else _("Contact {code} was archived.")
    _answer(session, code, message, as_json=options["as_json"])


@contact.command("show", cls=Command, help=N_("Show a person and where they work."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show a contact."""
    found = _read(session, code, show=True)
    if as_json:
        emit(found)
        return
    archived = " " + _("(archived)") if found["archived"] else ""
    restricted = " " + _("(restricted)") if "restricted" in found else ""
    echo(f"{found['code']}  {found['name']}{archived}{restricted}")
    titles = {"phone": _("Phone"), "mobile": _("Mobile"), "email": _("E-mail"), "version": _("Version")}
    rows = [(title, found[name]) for name, title in titles.items() if found[name] is not None]
    show_table(Table("contact", "", (Column("field", _("Field")), Column("value", _("Value"))), rows))
    show_table(_places_table(found["firms"]))


@contact.command("list", cls=Command, help=N_("List people by code."))
@click.option("--customer", help=N_("Only those of this customer, past ones too."))
@click.option("--text", help=N_("Only those with this in their name, numbers or e-mail address."))
@click.option("--archived", is_flag=True, help=N_("Archived ones too."))
@limit_option
@after_option
@json_option
@pass_session
def list_command(session: Session, *, limit: int | None, as_json: bool, **options: Any) -> None:
    """List contacts."""
    from crmcore.builtin.records.services import contacts

    filters = {**options, "archived": options["archived"] or None}
    with session.app.read(PLUGIN, session.actor) as ctx:
        query = contacts.select(ctx.connection, **options)
        wanted = {"limit": limit, "as_json": as_json, **filters}
        list_records(session, ctx, query, contacts.as_json, _contact_table, wanted)


def _place(options: Mapping[str, Any]) -> dict[str, Any]:
    roles = [role for role in options["roles"] if role]
    return given(
        position=options["position"],
        since=day_of(options["since"]),
        roles=roles if options["roles"] else None,
    )


def _read(session: Session, code: str, *, show: bool = False) -> dict[str, Any]:
    from crmcore.builtin.privacy.restricted import require_shown
    from crmcore.builtin.records.services.contacts import as_json
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Contact

    with session.app.read(PLUGIN, session.actor) as ctx:
        row = find_row(ctx.connection, Contact, code)
        found = as_json(ctx, [row])[0]
        restricted = show and require_shown(session.app, ctx, "contact", row["id"])
    return found | {"restricted": True} if restricted else found


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        emit(_read(session, code))
    else:
        echo(message.format(code=code))


def _contact_table(contacts: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("code", _("Code")),
        Column("name", _("Name")),
        Column("customers", _("Customers")),
        Column("phone", _("Phone")),
        Column("mobile", _("Mobile")),
        Column("email", _("E-mail")),
    )
    rows = [
        (
            c["code"],
            c["name"],
            ", ".join(firm["customer"] for firm in c["firms"]),
            c["phone"],
            c["mobile"],
            c["email"],
        )
        for c in contacts
    ]
    return Table("contacts", "", columns, rows)


def _places_table(firms: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("customer", _("Customer")),
        Column("position", _("Position")),
        Column("roles", _("Roles")),
        Column("since", _("Since"), "date"),
        Column("until", _("Until"), "date"),
    )
    rows = [(f["customer"], f["position"], shown_all(f["roles"]), f["since"], f["until"]) for f in firms]
    return Table("firms", _("Works for"), columns, rows)
