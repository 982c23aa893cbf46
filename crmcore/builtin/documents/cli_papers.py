"""`crm document hand-out|hand-outs|check`: copies given away, and whether the files are whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from crmcore.builtin.documents.cli import PLUGIN, after_number
from crmcore.builtin.documents.words import shown_state
from crmcore.builtin.records.options import limit_option, list_records, local
from crmcore.cli.kit import Command, Session, echo, emit, emit_lines, json_option, pass_session, show_table
from crmcore.errors import CrmError
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

HAND_OUT = N_("Write down that a copy is given to somebody outside.")
HAND_OUTS = N_("List the copies that were given to somebody outside.")
CHECK = N_("Read the files of all documents, or of some, and say which are missing or damaged.")


@click.command("hand-out", cls=Command, help=HAND_OUT)
@click.argument("code")
@click.option("--to", "whom", required=True, metavar="WHOM", help=N_("Who gets it, with name and firm."))
@click.option("--reason", required=True, help=N_("What for."))
@json_option
@pass_session
def hand_out_command(session: Session, code: str, whom: str, reason: str, *, as_json: bool) -> None:
    """Hand out a copy."""
    from crmcore.builtin.documents.hand_outs import hand_out, read_hand_out

    number = hand_out(session.app, session.actor, code, whom, reason)
    with session.app.read(PLUGIN, session.actor) as ctx:
        found = read_hand_out(ctx, number)
    if as_json:
        emit(found)
    else:
        echo(_("A copy of {document} goes to {recipient}; that is written down.").format(**found))


@click.command("hand-outs", cls=Command, help=HAND_OUTS)
@click.option("--document", metavar="CODE", help=N_("Only those of this document."))
@click.option("--customer", metavar="CODE", help=N_("Only papers about this customer."))
@after_number
@limit_option
@json_option
@pass_session
def hand_outs_command(session: Session, **options: Any) -> None:
    """List copies handed out."""
    from crmcore.builtin.documents.hand_outs import as_json, select

    page = {name: options.pop(name) for name in ("limit", "as_json")}

    def table(found: Sequence[Mapping[str, Any]]) -> Table:
        return _hand_out_table(session, found)

    with session.app.read(PLUGIN, session.actor) as ctx:
        list_records(session, ctx, select(ctx, **options), as_json, table, {**page, **options})


@click.command("check", cls=Command, help=CHECK)
@click.argument("codes", metavar="[CODE]...", nargs=-1)
@json_option
@pass_session
def check_command(session: Session, codes: tuple[str, ...], *, as_json: bool) -> None:
    """Check the store."""
    from crmcore.builtin.documents.store import look

    bad: list[dict[str, Any]] = []
    count = 0
    with session.app.read(PLUGIN, session.actor) as ctx:
        for one in look(ctx, whole=True, codes=codes):
            count += 1
            bad += [one] if one["state"] != "ok" else []
    if as_json:
        emit_lines(bad)
    elif bad:
        show_table(_file_table(bad))
    if bad:
        message = _("{bad} of {count} files are missing or damaged; take them from a backup")
        raise CrmError(message.format(bad=len(bad), count=count))
    if not as_json:
        echo(_("{count} files are whole.").format(count=count))


def _hand_out_table(session: Session, found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("number", _("Number"), "integer"),
        Column("document", _("Document")),
        Column("title", _("Title")),
        Column("recipient", _("Recipient")),
        Column("reason", _("Reason")),
        Column("by", _("By")),
        Column("at", _("At")),
    )
    rows = [
        (
            one["number"],
            one["document"],
            one["title"],
            one["recipient"],
            one["reason"],
            one["handed_out_by"],
            f"{local(session, one['handed_out_at']):%Y-%m-%d %H:%M}",
        )
        for one in found
    ]
    return Table("hand_outs", "", columns, rows)


def _file_table(bad: Sequence[Mapping[str, Any]]) -> Table:
    columns = (Column("code", _("Code")), Column("state", _("State")), Column("file", _("File")))
    return Table("files", "", columns, [(one["code"], shown_state(one["state"]), one["file"]) for one in bad])
