"""How people know a row of any table: by its code, or by what is unique of it, other rows in it by their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.undo_references import References, natural_key
from crmcore.db.tables import TableInfo

_DEEPEST = 4


class Keys:
    """Names rows, and remembers the names of those that others are known by."""

    def __init__(
        self, connection: sa.Connection, tables: Mapping[str, TableInfo], references: References
    ) -> None:
        self._connection, self._tables, self._references = connection, tables, references
        self._known: dict[tuple[str, int], str] = {}

    def of(self, entity: str, number: int) -> str:
        """Return the name of a row: `K0001`, `invoice R-17`, `invoice R-17 2`."""
        return self._of(entity, number, _DEEPEST)

    def of_values(self, entity: str, values: Mapping[str, Any]) -> str:
        """Return the name of a row that is no longer there."""
        info = self._tables[entity]
        return self._named(info, values, _DEEPEST) or str(values.get("id", ""))

    def _of(self, entity: str, number: int, depth: int) -> str:
        if (entity, number) not in self._known:
            info = self._tables.get(entity)
            row = None if info is None else self._row(info, number)
            name = "" if info is None or row is None else self._named(info, row, depth)
            self._known[entity, number] = name or str(number)
        return self._known[entity, number]

    def _row(self, info: TableInfo, number: int) -> Mapping[str, Any] | None:
        query = sa.select(info.table).where(info.table.c.id == number)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else dict(row)

    def _named(self, info: TableInfo, row: Mapping[str, Any], depth: int) -> str:
        points = self._references.of(info.entity)
        words = []
        for column in natural_key(info, points):
            value = row.get(column)
            if column in points and value is not None and depth:
                value = self._of(points[column], value, depth - 1)
            words.append("" if value is None else str(value))
        return " ".join(word for word in words if word)
