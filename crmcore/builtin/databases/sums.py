"""Checksums over tables, the same on SQLite and PostgreSQL.

The checksum of a table is the SHA-256 of one JSON array, compact, characters not escaped: the rows in the order of
their key, each an array of its values in the order of the columns' names. Days are 2026-11-21, times 2026-11-21
08:00:00.000000 in UTC, yes and no are 1 and 0, bytes are hexadecimal, exact numbers text without needless zeros. A JSON
value is the text of itself, keys sorted, whole numbers without a point.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crmcore.db.base import canonical, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crmcore.builtin.databases.layout import Layout

Batch = list[tuple[Any, ...]]
_SHORT = 200


class Sum:
    """The checksum and number of the rows that it was shown."""

    def __init__(self, layout: Layout) -> None:
        """Begin with no row."""
        self.rows = 0
        self._digest = sha256(b"[")
        self._places = layout.summed
        kinds = list(layout.columns.values())
        self._written = {place: _WRITTEN[kinds[place]] for place in self._places if kinds[place] in _WRITTEN}

    def add(self, batch: Batch) -> None:
        """Take rows, in order."""
        if not batch:
            return
        columns = list(zip(*batch, strict=True))
        values: list[Sequence[Any]] = [
            list(map(self._written[place], columns[place])) if place in self._written else columns[place]
            for place in self._places
        ]
        text = dumps(list(zip(*values, strict=True)))[1:-1]
        self._digest.update(("," if self.rows else "").encode() + text.encode())
        self.rows += len(batch)

    @property
    def sha256(self) -> str:
        """The checksum in hexadecimal."""
        whole = self._digest.copy()
        whole.update(b"]")
        return whole.hexdigest()


def _json(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    return _short_json(text) if len(text) <= _SHORT else _sorted_json(text)


def _sorted_json(text: str) -> str:
    return canonical(_READER.decode(text))


_short_json = lru_cache(maxsize=10_000)(_sorted_json)


def _number(text: str) -> int | float:
    found = float(text)
    return int(found) if found.is_integer() else found


def _bytes(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _decimal(value: Any) -> str | None:
    if value is None:
        return None
    found = Decimal(str(value))
    return format(found.normalize(), "f") if found.is_finite() else str(found)


def _float(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


_READER = json.JSONDecoder(parse_float=_number)
_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "json": _json,
    "bytes": _bytes,
    "decimal": _decimal,
    "number": _float,
}
