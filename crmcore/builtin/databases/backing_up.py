"""Write a backup: the database as it is at one moment, crm.toml and the files, in a folder that is whole or not there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from crmcore.builtin.databases import manifest
from crmcore.builtin.databases.destinations import copy_file_as_it_is, fill_file
from crmcore.builtin.databases.folders import sum_of, whole_folder
from crmcore.builtin.databases.source import anchor, opened
from crmcore.builtin.databases.telling import told
from crmcore.builtin.databases.unfinished import noted
from crmcore.db.engine import create_file

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App


def back_up(app: App, actor: str, folder: Path) -> dict[str, Any]:
    """Back the company up into a new folder; returns what its manifest says."""
    command = f"crm db backup {shlex.quote(str(folder.absolute()))}"
    with noted(app, command, folder.absolute()), told(folder), whole_folder(folder) as part:
        path = part / manifest.DATABASE
        with opened(app, actor) as (connection, plan):
            made_at, kind = app.clock(), connection.dialect.name
            if kind == "sqlite":
                create_file(path)
                tables = copy_file_as_it_is(connection, path, plan, to_restore=True)
            else:
                tables = fill_file(connection, path, plan)
            content = manifest.describe(made_at, actor, kind, plan, tables)
            content["anchor"] = anchor(connection)
        with path.open("rb") as file:
            content["database"] = sum_of(file)
        # After the rows: what they speak of is there by now, since files come before their rows.
        content["files"] = manifest.write_files(app.config.folder, part)
        manifest.write_manifest(part, content)
        app.log_read(actor, "backup", "database", content["rows"], str(folder.resolve()))
    return content
