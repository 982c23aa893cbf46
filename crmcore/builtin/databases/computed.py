"""Indexes that SQLite computes when it reads or checks a file: of expressions, and those with a condition.

Who opens a file of others must not compute what it defines. A backup has no such index, save those whose condition
compares columns with values; migrations, drawings and the fields of the card make the others again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.databases.conditions import condition
from crmcore.builtin.databases.drawn_indexes import left_out
from crmcore.builtin.databases.layout import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.builtin.databases.plan import Plan

_WITH_CONDITION = re.compile(
    r'CREATE\s+(?:UNIQUE\s+)?INDEX\s+"?\w+"?\s+ON\s+"?\w+"?\s*\([\w\s",]*\)\s*WHERE\b(.+)',
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_EXPRESSION = -2


def computed_indexes(connection: sa.Connection, table: str) -> Iterator[tuple[str, str]]:
    """Give name and text of the indexes of a table that compute more than plain comparisons; computes nothing."""
    columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_xinfo({quoted(table)})")]
    indexes = connection.exec_driver_sql(f"PRAGMA index_list({quoted(table)})").all()
    for _place, name, _unique, _origin, partial in indexes:
        parts = connection.exec_driver_sql(f"PRAGMA index_xinfo({quoted(name)})").all()
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?"
        text = str(connection.exec_driver_sql(query, (name,)).scalar())
        if any(part[1] == _EXPRESSION for part in parts) or (partial and not _is_plain(text, columns)):
            yield name, text


def _is_plain(text: str, columns: list[str]) -> bool:
    found = _WITH_CONDITION.fullmatch(text)
    if found is None or "::" in text or "[" in text:
        return False
    return condition(found[1], dict.fromkeys(columns, "text")) is not None


def drop_computed(path: Path, plan: Plan) -> list[str]:
    """Drop such indexes from a backup; returns a sentence for each that nobody makes again."""
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), poolclass=sa.NullPool)
    with engine.begin() as connection:
        found = [
            (name, table) for table in plan.tables for name, _text in computed_indexes(connection, table)
        ]
        for name, _table in found:
            connection.exec_driver_sql(f"DROP INDEX {quoted(name)}")
    return [left_out(name, table) for name, table in found if table in plan.kept]
