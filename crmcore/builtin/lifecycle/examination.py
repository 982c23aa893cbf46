"""Look at a plugin before it is enabled: import it, call its registrations, and refuse what could not run later."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crmcore.catalogue import load_catalogue, with_plugin
from crmcore.errors import CrmError, PluginError
from crmcore.facts import FACTS
from crmcore.hookspecs import FAMILIES
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.extension import own_hooks
from crmcore.plugins.host import BUILTINS, call_registration, call_strategy
from crmcore.plugins.isolation import set_apart
from crmcore.plugins.loading import Hosted, check_api_range, load_functions
from crmcore.plugins.manifest import check_manifest
from crmcore.settings.plugin import plugin_settings

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.discovery import Installed
    from crmcore.plugins.types import TableSpec

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = frozenset({"crmcore", "administration", "enabled", "budget_seconds", *BUILTINS})
"""Names that no plugin may bear."""


def examine(app: App, plugin: Installed) -> Hosted:
    """Import an installed plugin and call its registrations; PluginError says what keeps it from running."""
    if not _NAME.fullmatch(plugin.name) or plugin.name in TAKEN:
        raise PluginError(
            _(
                "the plugin name {name!r} is not allowed or taken by crmcore itself; its author may write lower-case letters, digits and _"
            ).format(name=plugin.name)
        )
    manifest = plugin.manifest()
    check_manifest(manifest)
    check_api_range(plugin.name, manifest.api)
    plugin_settings(app.config, manifest)
    with_plugin(load_catalogue(app.config.folder), manifest)
    hosted = Hosted(plugin.name, manifest, plugin.distribution, plugin.version)
    step = "import"
    try:
        hosted.declared = own_hooks(app.installed, (plugin.name, *manifest.requires))
        hosted.functions = load_functions(plugin.name, plugin.module, hosted.declared)
        for step in hosted.functions:
            _try(hosted, step)
        for command in manifest.commands:
            step = command["target"]
            _check_command(step)
    except (KeyboardInterrupt, CrmError):
        raise
    except BaseException as error:
        raise PluginError(
            _("plugin {plugin!r} cannot be enabled: {step} failed ({type}: {message})").format(
                plugin=plugin.name, step=step, type=type(error).__name__, message=health.message_of(error)
            )
        ) from error
    return hosted


def _try(hosted: Hosted, hook: str) -> None:
    """Call what can be called without a company: registrations, and strategies that name their providers."""
    if FAMILIES.get(hook) == "registration":
        specs = call_registration(hosted, hook)
        for spec in specs if hook == "models" else ():
            _check_table(hosted, spec)
        for spec in specs if hook == "facts" else ():
            if spec.fact not in FACTS:
                known = ", ".join(FACTS)
                raise LookupError(
                    _("there is no fact {fact!r}; known are {known}").format(fact=spec.fact, known=known)
                )
    elif hook in {"analytics_engine", "code_generator", "currency_rates", "workdays"}:
        call_strategy(hosted, hook)


def _check_command(target: str) -> None:
    import click

    module, attribute = target.split(":")
    with set_apart():
        command = getattr(import_module(module), attribute)
    if not isinstance(command, click.Command):
        raise TypeError(_("{got} is not a click command").format(got=type(command).__name__))


def _check_table(hosted: Hosted, spec: TableSpec) -> None:
    table: Any = spec.table.__table__  # type: ignore[attr-defined]
    problem = _problem(table, spec, f"{hosted.manifest.table_prefix}_")
    if problem:
        raise PluginError(
            _("plugin {plugin!r}: table {table!r} {problem}").format(
                plugin=hosted.name, table=table.name, problem=problem
            )
        )


def _problem(table: Any, spec: TableSpec, prefix: str) -> str | None:
    if not table.name.startswith(prefix):
        return _("must begin with {prefix!r}").format(prefix=prefix)
    named = [*(name.split(".")[0] for name in spec.personal), *spec.customer_references]
    whose = (spec.person,) if isinstance(spec.person, str) else spec.person or ()
    for column in ("id", *named, *whose):
        if column not in table.columns:
            return _("has no column {column!r}").format(column=column)
    if spec.personal and (not whose or set(whose) - {"contact_id", "customer_id", "id"}):
        return _("holds personal values and must say whose: person = 'contact_id' or 'customer_id'")
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return _("must set sqlite_autoincrement, so that no id is used twice")
    return None
