"""Which tables go along, and who makes them on the other side: migrations, or a drawing of what is there.

The tables of the core and of the enabled plugins are made by their migrations. Those of plugins that are not enabled, or
whose package is gone, are drawn from what the database says of them: no code of theirs is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.databases.layout import layouts
from crmcore.db import migrations
from crmcore.db.base import dumps
from crmcore.db.engine import gate
from crmcore.errors import CrmError, PluginError
from crmcore.i18n import _
from crmcore.plugins.discovery import Installed, installed
from crmcore.plugins.isolation import blaming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DERIVED = re.compile(r"search_(?:state|index(?:_\w+)?)|duplicate_(?:key|state)")
"""Tables that are made from the others; they are built anew, not copied."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_REVISION = re.compile(r"\w{1,32}")
_VERSIONS = "alembic_version_"


@dataclass(frozen=True)
class Plan:
    """What of a database is copied, and how its tables are made."""

    made: dict[str, dict[str, str]]
    """Table → column → kind of its values, of what migrations make."""
    kept: tuple[str, ...]
    """Tables of plugins that are not enabled here."""
    left_out: tuple[str, ...]
    """What belongs to nobody known."""
    derived: bool
    """Whether there is something to be built anew."""
    folders: dict[str, Path] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    indexes: frozenset[str] = frozenset()
    """The texts of the indexes that migrations make in SQLite."""
    lost: list[str] = field(default_factory=list)
    """What could not be drawn, a sentence each."""

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that are copied."""
        return (*self.made, *self.kept)


def plan_of(connection: sa.Connection, names: Iterable[str], *, plugins: bool = True) -> Plan:
    """Plan the copying of a database of which these are the tables; plugins=False runs no code of plugins."""
    names = sorted(names)
    revision = _revision(connection, migrations.CORE) if _versions(migrations.CORE) in names else None
    if revision is None:
        raise CrmError(_("the database holds no crmcore tables; make them with: crm db migrate"))
    folders, revisions = {migrations.CORE: migrations.CORE_FOLDER}, {migrations.CORE: revision}
    rows = _plugins(connection)
    enabled = _folders({row["name"] for row in rows if row["enabled"]}) if plugins else {}
    for name, folder in enabled.items():
        found = _revision(connection, name) if _versions(name) in names else None
        if found is not None:
            folders[name], revisions[name] = folder, found
    made, indexes = _rehearsed(folders, revisions)
    prefixes = tuple(f"{row['table_prefix']}_" for row in rows) + tuple(_versions(r["name"]) for r in rows)
    others = [name for name in names if name not in made and not DERIVED.fullmatch(name)]
    kept = [n for n in others if n.startswith(prefixes or ("\0",)) and _NAME.fullmatch(n)]
    if missing := sorted(set(made) - set(names)):
        raise CrmError(_("the database lacks the table {table}; it is not whole").format(table=missing[0]))
    return Plan(
        made,
        tuple(kept),
        tuple(name for name in others if name not in kept),
        any(map(DERIVED.fullmatch, names)),
        folders,
        revisions,
        indexes,
    )


def _versions(name: str) -> str:
    return migrations.version_table(name)


def _revision(connection: sa.Connection, name: str) -> str | None:
    with gate(connection):
        found = connection.exec_driver_sql(f'SELECT version_num FROM "{_versions(name)}"').scalar()  # noqa: S608  (names of ours or of installed plugins)
    return found if isinstance(found, str) and _REVISION.fullmatch(found) else None


def _plugins(connection: sa.Connection) -> list[sa.RowMapping]:
    with gate(connection):
        rows = connection.exec_driver_sql("SELECT name, table_prefix, enabled FROM plugin").mappings().all()
    return [
        row
        for row in rows
        if all(isinstance(row[k], str) and _NAME.fullmatch(row[k]) for k in ("name", "table_prefix"))
    ]


def _folders(enabled: set[str]) -> dict[str, Path]:
    """Return the migrations of enabled plugins that are installed, those first that others require."""
    there = installed()
    found: dict[str, Path] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name in found or name in above or name not in enabled or name not in there:
            return
        required, folder = _told(there[name])
        for other in required:
            visit(other, above | {name})
        if folder is not None:
            found[name] = folder

    for name in sorted(enabled):
        visit(name, frozenset())
    return found


def _told(plugin: Installed) -> tuple[tuple[str, ...], Path | None]:
    try:
        manifest = plugin.manifest()
    except PluginError:
        return (), None  # as if it were not installed
    return tuple(manifest.requires), manifest.migrations


def make_tables(connection: sa.Connection, folders: Mapping[str, Path], revisions: Mapping[str, str]) -> None:
    """Run migrations, in the open transaction, as far as the revisions say."""
    for name, folder in folders.items():
        wanted, head = revisions[name], migrations.head_of(name, folder)
        if head is None or wanted > head:
            raise CrmError(migrations.newer_tables(name, wanted, head))
        with blaming(name, "migrations") if name != migrations.CORE else gate(connection), gate(connection):
            _upgrade(connection, name, folder, wanted)


def _upgrade(connection: sa.Connection, name: str, folder: Path, wanted: str) -> None:
    from alembic.util import CommandError

    try:
        migrations.upgrade(connection, name, folder, wanted)
    except CommandError:
        message = _("the tables of {name} are at {found}, which its files do not know; nothing was kept")
        raise CrmError(message.format(name=name, found=wanted)) from None


def _rehearsed(
    folders: Mapping[str, Path], revisions: Mapping[str, str]
) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
    """Return what the migrations make, tables and texts of indexes, tried on an empty database in memory."""
    engine = sa.create_engine("sqlite://", json_serializer=dumps)
    try:
        with engine.connect() as connection:
            make_tables(connection, folders, revisions)
            names = [n for n in sa.inspect(connection).get_table_names() if not DERIVED.fullmatch(n)]
            query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            texts = frozenset(connection.exec_driver_sql(query).scalars())
            return {layout.name: layout.columns for layout in layouts(connection, names)}, texts
    finally:
        engine.dispose()
