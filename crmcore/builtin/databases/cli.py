"""`crm db`: migrate, backup, restore, copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import Command, Group, Session, echo, emit, json_option, pass_session, warn
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIR = click.Path(path_type=Path)


@click.group(cls=Group, help=N_("The database: migrate, back up, restore, copy."))
def db() -> None:
    """Group the commands of the database."""


@db.command(
    "migrate",
    cls=Command,
    help=N_("Bring the tables of the core and of the enabled plugins to this version."),
)
@json_option
@pass_session
def migrate(session: Session, *, as_json: bool) -> None:
    """Migrate all distributions."""
    from crmcore.builtin.databases.versions import refuse_unfit
    from crmcore.builtin.records.services.list_indexes import settle
    from crmcore.builtin.search.rebuilding import build_waiting
    from crmcore.workspace import migrate_all

    refuse_unfit(session.app.engine)
    changed = migrate_all(session.app)
    indexes = settle(session.app)
    found = build_waiting(session.app)
    if as_json:
        emit({"migrated": changed, "indexes": indexes})
        return
    if changed:
        echo(_("Migrated: {names}").format(names=", ".join(changed)))
    if indexes:
        echo(_("Indexes of lists made or dropped: {names}").format(names=", ".join(indexes)))
    if found is not None:
        echo(_("The search index was built of {rows} rows.").format(rows=found["rows"]))
    if not changed and not indexes and found is None:
        echo(_("All tables are up to date."))


@db.command(
    "backup",
    cls=Command,
    help=N_("Back up the company into the new folder DIR, while others work: database, crm.toml, files."),
)
@click.argument("folder", metavar="DIR", type=_DIR)
@json_option
@pass_session
def backup(session: Session, folder: Path, *, as_json: bool) -> None:
    """Back up the company."""
    from crmcore.builtin.databases.backing_up import back_up

    content = back_up(session.app, session.actor, folder)
    if as_json:
        names = ("made_at", "source", "tables", "rows", "left_out", "anchor")
        told = {name: content[name] for name in names}
        emit({"backup": str(folder.resolve()), **told, "files": content["files"]["count"]})
        return
    _show(content)
    count = content["files"]["count"]
    line = _("Backed up {rows} rows in {tables} tables and {files} files to {folder}")
    echo(line.format(rows=content["rows"], tables=len(content["tables"]), files=count, folder=folder))
    _show_anchor(content["anchor"])
    echo(_("To bring it back: crm db restore {folder} --to DIR").format(folder=folder))


@db.command(
    "restore",
    cls=Command,
    help=N_("Make the new workspace DIR from a backup; nothing that is there already is touched."),
)
@click.argument("folder", metavar="BACKUP", type=_DIR)
@click.option("--to", metavar="DIR", type=_DIR, required=True, help=N_("Folder of the new workspace."))
@click.option("--database", "url", metavar="URL", help=N_("Empty PostgreSQL database to restore into."))
@click.option(
    "--erasures",
    "lists",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help=N_("A list of who was erased since (erasures.jsonl); that of the workspace here counts anyway."),
)
@json_option
@pass_session
def restore(
    session: Session, folder: Path, to: Path, url: str | None, lists: tuple[Path, ...], *, as_json: bool
) -> None:
    """Restore a backup."""
    from crmcore.builtin.databases import restoring
    from crmcore.builtin.privacy.replay import lists_at_hand
    from crmcore.config import find_workspace

    erased = lists_at_hand(lists, find_workspace(session.given_folder))
    done = restoring.restore(
        folder, to, url, warn, plugins=not session.no_plugins, erased=erased, actor=session.actor
    )
    if as_json:
        emit(done)
        return
    _show(done)
    line = _("Restored {rows} rows in {tables} tables and {files} files of {made_at} to {folder}")
    told = {"rows": done["rows"], "tables": len(done["tables"]), "files": done["files"]}
    echo(line.format(**told, made_at=done["made_at"], folder=to))
    _show_anchor(done["anchor"])
    if done["erased_again"]:
        line = _("Erased again, as since the backup: {count} persons")
        echo(line.format(count=done["erased_again"]))
    echo(_("Next: crm -C {folder} doctor").format(folder=to))


@db.command(
    "copy",
    cls=Command,
    help=N_("Copy the database to an empty PostgreSQL database or a new SQLite file, and compare the two."),
)
@click.option("--to", "url", metavar="URL", required=True, help=N_("Where to, without a password."))
@json_option
@pass_session
def copy(session: Session, url: str, *, as_json: bool) -> None:
    """Copy the database."""
    from crmcore.builtin.databases.copying import copy_database

    done = copy_database(session.app, session.actor, url)
    if as_json:
        emit(done)
        return
    _show(done)
    line = _("Copied {rows} rows in {tables} tables to {database}")
    echo(line.format(rows=done["rows"], tables=len(done["tables"]), database=done["database"]))
    _show_anchor(done["anchor"])
    line = _(
        "The company still works with {database}; to move, write url = {url} below [database] in crm.toml"
    )
    echo(line.format(database=done["from"], url=f'"{done["database"]}"'))


def _show(content: Mapping[str, Any]) -> None:
    from crmcore.cli.kit import show_table
    from crmcore.plugins.types import Column, Table

    columns = (Column("table", _("Table")), Column("rows", _("Rows"), "integer"), Column("sha256", "SHA-256"))
    rows = [
        (table["name"], table["rows"], table["sha256"][:16]) for table in content["tables"] if table["rows"]
    ]
    show_table(Table("tables", "", columns, rows))


def _show_anchor(anchor: Mapping[str, Any]) -> None:
    line = _("Head of the change log: {position}: {seal} (keep it elsewhere: it proves what was before)")
    echo(line.format(position=anchor["position"], seal=anchor["seal"]))
