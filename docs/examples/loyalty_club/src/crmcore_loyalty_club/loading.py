"""Loading a chunk of an import: rows are found again by what people know them by, and only changes are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from crmcore.api import Loaded, Refusal, Rejected, Row, translator

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_loyalty_club")
_PART = 500


class Loader:
    """Takes the rows of one chunk for one table; `key` is its unique column."""

    def __init__(self, tx: Tx, model: type[SQLModel], key: str) -> None:
        """Start with nothing loaded."""
        self.loaded = Loaded()
        self._tx, self._model, self._key = tx, model, key
        self._table: sa.Table = model.__table__  # type: ignore[attr-defined]
        self._stated: dict[str, tuple[Row, dict[str, Any]]] = {}

    def reject(self, row: Row, column: str, reason: str) -> None:
        """Tell why a row is not taken."""
        self.loaded.rejected.append(Rejected(row.line, column, str(row.values.get(column, "")), reason))

    def take(self, row: Row, values: dict[str, Any]) -> None:
        """Note what a row states; the same key twice in a chunk is refused."""
        if values[self._key] in self._stated:
            self.reject(row, self._key, _("stands twice in the file"))
        else:
            self._stated[values[self._key]] = (row, values)

    def write(self) -> Loaded:
        """Write all at once; a row that another plugin refuses is rejected with its reason."""
        known = self._known(sorted(self._stated))
        fresh = [(row, values) for key, (row, values) in self._stated.items() if key not in known]
        edits = []
        for key, (row, values) in self._stated.items():
            if key in known:
                changes = {name: value for name, value in values.items() if known[key][name] != value}
                edits += [(row, (known[key]["id"], changes))] if changes else []
                self.loaded.unchanged += not changes
        made = self._tx.insert(
            self._model, [values for _row, values in fresh], refused=self._refuser(row for row, _v in fresh)
        )
        self.loaded.created += sum(map(bool, made))
        self.loaded.updated += self._tx.update(
            self._model, [edit for _row, edit in edits], refused=self._refuser(row for row, _e in edits)
        )
        return self.loaded

    def _known(self, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        column = self._table.c[self._key]
        for start in range(0, len(keys), _PART):
            query = sa.select(self._table).where(column.in_(keys[start : start + _PART]))
            found |= {row[self._key]: row for row in self._tx.connection.execute(query).mappings()}
        return found

    def _refuser(self, rows: Iterable[Row]) -> Any:
        asked = list(rows)

        def refused(index: int, refusal: Refusal) -> None:
            self.reject(asked[index], refusal.field or self._key, refusal.message)

        return refused
