"""What became of rows since an import wrote them: which fields somebody else has changed, and what they were before.

What an undo has put back counts as if it had never been: the change that it took back is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.exchange.sql import among
from crmcore.builtin.exchange.undo_log import OwnLog, undone_source
from crmcore.builtin.exchange.undo_references import customer_columns
from crmcore.changes import PERSONAL, as_change
from crmcore.db.system import change_log, change_tx
from crmcore.db.tables import TableInfo
from crmcore.keys import PersonKeys

_log, _tx = change_log.c, change_tx.c
_UNDO, _IMPORT = "undo:", "import:"
_MERGES = ("merge:", "undo:merge:")
ATTRIBUTE = "attributes."
"""Begins the name of a field that is an attribute."""
ERASED = object()
"""A value that nobody can read any more: its person was erased."""


class Writer(NamedTuple):
    """Who changed a field last."""

    source: str
    actor: str
    at: Any


@dataclass(slots=True)
class Past:
    """One change of a row: by whom, and each field's value before and after."""

    by: Writer
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(slots=True)
class FieldsBack:
    """What is to be put back into a row, and what others have changed since."""

    values: dict[str, Any] = field(default_factory=dict)
    since: dict[str, Writer] = field(default_factory=dict)


class Histories:
    """The changes of rows since the import began."""

    def __init__(self, connection: sa.Connection, own: OwnLog) -> None:
        self._connection, self._own = connection, own
        self._keys = PersonKeys(connection)

    def of(self, info: TableInfo, ids: Collection[int]) -> dict[int, list[Past]]:
        """Return id → its changes since the import began, the newest first; rows without any are left out."""
        found: dict[int, list[Past]] = {}
        if not ids:
            return found
        query = (
            sa.select(change_log, _tx.source, _tx.actor, _tx.at)
            .join(change_tx, _tx.id == _log.tx_id)
            .where(
                _log.entity == info.entity,
                among(self._connection, _log.entity_id, ids),
                _log.seq >= self._own.first,
                _log.operation.in_(("update", "archive", "restore")),
            )
            .order_by(_log.entity_id, _log.seq.desc())
        )
        for row in self._connection.execute(query.execution_options(yield_per=1_000)):
            change = as_change(row, self._keys)
            before, after = dict(_fields(change.before)), dict(_fields(change.after))
            if info.personal_columns.isdisjoint(before) and self._is_erased(row):
                # Nobody can tell any more which of the fields it was.
                before |= dict.fromkeys(sorted(info.personal_columns - {"attributes"}), ERASED)
            if row.source.startswith(_MERGES) and not self._own.source.startswith(_MERGES):
                # Whose a row is, a merge says: the import that made the row may take it back all the same.
                for name in customer_columns(info):
                    before.pop(name, None)
                    after.pop(name, None)
            past = Past(Writer(row.source, row.actor, row.at), before, after)
            found.setdefault(row.entity_id, []).append(past)
        return found

    def _is_erased(self, row: sa.Row[Any]) -> bool:
        """Tell whether a change of personal values can no longer be read."""
        sealed = json.loads(row.before or "{}").get(PERSONAL)
        return bool(sealed) and self._keys.open(sealed, f"{row.entity}:{row.entity_id}") is None

    def changed_since(self, past: list[Past]) -> dict[str, Writer]:
        """Return field → who changed it, of a row that the import made; what the import itself did is left out."""
        names = dict.fromkeys(name for change in past for name in change.before)
        return {name: by for name in names if (by := self._fields_back(past, name)[0]) is not None}

    def taken_back(self, past: list[Past]) -> FieldsBack:
        """Return what to put back into a row that the import changed."""
        result = FieldsBack()
        own = dict.fromkeys(n for p in past if p.by.source == self._own.source for n in p.before)
        for name in own:
            since = _before_undo(past, name, self._own.undo)
            if since is not None:
                # Put back at an earlier call, or worked out anew because somebody had changed it before.
                if (by := self._fields_back(since, name)[0]) is not None:
                    result.since[name] = by
                continue
            by, before = self._fields_back(past, name)
            if by is not None:
                result.since[name] = by
            elif before is not None and before[0] is not ERASED:
                result.values[name] = before[0]
        return result

    def _fields_back(self, past: list[Past], name: str) -> tuple[Writer | None, tuple[Any] | None]:
        """Return who else holds a field now, or what it was before the import's last unbroken changes of it."""
        taken_back: set[str] = set()
        before: tuple[Any] | None = None
        changes = [change for change in past if name in change.before]
        for place, change in enumerate(changes):
            source = change.by.source
            if source.startswith(_UNDO):
                taken_back.add(undone_source(source))
            elif source == self._own.source:
                before = (change.before[name],)
            elif source not in taken_back:
                if before or not _left_as_it_was(changes[place:], name):
                    return (None, before) if before else (change.by, None)
                taken_back.add(source)
        return None, before


def _before_undo(past: list[Past], name: str, undo: str) -> list[Past] | None:
    """Return what became of a field before this undo wrote it; None where it has not."""
    for place, change in enumerate(past):
        if change.by.source == undo and name in change.before:
            return past[place + 1 :]
    return None


def _left_as_it_was(changes: list[Past], name: str) -> bool:
    """Tell whether the import that made the newest changes ended with the value that it found."""
    source = changes[0].by.source
    run = list(takewhile(lambda change: change.by.source == source, changes))
    return source.startswith(_IMPORT) and run[-1].before[name] == changes[0].after.get(name)


def _fields(image: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    for name, value in (image or {}).items():
        if name == "attributes":
            yield from ((ATTRIBUTE + key, held) for key, held in (value or {}).items())
        else:
            yield name, value
