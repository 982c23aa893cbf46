"""`crm import`, `crm imports …`, `crm export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    warn,
)
from crmcore.errors import CrmError
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from crmcore.builtin.exchange.understanding import Understanding

FILE = click.Path(path_type=Path)
LISTED = 50
SHOWN_OF_A_CELL = 60


@click.command(
    "import",
    cls=Command,
    help=N_(
        "Import ENTITY (customers, contacts, interactions, purchases …) from FILE, a CSV file or a workbook (.xlsx).\n\n"
        "Columns are found by their headers. Rows that cannot be taken go to a file of rejected rows, with the reason;"
        " correct it and import it again."
    ),
)
@click.argument("entity")
@click.argument("file", type=FILE)
@click.option(
    "--map", "map_file", type=FILE, metavar="FILE", help=N_("Mapping file that says how columns are read.")
)
@click.option("--save-map", type=FILE, metavar="FILE", help=N_("Write how the columns were understood."))
@click.option(
    "--dry-run",
    is_flag=True,
    help=N_("Try everything and take nothing in; only the file of rejected rows is written."),
)
@click.option("--encoding", help=N_("Encoding of a CSV file (else found out: UTF-8 or GB18030)."))
@click.option("--sheet", help=N_("Sheet of a workbook (else the first)."))
@click.option("--date-order", type=click.Choice(["dmy", "mdy"]), help=N_("How 03/04/2024 is read."))
@click.option("--create-customers", is_flag=True, help=N_("Make customers that rows name and nobody knows."))
@click.option("--generate-codes", is_flag=True, help=N_("Make codes for rows that have none."))
@click.option("--clear-empty", is_flag=True, help=N_("Let an empty cell erase what is there."))
@click.option(
    "--duplicates",
    type=click.Choice(["warn", "refuse"]),
    default="warn",
    help=N_("What becomes of new customers that look like others: taken in with a warning, or rejected."),
)
@json_option
@pass_session
def import_(session: Session, entity: str, file: Path, **chosen: Any) -> None:
    """Import a file; exit 1 if nothing of it could be taken."""
    from crmcore.builtin.exchange.mapping import save_mapping
    from crmcore.builtin.exchange.services import run_import

    what = _understood(session, entity, file, chosen)
    try:
        if chosen["save_map"]:
            save_mapping(chosen["save_map"], what.saved_mapping())
        if not chosen["as_json"]:
            _preview(what)
        progress = _progress() if not chosen["as_json"] else lambda _rows: None
        result = run_import(session.app, session.actor, what, dry_run=chosen["dry_run"], progress=progress)
    finally:
        what.table.close()
    _finish(result, as_json=chosen["as_json"], told=what.warnings())


@click.group(cls=Group, help=N_("Past imports: list, show, resume, undo"))
def imports() -> None:
    """Hold the commands below."""


@imports.command("list", cls=Command, help=N_("List imports, the newest first."))
@click.option(
    "--limit", type=click.IntRange(min=1), default=LISTED, metavar="N", help=N_("List so many at most.")
)
@click.option("--after", type=int, metavar="ID", help=N_("Go on behind the last import of the list before."))
@json_option
@pass_session
def list_imports(session: Session, limit: int, after: int | None, *, as_json: bool) -> None:
    """List imports."""
    from crmcore.builtin.exchange.runs import list_runs, run_as_json
    from crmcore.builtin.records.words import shown
    from crmcore.plugins.types import Column, Table

    runs = [run_as_json(session.app, run) for run in list_runs(session.app, after, limit)]
    if as_json:
        emit_lines(runs)
        return
    columns = (
        Column("import", _("Import"), "integer"),
        Column("entity", _("Entity")),
        Column("file", _("File")),
        Column("state", _("State")),
        *(Column(name, title, "integer") for name, title in _count_titles().items()),
        Column("actor", _("Actor")),
    )
    rows = [
        (
            run["import"],
            run["entity"],
            run["file_name"],
            shown(run["state"]),
            *(run[name] for name in _count_titles()),
            run["actor"],
        )
        for run in runs
    ]
    show_table(Table("imports", "", columns, rows))


@imports.command("show", cls=Command, help=N_("Show one import."))
@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def show_import(session: Session, number: int, *, as_json: bool) -> None:
    """Show an import."""
    from crmcore.builtin.exchange.runs import load_run, run_as_json
    from crmcore.builtin.records.words import shown

    run = run_as_json(session.app, load_run(session.app, number))
    if as_json:
        emit(run)
        return
    echo(
        _("Import {id}: {entity} from {file}").format(id=number, entity=run["entity"], file=run["file_path"])
    )
    echo(_("State: {state}").format(state=shown(run["state"])))
    if run["error"]:
        echo(_("Stopped by: {error}").format(error=run["error"]))
    _show_counts(run)
    if run["state"] == "interrupted":
        echo(_("Go on with: crm imports resume {id}").format(id=number))
    if run["undo"]:
        _show_undo(run["undo"])
    if run["state"] == "undo_stopped":
        echo(_("Go on with: crm imports undo {id}").format(id=number))


@imports.command("resume", cls=Command, help=N_("Go on with an import that was interrupted."))
@click.argument("number", type=int, metavar="ID")
@click.option("--file", "path", type=FILE, metavar="FILE", help=N_("Where the file is now, if it was moved."))
@json_option
@pass_session
def resume(session: Session, number: int, path: Path | None, *, as_json: bool) -> None:
    """Resume an import."""
    from crmcore.builtin.exchange.services import resume_import

    progress = _progress() if not as_json else lambda _rows: None
    _finish(resume_import(session.app, session.actor, number, path, progress=progress), as_json=as_json)


@imports.command(
    "undo",
    cls=Command,
    help=N_(
        "Take an import back: what it made is removed, what it changed is put back.\n\n"
        "What somebody has changed since, and what something else hangs on, is left as it is and listed. The command can be"
        " repeated: it goes on where it was stopped, and takes back what has become free."
    ),
)
@click.argument("number", type=int, metavar="ID")
@json_option
@pass_session
def undo(session: Session, number: int, *, as_json: bool) -> None:
    """Undo an import."""
    from crmcore.builtin.exchange.undo import undo_import

    progress = _progress() if not as_json else lambda _rows: None
    result = undo_import(session.app, session.actor, number, progress=progress)
    if as_json:
        emit(result)
        return
    if sys.stderr.isatty():
        click.echo(err=True)
    echo(_("Import {id} was taken back").format(id=number))
    conflicts = result["conflicts"]
    _show_undo({**result, "conflicts": len(conflicts)})
    if conflicts:
        _show_conflicts(session, conflicts)
        echo(_("These were left as they are; once they are free: crm imports undo {id}").format(id=number))


@click.command(
    cls=Command,
    help=N_(
        "Export ENTITY (customers, contacts, interactions …) to FILE as CSV that can be imported again; - is stdout."
    ),
)
@click.argument("entity")
@click.argument("file")
@json_option
@pass_session
def export(session: Session, entity: str, file: str, *, as_json: bool) -> None:
    """Export an entity."""
    from crmcore.builtin.exchange.export import export_entity

    path = None if file == "-" else Path(file)
    rows = export_entity(session.app, session.actor, entity, path)
    if path is None:
        return
    if as_json:
        emit({"entity": entity, "file": str(path), "rows": rows})
    else:
        echo(_("{count} rows of {entity} are in {file}").format(count=f"{rows:,}", entity=entity, file=path))


def _understood(session: Session, entity: str, file: Path, chosen: dict[str, Any]) -> Understanding:
    from dataclasses import replace

    from crmcore.builtin.exchange.mapping import ColumnMapping, load_mapping
    from crmcore.builtin.exchange.understanding import Options, find_importable, understand

    importable = find_importable(session.app, entity)
    mapping = load_mapping(chosen["map_file"], entity) if chosen["map_file"] else ColumnMapping()
    said = {"sheet": chosen["sheet"], "date_order": chosen["date_order"]}
    mapping = replace(mapping, **{name: value for name, value in said.items() if value})
    refuse = chosen["duplicates"] == "refuse"
    options = Options(chosen["create_customers"], chosen["clear_empty"], chosen["generate_codes"], refuse)
    asked = _ask if _is_terminal() and not chosen["as_json"] else None
    return understand(
        session.app, importable, file, mapping, options, encoding=chosen["encoding"], choose=asked
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str, answers: Any) -> int | None:
    """Let a person choose; an empty answer chooses none."""
    _tell(question)
    for number, answer in enumerate(answers, start=1):
        _tell(f"  {number}  {answer}")
    given: int = click.prompt(
        _("Number (0 = none of them)"), type=click.IntRange(0, len(answers)), default=0, err=True
    )
    return given - 1 if given else None


def _preview(what: Understanding) -> None:
    """Say on stderr how the file was understood: a look is enough to see what is wrong."""
    from crmcore.builtin.exchange.csv_file import encoding_title

    table = what.table
    how = [
        ("encoding", encoding_title(table.encoding) if table.encoding else None),
        ("delimiter", {"\t": "TAB"}.get(table.delimiter or "", table.delimiter)),
        ("sheet", table.sheet),
    ]
    titles = {"encoding": _("encoding"), "delimiter": _("delimiter"), "sheet": _("sheet")}
    _tell(f"{table.path.name}: " + ", ".join(f"{titles[name]} {value}" for name, value in how if value))
    for column in what.plan.columns:
        factor = f" × {column.factor.normalize():f}" if column.factor != 1 else ""
        _tell(f"  {column.header} → {column.field.name}{factor}")
    for warning in what.warnings():
        warn(warning)
    for cells in table.sample(3):
        _tell("  " + " | ".join(map(_beginning, cells[:8])))


def _beginning(cell: str) -> str:
    return cell if len(cell) <= SHOWN_OF_A_CELL else cell[: SHOWN_OF_A_CELL - 1] + "…"


def _progress() -> Any:
    """Return what shows progress, which is nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda _rows: None
    return lambda rows: click.echo("\r" + _("{count} rows").format(count=f"{rows:,}"), nl=False, err=True)


