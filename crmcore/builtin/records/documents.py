"""`crm document …`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from crmcore.builtin.records.options import (
    PLUGIN,
    after_option,
    by,
    given,
    limit_option,
    list_records,
    reason_option,
    require_some,
    version_option,
)
from crmcore.builtin.records.words import DRAWERS, shown
from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session, show_table
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

_DRAWERS = click.Choice(DRAWERS)
_MEGABYTE = 1_000_000


_PAPERS = "crmcore.builtin.documents"


@click.group(
    cls=Group,
    help=N_("Documents about customers, in five drawers"),
    lazy={
        "borrow": (
            N_("Ask for the paper of a document; once that is approved, fetch it."),
            f"{_PAPERS}.cli:borrow_command",
        ),
        "check": (
            N_("Read the files of all documents, or of some, and say which are missing or damaged."),
            f"{_PAPERS}.cli_papers:check_command",
        ),
        "fetch": (N_("Write down that the borrower has the paper."), f"{_PAPERS}.cli:fetch_command"),
        "hand-out": (
            N_("Write down that a copy is given to somebody outside."),
            f"{_PAPERS}.cli_papers:hand_out_command",
        ),
        "hand-outs": (
            N_("List the copies that were given to somebody outside."),
            f"{_PAPERS}.cli_papers:hand_outs_command",
        ),
        "loans": (N_("List loans: who holds what, and who asks for it."), f"{_PAPERS}.cli:loans_command"),
        "return": (
            N_("Write down that a paper is back, or is not fetched after all."),
            f"{_PAPERS}.cli:return_command",
        ),
    },
)
def document() -> None:
    """Hold the commands below."""


@document.command("add", cls=Command, help=N_("Put a copy of a file into a customer's drawer."))
@click.argument("customer")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--drawer", type=_DRAWERS, required=True, help=N_("Which drawer."))
@click.option("--title", help=N_("Title; by default the name of the file."))
@click.option("--confidential", is_flag=True, help=N_("For us alone; never shown to the customer."))
@reason_option
@json_option
@pass_session
def add_command(session: Session, customer: str, file: Path, reason: str, **options: Any) -> None:
    """Add a document."""
    from crmcore.builtin.records.services.documents import add

    values = given(**{name: options[name] for name in ("drawer", "title", "confidential")})
    limit = session.app.settings(PLUGIN)["document_limit_mb"] * _MEGABYTE
    code = add(session.app, by(session, reason), customer, file, values, limit)
    _answer(session, code, _("Document {code} was added."), as_json=options["as_json"])


@document.command("edit", cls=Command, help=N_("Change a document's title, drawer or mark."))
@click.argument("code")
@click.option("--drawer", type=_DRAWERS, help=N_("Move it to this drawer."))
@click.option("--title", help=N_("Title."))
@click.option(
    "--confidential/--not-confidential",
    default=None,
    help=N_("For us alone, never shown to the customer; or no longer so."),
)
@version_option
@reason_option
@json_option
@pass_session
def edit_command(session: Session, code: str, reason: str, **options: Any) -> None:
    """Change a document."""
    from crmcore.builtin.records.services.documents import edit

    values = given(**{name: options[name] for name in ("drawer", "title", "confidential")})
    require_some(values)
    edit(session.app, by(session, reason), code, values, expect_version=options["expect_version"])
    _answer(session, code, _("Document {code} was changed."), as_json=options["as_json"])


@document.command("list", cls=Command, help=N_("List documents by code."))
@click.option("--customer", help=N_("Only those about this customer."))
@click.option("--drawer", type=_DRAWERS, help=N_("Only those in this drawer."))
@click.option("--text", help=N_("Only those with this in their title or the name of the file."))
@click.option(
    "--confidential/--not-confidential", default=None, help=N_("Only those that are marked so, or are not.")
)
@click.option("--archived", is_flag=True, help=N_("Those in the archive instead."))
@limit_option
@after_option
@json_option
@pass_session
def list_command(session: Session, **options: Any) -> None:
    """List documents."""
    from crmcore.builtin.records.services.documents import as_json, select

    with session.app.read(PLUGIN, session.actor) as ctx:
        names = ("customer", "drawer", "after", "text", "confidential", "archived")
        query = select(ctx.connection, **{name: options[name] for name in names})
        list_records(session, ctx, query, as_json, _document_table, options)


@document.command("show", cls=Command, help=N_("Show what is known of a document."))
@click.argument("code")
@json_option
@pass_session
def show_command(session: Session, code: str, *, as_json: bool) -> None:
    """Show a document."""
    found = _read(session, code, show=True)
    if as_json:
        emit(found)
        return
    echo(f"{found['code']}  {found['title']}")
    rows = [
        (_("Customer"), found["customer"]),
        (_("Drawer"), shown(found["drawer"])),
        (_("File"), found["file_name"]),
        (_("Bytes"), f"{found['size']:,}"),
        ("SHA-256", found["sha256"]),
        (_("Confidential"), _("yes") if found["confidential"] else _("no")),
        (_("Archived"), _("yes") if found["archived"] else _("no")),
        (_("Paper"), _whereabouts(found["loan"])),
        (_("Version"), str(found["version"])),
    ]
    show_table(Table("document", "", (Column("field", _("Field")), Column("value", _("Value"))), rows))


@document.command("extract", cls=Command, help=N_("Copy a document's file out of the store."))
@click.argument("code")
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@json_option
@pass_session
def extract_command(session: Session, code: str, target: Path | None, *, force: bool, as_json: bool) -> None:
    """Copy a document out."""
    from crmcore.builtin.records.services.documents import extract

    written = extract(session.app, by(session), code, target or Path(), force=force)
    if as_json:
        emit({"code": code, "file": str(written.resolve())})
    else:
        echo(_("Document {code} was written to {file}.").format(code=code, file=written))


@document.command("archive", cls=Command, help=N_("Archive a document; with --undo take it back."))
@click.argument("code")
@click.option("--undo", is_flag=True, help=N_("Take back from the archive."))
@version_option
@reason_option
@json_option
@pass_session
def archive_command(session: Session, code: str, reason: str, *, undo: bool, **options: Any) -> None:
    """Archive a document."""
    from crmcore.builtin.records.services.documents import set_archived

    seen = options["expect_version"]
    set_archived(session.app, by(session, reason), code, archived=not undo, expect_version=seen)
    message = _("Document {code} is back from the archive.") if undo else _("Document {code} was archived.")
    _answer(session, code, message, as_json=options["as_json"])


def _whereabouts(loan: Mapping[str, Any] | None) -> str:
    """Say who has the paper of a document, or asks for it."""
    from crmcore.builtin.documents.words import shown_state

    if loan is None:
        return _("in its drawer")
    return _("{state}: {who}, until {day}").format(
        state=shown_state(loan["state"]), who=loan["borrower"], day=loan["due_on"]
    )


def _read(session: Session, code: str, *, show: bool = False) -> dict[str, Any]:
    from crmcore.builtin.privacy.restricted import require_about_shown
    from crmcore.builtin.records.services.documents import as_json
    from crmcore.entities.lookup import find_row
    from crmcore.entities.tables import Document

    with session.app.read(PLUGIN, session.actor) as ctx:
        row = find_row(ctx.connection, Document, code)
        if show:
            require_about_shown(session.app, ctx, row)
        return as_json(ctx, [row])[0]


def _answer(session: Session, code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        emit(_read(session, code))
    else:
        echo(message.format(code=code))


def _document_table(documents: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("code", _("Code")),
        Column("customer", _("Customer")),
        Column("drawer", _("Drawer")),
        Column("title", _("Title")),
        Column("file", _("File")),
        Column("size", _("Bytes"), "integer"),
        Column("confidential", _("Confidential")),
        Column("loan", _("Paper")),
    )
    rows = [
        (
            d["code"],
            d["customer"],
            shown(d["drawer"]),
            d["title"],
            d["file_name"],
            d["size"],
            _("yes") if d["confidential"] else "",
            _whereabouts(d["loan"]) if d["loan"] else "",
        )
        for d in documents
    ]
    return Table("documents", "", columns, rows)
