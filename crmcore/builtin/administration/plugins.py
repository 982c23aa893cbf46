"""`crm plugins`."""

from __future__ import annotations

from typing import Any

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
from crmcore.i18n import N_, _, translate

_WIDEST_VALUE = 60


@click.group(cls=Group, help=N_("Plugins: list, enable, disable, settings."))
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
    from crmcore.plugins.types import Column, Table

    rows = listing(session.app)
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
        (r["name"], r["version"], translate("crmcore", r["state"]), (r["error"] or {}).get("message", ""))
        for r in rows
    ]
    show_table(Table("plugins", _("Plugins"), columns, shown))


@plugins.command(
    "enable", cls=Command, help=N_("Enable plugins: import, check and migrate them, all or none.")
)
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@json_option
@pass_session
def enable(session: Session, names: tuple[str, ...], *, as_json: bool) -> None:
    """Enable plugins."""
    from crmcore.plugins.lifecycle import enable as enable_plugins

    _report(
        enable_plugins(session.app, names, session.actor), "enabled", _("Enabled: {names}"), as_json=as_json
    )


@plugins.command("disable", cls=Command, help=N_("Disable plugins; their data stays."))
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@json_option
@pass_session
def disable(session: Session, names: tuple[str, ...], *, as_json: bool) -> None:
    """Disable plugins."""
    from crmcore.plugins.lifecycle import disable as disable_plugins

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
@pass_session
def release(session: Session, name: str) -> None:
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
    echo((_("Released: {names}") if released else _("{names} had no error.")).format(names=name))


@plugins.command(
    "trust", cls=Command, help=N_("Accept the changed files of an enabled plugin, after an upgrade.")
)
@click.argument("name")
@pass_session
def trust(session: Session, name: str) -> None:
    """Trust a plugin's files."""
    from crmcore.plugins.lifecycle import trust as trust_plugin

    trust_plugin(session.app, name, session.actor)
    echo(_("Trusted: {names}").format(names=name))


@plugins.command(
    "settings", cls=Command, help=N_("Show a plugin's settings: key, value, origin, description.")
)
@click.argument("name")
@json_option
@pass_session
def settings(session: Session, name: str, *, as_json: bool) -> None:
    """Show settings."""
    from crmcore.plugins.discovery import get_installed
    from crmcore.plugins.host import BUILTINS
    from crmcore.plugins.manifest import read_manifest
    from crmcore.plugins.types import Column, Table
    from crmcore.settings.plugin import plugin_settings

    builtin = name in BUILTINS
    manifest = read_manifest(name, f"crmcore.builtin.{name}") if builtin else get_installed(name).manifest()
    given = session.config.plugin_settings(name)
    values = plugin_settings(session.config, manifest)
    properties = manifest.settings_schema.get("properties", {})
    rows: list[dict[str, Any]] = [
        {
            "key": key,
            "value": value,
            "origin": "file" if key in given else "default",
            "description": translate(manifest.package.split(".")[0], properties[key].get("description", "")),
        }
        for key, value in values.items()
    ]
    if as_json:
        emit_lines(rows)
        return
    columns = (
        Column("key", _("Key")),
        Column("value", _("Value")),
        Column("origin", _("Origin")),
        Column("description", _("Description")),
    )
    shown = [
        (r["key"], _short(r["value"]), translate("crmcore", r["origin"]), r["description"]) for r in rows
    ]
    show_table(Table("settings", translate(manifest.package.split(".")[0], manifest.title), columns, shown))


def _short(value: Any) -> str:
    from crmcore.db.base import dumps

    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= _WIDEST_VALUE else text[: _WIDEST_VALUE - 1] + "…"


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
