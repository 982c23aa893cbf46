"""Enable, disable, accept changed files: all or none of the plugins named, one administrator at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.builtin.approvals.plugin import GENERAL
from crmcore.builtin.lifecycle.choices import chosen_of, recorded_hooks, tell, without_choices
from crmcore.builtin.lifecycle.examination import examine
from crmcore.builtin.lifecycle.known import look_up, start
from crmcore.builtin.lifecycle.lock import one_at_a_time
from crmcore.builtin.lifecycle.ranges import check_ranges
from crmcore.builtin.lifecycle.recording import record_of, require_manager, store
from crmcore.db import migrations
from crmcore.errors import CrmError, Guarded, PluginError
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.discovery import Installed, get_installed
from crmcore.plugins.host import call_registration
from crmcore.plugins.isolation import set_apart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.manifest import Manifest


@one_at_a_time
def enable(app: App, names: Sequence[str], actor: str) -> list[str]:
    """Enable plugins: import, check, call registrations, migrate, record; any failure enables none of them.

    Returns those that were not enabled before. Raises CrmError with one sentence.
    """
    require_manager(app, actor)
    plugins = examined(app, names)
    migrate(app, [hosted for _installed, hosted in plugins])
    order = [plugin.name for plugin, _hosted in plugins]
    fresh = [name for name in order if name not in app.database_plugins]
    records = [record_of(*plugin) for plugin in plugins]
    store(app, actor, records, f"enable {', '.join(order)}", enabled=order)
    for name in order:
        health.release(app, name)
    app.refresh()
    return fresh


@one_at_a_time
def disable(app: App, names: Sequence[str], actor: str) -> list[str]:
    """Disable plugins; their data stays. Nothing of them is imported. Returns those that were enabled before.

    What crm.toml chooses of them goes, too: commands that ask for it would end with an error.
    """
    require_manager(app, actor)
    wanted = list(dict.fromkeys(names))
    known = {*app.config.enabled, *app.database_plugins}
    for name in wanted:
        if name not in known:
            get_installed(name)
    check_dependents(app, wanted)
    gone = [name for name in wanted if name in known]
    records = [{"name": name, "enabled": False} for name in gone]
    choices = chosen_of(app, {**dict.fromkeys(gone, ()), **recorded_hooks(app, gone)})
    reason = f"disable {', '.join(wanted)}"
    store(app, actor, records, reason, disabled=gone, edit=lambda text: without_choices(text, choices))
    app.refresh()
    tell(app, choices)
    return gone


def trust(app: App, name: str, actor: str) -> None:
    """Accept the changed files of an enabled plugin whose tables stay as they are; PluginError if they do not."""
    require_manager(app, actor)
    app.refresh()
    found, wanted = app.tables_behind.get(name, (None, None))
    if (found or "") < (wanted or ""):
        message = _("the new files of plugin {name!r} change its tables; run: crm plugins upgrade {name}")
        raise PluginError(message.format(name=name))
    accept(app, [name], actor, "trust")


@one_at_a_time
def accept(app: App, names: Sequence[str], actor: str, reason: str) -> list[str]:
    """Accept the changed files of enabled plugins: record versions and hashes, and migrate them, all or none.

    Returns the names, each behind those that it requires.
    """
    require_manager(app, actor)
    for name in names:
        if name not in app.database_plugins:
            message = _("plugin {name!r} is not enabled; enable it with: crm plugins enable {name}")
            raise PluginError(message.format(name=name))
    plugins = examined(app, names)
    migrate(app, [hosted for _installed, hosted in plugins])
    order = [plugin.name for plugin, _hosted in plugins]
    store(app, actor, [record_of(*plugin) for plugin in plugins], f"{reason} {', '.join(order)}")
    app.refresh()
    return order


def examined(app: App, names: Sequence[str]) -> list[tuple[Installed, Hosted]]:
    """Look at plugins that are to run together, each behind those that it requires; refuse what could not run."""
    found = {name: get_installed(name) for name in dict.fromkeys(names)}
    manifests = {name: plugin.manifest() for name, plugin in found.items()}
    order = by_requirement(app, list(found), manifests)
    check_ranges(app, manifests)
    hosted = [examine(app, found[name]) for name in order]
    check_collisions(app, hosted)
    return [(found[h.name], h) for h in hosted]


def by_requirement(app: App, names: list[str], manifests: dict[str, Manifest]) -> list[str]:
    """Order plugins so that each comes after those that it requires; refuse what is missing or goes in circles."""
    order: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            raise PluginError(
                _("plugins require each other in a circle: {names}").format(names=" → ".join((*trail, name)))
            )
        for required in manifests[name].requires:
            if required in manifests:
                visit(required, (*trail, name))
            elif required not in app.database_plugins:
                raise PluginError(
                    _(
                        "plugin {plugin!r} requires {required!r}; run: crm plugins enable {required} {plugin}"
                    ).format(plugin=name, required=required)
                )
        if name not in order:
            order.append(name)

    for name in names:
        visit(name, ())
    return order


def check_dependents(app: App, names: list[str]) -> None:
    """Raise Guarded if an enabled plugin requires one of these and is none of them."""
    for name, manifest in app.manifests.items():
        needed = set(manifest.requires).intersection(names)
        if name not in names and needed:
            raise Guarded(
                _(
                    "plugin {plugin!r} requires {required!r}; run: crm plugins disable {plugin} {required}"
                ).format(plugin=name, required=min(needed))
            )


def check_collisions(app: App, new: Sequence[Hosted]) -> None:
    """Refuse the same table prefix, command, permission or kind of request from two plugins, both named."""
    from crmcore.cli.main import COMMANDS

    claims: dict[tuple[str, str], str] = {("command", name): "crmcore" for name in COMMANDS}
    claims[("prefix", "crm")] = "crmcore"
    claims["kind of request", GENERAL] = "crmcore"
    kinds = _kinds(app, new)
    for name, manifest in [*app.manifests.items(), *((h.name, h.manifest) for h in new)]:
        own = {
            *(("command", c["name"]) for c in manifest.commands),
            *(("permission", p) for p in manifest.permissions),
            ("prefix", manifest.table_prefix),
            *(("kind of request", kind) for kind in kinds.get(name, ())),
        }
        for claim in sorted(own):
            if claims.setdefault(claim, name) != name:
                raise PluginError(
                    _(
                        "plugins {one!r} and {other!r} both claim the {kind} {what!r}; enable only one of them"
                    ).format(one=claims[claim], other=name, kind=_(claim[0]), what=claim[1])
                )


def _kinds(app: App, new: Sequence[Hosted]) -> dict[str, list[str]]:
    """Return plugin → the kinds of requests that it registers; nobody is asked if the new plugins register none."""
    if not any("approval_kinds" in h.functions for h in new):
        return {}
    found = {}
    for name in {*app.manifests, *(h.name for h in new)}:
        known = look_up(app, name)
        start(app, known)
        found[name] = [str(kind.name) for kind in known.specs.get("approval_kinds", ())]
    return found


def migrate(app: App, plugins: Sequence[Hosted]) -> list[str]:
    """Bring the tables of plugins to their heads."""
    folders: dict[str, Path] = {
        h.name: h.manifest.migrations for h in plugins if h.manifest.migrations is not None
    }
    tables = {
        str(spec.table.__tablename__): h.name
        for h in plugins
        if "models" in h.functions
        for spec in call_registration(h, "models")
    }
    try:
        with set_apart():
            return migrations.migrate(app.engine, folders, tables)
    except (CrmError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(
            _("the migration of {names} failed and was rolled back ({type}: {message})").format(
                names=", ".join(folders), type=type(error).__name__, message=health.message_of(error)
            )
        ) from error
