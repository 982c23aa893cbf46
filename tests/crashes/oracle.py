"""Look at a company with the drivers and plain SQL alone, and compare without what differs from run to run.

Ids, uids and times are left out, and what points to a row is shown as that row's code. Nothing here is shared with the
program that is tested.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from tests.oracles.change_log import problems

OTHER = {
    "change_log", "change_seal", "change_tx", "code_counter", "import_run", "observer_cursor", "plugin_health", "read_log",
    "duplicate_key", "duplicate_state",
}  # fmt: skip
"""Tables that are looked at in another way, that count what was tried, or that are made anew when they are asked."""
UNLIKE = re.compile(r"^(id|uid|at|since|version|hash|key|.*_at|.*_uid|import_id|tx_id|seq|first_.*|last_.*)$")
Table = list[str]
Row = dict[str, Any]


class Look:
    """One database, of a folder or of a server, as it is now."""

    def __init__(self, place: Path | str) -> None:
        """Read the whole of it."""
        with _opened(place) as (query, url):
            self._query = query
            names = sorted(_tables(query, place))
            self.rows: dict[str, list[Row]] = {name: query(f'SELECT * FROM "{name}"') for name in names}  # noqa: S608
            self._keys = _pointing(query, names, place)
            self.chain = _chain(url) if "change_log" in names else []

    def contents(self) -> dict[str, Any]:
        """Return all that an interrupted run must leave as an uninterrupted one does."""
        tables: dict[str, Any] = {
            name: sorted(self._shown(name, row) for row in rows)
            for name, rows in self.rows.items()
            if name not in OTHER and not name.startswith("search")
        }
        tables["history"] = sorted(self.history().items())
        tables["imports"] = sorted(self._imports())
        return tables

    def history(self) -> Counter[tuple[str, ...]]:
        """Count what the change log holds, by who, why and what."""
        by = {tx["id"]: tx for tx in self.rows.get("change_tx", ())}
        return Counter(
            (entry["entity"], entry["operation"], *(_numberless(by[entry["tx_id"]][n]) for n in ("actor", "source", "reason")))
            for entry in self.rows.get("change_log", ())
        )  # fmt: skip

    def state_of_import(self) -> str:
        """Return what the newest import's row says of it, or an empty text."""
        runs = sorted(self.rows.get("import_run", ()), key=lambda run: int(run["id"]))
        return str(runs[-1]["state"]) if runs else ""

    def _imports(self) -> Iterator[str]:
        for run in self.rows.get("import_run", ()):
            kept = {n: _plain(run[n]) for n in ("entity", "state", "rows_done", "counts", "rejects_bytes", "warnings", "error")}  # fmt: skip
            yield json.dumps(kept, sort_keys=True, ensure_ascii=False)

    def _shown(self, name: str, row: Row) -> str:
        keys = self._keys[name]
        shown = {
            c: self._named(*keys[c], v) if c in keys else _plain(v)
            for c, v in row.items()
            if not UNLIKE.match(c)
        }
        return json.dumps(shown, sort_keys=True, ensure_ascii=False, default=str)

    def _named(self, table: str, column: str, value: Any) -> Any:
        if value is None or column != "id":
            return _plain(value)
        row = next((row for row in self.rows[table] if row["id"] == value), None)
        if row is None:
            return f"{table} is gone"
        own = self._keys[table]
        named = {c: v for c, v in row.items() if c == "code"} or {
            c: v for c, v in row.items() if c not in own
        }
        return {c: _plain(v) for c, v in named.items() if not UNLIKE.match(c)}


def _numberless(text: Any) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+", "N", str(text))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


@contextmanager
def _opened(place: Path | str) -> Iterator[Any]:
    if isinstance(place, str):
        import psycopg
        from psycopg.rows import dict_row

        parts = urlsplit(place)
        dsn = parts._replace(scheme="postgresql").geturl()
        with psycopg.connect(dsn, row_factory=dict_row) as server:
            yield (
                lambda sql: server.execute(sql).fetchall(),
                parts._replace(scheme="postgresql+psycopg").geturl(),
            )
        return
    with tempfile.TemporaryDirectory() as folder:
        # A copy with its -wal: to look must not mend what the program is to mend.
        for file in place.parent.glob(place.name + "*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        copy = Path(folder, place.name)
        with closing(sqlite3.connect(copy)) as database:
            database.row_factory = sqlite3.Row
            assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert database.execute("PRAGMA foreign_key_check").fetchone() is None
            yield lambda sql: [dict(row) for row in database.execute(sql)], f"sqlite:///{copy}"


def _tables(query: Any, place: Path | str) -> list[str]:
    if isinstance(place, str):
        return [
            row["name"]
            for row in query("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        ]
    found = query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return [row["name"] for row in found if not row["name"].startswith("search")]


def _pointing(query: Any, names: list[str], place: Path | str) -> dict[str, dict[str, tuple[str, str]]]:
    """Return, by table and column, the table and the column that it points to."""
    if isinstance(place, Path):
        return {
            name: {
                row["from"]: (row["table"], row["to"] or "id")
                for row in query(f'PRAGMA foreign_key_list("{name}")')
            }
            for name in names
        }
    found: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in names}
    for row in query(
        "SELECT c.conrelid::regclass::text AS place, a.attname AS own, c.confrelid::regclass::text AS other,"
        " b.attname AS there FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] WHERE c.contype = 'f'"
    ):
        found.setdefault(row["place"], {})[row["own"]] = (row["other"], row["there"])
    return found


def _chain(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        company: Any = SimpleNamespace(engine=engine)
        return problems(company)
    finally:
        engine.dispose()
