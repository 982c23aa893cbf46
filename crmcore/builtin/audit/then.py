"""Rows as they were known on a past day, found by what they point to, whichever way their table is logged.

A row of a table logged by range has no entry of its own for its arrival: the ranges that arrived since say which
rows were not there yet. They are compared as ranges; a customer's few rows are looked up in them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.entries import Values
from crmcore.builtin.audit.finding import gone
from crmcore.builtin.audit.past import Entry, before, end_of, entries_since
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.db.tables import TableInfo
    from crmcore.plugins.types import Context

_log = change_log.c
_BOUNDS = re.compile(r'\{"first":([0-9]+),"last":([0-9]+),')


def rows_as_of(
    ctx: Context,
    model: type[SQLModel],
    column: str,
    ids: Collection[int],
    day: date,
    columns: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of a tracked table as they were known at the end of a day of the company, by id.

    Those that had one of `ids` in `column` then (`id`, or a column whose name ends in `_id`). What arrived since is
    left out, what was changed, moved or deleted since is as it was, and personal values of erased persons are not
    there. `columns`: only these, with `id` and `column`; a row that was deleted has them all.
    """
    app: App = ctx._app  # noqa: SLF001  (the way back to the company, which is ours)
    info = app.table(model)
    wanted = frozenset(info.columns if columns is None else ("id", column, *columns))
    names = [name for name in info.columns if name in wanted]
    past = Past(ctx.connection, info, names, end_of(day, app.config.timezone))
    rows = past.rows(column, ids)
    return [rows[number] for number in sorted(rows)]


class Past:
    """One table just before a moment."""

    def __init__(
        self, connection: sa.Connection, info: TableInfo, names: Sequence[str], moment: datetime
    ) -> None:
        """`names`: the columns that are wanted, `id` among them."""
        self._connection, self._info, self._moment = connection, info, moment
        self._names = names

    def rows(self, column: str, ids: Collection[int]) -> dict[int, Values]:
        """Return the rows that had one of these ids in a column then, by their own."""
        target = self._info.table.c[column]
        rows: dict[int, Values] = {}
        later: list[Entry] = []
        for part in batches(ids):
            theirs = target.in_(part)
            rows.update(self._present(theirs))
            later += self._entries(sa.select(self._info.table.c.id).where(theirs))
        lost = self._lost(column, ids) - rows.keys()
        for part in batches(lost):
            rows.update(self._present(self._info.table.c.id.in_(part)))
            later += self._entries(part)
        if self._info.spec.log == "range" and (rows or lost):
            later += self._arrivals(sorted(rows.keys() | lost))
        later.sort(key=itemgetter(0, 1), reverse=True)
        then = before(self._connection, self._info, rows, later)
        return {number: row for number, row in then.items() if row[column] in ids}

    def _present(self, where: sa.ColumnElement[bool]) -> Iterator[tuple[int, Values]]:
        query = sa.select(*(self._info.table.c[name] for name in self._names)).where(where)
        place = self._names.index("id")
        for row in self._connection.execute(query):
            yield row[place], dict(zip(self._names, row, strict=True))

    def _entries(self, ids: sa.Select[Any] | Iterable[int]) -> list[Entry]:
        return entries_since(self._connection, self._info, self._moment, _log.entity_id.in_(ids))

    def _lost(self, column: str, ids: Iterable[int]) -> set[int]:
        """Return the rows that pointed there and were deleted or moved since."""
        if column == "id":
            return set(ids)
        entity = self._info.entity
        return gone(self._connection, [entity], column, ids, self._moment).get(entity, set())

    def _arrivals(self, ids: Sequence[int]) -> list[Entry]:
        """Return an entry for each of these rows that arrived in a range since, as if it had one of its own."""
        tx = change_tx.c
        query = (
            sa.select(_log.seq, _log.after)
            .join(change_tx, tx.id == _log.tx_id)
            .where(
                _log.entity == self._info.entity,
                _log.entity_id.is_(None),
                _log.operation == "append",
                tx.at >= self._moment,
            )
        )
        found: list[Entry] = []
        for seq, after in self._connection.execute(query):
            for first, last in _runs(after, ids):
                some = ids[bisect_left(ids, first) : bisect_right(ids, last)]
                found += [(number, seq, "create", None) for number in some]
        return found


def _runs(after: str, ids: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Return the unbroken runs of ids of a range; none where none of these ids is among them.

    Few ranges are: the rest are not read beyond their bounds.
    """
    bounds = _BOUNDS.match(after)
    if bounds is not None:
        first, last = int(bounds[1]), int(bounds[2])
        if bisect_left(ids, first) == bisect_right(ids, last):
            return ()
        if '"ids":' not in after:
            return ((first, last),)
    said = json.loads(after)
    return said.get("ids") or [(said["first"], said["last"])]
