"""Write a backup: the database as it is at one moment, crm.toml and the files, in a folder that is whole or not there."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from crmcore.builtin.databases import manifest
from crmcore.builtin.databases.computed import drop_computed
from crmcore.builtin.databases.destinations import copy_file_as_it_is, fill_file
from crmcore.builtin.databases.folders import refuse_inside, sum_of, whole_folder
from crmcore.builtin.databases.source import anchor, opened
from crmcore.builtin.databases.telling import told
from crmcore.builtin.databases.unfinished import noted
from crmcore.builtin.records.services.documents import stored_at
from crmcore.config import FILE_NAME
from crmcore.db.engine import create_file
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App


def back_up(app: App, actor: str, folder: Path) -> dict[str, Any]:
    """Back the company up into a new folder; returns what its manifest says."""
    refuse_inside(app.config.folder, folder)
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
            plan.lost.extend(drop_computed(path, plan))
            content = manifest.describe(made_at, actor, kind, plan, tables)
            content["anchor"] = anchor(connection)
        for sentence in plan.lost:
            app.warn(sentence)
        with path.open("rb") as file:
            content["database"] = sum_of(file)
        # After the rows: what they speak of is there by now, since files come before their rows.
        content["files"] = manifest.write_files(app.config.folder, part)
        _check_whole(app, path)
        manifest.write_manifest(part, content)
        app.log_read(actor, "backup", "database", content["rows"], str(folder.resolve()))
    return content


def _check_whole(app: App, database: Path) -> None:
    """Refuse a backup without crm.toml, and tell of documents whose file is not in the store."""
    if not (database.parent / FILE_NAME).is_file():
        message = _("{file} is gone, so the backup would not be whole; nothing was kept")
        raise CrmError(message.format(file=app.config.path))
    count, example = 0, ""
    file = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    with closing(file):
        for code, digest in file.execute(
            "SELECT code, sha256 FROM document WHERE sha256 <> '' ORDER BY code"
        ):
            if not stored_at(database.parent, digest).is_file():
                count, example = count + 1, example or code
    if count:
        message = _(
            "the files of {count} documents are not in the store, for example that of {code}; the backup lacks them, too"
        )
        app.warn(message.format(count=count, code=example))
