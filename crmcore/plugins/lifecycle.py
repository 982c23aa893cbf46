"""Enable, disable, trust: crm.toml and the database change together, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.config import load_config, with_enabled
from crmcore.db import migrations
from crmcore.entities.actors import require_permission
from crmcore.errors import CrmError, Guarded, PluginError
from crmcore.files import write_atomically
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.discovery import Installed, get_installed
from crmcore.plugins.examination import examine
from crmcore.plugins.host import call_registration
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.manifest import Manifest

PERMISSION = "plugins.manage"
_table: sa.Table = Plugin.__table__  # type: ignore[attr-defined]


def enable(app: App, names: Sequence[str], actor: str) -> list[str]:
    """Enable plugins: import, check, call registrations, migrate, record; any failure enables none of them.

    Returns those that were not enabled before. Raises CrmError with one sentence.
    """
    _require_permission(app, actor)
    wanted = list(dict.fromkeys(names))
    found = {name: get_installed(name) for name in wanted}
    order = _by_requirement(app, wanted, {name: plugin.manifest() for name, plugin in found.items()})
    hosted = {name: examine(app, found[name]) for name in order}
    _check_collisions(app, list(hosted.values()))
    migrate(app, list(hosted.values()))
    fresh = [name for name in order if name not in app.database_plugins]
    records = [_record(found[name], hosted[name]) for name in order]
    _store(app, actor, records, f"enable {', '.join(order)}", enabled=order)
    for name in order:
        health.release(app, name)
    app.refresh()
    return fresh


def disable(app: App, names: Sequence[str], actor: str) -> list[str]:
    """Disable plugins; their data stays. Nothing of them is imported. Returns those that were enabled before."""
    _require_permission(app, actor)
    wanted = list(dict.fromkeys(names))
    known = {*app.config.enabled, *app.database_plugins}
    for name in wanted:
        if name not in known:
            get_installed(name)
    _check_dependents(app, wanted)
    gone = [name for name in wanted if name in known]
    records = [{"name": name, "enabled": False} for name in gone]
    _store(app, actor, records, f"disable {', '.join(wanted)}", disabled=gone)
    app.refresh()
    return gone


def trust(app: App, name: str, actor: str) -> None:
    """Accept the changed files of an enabled plugin: record its new version and hash, and migrate it."""
    _require_permission(app, actor)
    if name not in app.database_plugins:
        raise PluginError(
            _("plugin {name!r} is not enabled; enable it with: crm plugins enable {name}").format(name=name)
        )
    plugin = get_installed(name)
    hosted = examine(app, plugin)
    migrate(app, [hosted])
    _store(app, actor, [_record(plugin, hosted)], f"trust {name}")
    app.refresh()


def _require_permission(app: App, actor: str) -> None:
    """Ask before anything is imported or migrated, not only when it is written down."""
    with app.read() as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)


def _by_requirement(app: App, names: list[str], manifests: dict[str, Manifest]) -> list[str]:
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


def _enabled_manifests(app: App) -> dict[str, Manifest]:
    """Return the manifests of the plugins that the database has enabled, of those that can be read."""
    manifests = {}
    for name in app.database_plugins:
        if name in app.installed:
            with suppress(PluginError):
                manifests[name] = app.installed[name].manifest()
    return manifests


def _check_dependents(app: App, names: list[str]) -> None:
    for name, manifest in _enabled_manifests(app).items():
        needed = set(manifest.requires).intersection(names)
        if name not in names and needed:
            raise Guarded(
                _(
                    "plugin {plugin!r} requires {required!r}; run: crm plugins disable {plugin} {required}"
                ).format(plugin=name, required=min(needed))
            )


def _check_collisions(app: App, new: list[Hosted]) -> None:
    """Refuse the same table prefix, command or permission from two plugins, both named."""
    from crmcore.cli.main import COMMANDS

    others = _enabled_manifests(app)
    claims: dict[tuple[str, str], str] = {("command", name): "crmcore" for name in COMMANDS}
    claims[("prefix", "crm")] = "crmcore"
    for name, manifest in [*others.items(), *((h.name, h.manifest) for h in new)]:
        own = {
            *(("command", c["name"]) for c in manifest.commands),
            *(("permission", p) for p in manifest.permissions),
            ("prefix", manifest.table_prefix),
        }
        for claim in sorted(own):
            if claims.setdefault(claim, name) != name:
                raise PluginError(
                    _(
                        "plugins {one!r} and {other!r} both claim the {kind} {what!r}; enable only one of them"
                    ).format(one=claims[claim], other=name, kind=_(claim[0]), what=claim[1])
                )


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
        return migrations.migrate(app.engine, folders, tables)
    except (CrmError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(
            _("the migration of {names} failed and was rolled back ({type}: {message})").format(
                names=", ".join(folders), type=type(error).__name__, message=health.message_of(error)
            )
        ) from error


def _record(plugin: Installed, hosted: Hosted) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "record_hash": plugin.record_hash,
        "hooks": sorted(hosted.functions),
        "table_prefix": hosted.manifest.table_prefix,
        "enabled": True,
    }


def _store(
    app: App,
    actor: str,
    records: list[dict[str, Any]],
    reason: str,
    *,
    enabled: Sequence[str] = (),
    disabled: Sequence[str] = (),
) -> None:
    """Write the database and crm.toml together: the new crm.toml lies ready before the database commits."""
    from crmcore.app import ADMINISTRATION

    waiting = app.config.path.with_name(f".crm.toml.{os.getpid()}")
    try:
        with app.write(actor, reason, ADMINISTRATION, permission=PERMISSION) as tx:
            if tx.connection.dialect.name == "postgresql":
                tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(726866)"))
            # Read behind the lock: another administrator may have changed it since this process began.
            now = load_config(app.config.folder).enabled
            after = [*(n for n in now if n not in disabled), *(n for n in enabled if n not in now)]
            if after != list(now):
                write_atomically(waiting, with_enabled(app.config.folder, after).encode())
            known = {row.name: row.id for row in tx.connection.execute(sa.select(_table.c.name, _table.c.id))}
            tx.update(Plugin, [(known[r["name"]], r) for r in records if r["name"] in known])
            tx.insert(Plugin, [r for r in records if r["name"] not in known and r["enabled"]])
        if waiting.exists():
            waiting.replace(app.config.path)
    finally:
        waiting.unlink(missing_ok=True)
