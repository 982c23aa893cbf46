"""Restore what uninstalling exported: the plugin is enabled and its rows go back through the gate, with their ids.

They keep their ids since no other column is known to be safe to change: a plugin may keep ids in JSON, too. So they can
only go where what they point to is still the same, and where the plugin has no tables. After each table the rows are
read again and compared; what does not come out as it went in is not restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.app import tables_of
from crmcore.builtin.administration.settings.document import changed
from crmcore.builtin.lifecycle.card_values import restore_values
from crmcore.builtin.lifecycle.enabling import examined
from crmcore.builtin.lifecycle.erased import Erased
from crmcore.builtin.lifecycle.fitting import check_fits, check_loaded, check_references, place_of
from crmcore.builtin.lifecycle.foreign_keys import deferred
from crmcore.builtin.lifecycle.known import Known, look_up, own_tables, start
from crmcore.builtin.lifecycle.lock import one_at_a_time
from crmcore.builtin.lifecycle.reading import Export, is_id
from crmcore.builtin.lifecycle.recording import record_of, recording, require_manager
from crmcore.builtin.lifecycle.rows import decoded, exact_columns, insertion, kinds_of, rows_of
from crmcore.builtin.lifecycle.sequences import set_last_id
from crmcore.config import FILE_NAME
from crmcore.db import migrations
from crmcore.db.base import canonical
from crmcore.db.engine import gate
from crmcore.db.system import observer_cursor
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins import health
from crmcore.plugins.host import call_registration
from crmcore.plugins.tables import Plugin
from crmcore.settings.validation import check

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App
    from crmcore.db.tables import TableInfo
    from crmcore.tx import Tx

_CHUNK = 5_000


@one_at_a_time
def restore(app: App, name: str, folder: Path, actor: str) -> Export:
    """Enable a plugin and load its exported rows, all or nothing; returns the export that they came from.

    CrmError says in one sentence what does not fit: the export, the installed plugin, or the company.
    """
    require_manager(app, actor)
    export = Export(folder)
    known = look_up(app, name)
    check_fits(app, known, export)
    ((plugin, hosted),) = examined(app, [name])
    start(app, known)
    check_references(app, export)
    check(export.content["settings"], hosted.manifest.settings_schema, FILE_NAME, f"plugins.{name}")
    try:
        infos = tables_of(call_registration(hosted, "models") if "models" in hosted.functions else ())
        app.tables.update(infos)  # until it is enabled, nobody else knows them
        with recording(
            app, actor, f"restore {name}", enabled=[name], edit=lambda text: _settled(text, name, export)
        ) as tx:
            _load_all(app, tx, known, infos, export)
            restore_values(app, tx, hosted.manifest, export)
            _record(tx, record_of(plugin, hosted))
            _put_cursor(tx, name, export)
    finally:
        app.refresh()
    health.release(app, name)
    app.refresh()
    return export


def _settled(text: str, name: str, export: Export) -> str:
    """Return the text of crm.toml with the plugin's settings, unless it has some."""
    content = text.encode()
    if not place_of(text, name):
        for key, value in export.content["settings"].items():
            content = changed(content, ("plugins", name, key), value)
    return content.decode()


def _record(tx: Tx, record: dict[str, Any]) -> None:
    table: sa.Table = Plugin.__table__  # type: ignore[attr-defined]
    known = tx.connection.scalar(sa.select(table.c.id).where(table.c.name == record["name"]))
    if known is None:
        tx.insert(Plugin, [record])
    else:
        tx.update(Plugin, [(known, record)])


def _put_cursor(tx: Tx, name: str, export: Export) -> None:
    """Let an observing plugin go on where it was, so that it is not told everything once more."""
    cursor = export.content["cursor"]
    if cursor is not None:
        tx.connection.execute(sa.delete(observer_cursor).where(observer_cursor.c.plugin == name))
        tx.connection.execute(sa.insert(observer_cursor), {"plugin": name, **cursor})


