"""`crm plugins plan`, `upgrade`, `uninstall` and `restore`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crmcore.cli.kit import Command, Session, echo, emit, json_option, pass_session, warn
from crmcore.errors import UsageProblem
from crmcore.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmcore.builtin.lifecycle.uninstalling import Uninstalled

_DIR = click.Path(path_type=Path)


@click.command(
    "plan", cls=Command, help=N_("Say all that an action would change for a plugin, and change nothing.")
)
@click.argument("action", type=click.Choice(["enable", "disable", "upgrade", "uninstall"]))
@click.argument("name")
@click.option("--keep", is_flag=True, help=N_("Uninstalling: with --keep, not with --export or --drop."))
@json_option
@pass_session
def plan(session: Session, action: str, name: str, *, keep: bool, as_json: bool) -> None:
    """Show a plan."""
    if keep and action != "uninstall":
        raise UsageProblem(_("--keep goes with uninstall only"))
    from crmcore.builtin.lifecycle.plans import make_plan

    made = make_plan(session.app, action, name, keep=keep)
    if as_json:
        emit(made)
        return
    from crmcore.builtin.lifecycle.showing import show_plan

    show_plan(made)


@click.command(
    "upgrade",
    cls=Command,
    help=N_(
        "Take on a new version of enabled plugins: accept their files and migrate their tables, all or none."
    ),
)
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@json_option
@pass_session
def upgrade(session: Session, names: tuple[str, ...], *, as_json: bool) -> None:
    """Upgrade plugins."""
    from crmcore.builtin.lifecycle.enabling import accept
    from crmcore.plugins.discovery import get_installed

    for name in names:
        if name not in session.app.database_plugins:
            get_installed(name)
    old, behind = session.app.database_plugins, session.app.tables_behind
    done = accept(session.app, list(dict.fromkeys(names)), session.actor, "upgrade")
    now = session.app.database_plugins
    old = {**now, **old}  # where somebody else enabled one just now
    if as_json:
        emit({"upgraded": [{"name": n, "from": old[n].version, "to": now[n].version} for n in done]})
        return
    for name in done:
        versions = " → ".join(dict.fromkeys((old[name].version, now[name].version)))
        same = name not in behind and old[name].record_hash == now[name].record_hash
        line = _("Nothing to change: {name} {version}") if same else _("Upgraded: {name} {version}")
        echo(line.format(name=name, version=versions))


@click.command("uninstall", cls=Command, help=N_("Uninstall a plugin: keep its data, export it, or drop it."))
@click.argument("name")
@click.option("--keep", "way_keep", is_flag=True, help=N_("Disable it; its tables and settings stay."))
@click.option("--export", "folder", metavar="DIR", type=_DIR, help=N_("Write its data to DIR, then drop it."))
@click.option("--drop", "way_drop", is_flag=True, help=N_("Drop its tables and settings for good."))
@json_option
@pass_session
def uninstall(
    session: Session, name: str, folder: Path | None, *, way_keep: bool, way_drop: bool, as_json: bool
) -> None:
    """Uninstall a plugin in one of three ways; which one is never guessed."""
    if [way_keep, folder is not None, way_drop].count(True) != 1:
        message = _(
            "say what becomes of the data of {name!r}: --keep, --export DIR or --drop; crm plugins plan uninstall {name} shows it"
        )
        raise UsageProblem(message.format(name=name))
    from crmcore.builtin.lifecycle import uninstalling

    action = uninstalling.keep if way_keep else partial(uninstalling.remove, folder=folder)
    done = action(session.app, name, session.actor)
    way = "kept" if way_keep else "dropped" if way_drop else "exported"
    if as_json:
        tables = [{"name": table, "rows": rows} for table, rows in done.tables.items()]
        exported = str(folder.resolve()) if folder else None
        emit(
            {
                "plugin": name,
                "data": way,
                "tables": tables,
                "export": exported,
                "withdrawn_requests": done.withdrawn,
            }
        )
        return
    _tell(done, way, folder)


def _tell(done: Uninstalled, way: str, folder: Path | None) -> None:
    rows = sum(done.tables.values())
    sentences = {
        "kept": _("Uninstalled {name}; its {count} tables with {rows} rows are kept."),
        "dropped": _("Uninstalled {name}; its {count} tables with {rows} rows are gone."),
        "exported": _(
            "Uninstalled {name}; its {count} tables with {rows} rows are in {folder}, and gone here."
        ),
    }
    echo(sentences[way].format(name=done.plugin, count=len(done.tables), rows=rows, folder=folder))
    if way == "exported":
        echo(
            _("To take it back: crm plugins restore {name} {folder}").format(name=done.plugin, folder=folder)
        )
    if done.withdrawn:
        echo(_("Open requests for approval that were withdrawn: {count}").format(count=done.withdrawn))
    if done.distribution:
        echo(_("Its package may go now: pip uninstall {name}").format(name=done.distribution))


@click.command(
    "restore", cls=Command, help=N_("Enable a plugin and load what uninstalling it exported to DIR.")
)
@click.argument("name")
@click.argument("folder", metavar="DIR", type=_DIR)
@json_option
@pass_session
def restore(session: Session, name: str, folder: Path, *, as_json: bool) -> None:
    """Restore a plugin."""
    from crmcore.builtin.lifecycle import restoring

    content = restoring.restore(session.app, name, folder, session.actor).content
    tables = [{"name": table["name"], "rows": table["rows"]} for table in content["tables"]]
    if as_json:
        emit({"plugin": name, "tables": tables})
    else:
        rows = sum(int(table["rows"]) for table in tables)
        line = _("Restored {name}: {count} tables with {rows} rows.")
        echo(line.format(name=name, count=len(tables), rows=rows))
    if content["roles"]:
        message = _("these roles had permissions of {name}, grant them again in crm.toml [roles]: {roles}")
        warn(message.format(name=name, roles=_listed(content["roles"])))


def _listed(roles: Mapping[str, Any]) -> str:
    return "; ".join(f"{role}: {', '.join(permissions)}" for role, permissions in sorted(roles.items()))
