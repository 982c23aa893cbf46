"""`crm interaction …`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import click

from crmcore.builtin.records.options import (
    DAY,
    PLUGIN,
    after_option,
    by,
    day_of,
    given,
    limit_option,
    list_records,
    local,
    reason_option,
    require_some,
    version_option,
)
from crmcore.builtin.records.words import shown
from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session, show_table
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table


def _value_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--due", type=DAY, help=N_("Day by which it must be followed up.")),
        click.option("--contact", help=N_("Code of the person concerned.")),
        click.option("--direction", type=click.Choice(["in", "out"]), help=N_("From them or from us.")),
        click.option("--at", help=N_("When it was, such as '2025-01-31 14:30'; by default now.")),
        click.option("--notes", help=N_("What was said and agreed.")),
        click.option("--subject", help=N_("What it was about.")),
        click.option(
            "--channel",
            help=N_(
                "visit, phone, email, letter, fax, sms, qq, wechat, wecom, web, fair, forum, seminar, service,"
                " or a word of the company."
            ),
        ),
    ):
        command = option(command)
    return command


@click.group(cls=Group, help=N_("Interactions with customers, through every channel"))
def interaction() -> None:
    """Hold the commands below."""


@interaction.command("add", cls=Command, help=N_("Note an interaction; who notes it owns it."))
@click.argument("customer")
@_value_options
@click.option("--owner", help=N_("Who is responsible until it is done; by default who acts."))
@reason_option
@json_option
@pass_session
def add_command(session: Session, customer: str, **options: Any) -> None:
    """Add an interaction."""
    from crmcore.builtin.records.services.interactions import add

    code = add(session.app, by(session, options["reason"]), customer, _values(session, options))
    _answer(session, code, _("Interaction {code} was added."), as_json=options["as_json"])


@interaction.command("edit", cls=Command, help=N_("Change an interaction."))
@click.argument("code")
@_value_options
@version_option
@reason_option
@json_option
@pass_session
def edit_command(session: Session, code: str, expect_version: int | None, **options: Any) -> None:
    """Change an interaction."""
    from crmcore.builtin.records.services.interactions import edit

    values = _values(session, options)
    require_some(values)
    edit(session.app, by(session, options["reason"]), code, values, expect_version=expect_version)
    _answer(session, code, _("Interaction {code} was changed."), as_json=options["as_json"])


@interaction.command("done", cls=Command, help=N_("Note that the follow-up of an interaction is done."))
@click.argument("code")
@click.option("--notes", help=N_("What was said and agreed."))
@version_option
@reason_option
@json_option
@pass_session
def done_command(session: Session, code: str, notes: str | None, reason: str, **options: Any) -> None:
    """Close an interaction."""
    from crmcore.builtin.records.services.interactions import edit

    values = {"done_at": session.app.clock(), **given(notes=notes)}
    edit(session.app, by(session, reason), code, values, expect_version=options["expect_version"])
    _answer(session, code, _("Interaction {code} is done."), as_json=options["as_json"])


@interaction.command("hand-over", cls=Command, help=N_("Hand an interaction over to another actor."))
@click.argument("code")
@click.argument("owner", metavar="ACTOR")
@version_option
@reason_option
@json_option
@pass_session
def hand_over_command(session: Session, code: str, owner: str, reason: str, **options: Any) -> None:
    """Give an interaction another owner."""
    from crmcore.builtin.records.services.interactions import edit

    edit(session.app, by(session, reason), code, {"owner": owner}, expect_version=options["expect_version"])
    _answer(session, code, _("Interaction {code} now belongs to {owner}."), as_json=options["as_json"])


@interaction.command("show", cls=Command, help=N_("Show an interaction."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show an interaction."""
    found = _read(session, code, show=True)
    if as_json:
        emit(found)
        return
    echo(f"{found['code']}  {found['subject']}")
    rows = [
        (_("Customer"), found["customer"]),
        (_("Contact"), found["contact"]),
        (_("Channel"), shown(found["channel"])),
        (_("Direction"), shown(found["direction"])),
        (_("At"), f"{local(session, found['at']):%Y-%m-%d %H:%M}"),
        (_("Owner"), found["owner"]),
        (_("Due"), found["due_on"]),
        (_("Done"), found["done_at"] and f"{local(session, found['done_at']):%Y-%m-%d %H:%M}"),
        (_("Version"), found["version"]),
    ]
    filled = [(title, str(value)) for title, value in rows if value is not None]
    show_table(Table("interaction", "", (Column("field", _("Field")), Column("value", _("Value"))), filled))
    if found["notes"]:
        echo(found["notes"])


