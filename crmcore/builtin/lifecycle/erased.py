"""Values of persons who were erased while an export lay aside: they do not come back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.system import person_key

if TYPE_CHECKING:
    from crmcore.db.tables import TableInfo

_PERSONS = {"contact_id": "contact", "customer_id": "customer"}


class Erased:
    """The erased persons, for one table."""

    def __init__(self, connection: sa.Connection, info: TableInfo | None) -> None:
        """Read whose keys are destroyed, where the table says that it holds personal values."""
        self._info = info
        self._persons: dict[str, set[int]] = {}
        self.found = 0
        """How many rows were blanked."""
        if info is None:
            return
        for column in info.persons:
            entity = _PERSONS.get(column, info.entity)
            query = sa.select(person_key.c.entity_id)
            query = query.where(person_key.c.entity == entity, person_key.c.key.is_(None))
            if ids := set(connection.scalars(query)):
                self._persons[column] = ids

    def blank(self, rows: list[dict[str, Any]]) -> None:
        """Take the personal values out of rows that speak of somebody erased."""
        info = self._info
        if info is None or not self._persons:
            return
        for row in rows:
            if any(row[column] in ids for column, ids in self._persons.items()):
                self.found += 1
                for name in info.personal_columns:
                    row[name] = None if info.table.c[name].nullable else ""
                if "attributes" in row:
                    kept = row["attributes"] or {}
                    row["attributes"] = {k: v for k, v in kept.items() if not info.is_personal(k)}