def _tell(text: str) -> None:
    from crmcore.text import printable

    click.echo(printable(text), err=True)


def _count_titles() -> dict[str, str]:
    return {
        "read": _("Read"),
        "created": _("Created"),
        "updated": _("Updated"),
        "unchanged": _("Unchanged"),
        "rejected": _("Rejected"),
        "possible_duplicates": _("Possible duplicates"),
    }


def _show_counts(result: dict[str, Any]) -> None:
    for name, title in _count_titles().items():
        echo(f"{title}: {result[name]:,}")
    if result["rejects_file"]:
        echo(_("Rejected rows and reasons: {file}").format(file=result["rejects_file"]))


def _show_undo(counts: dict[str, Any]) -> None:
    titles = {
        "restored": _("Put back as it was"),
        "removed": _("Removed"),
        "conflicts": _("Left as it is"),
    }
    for name, title in titles.items():
        echo(f"{title}: {counts[name]:,}")


def _show_conflicts(session: Session, conflicts: Sequence[dict[str, Any]]) -> None:
    """Show conflicts, the first of many: JSON has them all."""
    from crmcore.builtin.audit.display import conflict_row
    from crmcore.plugins.types import Column, Table

    columns = (
        Column("entity", _("Entity")),
        Column("key", _("Key")),
        Column("field", _("Field")),
        Column("why", _("Why")),
    )
    rows = [conflict_row(session, conflict) for conflict in conflicts[:LISTED]]
    show_table(Table("conflicts", "", columns, rows))
    if len(conflicts) > LISTED:
        echo(_("… and {count} more (--json lists all)").format(count=f"{len(conflicts) - LISTED:,}"))


def _finish(result: dict[str, Any], *, as_json: bool, told: Sequence[str] = ()) -> None:
    if as_json:
        emit(result)
    else:
        if sys.stderr.isatty():
            click.echo(err=True)
        number = result["import"]
        echo(_("Import {id}").format(id=number) if number else _("Dry run: nothing was written"))
        _show_counts(result)
        for warning in result["warnings"]:
            if warning not in told:
                warn(warning)
    if result["read"] and result["rejected"] == result["read"]:
        raise CrmError(
            _("none of the {count} rows could be taken; the reasons are in {file}").format(
                count=f"{result['read']:,}", file=result["rejects_file"]
            )
        )
