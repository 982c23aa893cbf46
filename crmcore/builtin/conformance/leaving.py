"""Disable and uninstall: afterwards database, crm.toml and folder are as if the plugin had never been there."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.conformance.findings import Finding, finding
from crmcore.builtin.conformance.subject import ACTOR
from crmcore.db.system import observer_cursor, observer_parked, plugin_health
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject

_OURS = ("imports", "documents", ".crm", "crm.db", "exports")
"""What the core itself puts into a workspace."""


@dataclass(frozen=True)
class Traces:
    """What is there in a company besides its rows: objects of the database, files."""

    objects: frozenset[str]
    files: frozenset[str]


def traces(app: App) -> Traces:
    """Look at a company: tables, indexes, views and triggers of its SQLite database, and files that the core did not make."""
    with app.engine.connect() as connection:
        query = sa.text("SELECT type || ' ' || name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        objects = frozenset(connection.scalars(query))
    paths = (path.relative_to(app.config.folder) for path in app.config.folder.rglob("*") if path.is_file())
    files = frozenset(path.as_posix() for path in paths if not path.parts[0].startswith(_OURS))
    return Traces(objects, files)


def check_uninstall(subject: Subject) -> Finding:
    """Disable the plugin, uninstall it with its data, and look for what is left."""
    from crmcore.builtin.conformance.using import used
    from crmcore.builtin.lifecycle.enabling import disable

    known = used(subject)
    app = known.app
    disable(app, [subject.name], ACTOR)
    _uninstall(subject, app)
    after = traces(app)
    left = sorted(after.objects - known.before.objects) + sorted(after.files - known.before.files)
    problems = [_("{what} is left").format(what=what) for what in left]
    problems += [
        _("{what} is gone, which was there before").format(what=what)
        for what in sorted(known.before.objects - after.objects)
    ]
    problems += [_("table {table} has a row of it").format(table=name) for name in _rows(subject, app)]
    problems += _in_configuration(subject, app)
    return finding(problems, _("nothing is left"))


def _uninstall(subject: Subject, app: App) -> None:
    """Uninstall as a user does, with the data."""
    from crmcore.builtin.conformance.using import crm

    crm(app, ["plugins", "uninstall", subject.name, "--drop"])
    app.refresh()


def _places() -> dict[str, tuple[sa.Table, sa.ColumnElement[Any]]]:
    """Return where the core keeps something under a plugin's name."""
    from crmcore.plugins.tables import Plugin

    enabled: sa.Table = Plugin.__table__  # type: ignore[attr-defined]
    return {
        "plugin": (enabled, enabled.c.name),
        "plugin_health": (plugin_health, plugin_health.c.name),
        "observer_cursor": (observer_cursor, observer_cursor.c.plugin),
        "observer_parked": (observer_parked, observer_parked.c.plugin),
    }


def _rows(subject: Subject, app: App) -> list[str]:
    with app.engine.connect() as connection:
        counts = {
            name: connection.scalar(
                sa.select(sa.func.count()).select_from(table).where(column == subject.name)
            )
            for name, (table, column) in _places().items()
        }
    return [name for name, count in counts.items() if count]


def _in_configuration(subject: Subject, app: App) -> list[str]:
    """Look for the plugin in crm.toml, comments left out."""
    plugins = tomllib.loads(app.config.path.read_text(encoding="utf-8")).get("plugins", {})
    found = subject.name in plugins.get("enabled", []) or subject.name in plugins
    return [_("crm.toml still names it")] * found
