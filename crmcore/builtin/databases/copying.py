"""Copy the database to another place: a server, or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.databases.destinations import copy_file_as_it_is, fill_file, fill_server, whole_file
from crmcore.builtin.databases.indexing import fill_index
from crmcore.builtin.databases.manifest import as_json
from crmcore.builtin.databases.source import anchor, opened
from crmcore.builtin.databases.telling import told
from crmcore.config import Config, parse_config
from crmcore.db.engine import sqlite_path

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from crmcore.app import App
    from crmcore.builtin.databases.filling import Copied


def with_database(folder: Path, content: bytes, url: str) -> tuple[Config, bytes]:
    """Return a crm.toml with another database, checked; a password in the address is refused."""
    text = changed(content, ("database", "url"), url)
    return parse_config(folder, text.decode("utf-8-sig")), text


def copy_database(app: App, actor: str, url: str) -> dict[str, Any]:
    """Copy the company's database to an empty one; crm.toml stays as it is."""
    config, _text = with_database(app.config.folder, app.config.path.read_bytes(), url)
    path = sqlite_path(config)
    with opened(app, actor) as (connection, plan):
        kind = connection.dialect.name

        def finish(new: sa.Connection, _done: list[Copied]) -> None:
            fill_index(new, app)

        if path is None:
            tables = fill_server(connection, config, plan, finish)
        elif kind == "sqlite":
            with told(path), whole_file(path) as part:
                tables = copy_file_as_it_is(connection, part, plan)
        else:
            with told(path), whole_file(path) as part:
                tables = fill_file(connection, part, plan, finish)
        result: dict[str, Any] = {
            "database": config.database_url,
            "from": app.config.database_url,
            "tables": as_json(tables),
            "rows": sum(table.rows for table in tables),
            "left_out": list(plan.left_out),
            "anchor": anchor(connection),
        }
    app.log_read(actor, "copy", "database", result["rows"], config.database_url)
    return result
