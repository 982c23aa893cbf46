"""Plans: all that enabling, disabling, upgrading or uninstalling a plugin would change. Nothing is done.

What a plan finds it finds by looking: migrations are tried in memory, their checks read the company's tables, and the
plugin is imported, but nothing is written, not even an error that it makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crmcore.builtin.approvals.queries import count_open
from crmcore.builtin.lifecycle.card_values import counted_values
from crmcore.builtin.lifecycle.choices import asked_for, chosen_of, recorded_hooks, shown
from crmcore.builtin.lifecycle.enabling import by_requirement, check_collisions, check_dependents
from crmcore.builtin.lifecycle.examination import examine
from crmcore.builtin.lifecycle.known import (
    NAMED,
    Known,
    counted,
    look_up,
    own_tables,
    pointing_in,
    revision_of,
    start,
)
from crmcore.builtin.lifecycle.ranges import range_problems
from crmcore.builtin.lifecycle.rehearsal import Schema, rehearse
from crmcore.builtin.lifecycle.roles import grants, roles_with
from crmcore.config import MEMORY
from crmcore.db import migrations
from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.discovery import get_installed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmcore.app import App

ACTIONS = ("enable", "disable", "upgrade", "uninstall")
Plan = dict[str, Any]
_HIDDEN = "***"


def make_plan(app: App, action: str, name: str, *, keep: bool = False) -> Plan:
    """Return the plan as `crm plugins plan --json` shows it; CrmError if nothing is known of the plugin.

    keep: to uninstall and keep the plugin's data.
    """
    with _memory_kept(app.config.folder):
        app.refresh()
        known = look_up(app, name)
        start(app, known)
        plan = {**_head(app, action, known), **_provided(known), **_choices(app, action, known)}
        plan["keeps_data"] = action != "uninstall" or keep
        plan |= _tables(app, plan, known)
        plan["changes"] = _changes(plan, known)
        plan["required_by"] = dependents(app, name)
        plan["refusals"] += _refusals(app, plan, known)
    return plan


def dependents(app: App, name: str) -> list[str]:
    """Return the enabled plugins that require this one."""
    return sorted(other for other, manifest in app.manifests.items() if name in manifest.requires)


@contextmanager
def _memory_kept(folder: Path) -> Iterator[None]:
    """Leave the file that remembers which settings were checked as it was: looking is no reason to write it."""
    file = folder / MEMORY
    before = file.read_bytes() if file.exists() else None
    try:
        yield
    finally:
        if before is None:
            file.unlink(missing_ok=True)
        elif not file.exists() or file.read_bytes() != before:
            write_atomically(file, before)


def _head(app: App, action: str, known: Known) -> Plan:
    recorded, installed, manifest = known.row, known.installed, known.manifest
    return {
        "plugin": known.name,
        "action": action,
        "effect": _effect(action, known),
        "distribution": installed.distribution if installed else recorded.distribution if recorded else "",
        "version": {
            "recorded": recorded.version if recorded else None,
            "installed": installed.version if installed else None,
        },
        "enabled": known.enabled,
        "problem": known.problem or None,
        "settings": _settings(known),
        "permissions": known.permissions,
        "roles": roles_with(app, known),
        **grants(app, known),
        "commands": [c["name"] for c in manifest.commands] if manifest else [],
        "requires": [{"name": n, "range": r} for n, r in manifest.requirements.items()] if manifest else [],
        "hooks": {"recorded": sorted(recorded.hooks) if recorded else [], "installed": list(known.hooks)},
    }


def _effect(action: str, known: Known) -> str:
    """Return what becomes of what the plugin provides; that of one that does not run cannot be lost."""
    if action == "enable":
        return "kept" if known.enabled and known.in_toml else "gained"
    return "kept" if action == "upgrade" or not (known.enabled or known.in_toml) else "lost"


def _changes(plan: Plan, known: Known) -> bool:
    """Say whether the action would do anything."""
    if plan["effect"] != "kept":
        return True
    if plan["action"] == "disable" or (plan["keeps_data"] and plan["action"] == "uninstall"):
        return False
    if plan["action"] == "uninstall":
        left = (
            known.row,
            known.in_toml,
            plan["tables"],
            plan["settings"],
            plan["roles"],
            plan["card_values"],
        )
        return any(left)
    return bool(known.enabled and (plan["migrations"] or _other_files(known)))


def _other_files(known: Known) -> bool:
    recorded, installed = known.row, known.installed
    return installed is not None and recorded.record_hash != installed.record_hash


def _choices(app: App, action: str, known: Known) -> Plan:
    """Return what crm.toml chooses of the plugin, and what it would have to choose between it and others."""
    hooks = recorded_hooks(app, [known.name]).get(known.name, frozenset()).union(known.hooks)
    return {
        "choices": shown(chosen_of(app, {known.name: hooks})),
        "to_choose": asked_for(app, known) if action in {"enable", "upgrade"} else {},
    }


def _settings(known: Known) -> dict[str, Any]:
    """Return what crm.toml says of the plugin; what should only be referred to is not shown."""
    manifest = known.manifest
    properties = manifest.settings_schema.get("properties", {}) if manifest and _readable(known) else {}
    secret = {
        key for key, schema in properties.items() if isinstance(schema, dict) and schema.get("x-secret")
    }
    return {
        key: _HIDDEN if key in secret and not isinstance(value, dict) else value
        for key, value in known.settings.items()
    }


def _readable(known: Known) -> bool:
    try:
        return known.manifest is not None and isinstance(known.manifest.settings_schema, dict)
    except CrmError:
        return False


def _provided(known: Known) -> Plan:
    manifest = known.manifest
    return {
        "facts": sorted({spec.fact for spec in known.specs.get("facts", ())}),
        **{kind: sorted(spec.name for spec in known.specs.get(kind, ())) for kind in NAMED},
        "search_terms": sorted(str(spec.table.__tablename__) for spec in known.specs.get("search_terms", ())),
        "card_fields": sorted(manifest.card_fields) if manifest and _readable(known) else [],
    }


def _tables(app: App, plan: Plan, known: Known) -> Plan:
    """Return tables, columns, migrations and what waits, and why migrations could not run."""
    action = plan["action"]
    with app.read() as ctx:
        names = own_tables(app, ctx.connection, known)
        rows = counted(ctx.connection, names)
        at = revision_of(ctx.connection, known)
        values = counted_values(app, ctx.connection, known)
        requests = count_open(ctx.connection, known.name, ctx.today)
        if action in {"enable", "upgrade"}:
            before, after, refusals = _tried(app, known, at)
            folder = known.manifest.migrations if known.manifest else None
            if folder is not None and not refusals:
                refusals = _asked(lambda: migrations.objections(ctx.connection, known.name, folder))
        else:
            before = after = {}
            refusals = []
    change = "kept" if plan["keeps_data"] else "dropped"
    changes = dict.fromkeys(names, change) | {
        name: _change(name, before, after) for name in {**before, **after}
    }
    return {
        "tables": [{"name": n, "rows": rows.get(n, 0), "change": changes[n]} for n in sorted(changes)],
        "columns": _columns(before, after),
        "card_values": values,
        "open_requests": requests,
        "migrations": _pending(known, at) if action in {"enable", "upgrade"} else [],
        "refusals": refusals,
    }


def _tried(app: App, known: Known, at: str | None) -> tuple[Schema, Schema, list[str]]:
    """Try the pending migrations in memory."""
    folder = known.manifest.migrations if known.manifest else None
    if folder is None:
        return {}, {}, []
    wanted = migrations.head_of(known.name, folder)
    if at is not None and at > (wanted or ""):
        return {}, {}, [migrations.newer_tables(known.name, at, wanted)]
    folders = {
        name: manifest.migrations
        for name, manifest in app.manifests.items()
        if known.manifest and name in known.manifest.requires and manifest.migrations is not None
    }
    result: list[tuple[Schema, Schema]] = []
    refusals = _asked(lambda: result.append(rehearse(known.name, {**folders, known.name: folder}, at)))
    return (*result[0], []) if result else ({}, {}, refusals)


def _change(name: str, before: Schema, after: Schema) -> str:
    if name not in before:
        return "created"
    if name not in after:
        return "dropped"
    return "kept" if before[name] == after[name] else "altered"


def _columns(before: Schema, after: Schema) -> list[dict[str, str]]:
    """Return the columns that existing tables gain and lose."""
    found = []
    for name in sorted(before.keys() & after.keys()):
        for change, these, those in (("added", after, before), ("dropped", before, after)):
            found += [
                {"table": name, "name": column, "change": change}
                for column in these[name]
                if column not in those[name]
            ]
    return found


def _pending(known: Known, at: str | None) -> list[str]:
    """Return the files of the migrations that would run."""
    folder = known.manifest.migrations if known.manifest else None
    if folder is None:
        return []
    done = (at or "").rpartition("_")[2]
    files = sorted(path.name for path in folder.glob("[0-9][0-9][0-9][0-9]_*.py"))
    return [name for name in files if name.split("_")[0] > done]


def _refusals(app: App, plan: Plan, known: Known) -> list[str]:
    """Return the sentences that the action itself would end with."""
    action = plan["action"]
    if action in {"disable", "uninstall"}:
        found = _asked(lambda: check_dependents(app, [known.name]))
        return found + ([] if plan["keeps_data"] else _asked(lambda: check_pointers(app, known)))
    if action == "upgrade" and not known.enabled:
        message = _("plugin {name!r} is not enabled; enable it with: crm plugins enable {name}")
        return [message.format(name=known.name)]
    return _asked(lambda: _check_startable(app, known.name))


def _check_startable(app: App, name: str) -> list[str]:
    """Raise what enabling or upgrading would raise before it migrates; return what does not meet."""
    plugin = get_installed(name)
    manifest = plugin.manifest()
    by_requirement(app, [name], {name: manifest})
    problems = range_problems(app, {name: manifest})
    if not problems:
        check_collisions(app, [examine(app, plugin)])
    return problems


def check_pointers(app: App, known: Known) -> None:
    """Raise Guarded if tables of others point into the plugin's: they cannot do without them."""
    from crmcore.errors import Guarded

    with app.read() as ctx:
        tables = own_tables(app, ctx.connection, known)
        others = pointing_in(ctx.connection, tables)
    if others:
        message = _(
            "tables of another plugin point into those of {plugin!r}: {tables}; uninstall that plugin first"
        )
        raise Guarded(message.format(plugin=known.name, tables=", ".join(others)))


def _asked(look: Callable[[], list[str] | None]) -> list[str]:
    """Return the sentences that a look gives or ends with; a plugin may raise anything."""
    try:
        return look() or []
    except CrmError as error:
        return [str(error)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (as in `start`)
        return [f"{type(error).__name__}: {health.message_of(error)}"]
