"""The indexes of drawn tables: over columns, and with a plain condition such as unique rules have, if it can be read.

What is no plain column, or a condition that conditions.py does not understand word by word, is left out, and that is said.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.databases.conditions import condition
from crmcore.builtin.databases.layout import quoted
from crmcore.i18n import _
from crmcore.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PARTIAL = re.compile(r"[^()/-]*\([^()/-]*\)\s*WHERE\b(.+)", re.IGNORECASE | re.DOTALL)


class _Index(NamedTuple):
    name: str
    columns: list[str] | None
    """None where it is not made of columns alone."""
    unique: bool
    where: str | None


def make_indexes(
    source: sa.Connection, target: sa.Connection, table: sa.Table, kinds: Mapping[str, str]
) -> list[str]:
    """Make the indexes that a table has in the source; returns what is said of those that were left out."""
    read = _of_sqlite if source.dialect.name == "sqlite" else _of_postgres
    found = sorted(read(source, table.name))
    return [
        left_out(index.name, table.name) for index in found if not _make(target, table, index, dict(kinds))
    ]


def left_out(index: str, table: str) -> str:
    """Say that an index does not go along, and what to do for it."""
    message = _(
        "index {index} of table {table} was left out, since its definition cannot be read;"
        " for it, enable the plugin that it belongs to where the data come from, and do this again"
    )
    return message.format(index=printable(index), table=table)


def _make(target: sa.Connection, table: sa.Table, index: _Index, kinds: dict[str, str]) -> bool:
    if index.columns is None or not set(index.columns) <= kinds.keys():
        return False
    where = None
    if index.where is not None:
        if (told := condition(index.where, kinds)) is None:
            return False
        where = sa.text(told.replace(":", "\\:"))
    made = sa.Index(
        index.name,
        *(table.c[name] for name in index.columns),
        unique=index.unique,
        sqlite_where=where,
        postgresql_where=where,
    )
    # Conditions that only SQLite takes, such as a number compared with a text. A new file has no journal to go back by.
    may_refuse = where is not None and target.dialect.name == "postgresql"
    try:
        with target.begin_nested() if may_refuse else nullcontext():
            made.create(target)
    except (sa.exc.ProgrammingError, sa.exc.DataError):
        if may_refuse:
            return False
        raise
    return True


def _of_sqlite(source: sa.Connection, table: str) -> Iterator[_Index]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    texts: dict[str, str] = {row.name: row.sql for row in source.exec_driver_sql(query, (table,))}
    for _seq, name, unique, _origin, partial in source.exec_driver_sql(
        f"PRAGMA index_list({quoted(table)})"
    ).all():
        if name not in texts:
            continue  # what a key or a rule of the table has made
        parts = source.exec_driver_sql(f"PRAGMA index_xinfo({quoted(name)})").all()
        keys = [(column, order) for _no, _cid, column, _desc, order, key in parts if key]
        condition_of = _PARTIAL.fullmatch(texts[name]) if partial else None
        plain = all(column is not None and order == "BINARY" for column, order in keys)
        readable = plain and bool(condition_of) == bool(partial)
        yield _Index(
            name,
            [column for column, _order in keys] if readable else None,
            bool(unique),
            condition_of[1] if condition_of else None,
        )


def _of_postgres(source: sa.Connection, table: str) -> Iterator[_Index]:
    for index in sa.inspect(source).get_indexes(table):
        if "duplicates_constraint" in index:
            continue
        options = index.get("dialect_options") or {}
        columns = [column for column in index["column_names"] if column is not None]
        plain = len(columns) == len(index["column_names"]) and not options.get(
            "postgresql_nulls_not_distinct"
        )
        yield _Index(
            str(index["name"]),
            columns if plain else None,
            bool(index["unique"]),
            options.get("postgresql_where"),
        )
