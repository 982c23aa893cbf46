"""Where a person is named in rows that are not theirs: put right where it is nobody's history, else shown to people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.exchange.tables import ImportRun
from crmcore.builtin.jobs.tables import JobRun
from crmcore.builtin.privacy import rules
from crmcore.db.system import change_log, change_tx, observer_parked, plugin_health, read_log
from crmcore.entities.lookup import table_of

if TYPE_CHECKING:
    from crmcore.app import App

_IMPORTS, _JOBS = table_of(ImportRun), table_of(JobRun)
OPERATIONAL: tuple[tuple[sa.Table, tuple[str, ...]], ...] = (
    (read_log, ("filter",)),
    (_IMPORTS, ("file_name", "file_path", "mapping", "options", "warnings", "error")),
    (_JOBS, ("summary", "error")),
    (plugin_health, ("error",)),
    (observer_parked, ("error",)),
)
"""Progress and records of work: no history of anybody, so a value in them is taken out."""
_EXAMPLES = 5
_CONDITIONS = 600


def take_out(connection: sa.Connection, known: Sequence[str]) -> dict[str, int]:
    """Put `(erased)` in the place of these values in the records of work; returns table → rows changed."""
    changed: dict[str, int] = {}
    for table, columns in OPERATIONAL if known else ():
        for row in _naming(connection, table, columns, known):
            values = {name: rules.without(row[name], known) for name in columns}
            if all(values[name] == row[name] for name in columns):
                continue
            same = [column == row[column.name] for column in table.primary_key]
            connection.execute(sa.update(table).where(*same).values(values))
            changed[table.name] = changed.get(table.name, 0) + 1
    return changed


def _naming(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], known: Sequence[str]
) -> list[sa.RowMapping]:
    """Return the rows that may name a person: characters in order, whatever stands between them."""
    found: dict[Any, sa.RowMapping] = {}
    for part in _parts(known, columns):
        texts = [sa.cast(table.c[name], sa.Text) for name in columns]
        loosely = ["%".join(["", *map(_plain, value), ""]) for value in part]
        like = sa.or_(*(text.ilike(pattern, escape="\\") for text in texts for pattern in loosely))
        for row in connection.execute(sa.select(table).where(like)).mappings():
            found[tuple(row[column.name] for column in table.primary_key)] = row
    return list(found.values())


def _plain(character: str) -> str:
    return f"\\{character}" if character in "%_\\" else character


def _parts(known: Sequence[str], columns: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut values into parts that one statement takes: SQLite nests no more than a thousand conditions."""
    size = max(1, _CONDITIONS // len(columns))
    for start in range(0, len(known), size):
        yield known[start : start + size]


def elsewhere(app: App, connection: sa.Connection, known: Sequence[str]) -> list[dict[str, Any]]:
    """Return where these values still stand: in rows of others, and in the log from when they were in the open.

    Each table is read through once: for a plan, not for every day.
    """
    found = []
    for table, columns in _searched(app) if known else ():
        key = next(iter(table.primary_key))
        for name in columns:
            text, rows = sa.cast(table.c[name], sa.Text), set[Any]()
            for part in _parts(known, [name]):
                holds = sa.or_(*(text.icontains(value, autoescape=True) for value in part))
                rows.update(connection.scalars(sa.select(key).where(holds)))
            if rows:
                examples = sorted(rows)[:_EXAMPLES]
                found.append({"table": table.name, "column": name, "rows": len(rows), "examples": examples})
    return found


def _searched(app: App) -> Iterator[tuple[sa.Table, list[str]]]:
    for info in app.tables.values():
        yield info.table, [c.name for c in info.table.columns if _is_text(c) and c.name not in _NEVER]
    yield change_tx, ["reason"]
    yield change_log, ["before", "after"]


_NEVER = {"uid", "person_uid", "sha256"}


def _is_text(column: sa.Column[Any]) -> bool:
    kind: Any = column.type
    return isinstance(getattr(kind, "impl", kind), sa.String | sa.JSON)
