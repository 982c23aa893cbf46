"""`crm demo`: make a demo company and run the main job on it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session, show_table, warn
from crmcore.i18n import N_, translator
from crmcore.plugins.types import Column, Table
from crmcore.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmcore.builtin.demo.builder import Built
    from crmcore.builtin.demo.shell import Shell

_ = translator("crmcore")


@click.command(
    "demo",
    cls=Command,
    help=N_("Make a demo company in a folder of its own, import its files, class its customers."),
)
@click.option("--dir", "directory", default="demo", show_default=True, help=N_("Folder to make."))
@click.option(
    "--dataset",
    type=click.Choice(["distributor", "cdnow"]),
    default="distributor",
    show_default=True,
    help=N_("A generated distributor, or 69,659 real purchases of the music shop CDNOW (downloaded)."),
)
@click.option("--seed", type=int, default=1, show_default=True, help=N_("Another number, another company."))
@click.option(
    "--with",
    "more",
    multiple=True,
    metavar="PLUGIN",
    help=N_("Enable this plugin as well, with the files that it brings; may be repeated."),
)
@click.option("--force", is_flag=True, help=N_("Delete the demo that is there and start afresh."))
@json_option
@pass_session
def demo(  # noqa: PLR0913  (each is an option)
    session: Session,
    directory: str,
    dataset: str,
    seed: int,
    more: tuple[str, ...],
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Make the demo and show what it gives."""
    from pathlib import Path

    from crmcore.builtin.demo.builder import Wanted, build_demo, period, require_installed
    from crmcore.builtin.demo.folder import prepare
    from crmcore.builtin.demo.shell import Shell

    require_installed(more)
    folder = Path(directory)
    prepare(folder, force=force)
    shell = Shell(folder, session.actor, _program())
    wanted = Wanted(dataset, seed, more=more)
    built = build_demo(shell, wanted, _progress)
    _progress(_("classing the customers"))
    if as_json:
        run = shell.read("abc", "run", *period(wanted))[0]
        code = _example(shell)
        emit(
            {
                "directory": str(folder),
                "dataset": dataset,
                "seed": seed,
                "imports": built.imports,
                "abc": run,
                "next": [command for command, _why in _next(shell, dataset, code, built)],
            }
        )
        return
    echo(_("What was imported:"))
    show_table(_summary(built.imports))
    for done in built.imports:
        for warning in done["warnings"]:
            warn(f"{done['file']}: {warning}")
    shell.show("abc", "run", *period(wanted))
    code = _example(shell)
    shell.show("customer", "show", code)
    shell.show("abc", "explain", code)
    echo("\n" + _("What to type next:"))
    for command, why in _next(shell, dataset, code, built):
        echo(f"  {command}\n      {why}")


def _progress(text: str) -> None:
    """Tell on stderr what takes time."""
    click.echo(f"crm demo: {printable(text)}", err=True)


def _program() -> str:
    """Return how the user calls crm: by its name where PATH knows it, else by the path that was typed."""
    typed = sys.argv[0]
    return "crm" if shutil.which("crm") or os.path.basename(typed) != "crm" else typed  # noqa: PTH119


def _summary(imports: Sequence[dict[str, Any]]) -> Table:
    """Return one row per imported file."""
    counts = ("read", "created", "updated", "unchanged", "rejected", "possible_duplicates")
    titles = (_("Read"), _("Created"), _("Updated"), _("Unchanged"), _("Rejected"), _("Possible duplicates"))
    columns = [Column("file", _("File"))]
    columns += [Column(name, title, "integer") for name, title in zip(counts, titles, strict=True)]
    rows = [[done["file"], *(done[name] for name in counts)] for done in imports]
    return Table("imports", _("Imports"), tuple(columns), rows)


def _example(shell: Shell) -> str:
    """Return the code of a customer worth explaining: the middle one of class B, or the first of all."""
    grades = shell.read("abc", "grades", "--limit", "200")
    middle = [line["customer"] for line in grades if line["grade"] == "B"]
    return str(middle[len(middle) // 2] if middle else grades[0]["customer"])


def _next(shell: Shell, dataset: str, code: str, built: Built) -> list[tuple[str, str]]:
    """Return commands to go on with, and what each is for; those of plugins before the last."""
    found = [
        (shell.typed("customer", "show", code), _("the card of a customer")),
        (shell.typed("abc", "explain", code), _("why it has its class, down to the documents")),
        (shell.typed("report", "run", "abc"), _("the classes as a report with a Pareto chart")),
    ]
    if dataset == "distributor":
        region = ["customer", "list", "--where", "region=华东", "--limit", "10"]
        found += [
            (shell.typed(*region), _("customers of one region")),
            (shell.typed("work", "--actor", "hd01"), _("what waits for one of the representatives")),
        ]
    found += [(shell.typed(*words), why) for words, why in built.proposals]
    again = str(shell.directory / "demo-files" / "customers.csv")
    return [*found, (shell.typed("import", "customers", again), _("the same file again changes nothing"))]
