"""`crm plugins new`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.builtin.scaffold.parts import USUAL, read_parts
from crmcore.cli.kit import Command, echo, emit, json_option
from crmcore.i18n import N_, _


@click.command(
    "new",
    cls=Command,
    help=N_("Write a new plugin that works, with tests, translation and README, to begin your own with."),
)
@click.argument("name")
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help=N_("Folder in which the plugin's own folder is made."),
)
@click.option(
    "--with",
    "parts",
    metavar="PARTS",
    multiple=True,
    default=[",".join(USUAL)],
    show_default=True,
    help=N_("What it has, separated by commas: entity, settings, hook, command, report, job, fact."),
)
@click.option("--title", help=N_("What people call it, in English (else made from the name)."))
@click.option("--title-zh", help=N_("What people call it in Chinese (else as in English)."))
@json_option
def new(
    name: str,
    directory: Path,
    parts: tuple[str, ...],
    title: str | None,
    title_zh: str | None,
    *,
    as_json: bool,
) -> None:
    """Write a plugin and say which commands to type next."""
    from crmcore.builtin.scaffold.names import check_name, check_title
    from crmcore.builtin.scaffold.steps import steps
    from crmcore.builtin.scaffold.writer import files_of, write

    chosen = read_parts(parts)
    check_name(name)
    title = title or name.replace("_", " ").capitalize()
    title_zh = title_zh or title
    for each in (title, title_zh):
        check_title(each)
    folder = directory / name
    files = files_of(name, title, title_zh, chosen)
    write(folder, files)
    commands = steps(folder, name)
    if as_json:
        emit({"folder": str(folder), "files": sorted(files), "commands": commands})
        return
    written = _("The plugin {name} is in {folder}: {count} files, with {parts}.")
    echo(written.format(name=name, folder=folder, count=len(files), parts=", ".join(chosen)))
    echo(_("Install, test and check it:"))
    for command in commands:
        echo(f"  {command}")