@interaction.command("list", cls=Command, help=N_("List interactions, the newest first."))
@click.option("--customer", help=N_("Only those with this customer."))
@click.option("--contact", help=N_("Only those with this person."))
@click.option("--owner", help=N_("Only those of this actor."))
@click.option("--channel", help=N_("Only those through this channel."))
@click.option("--text", help=N_("Only those with this in their subject or notes."))
@click.option("--since", type=DAY, metavar="DATE", help=N_("From this day on."))
@click.option("--until", type=DAY, metavar="DATE", help=N_("Up to this day, included."))
@click.option("--undone", is_flag=True, help=N_("Only those that are to be followed up and not done."))
@limit_option
@after_option
@json_option
@pass_session
def list_command(session: Session, **options: Any) -> None:
    """List interactions."""
    from crmcore.builtin.records.services.interactions import as_json, select

    rest = {"limit": options.pop("limit"), "as_json": options.pop("as_json")}
    since, until = day_of(options.pop("since")), day_of(options.pop("until"))
    days = given(since=since and since.isoformat(), until=until and until.isoformat())
    filters = {**options, "undone": options["undone"] or None, **days}
    with session.app.read(PLUGIN, session.actor) as ctx:
        query = select(ctx.connection, between=_moments(session, since, until), **options)

        def table(found: Sequence[Mapping[str, Any]]) -> Table:
            return _interaction_table(session, found)

        list_records(session, ctx, query, as_json, table, {**rest, **filters})


def _moments(
    session: Session, since: date | None, until: date | None
) -> tuple[datetime | None, datetime | None]:
    """Return when days of the company begin, and when they are over."""
    zone = session.app.config.timezone
    start = datetime.combine(since, time.min, zone) if since else None
    return start, datetime.combine(until + timedelta(days=1), time.min, zone) if until else None


def _values(session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
    names = ("channel", "subject", "notes", "direction", "contact", "owner")
    values = given(**{name: options.get(name) for name in names}, due_on=day_of(options["due"]))
    if options["at"]:
        values["at"] = _moment(session, options["at"])
    return values


def _moment(session: Session, text: str) -> datetime:
    from crmcore.builtin.exchange.dates import datetime_parser
    from crmcore.builtin.exchange.problems import BadValueError

    try:
        return datetime_parser(session.app.config.timezone)(text)
    except BadValueError as error:
        message = _("{field} = {value!r} is not allowed: it {problem}")
        raise UsageProblem(message.format(field="at", value=text, problem=error)) from None


def _read(session: Session, code: str, *, show: bool = False) -> dict[str, Any]:
    from crmcore.builtin.privacy.restricted import require_about_shown
    from crmcore.builtin.records.services.interactions import as_json
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Interaction

    with session.app.read(PLUGIN, session.actor) as ctx:
        row = find_row(ctx.connection, Interaction, code)
        if show:
            require_about_shown(session.app, ctx, row)
        return as_json(ctx, [row])[0]


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    found = _read(session, code)
    if as_json:
        emit(found)
    else:
        echo(message.format(code=code, owner=found["owner"]))


def _interaction_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("code", _("Code")),
        Column("at", _("At"), "datetime"),
        Column("customer", _("Customer")),
        Column("channel", _("Channel")),
        Column("direction", _("Direction")),
        Column("subject", _("Subject")),
        Column("owner", _("Owner")),
        Column("due", _("Due"), "date"),
        Column("done", _("Done"), "datetime"),
    )
    rows = [
        (
            i["code"],
            local(session, i["at"]),
            i["customer"],
            shown(i["channel"]),
            shown(i["direction"]),
            i["subject"],
            i["owner"],
            i["due_on"],
            local(session, i["done_at"]),
        )
        for i in found
    ]
    return Table("interactions", "", columns, rows)