def _load_all(app: App, tx: Tx, known: Known, infos: dict[str, TableInfo], export: Export) -> None:
    """Make the tables and fill them, those first that others point to."""
    connection, folder = tx.connection, known.manifest.migrations if known.manifest else None
    with gate(connection):
        migrations.bring_up(connection, {known.name: folder} if folder else {})
    tables = own_tables(app, connection, known)
    if set(tables) != export.tables.keys():
        shown = ", ".join(sorted(set(tables) ^ export.tables.keys()))
        message = _(
            "the installed {plugin} makes other tables than the export has ({tables}); install {version}"
        )
        version = export.content["version"]
        raise CrmError(message.format(plugin=known.name, version=version, tables=shown))
    with deferred(connection, tables):
        with gate(connection):
            for name in reversed(tables):
                connection.execute(sa.delete(sa.table(name)))  # what the migrations themselves put there
        for name in tables:
            _load(tx, name, infos.get(name), export)
    check_loaded(connection, known, tables, export)


def _load(tx: Tx, name: str, info: TableInfo | None, export: Export) -> None:
    """Fill one table and compare it with the export."""
    kinds, exact = kinds_of(tx.connection, name), exact_columns(tx.connection, name)
    told = export.tables[name]
    if kinds.keys() != told["columns"].keys() or (info is not None and {*info.columns} != kinds.keys()):
        raise export.wrong(name, _("the installed plugin keeps other columns"))
    erased, seen = Erased(tx.connection, info), sha256()
    with _told(export, name):
        rows = (_decoded(row, kinds, exact) for row in _hashed(export.rows(name), seen))
        while chunk := list(islice(rows, _CHUNK)):
            erased.blank(chunk)
            if info is None:
                _insert_plainly(tx.connection, name, kinds, chunk)
            else:
                _insert_through_gate(tx, info, chunk)
        now = sha256()
        for _row in _hashed(rows_of(tx.connection, name, kinds), now):
            pass
    if not erased.found and now.digest() != seen.digest():
        raise export.wrong(name, _("this database would keep its values otherwise"))
    if told["last_id"] is not None:
        with gate(tx.connection):
            set_last_id(tx.connection, name, max(told["last_id"], _highest(tx.connection, name)))


def _decoded(row: dict[str, Any], kinds: dict[str, str], exact: list[str]) -> dict[str, Any]:
    for column in exact:
        decoded("decimal", row[column])
    return {column: decoded(kinds[column], value) for column, value in row.items()}


def _insert_through_gate(tx: Tx, info: TableInfo, chunk: list[dict[str, Any]]) -> None:
    for row in chunk:
        if not is_id(row["id"]):
            raise ValueError(_("{value} is no id").format(value=row["id"]))
    ids = [row.pop("id") for row in chunk]
    tx.insert(info.spec.table, [_bound(info, row) for row in chunk], ids=ids)


def _bound(info: TableInfo, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as its table class takes it: a time without a zone where the class knows none."""
    zoneless = [c.key for c in info.table.columns if isinstance(c.type, sa.DateTime) and not c.type.timezone]
    return {**row, **{key: row[key].replace(tzinfo=None) for key in zoneless if row[key] is not None}}


def _insert_plainly(
    connection: sa.Connection, name: str, kinds: dict[str, str], chunk: list[dict[str, Any]]
) -> None:
    """Insert into a table that the gate does not know, which migrations alone fill."""
    with gate(connection):
        connection.execute(insertion(connection, name, kinds), chunk)


def _hashed(rows: Iterable[dict[str, Any]], digest: Any) -> Iterator[dict[str, Any]]:
    """Give rows on, and hash what they say, whatever the order of keys in JSON values."""
    for row in rows:
        digest.update(canonical(row).encode())
        yield row


def _highest(connection: sa.Connection, name: str) -> int:
    return connection.scalar(sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(name))) or 0


@contextmanager
def _told(export: Export, table: str) -> Iterator[None]:
    """Say in one sentence what does not go into a table."""
    try:
        yield
    except (ValueError, TypeError, KeyError, sa.exc.StatementError) as error:
        cause = getattr(error, "orig", None) or error
        raise export.wrong(table, next(iter(str(cause).splitlines()), type(cause).__name__)) from error
