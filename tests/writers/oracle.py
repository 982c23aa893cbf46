"""What a company must hold after many have written: read with the drivers alone, sharing no code with the program."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Row = dict[str, Any]
TRACKED = ("customer", "contact", "contact_firm", "interaction", "actor")
_JSON = {"attributes", "roles", "counts"}


class Company:
    """A database, read whole."""

    def __init__(self, place: Path | str) -> None:
        """`place`: a file of SQLite or the address of a PostgreSQL database."""
        self._place = place

    def rows(self, table: str, order: str = "id") -> list[Row]:
        """Return all rows of a table."""
        query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608  (names of the tests)
        return [{k: _value(k, v) for k, v in row.items()} for row in self._read(query)]

    def documents(self) -> set[int]:
        """Return the numbers of what stands in the search index."""
        column = "rowid" if isinstance(self._place, Path) else "doc"
        return {row["n"] for row in self._read(f"SELECT {column} AS n FROM search_index")}  # noqa: S608

    def _read(self, query: str) -> list[Row]:
        if isinstance(self._place, Path):
            database = sqlite3.connect(f"file:{self._place}?mode=ro", uri=True)
            database.row_factory = sqlite3.Row
            found = [dict(row) for row in database.execute(query)]
            database.close()
            return found
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(self._place, row_factory=dict_row) as connection:
            return list(connection.execute(query.encode()))

    # -- what must hold --------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Return all that cannot be if nothing was lost and nothing was done twice."""
        return [*self._codes_twice(), *self._rows_that_the_log_does_not_give(), *self._wrong_index()]

    def _codes_twice(self) -> list[str]:
        found = []
        for table in ("customer", "contact", "interaction"):
            counted = Counter(row["code"] for row in self.rows(table))
            found += [f"{table} {code} is there {n} times" for code, n in counted.items() if n > 1]
        return found

    def _wrong_index(self) -> list[str]:
        rows, found = len(self.rows("customer")) + len(self.rows("contact")), len(self.documents())
        return [] if rows == found else [f"the index holds {found} rows, and there are {rows}"]

    def _rows_that_the_log_does_not_give(self) -> list[str]:
        keys = {(row["entity"], row["entity_id"]): row["key"] for row in self.rows("person_key", "entity_id")}
        made: dict[str, dict[int, Row]] = {table: {} for table in TRACKED}
        found = []
        for entry in self.rows("change_log", "seq"):
            if entry["entity"] in made:
                found += _take(made[entry["entity"]], entry, keys)
        for table, rows in made.items():
            held = {row["id"]: row for row in self.rows(table)}
            found += [f"{table} {number} has no log" for number in held.keys() - rows.keys()]
            for number, row in rows.items():
                found += [f"{table} {number}: {p}" for p in _differences(row, held.get(number, {}))]
        return found


def _take(rows: dict[int, Row], entry: Row, keys: dict[tuple[str, int], bytes]) -> list[str]:
    """Do to the rows what an entry says; what it says of the values before must be so."""
    number = entry["entity_id"]
    before, after = (_opened(entry, entry[side], keys) for side in ("before", "after"))
    if entry["operation"] == "create":
        rows[number] = {**after, "version": 1}
        return [] if entry["before"] is None else [f"entry {entry['seq']} creates what was there"]
    row = rows[number]
    row["version"] += 1
    attributes = row.get("attributes", {})
    found = [
        f"entry {entry['seq']}: {name} was {old!r}, not {value!r}"
        for name, value in before.items()
        if name != "attributes" and _plain(old := row.get(name)) != _plain(value)
    ]
    found += [
        f"entry {entry['seq']}: {name} was {attributes.get(name)!r}, not {value!r}"
        for name, value in before.get("attributes", {}).items()
        if attributes.get(name) != value
    ]
    row.update({name: value for name, value in after.items() if name != "attributes"})
    row["attributes"] = {**attributes, **after.get("attributes", {})}
    return found


def _opened(entry: Row, text: str | None, keys: dict[tuple[str, int], bytes]) -> Row:
    """Return one side of an entry, its personal values decrypted as docs/explanation/change-log.md says."""
    if text is None:
        return {}
    values: Row = json.loads(text)
    sealed = values.pop("$personal", None)
    if sealed is not None:
        entity, _, number = sealed["of"].partition(":")
        data = base64.b64decode(sealed["sealed"])
        place = f"{entry['entity']}:{entry['entity_id']}".encode()
        opened = json.loads(AESGCM(bytes(keys[entity, int(number)])).decrypt(data[:12], data[12:], place))
        attributes = {**values.get("attributes", {}), **opened.pop("attributes", {})}
        values.update(opened)
        if attributes:
            values["attributes"] = attributes
    return values


def _differences(logged: Row, held: Row) -> list[str]:
    found = []
    for name, value in held.items():
        if name == "id":
            continue
        expected = logged.get(name)
        if name == "attributes":
            expected = {k: v for k, v in (expected or {}).items() if v is not None}
        if _plain(expected) != _plain(value):
            found.append(f"{name} is {value!r}, by the log {expected!r}")
    return found


def _plain(value: Any) -> Any:
    """Write moments and days of both databases alike, to the second."""
    text = str(value)
    return text.replace("T", " ")[:19] if text[:2] == "20" and text[4:5] == "-" else value


def _value(name: str, value: Any) -> Any:
    return json.loads(value) if name in _JSON and isinstance(value, str) else value
