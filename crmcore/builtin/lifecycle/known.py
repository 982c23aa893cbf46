"""What is known of a plugin: from the database and crm.toml alone where its package is broken or gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.lifecycle.rehearsal import core_tables
from crmcore.db import migrations
from crmcore.errors import PluginError
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.discovery import Installed, get_installed
from crmcore.plugins.extension import own_hooks
from crmcore.plugins.host import call_registration
from crmcore.plugins.loading import Hosted, check_api_range, load_functions
from crmcore.plugins.manifest import Manifest
from crmcore.plugins.tables import Plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crmcore.app import App

table: sa.Table = Plugin.__table__  # type: ignore[attr-defined]

NAMED = ("reports", "jobs", "importables", "list_columns", "approval_kinds")
"""The hooks whose contributions have names of their own."""


@dataclass
class Known:
    """A plugin, as far as anything is known of it."""

    name: str
    row: Any
    """Its row in the database, None where it has none."""
    installed: Installed | None
    manifest: Manifest | None
    settings: dict[str, Any]
    """What crm.toml says of it."""
    in_toml: bool
    """Whether crm.toml enables it."""
    problem: str = ""
    """Why its package cannot be read or imported."""
    specs: dict[str, list[Any]] = field(default_factory=dict)
    """What it registers, hook → specs; filled by `start`."""
    hooks: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether the database has it enabled."""
        return self.row is not None and bool(self.row.enabled)

    @property
    def prefix(self) -> str:
        """What its tables' names begin with."""
        if self.row is not None:
            return str(self.row.table_prefix)
        return self.manifest.table_prefix if self.manifest else self.name

    @property
    def permissions(self) -> list[str]:
        """The permissions that it adds, as far as its package can say."""
        return sorted(self.manifest.permissions) if self.manifest else []


def look_up(app: App, name: str) -> Known:
    """Gather what is known of a plugin without importing it; PluginError if nothing is."""
    with app.read() as ctx:
        row = ctx.connection.execute(sa.select(table).where(table.c.name == name)).first()
    settings = app.config.plugin_settings(name) if isinstance(_said(app, name), dict) else {}
    in_toml = name in app.config.enabled
    if row is None and not in_toml and not settings:
        get_installed(name)
    known = Known(name, row, app.installed.get(name), None, settings, in_toml)
    if known.installed is None:
        known.problem = _("its package is not installed")
        return known
    try:
        known.manifest = known.installed.manifest()
    except PluginError as error:
        known.problem = str(error)
    return known


def _said(app: App, name: str) -> Any:
    return app.config.data["plugins"].get(name)


def start(app: App, known: Known) -> None:
    """Import the plugin and call its registrations; what hinders that becomes its `problem`. Nothing is recorded."""
    if known.installed is None or known.manifest is None:
        return
    try:
        check_api_range(known.name, known.manifest.api)
        declared = own_hooks(app.installed, (known.name, *known.manifest.requires))
        functions = load_functions(known.name, known.installed.module, declared)
        known.hooks = tuple(sorted(functions))
        hosted = Hosted(known.name, known.manifest, functions=functions, declared=declared)
        for hook in ("models", "facts", *NAMED, "search_terms"):
            if hook in functions:
                known.specs[hook] = call_registration(hosted, hook)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; what is known is said all the same)
        known.problem = known.problem or health.message_of(error)


def own_tables(app: App, connection: sa.Connection, known: Known) -> list[str]:
    """Return the plugin's tables in the database, those first that others of its tables point to."""
    own, taken = own_names(app, connection, known), core_tables()
    names = sa.inspect(connection).get_sorted_table_and_fkc_names()
    return [name for name, _keys in names if name and own(name) and name not in taken]


def own_names(app: App, connection: sa.Connection, known: Known) -> Callable[[str], bool]:
    """Return what tells a plugin's names: they bear its prefix, and not the longer one of another plugin."""
    prefix = f"{known.prefix}_"
    longer = tuple(other for other in _prefixes(app, connection, known) if other.startswith(prefix))
    return lambda name: bool(known.prefix) and name.startswith(prefix) and not name.startswith(longer)


def _prefixes(app: App, connection: sa.Connection, known: Known) -> set[str]:
    """Return the prefixes of the other plugins, with the underscore: once enabled or installed."""
    rows = connection.execute(sa.select(table.c.name, table.c.table_prefix).where(table.c.name != known.name))
    found = {row.table_prefix for row in rows} | {"alembic_version"}
    for plugin in app.installed.values():
        try:
            found |= {plugin.manifest().table_prefix} if plugin.name != known.name else set()
        except PluginError:
            continue
    return {f"{prefix}_" for prefix in found if prefix != known.prefix}


def counted(connection: sa.Connection, tables: Sequence[str]) -> dict[str, int]:
    """Return table → number of its rows."""
    return {
        name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0
        for name in tables
    }


def pointing_in(connection: sa.Connection, tables: Sequence[str]) -> list[str]:
    """Return the tables of others that point into these: they cannot do without them."""
    inspector = sa.inspect(connection)
    return [
        other
        for other in inspector.get_table_names()
        if other not in tables
        and any(key["referred_table"] in tables for key in inspector.get_foreign_keys(other))
    ]


def revision_of(connection: sa.Connection, known: Known) -> str | None:
    """Return the revision at which the plugin's tables are."""
    return migrations.current(connection, known.name)
