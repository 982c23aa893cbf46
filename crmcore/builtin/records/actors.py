"""`crm actor …`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from crmcore.builtin.records.options import (
    DAY,
    PLUGIN,
    after_option,
    beside_version_option,
    by,
    limit_option,
    list_records,
    reason_option,
    version_option,
)
from crmcore.builtin.records.words import shown, shown_all
from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session, show_table
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table


@click.group(cls=Group, help=N_("Actors: who may do what, and who stands in for whom"))
def actor() -> None:
    """Hold the commands below."""


@actor.command("add", cls=Command, help=N_("Add an actor: a colleague, a job, a plugin."))
@click.argument("code")
@click.option("--name", help=N_("Name; by default the code."))
@click.option(
    "--kind", type=click.Choice(["human", "job", "plugin"]), default="human", help=N_("What it is.")
)
@click.option("--role", "roles", multiple=True, help=N_("Role to grant. May be repeated."))
@reason_option
@json_option
@pass_session
def add_command(session: Session, code: str, name: str | None, reason: str, **options: Any) -> None:
    """Add an actor."""
    from crmcore.builtin.records.services.actors import add

    roles = sorted(set(options["roles"]))
    values = {"code": code, "name": name or code, "kind": options["kind"], "roles": roles}
    add(session.app, by(session, reason), values)
    _answer(session, code.strip(), _("Actor {code} was added."), as_json=options["as_json"])


@actor.command("grant", cls=Command, help=N_("Give an actor a role."))
@click.argument("code")
@click.argument("role")
@version_option
@reason_option
@json_option
@pass_session
def grant_command(session: Session, code: str, role: str, reason: str, **options: Any) -> None:
    """Grant a role."""
    from crmcore.builtin.records.services.actors import grant

    grant(session.app, by(session, reason), code, role, expect_version=options["expect_version"])
    _answer(session, code, _("Actor {code} was changed."), as_json=options["as_json"])


@actor.command("revoke", cls=Command, help=N_("Take a role from an actor."))
@click.argument("code")
@click.argument("role")
@version_option
@reason_option
@json_option
@pass_session
def revoke_command(session: Session, code: str, role: str, reason: str, **options: Any) -> None:
    """Revoke a role."""
    from crmcore.builtin.records.services.actors import revoke

    revoke(session.app, by(session, reason), code, role, expect_version=options["expect_version"])
    _answer(session, code, _("Actor {code} was changed."), as_json=options["as_json"])


@actor.command("deputy", cls=Command, help=N_("Let an actor stand in for another on some days."))
@click.argument("code")
@click.option("--of", "absent", required=True, metavar="CODE", help=N_("Who is away."))
@click.option("--from", "start", type=DAY, required=True, help=N_("First day, such as 2025-01-01."))
@click.option("--until", "end", type=DAY, required=True, help=N_("Last day, included."))
@beside_version_option
@reason_option
@json_option
@pass_session
def deputy_command(
    session: Session, code: str, absent: str, *, start: datetime, end: datetime, **options: Any
) -> None:
    """Appoint a deputy."""
    from crmcore.builtin.records.services.actors import appoint

    who, days = by(session, options["reason"]), (start.date(), end.date())
    appoint(session.app, who, code, absent, *days, expect_version=options["expect_version"])
    _answer(session, code, _("Actor {code} was changed."), as_json=options["as_json"])


@actor.command(
    "archive", cls=Command, help=N_("Archive an actor, who may not act then; with --undo take back.")
)
@click.argument("code")
@click.option("--undo", is_flag=True, help=N_("Take back from the archive."))
@version_option
@reason_option
@json_option
@pass_session
def archive_command(session: Session, code: str, reason: str, *, undo: bool, **options: Any) -> None:
    """Archive an actor."""
    from crmcore.builtin.records.services.actors import set_archived

    seen = options["expect_version"]
    set_archived(session.app, by(session, reason), code, archived=not undo, expect_version=seen)
    message = _("Actor {code} is back from the archive.") if undo else _("Actor {code} was archived.")
    _answer(session, code, message, as_json=options["as_json"])


@actor.command("show", cls=Command, help=N_("Show an actor's roles and deputies."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show an actor."""
    found = _read(session, code)
    if as_json:
        emit(found)
        return
    archived = " " + _("(archived)") if found["archived"] else ""
    echo(f"{found['code']}  {found['name']}{archived}")
    rows = [(_("Kind"), shown(found["kind"])), (_("Roles"), shown_all(found["roles"]))]
    show_table(Table("actor", "", (Column("field", _("Field")), Column("value", _("Value"))), rows))
    for title, periods in ((_("Deputies"), found["deputies"]), (_("Stands in for"), found["deputy_of"])):
        if periods:
            columns = (
                Column("actor", _("Actor")),
                Column("since", _("Since"), "date"),
                Column("until", _("Until"), "date"),
            )
            show_table(
                Table("deputies", title, columns, [(p["actor"], p["since"], p["until"]) for p in periods])
            )


@actor.command("list", cls=Command, help=N_("List actors by code."))
@click.option("--archived", is_flag=True, help=N_("Archived ones too."))
@limit_option
@after_option
@json_option
@pass_session
def list_command(session: Session, after: str | None, *, archived: bool, **options: Any) -> None:
    """List actors."""
    from crmcore.builtin.records.services.actors import as_json, select
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Actor

    with session.app.read(PLUGIN, session.actor) as ctx:
        filters = {"after": after, "archived": archived or None}
        if after is not None:
            find_row(ctx.connection, Actor, after)
        query = select(after, archived=archived)
        list_records(session, ctx, query, as_json, _actor_table, {**options, **filters})


def _read(session: Session, code: str) -> dict[str, Any]:
    from crmcore.builtin.records.services.actors import as_json
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Actor

    with session.app.read(PLUGIN, session.actor) as ctx:
        return as_json(ctx, [find_row(ctx.connection, Actor, code)])[0]


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        emit(_read(session, code))
    else:
        echo(message.format(code=code))


def _actor_table(actors: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("code", _("Code")),
        Column("name", _("Name")),
        Column("kind", _("Kind")),
        Column("roles", _("Roles")),
    )
    rows = [(a["code"], a["name"], shown(a["kind"]), shown_all(a["roles"])) for a in actors]
    return Table("actors", "", columns, rows)
