"""`crm person …`: what is held of a person, given to them, restricted, erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import (
    Command,
    Group,
    Session,
    echo,
    emit,
    json_option,
    pass_session,
    show_table,
)
from crmcore.errors import Guarded, UsageProblem
from crmcore.i18n import N_, _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    from crmcore.plugins.types import Person

_code = click.argument("code")


@click.group(cls=Group, help=N_("Natural persons: give them their data, restrict, erase"))
def person() -> None:
    """Hold the commands below."""


@person.command(
    "export",
    cls=Command,
    help=N_("Give all that is held of the person CODE, of every plugin: JSON on stdout, or in a file."),
)
@_code
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help=N_("Write JSON into this file."))
@click.option("--pdf", type=click.Path(path_type=Path), metavar="FILE", help=N_("Write a PDF to hand out."))
@click.option("--force", is_flag=True, help=N_("Overwrite a file that exists."))
@json_option
@pass_session
def export_command(
    session: Session, code: str, out: Path | None, pdf: Path | None, *, force: bool, as_json: bool
) -> None:
    """Export a person; without a file it is JSON anyway."""
    from crmcore.builtin.privacy.exporting import as_text, check_target, export, write_file

    app, targets = session.app, [target for target in (out, pdf) if target]
    if out and pdf and out.resolve() == pdf.resolve():
        raise UsageProblem(_("--out and --pdf name the same file"))
    for target in targets:
        check_target(app, target, force=force)
    content = export(app, session.actor, code)
    if pdf:
        from crmcore.builtin.privacy.paper import write_pdf

        write_pdf(app, session.actor, content, pdf)
    if out:
        write_file(out, as_text(content).encode())
    if not targets:
        emit(content)
    elif as_json:
        emit({"code": code, "files": [str(target.resolve()) for target in targets]})
    else:
        for target in targets:
            echo(_("All that is held of {code} was written to {file}.").format(code=code, file=target))


@person.command(
    "restrict",
    cls=Command,
    help=N_("Keep the data of the person CODE and use it no more, until that is lifted."),
)
@_code
@click.option("--reason", default="", help=N_("Why; it is part of the person's data."))
@json_option
@pass_session
def restrict_command(session: Session, code: str, reason: str, *, as_json: bool) -> None:
    """Restrict a person."""
    from crmcore.builtin.privacy.restricting import restrict

    done = restrict(session.app, session.actor, code, reason)
    if as_json:
        emit(done)
    else:
        echo(_("{code} is restricted: kept, not changed, not listed, not handed out.").format(code=code))


@person.command("unrestrict", cls=Command, help=N_("Lift the restriction of the person CODE."))
@_code
@json_option
@pass_session
def unrestrict_command(session: Session, code: str, *, as_json: bool) -> None:
    """Lift a restriction."""
    from crmcore.builtin.privacy.restricting import unrestrict

    done = unrestrict(session.app, session.actor, code)
    if as_json:
        emit(done)
    else:
        echo(_("{code} is no longer restricted.").format(code=code))


@person.command(
    "erase",
    cls=Command,
    help=N_("Erase the person CODE for good; without --yes the plan is shown and nothing is done."),
)
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@click.option("--reason", default="", help=N_("Why, without a name or number of the person; it is kept."))
@click.option("--yes", is_flag=True, help=N_("Do it: nobody can bring it back."))
@json_option
@pass_session
def erase_command(session: Session, codes: tuple[str, ...], reason: str, *, yes: bool, as_json: bool) -> None:
    """Erase persons."""
    from crmcore.builtin.privacy.erasing import erase, plan

    persons = _persons(session, codes)
    work = (
        erase(session.app, session.actor, persons, reason)
        if yes
        else plan(session.app, session.actor, persons)
    )
    if as_json:
        emit({"done": yes, "mentions": [], **work})
    else:
        show_erasure(work, done=yes)
    if not yes:
        raise Guarded(_("nothing was erased yet; do it with --yes and --reason"))


def _persons(session: Session, codes: Sequence[str]) -> list[Person]:
    from crmcore.builtin.privacy.persons import by_code
    from crmcore.entities.actors import require_permission

    with session.app.read("privacy", session.actor) as ctx:
        require_permission(ctx.connection, session.app.config, session.actor, "privacy.manage")
        found = {person.uid: person for person in (by_code(ctx.connection, code) for code in codes)}
    return list(found.values())


def show_erasure(work: Mapping[str, Any], *, done: bool) -> None:
    """Print what an erasure does or did."""
    from crmcore.builtin.audit.display import entity_title

    codes = ", ".join(f"{entity_title(person['entity'])} {person['code']}" for person in work["persons"])
    message = _("Erased: {persons}") if done else _("To be erased: {persons}")
    echo(message.format(persons=codes))
    columns = (
        Column("table", _("Table")),
        Column("plugin", _("Plugin")),
        Column("erased", _("Rows erased"), "integer"),
        Column("kept", _("Rows kept"), "integer"),
        Column("why", _("Why kept")),
    )
    rows = [(t["table"], t["plugin"], t["erased"], t["kept"], _why(t)) for t in work["tables"]]
    show_table(Table("tables", "", columns, rows))
    counts = work["files"]
    line = _("Files of documents: {documents}; rejected rows of imports: {rows}")
    echo(line.format(documents=counts["documents"], rows=counts["rejected_rows"]))
    for place in work.get("mentions", ()):
        line = _("Also named in {table}.{column}: {rows} rows ({examples}); this is left, look at it")
        examples = ", ".join(map(str, place["examples"]))
        echo(line.format(table=place["table"], column=place["column"], rows=place["rows"], examples=examples))


def _why(table: Mapping[str, Any]) -> str:
    why, until = table["why_kept"] or "", table["kept_until"]
    return _("{why}, until {day}").format(why=why, day=until) if until else why
