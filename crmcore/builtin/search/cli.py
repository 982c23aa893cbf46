"""`crm find` and `crm search`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from crmcore.builtin.search.finding import Hit

SHOWN = 20
MOST = 1_000


@click.command(
    "find",
    cls=Command,
    help=N_(
        "Find customers by name, short name, code, phone, tax id, contact, or pinyin. TEXT that begins with - stands behind --."
    ),
)
@click.argument("text")
@click.option("--phone", is_flag=True, help=N_("TEXT is the number of a caller, in any writing."))
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=MOST),
    default=SHOWN,
    metavar="N",
    help=N_("Show so many at most (default: 20)."),
)
@click.option("--archived", is_flag=True, help=N_("Archived customers and contacts, too."))
@json_option
@pass_session
def find_command(
    session: Session, text: str, limit: int, *, phone: bool, archived: bool, as_json: bool
) -> None:
    """Find customers."""
    from crmcore.builtin.search.finding import find
    from crmcore.builtin.search.words import missing_sentence

    with session.app.read("crmcore", session.actor) as ctx:
        hits = find(session.app, ctx, text, phone=phone, limit=limit, archived=archived)
    if sentence := missing_sentence(text, found=bool(hits)):
        session.app.warn(sentence)
    if as_json:
        emit_lines(hit._asdict() for hit in hits)
    elif hits:
        _show(session, hits)
    else:
        echo(_("Nothing was found for {text!r}.").format(text=text[:80]))


def _show(session: Session, hits: list[Hit]) -> None:
    from crmcore.builtin.search.words import Reasons

    reasons = Reasons(session.app)
    columns = (
        Column("code", _("Code")),
        Column("name", _("Name")),
        Column("why", _("Why")),
        Column("score", _("Score"), "integer"),
    )
    rows = [(hit.code, hit.name, reasons.shown(hit.why), hit.score) for hit in hits]
    show_table(Table("hits", "", columns, rows))


@click.group(cls=Group, help=N_("The search index: rebuild"))
def search() -> None:
    """Hold the commands below."""


@search.command("rebuild", cls=Command, help=N_("Make the search index anew from the rows."))
@json_option
@pass_session
def rebuild_command(session: Session, *, as_json: bool) -> None:
    """Make the index anew."""
    from crmcore.builtin.search.rebuilding import rebuild
    from crmcore.builtin.search.words import features_shown

    session.app.check_enabled_set()
    done = rebuild(session.app, session.actor)
    if as_json:
        emit(done)
    else:
        message = _("The search index holds {rows} rows; {features}.")
        echo(message.format(rows=done["rows"], features=features_shown(done)))
