"""Read a whole database with plain SQL and the drivers alone: nothing here is shared with what is tested."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

OWN_PLACES = {("change_tx", "xid"), ("observer_cursor", "xid"), ("observer_cursor", "seq")}
"""What is each server's own."""
Contents = dict[str, list[str]]


DERIVED = {"duplicate_key", "duplicate_state"}
"""Like the search index they are made from the others, and made anew in a copy when they are needed."""


def contents(place: Path | str) -> Contents:
    """Return table → rows, each written as text with its columns sorted; of a file or an address of a server."""
    return _of_file(place) if isinstance(place, Path) else _of_server(place)


def _of_file(path: Path) -> Contents:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'search%'"
    ).fetchall()
    found = {}
    for name in {name for (name,) in names} - DERIVED:
        types = {row[1]: row[2] for row in database.execute(f'PRAGMA table_info("{name}")')}
        rows = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608  (its own names)
        columns = [column[0] for column in rows.description]
        found[name] = sorted(
            _row(name, {c: _from_sqlite(types[c], v) for c, v in zip(columns, row, strict=True)})
            for row in rows
        )
    database.close()
    return found


_READ = {
    "JSON": lambda value: json.loads(str(value)),
    "DATETIME": datetime.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "BOOLEAN": bool,
    "NUMERIC": lambda value: Decimal(str(value)),
}


def _from_sqlite(declared: str, value: Any) -> Any:
    read: Any = _READ.get(declared.partition("(")[0])
    return value if value is None or read is None else read(value)


def _of_server(url: str) -> Contents:
    import psycopg

    parts = urlsplit(url)
    dsn = parts._replace(scheme="postgresql").geturl()
    with psycopg.connect(dsn) as database:
        names = database.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'search%'"
        ).fetchall()
        found = {}
        for name in {name for (name,) in names} - DERIVED:
            rows = database.execute(f'SELECT * FROM "{name}"'.encode())  # noqa: S608  (its own names)
            columns = [column.name for column in rows.description or ()]
            found[name] = sorted(_row(name, dict(zip(columns, row, strict=True))) for row in rows)
    return found


def _row(table: str, row: dict[str, Any]) -> str:
    shown = {c: _plain(v) for c, v in row.items() if (table, c) not in OWN_PLACES}
    return json.dumps(shown, sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return _numbers(value)


def _numbers(value: Any) -> Any:
    """Write whole numbers of JSON without a point, as PostgreSQL does."""
    if isinstance(value, dict):
        return {key: _numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
