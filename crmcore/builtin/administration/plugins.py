"""`crm plugins`."""

from __future__ import annotations

from datetime import datetime
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
from crmcore.i18n import N_, _, translate

if TYPE_CHECKING:
    from crmcore.app import App

_ELSEWHERE = {
    "check": (
        N_("Check whether a plugin keeps the rules: an installed one by name, or one at a path."),
        "crmcore.builtin.conformance.cli:check",
    ),
    "new": (
        N_("Write a new plugin that works, with tests, translation and README, to begin your own with."),
        "crmcore.builtin.scaffold.cli:new",
    ),
    "plan": (
        N_("Say all that an action would change for a plugin, and change nothing."),
        "crmcore.builtin.lifecycle.cli:plan",
    ),
    "restore": (
        N_("Enable a plugin and load what uninstalling it exported to DIR."),
        "crmcore.builtin.lifecycle.cli:restore",
    ),
    "uninstall": (
        N_("Uninstall a plugin: keep its data, export it, or drop it."),
        "crmcore.builtin.lifecycle.cli:uninstall",
    ),
    "upgrade": (
        N_(
            "Take on a new version of enabled plugins: accept their files and migrate their tables, all or none."
        ),
        "crmcore.builtin.lifecycle.cli:upgrade",
    ),
    "settings": (
        N_("A plugin's settings: show, set, unset."),
        "crmcore.builtin.administration.plugin_settings:settings",
    ),
}


@click.group(cls=Group, lazy=_ELSEWHERE, help=N_("Plugins: list, enable, disable, settings."))
def plugins() -> None:
    """Group the commands on plugins."""


@plugins.command(
    "list", cls=Command, help=N_("List installed and enabled plugins with their state and last error.")
)
@json_option
@pass_session
def list_plugins(session: Session, *, as_json: bool) -> None:
    """List plugins."""
    from crmcore.builtin.administration.listing import listing
    from crmcore.deprecated import Deprecation
    from crmcore.plugins.types import Column, Table

    rows = [_with_tables(session.app, row) for row in listing(session.app)]
    if as_json:
        emit_lines(rows)
        return
    columns = (
        Column("name", _("Plugin")),
        Column("version", _("Version")),
        Column("state", _("State")),
        Column("error", _("Last error")),
    )
    shown = [
        (r["name"], r["version"], translate("crmcore", r["state"]), _last_error(session, r["error"]))
        for r in rows
    ]
    show_table(Table("plugins", _("Plugins"), columns, shown))
    for r in rows:
        for deprecation in r["deprecations"]:
            echo(_("Plugin {plugin}: {message}").format(plugin=r["name"], message=Deprecation(**deprecation)))


def _with_tables(app: App, row: dict[str, Any]) -> dict[str, Any]:
    """Have the list say what keeps everybody from writing: tables that are not those of the plugin's files."""
    from crmcore.db.migrations import newer_tables
    from crmcore.errors import PluginError
    from crmcore.plugins.health import described

    name = row["name"]
    if row["error"] is not None or name not in app.tables_behind:
        return row
    found, wanted = app.tables_behind[name]
    if found is not None and found > (wanted or ""):
        sentence = newer_tables(name, found, wanted)
    else:
        message = _(
            "the tables of plugin {name!r} are at {found}, its files need {wanted}; run: crm plugins upgrade {name}"
        )
        sentence = message.format(name=name, found=found or _("none"), wanted=wanted)
    return {**row, "error": described(PluginError(sentence), "", app.clock())}


def _last_error(session: Session, error: dict[str, Any] | None) -> str:
    """Say what failed last, in which hook and when, on the company's clock."""
    if error is None:
        return ""
    at = datetime.fromisoformat(error["at"]).astimezone(session.app.config.timezone)
    where = f"{error['hook']}, " if error["hook"] else ""
    return f"{error['message']} ({where}{at:%Y-%m-%d %H:%M})"


@plugins.command(
    "enable", cls=Command, help=N_("Enable plugins: import, check and migrate them, all or none.")
)
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@json_option
@pass_session
def enable(session: Session, names: tuple[str, ...], *, as_json: bool) -> None:
    """Enable plugins."""
    from crmcore.builtin.lifecycle.choices import unmade
    from crmcore.builtin.lifecycle.enabling import enable as enable_plugins

    _report(
        enable_plugins(session.app, names, session.actor), "enabled", _("Enabled: {names}"), as_json=as_json
    )
    for sentence in unmade(session.app):
        warn(sentence)


@plugins.command("disable", cls=Command, help=N_("Disable plugins; their data stays."))
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@json_option
@pass_session
def disable(session: Session, names: tuple[str, ...], *, as_json: bool) -> None:
    """Disable plugins."""
    from crmcore.builtin.lifecycle.enabling import disable as disable_plugins

    _report(
        disable_plugins(session.app, names, session.actor),
        "disabled",
        _("Disabled: {names}"),
        as_json=as_json,
    )


def _report(names: list[str], key: str, sentence: str, *, as_json: bool) -> None:
    if as_json:
        emit({key: names})
    else:
        echo(sentence.format(names=", ".join(names)) if names else _("Nothing to change."))


@plugins.command(
    "release", cls=Command, help=N_("Take a plugin out of quarantine and forget its last error.")
)
@click.argument("name")
@json_option
@pass_session
def release(session: Session, name: str, *, as_json: bool) -> None:
    """Release a plugin."""
    from crmcore.errors import PluginError
    from crmcore.plugins import health
    from crmcore.plugins.discovery import get_installed

    app = session.app
    if name not in app.database_plugins:
        get_installed(name)
    released = health.release(app, name)
    started = {hosted.name: hosted for hosted in app.host.plugins}.get(name)
    if started is not None and not started.running:
        message = _("plugin {plugin!r} cannot run ({reason}); repair it or run: crm plugins disable {plugin}")
        reason = (started.error or {}).get("message", "")
        raise PluginError(message.format(plugin=name, reason=reason))
    if as_json:
        emit({"released": [name] if released else []})
    else:
        echo((_("Released: {names}") if released else _("{names} had no error.")).format(names=name))


@plugins.command(
    "trust",
    cls=Command,
    help=N_("Accept the changed files of an enabled plugin whose tables stay as they are."),
)
@click.argument("name")
@json_option
@pass_session
def trust(session: Session, name: str, *, as_json: bool) -> None:
    """Trust a plugin's files."""
    from crmcore.builtin.lifecycle.enabling import trust as trust_plugin
    from crmcore.plugins.discovery import get_installed

    if name not in session.app.database_plugins:
        get_installed(name)
    trust_plugin(session.app, name, session.actor)
    _report([name], "trusted", _("Trusted: {names}"), as_json=as_json)


_WORDS = (
    N_("installed"),
    N_("enabled"),
    N_("disabled"),
    N_("quarantined"),
    N_("missing"),
    N_("incompatible"),
    N_("broken"),
    N_("default"),
    N_("file"),
    N_("command"),
    N_("permission"),
    N_("prefix"),
)
"""Words that are translated where they are shown."""
