"""Take a plugin's tables away, and all that the database keeps of it beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.lifecycle.known import table as plugin_table
from crmcore.changes import Entry
from crmcore.db import migrations
from crmcore.db.base import dumps
from crmcore.db.engine import gate
from crmcore.db.system import observer_cursor, observer_parked, plugin_health

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from crmcore.builtin.lifecycle.known import Known
    from crmcore.tx import Tx


def lock_tables(connection: sa.Connection, tables: Sequence[str]) -> None:
    """Let nobody write to these tables until the transaction ends; on SQLite nobody can in any case."""
    if tables and connection.dialect.name == "postgresql":
        with gate(connection):
            connection.execute(sa.text(f"LOCK TABLE {_listed(connection, tables)} IN ACCESS EXCLUSIVE MODE"))


def drop(tx: Tx, known: Known, tables: Mapping[str, int], own: Callable[[str], bool]) -> None:
    """Drop the plugin's tables (name → rows; those first that others point to) and forget the plugin.

    own: tells which views and sequences are the plugin's, by their names.

    One entry in the change log says what the plugin was and how many rows went.
    """
    connection = tx.connection
    with gate(connection):
        types = _own_types(connection, list(tables))
        _drop_tables(connection, list(tables), own)
        for name in types:
            connection.execute(sa.text(f"DROP TYPE {_listed(connection, [name])}"))
        version = migrations.version_table(known.name)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {_listed(connection, [version])}"))
        connection.execute(sa.delete(plugin_health).where(plugin_health.c.name == known.name))
        for kept in (observer_cursor, observer_parked):
            connection.execute(sa.delete(kept).where(kept.c.plugin == known.name))
        connection.execute(sa.delete(plugin_table).where(plugin_table.c.name == known.name))
    row = known.row
    before = dict(row._mapping) if row is not None else {"name": known.name}  # noqa: SLF001  (SQLAlchemy's name for it)
    entry = Entry("plugin", row.id if row else None, "delete", dumps({**before, "tables": tables}), None)
    tx._log.append([entry])  # noqa: SLF001  (no row of a tracked table can say how many rows of others went)


def _drop_tables(connection: sa.Connection, tables: list[str], own: Callable[[str], bool]) -> None:
    """Drop the plugin's views, tables and free sequences."""
    for view in sa.inspect(connection).get_view_names():
        if own(view):
            connection.execute(sa.text(f"DROP VIEW {_listed(connection, [view])}"))
    if connection.dialect.name == "postgresql":
        if tables:
            connection.execute(sa.text(f"DROP TABLE {_listed(connection, tables)}"))
        for sequence in sa.inspect(connection).get_sequence_names():
            if own(sequence):
                connection.execute(sa.text(f"DROP SEQUENCE {_listed(connection, [sequence])}"))
        return
    # Tables that point to each other in a circle cannot be dropped one by one but for this.
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    for name in reversed(tables):
        connection.execute(sa.text(f"DROP TABLE {_listed(connection, [name])}"))


def _own_types(connection: sa.Connection, tables: list[str]) -> list[str]:
    """Return PostgreSQL's named types that no table but these uses."""
    if connection.dialect.name != "postgresql":
        return []
    query = """SELECT t.typname AS name, bool_and(c.relname = ANY(:tables)) AS own
        FROM pg_type t JOIN pg_attribute a ON a.atttypid = t.oid JOIN pg_class c ON c.oid = a.attrelid
        WHERE t.typtype = 'e' AND c.relkind IN ('r', 'p') AND pg_type_is_visible(t.oid) GROUP BY t.typname"""
    rows = connection.execute(sa.text(query), {"tables": tables})
    return [row.name for row in rows if row.own]


def _listed(connection: sa.Connection, names: Sequence[str]) -> str:
    quote = connection.dialect.identifier_preparer.quote_identifier
    return ", ".join(map(quote, names))
