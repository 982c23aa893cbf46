"""Make a new workspace from a backup: its rows go into a new database, its files into a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.builtin.databases import foreign, manifest
from crmcore.builtin.databases.copying import with_database
from crmcore.builtin.databases.destinations import fill_file, fill_server
from crmcore.builtin.databases.filling import Copied
from crmcore.builtin.databases.folders import make_folder, opened_inside, whole_folder
from crmcore.builtin.databases.indexing import (
    fill_index,
    fill_index_of_plugins,
    has_index,
    make_list_indexes,
)
from crmcore.builtin.databases.manifest import Backup
from crmcore.builtin.databases.source import anchor
from crmcore.builtin.databases.telling import told
from crmcore.builtin.privacy import erasure_list
from crmcore.builtin.privacy.replay import after_restore
from crmcore.config import FILE_NAME, Config
from crmcore.db import migrations
from crmcore.db.engine import network_file_system, sqlite_path
from crmcore.errors import CrmError
from crmcore.files import write_atomically
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import sqlalchemy as sa

    from crmcore.builtin.databases.plan import Plan

NEW = "sqlite:///crm.db"


def restore(  # noqa: PLR0913  (what, to where, and who was erased since)
    folder: Path,
    to: Path,
    url: str | None,
    warn: Callable[[str], None],
    *,
    plugins: bool = True,
    erased: Mapping[str, str] | None = None,
    actor: str = "",
) -> dict[str, Any]:
    """Restore a backup into a new folder, its database there or on a server; returns what was restored.

    plugins: whether the migrations of the plugins that the backup has enabled may be run. erased: who was erased since
    it was made (uid → kind): they are erased again, in the name of `actor`.
    """
    from crmcore.builtin.administration.settings.editor import write_editor_schema

    backup = Backup(folder)
    with told(folder), whole_folder(to) as part:
        backup.copy_files(part)
        erasure_list.add(part, dict(erased or {}))
        path = part / FILE_NAME
        if not path.exists():
            raise backup.damaged(FILE_NAME, _("it is not there, so this is no whole backup"))
        config, text = with_database(part, path.read_bytes(), url or NEW)
        write_atomically(path, text)
        with opened_inside(folder, (manifest.DATABASE,)) as file:
            backup.check_database(file)
            with foreign.opened(backup, file) as connection:
                plan = foreign.examined(backup, connection, plugins=plugins)
                tables = _fill(backup, connection, plan, config)
                head = anchor(connection)
        for sentence in plan.lost:
            warn(sentence)
        write_editor_schema(part)
    _complete(to.resolve(), warn, plugins=plugins)
    again = after_restore(to.resolve(), actor, warn, plugins=plugins)
    return {
        "folder": str(to.resolve()),
        "database": config.database_url,
        "backup": str(folder.resolve()),
        "made_at": backup.content["made_at"],
        "tables": manifest.as_json(tables),
        "rows": sum(table.rows for table in tables),
        "files": backup.content["files"]["count"],
        "anchor": head,
        "erased_again": again,
    }


def _complete(folder: Path, warn: Callable[[str], None], *, plugins: bool) -> None:
    """Do what only the new workspace itself can: the search words of plugins, the indexes of its card."""
    if plugins and (warning := fill_index_of_plugins(folder)):
        warn(warning)
    if warning := make_list_indexes(folder, plugins=plugins):
        warn(warning)


def _fill(backup: Backup, connection: sa.Connection, plan: Plan, config: Config) -> list[Copied]:
    """Fill the new database; the rows must be those that the manifest speaks of."""

    def finish(new: sa.Connection, done: list[Copied]) -> None:
        _compare(backup, done)
        indexed = has_index(new)
        migrations.bring_up(
            new, {migrations.CORE: migrations.CORE_FOLDER}
        )  # plugins are for who enabled them
        if indexed:
            fill_index(new)

    path = sqlite_path(config)
    if path is None:
        return fill_server(connection, config, plan, finish)
    _check_place(path, config)
    return fill_file(connection, path, plan, finish)


def _check_place(path: Path, config: Config) -> None:
    if not path.is_relative_to(config.folder.resolve()):
        message = _("{path} lies outside of the new folder; leave out --database for a file in it")
        raise CrmError(message.format(path=path))
    if kind := network_file_system(path):
        message = _(
            "{path} lies on a network file system ({kind}), where SQLite loses data; use a local disk or PostgreSQL"
        )
        raise CrmError(message.format(path=path, kind=kind))
    make_folder(path.parent)
    if path.exists():
        raise CrmError(_("{path} already exists; choose another folder or database").format(path=path))


def _compare(backup: Backup, done: list[Copied]) -> None:
    """Refuse rows that were changed since the backup was written."""
    found = {table.name: (table.rows, table.sha256) for table in done}
    for name in sorted(found.keys() | backup.tables.keys()):
        if found.get(name) != backup.tables.get(name):
            reason = _("the rows of table {table} are not those that were backed up").format(table=name)
            raise backup.damaged(manifest.DATABASE, reason)
