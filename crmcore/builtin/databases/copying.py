"""Copy the database to another place: a server, or a file."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.databases.destinations import copy_file_as_it_is, fill_file, fill_server, whole_file
from crmcore.builtin.databases.folders import refuse_inside
from crmcore.builtin.databases.indexing import fill_index
from crmcore.builtin.databases.manifest import as_json
from crmcore.builtin.databases.source import anchor, opened
from crmcore.builtin.databases.telling import told
from crmcore.builtin.databases.unfinished import noted
from crmcore.builtin.records.services.list_indexes import make_missing
from crmcore.config import Config, parse_config
from crmcore.db.engine import sqlite_path
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from crmcore.app import App
    from crmcore.builtin.databases.filling import Copied
    from crmcore.builtin.databases.plan import Plan


def with_database(folder: Path, content: bytes, url: str) -> tuple[Config, bytes]:
    """Return a crm.toml with another database, checked; a password in the address is refused."""
    address, mark, options = url.partition("?")
    if mark and address.startswith("sqlite"):
        message = _("{url}: the address of a SQLite file takes no options; leave out ?{options}")
        raise CrmError(message.format(url=address, options=options))
    text = changed(content, ("database", "url"), url)
    return parse_config(folder, text.decode("utf-8-sig")), text


def copy_database(app: App, actor: str, url: str) -> dict[str, Any]:
    """Copy the company's database to an empty one; crm.toml stays as it is."""
    config, _text = with_database(app.config.folder, app.config.path.read_bytes(), url)
    path = sqlite_path(config)
    if path is not None:
        refuse_inside(app.config.folder, path)
    with (
        noted(app, f"crm db copy --to {shlex.quote(url)}", path or url),
        opened(app, actor) as (source, plan),
    ):
        tables = _copy(app, actor, source, plan, config)
        for sentence in plan.lost:
            app.warn(sentence)
        return {
            "database": config.database_url,
            "from": app.config.database_url,
            "tables": as_json(tables),
            "rows": sum(table.rows for table in tables),
            "left_out": list(plan.left_out),
            "anchor": anchor(source),
        }


def _copy(app: App, actor: str, source: sa.Connection, plan: Plan, config: Config) -> list[Copied]:
    """Copy; that all was read is written down before the copy can be used."""
    path = sqlite_path(config)

    def log(tables: list[Copied]) -> None:
        app.log_read(actor, "copy", "database", sum(table.rows for table in tables), config.database_url)

    def finish(new: sa.Connection, done: list[Copied]) -> None:
        fill_index(new, app)
        make_missing(app, new)
        log(done)

    if path is None:
        return fill_server(source, config, plan, finish)
    with told(path), whole_file(path) as part:
        if source.dialect.name != "sqlite":
            return fill_file(source, part, plan, finish)
        tables = copy_file_as_it_is(source, part, plan)
        log(tables)
    return tables
