"""`crm privacy …`: inventory, retention, erasures."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    emit_lines,
    json_option,
    pass_session,
    show_table,
)
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table


@click.group(cls=Group, help=N_("Personal data: inventory, retention, erasures"))
def privacy() -> None:
    """Hold the commands below."""


@privacy.command(
    "inventory",
    cls=Command,
    help=N_("List which personal data is kept: where, why, how long, how sensitive."),
)
@json_option
@pass_session
def inventory_command(session: Session, *, as_json: bool) -> None:
    """List personal fields."""
    from crmcore.builtin.privacy.inventory import gaps, inventory

    found = inventory(session.app)
    for sentence in gaps(session.app):
        session.app.warn(sentence)
    if as_json:
        emit_lines(found)
        return
    columns = (
        Column("plugin", _("Plugin")),
        Column("table", _("Table")),
        Column("field", _("Field")),
        Column("sensitivity", _("Sensitivity")),
        Column("purpose", _("Purpose")),
        Column("retention", _("Kept")),
    )
    words = {"personal": _("personal"), "sensitive": _("sensitive")}
    rows = [
        (
            one["plugin"],
            one["table"],
            one["field"],
            words[one["sensitivity"]],
            one["purpose"],
            one["retention"],
        )
        for one in found
    ]
    show_table(Table("inventory", "", columns, rows))


@privacy.command(
    "retention", cls=Command, help=N_("List who is no longer needed, by the rules in [plugins.privacy].")
)
@json_option
@pass_session
def retention_command(session: Session, *, as_json: bool) -> None:
    """List who is due."""
    from crmcore.builtin.privacy.retention import due, rules_of
    from crmcore.builtin.records.options import in_bulk

    listed = list(due(session.app))
    with session.app.read("privacy", session.actor) as ctx:
        found = list(in_bulk(session, ctx, "person", listed, {"due": "retention"}))
    if as_json:
        emit_lines(found)
        return
    if not found:
        none = _("There are no rules of retention; write them as [[plugins.privacy.retention]] in crm.toml.")
        echo(_("Nobody is due.") if rules_of(session.app) else none)
        return
    columns = (
        Column("code", _("Code")),
        Column("since", _("Since"), "date"),
        Column("due_on", _("Due"), "date"),
        Column("action", _("Action")),
    )
    words = {"tell": _("decide"), "erase": _("is erased by the job")}
    rows = [(one["code"], one["since"], one["due_on"], words[one["action"]]) for one in found]
    show_table(Table("retention", "", columns, rows))


@privacy.command(
    "erasures",
    cls=Command,
    help=N_("List who was erased; with --out copy the list that restored backups are held against."),
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help=N_("Copy the list into this file.")
)
@json_option
@pass_session
def erasures_command(session: Session, out: Path | None, *, as_json: bool) -> None:
    """List erasures."""
    from crmcore.builtin.privacy.erasures import copy_list, list_erasures

    found = list_erasures(session.app)
    if out:
        copy_list(session.app, out)
        echo(_("The list of {count} erasures was copied to {file}.").format(count=len(found), file=out))
        return
    if as_json:
        emit_lines(found)
        return
    columns = (
        Column("code", _("Code")),
        Column("state", _("State")),
        Column("started", _("Begun"), "datetime"),
        Column("actor", _("By")),
        Column("reason", _("Reason")),
    )
    words = {"running": _("interrupted"), "pages": _("interrupted"), "done": _("done")}
    zone = session.app.config.timezone
    rows = [
        (one["code"], words[one["state"]], one["started_at"].astimezone(zone), one["actor"], one["reason"])
        for one in found
    ]
    show_table(Table("erasures", "", columns, rows))


@privacy.command(
    "go-on",
    cls=Command,
    help=N_(
        "Do what is left of erasures that were interrupted, and erase again who came back with a backup."
    ),
)
@json_option
@pass_session
def go_on_command(session: Session, *, as_json: bool) -> None:
    """Finish erasures."""
    from crmcore.builtin.privacy.cli import show_erasure
    from crmcore.builtin.privacy.replay import finish

    work = finish(session.app, session.actor)
    if as_json:
        emit({"done": True, "mentions": [], **work})
    elif work["persons"]:
        show_erasure(work, done=True)
    else:
        echo(_("Nothing is left to be done."))
