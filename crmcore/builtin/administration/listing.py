"""What `crm plugins list` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.administration.deprecations import deprecations
from crmcore.errors import PluginError
from crmcore.hookspecs import FAMILIES
from crmcore.i18n import _
from crmcore.plugins.health import described
from crmcore.plugins.loading import Hosted
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from crmcore.app import App


def listing(app: App) -> list[dict[str, Any]]:
    """Return every installed, enabled or once enabled plugin, by name; built-ins are not listed."""
    hosted = {h.name: h for h in app.host.plugins if not h.builtin}
    names = sorted({*app.installed, *hosted, *app.config.enabled, *app.database_plugins})
    known = _once_enabled(app)
    return [_entry(app, name, hosted.get(name), known) for name in names]


def _once_enabled(app: App) -> dict[str, Any]:
    with app.read() as ctx:
        return {row.name: row for row in ctx.connection.execute(sa.select(Plugin.__table__))}  # type: ignore[attr-defined]


def _entry(app: App, name: str, hosted: Hosted | None, known: dict[str, Any]) -> dict[str, Any]:
    installed = app.installed.get(name)
    if hosted is not None:
        for hook in hosted.functions:
            if FAMILIES.get(hook) == "registration":
                app.host.registered(hook)
        state, error = hosted.state, hosted.error
    else:
        kept = app.health.get(name)
        error = kept.error if kept else None
        wanted = name in app.config.enabled or name in app.database_plugins
        agreed = name in app.config.enabled and name in app.database_plugins  # started but for --no-plugins
        state = (
            "missing"
            if installed is None and wanted
            else "enabled"
            if agreed
            else "disabled"
            if name in known or wanted
            else "installed"
        )
        if state == "missing" and error is None:
            reason = PluginError(
                _("it is named in crm.toml but not installed; run: crm plugins disable {name}").format(
                    name=name
                )
            )
            error = described(reason, "", app.clock())
    row = known.get(name)
    return {
        "name": name,
        "version": installed.version if installed else row.version if row else "",
        "distribution": installed.distribution if installed else row.distribution if row else "",
        "state": state,
        "error": error,
        "hooks": list(hosted.hooks) if hosted else list(row.hooks) if row else [],
        "provides": _provided(app, name) if hosted else [],
        "deprecations": [d._asdict() for d in deprecations(installed, hosted)],
    }


def _provided(app: App, name: str) -> list[str]:
    provided = [f"fact:{p.fact}" for p in app.host.registered("facts") if p.plugin == name]
    for hook, kind in (("importables", "importable"), ("reports", "report"), ("jobs", "job")):
        provided += [f"{kind}:{spec.name}" for spec in app.host.registered(hook) if spec.plugin == name]
    return provided
