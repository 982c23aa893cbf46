"""Rows that are logged one by one, held against what their entries add up to: nobody changed them past the log.

Every row of every such table is read once with its entries, some hundreds at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.chain import UNREADABLE
from crmcore.builtin.audit.entries import BATCH, Values, image_of, opened
from crmcore.builtin.audit.findings import Finding, lowest
from crmcore.builtin.audit.past import typed
from crmcore.db.base import dumps
from crmcore.db.system import change_log
from crmcore.i18n import _
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo

_log = change_log.c


def check_rows(app: App, connection: sa.Connection) -> Finding | None:
    """Return the lowest entry that a row no longer agrees with; tables that no enabled plugin has are left out."""
    found = None
    for info in {**app.core_tables, **app.tables}.values():
        if info.spec.log == "full":
            table = _Rows(app, connection, info)
            found = lowest(found, table.differing(), table.missing())
    return found


class _Rows:
    """One table and its entries."""

    def __init__(self, app: App, connection: sa.Connection, info: TableInfo) -> None:
        self._connection, self._info = connection, info
        self._keys = PersonKeys(connection)
        self._since = dropped(connection, info.spec.plugin) if info.entity not in app.core_tables else 0

    def differing(self) -> Finding | None:
        """Return the first row that is not what its entries say, or that no entry knows."""
        last = 0
        while True:
            c = self._info.table.c
            query = sa.select(self._info.table).where(c.id > last).order_by(c.id).limit(BATCH)
            try:
                part = self._connection.execute(query).mappings().all()
            except UNREADABLE:
                return self._unreadable(last)
            if not part:
                return None
            last = part[-1]["id"]
            entries = self._entries(part[0]["id"], last)
            for row in part:
                found = self._held_against(row, entries.get(row["id"], []))
                if found:
                    return found

    def _unreadable(self, last: int) -> Finding:
        """Return the first row after an id of which a value is none of its kind."""
        c = self._info.table.c
        odd_rows = (
            (number, odd)
            for number in self._connection.scalars(sa.select(c.id).where(c.id > last).order_by(c.id))
            if (odd := [name for name in self._info.columns if not self._is_readable(name, number)])
        )
        number, odd = next(odd_rows, (last, []))
        entries = self._entries(number, number).get(number, [])
        return differs(self._info.entity, number, max((entry.seq for entry in entries), default=0), odd)

    def _is_readable(self, name: str, number: int) -> bool:
        c = self._info.table.c
        try:
            self._connection.scalar(sa.select(c[name]).where(c.id == number))
        except UNREADABLE:
            return False
        return True

    def missing(self) -> Finding | None:
        """Return the first row that entries speak of, that is gone without one saying so."""
        table = self._info.table
        there = sa.exists().where(table.c.id == _log.entity_id)
        last = 0
        while True:
            query = (
                sa.select(_log.entity_id, sa.func.max(_log.seq))
                .where(
                    _log.entity == self._info.entity,
                    _log.entity_id > last,
                    _log.seq > self._since,
                    ~there,
                )
                .group_by(_log.entity_id)
                .order_by(_log.entity_id)
                .limit(BATCH)
            )
            part = self._connection.execute(query).all()
            if not part:
                return None
            last = part[-1][0]
            ends = sa.select(_log.seq, _log.entity_id).where(
                _log.seq.in_([seq for _id, seq in part]), _log.operation != "delete"
            )
            for seq, number in self._connection.execute(ends.order_by(_log.seq)):
                message = _(
                    "{entity} {key} is gone, and no entry after {seq} says so: it was removed past the log"
                )
                return Finding(seq, message.format(entity=self._info.entity, key=number, seq=seq))

    def _entries(self, first: int, last: int) -> Mapping[int, list[Any]]:
        query = (
            sa.select(_log.entity_id, _log.seq, _log.operation, _log.after)
            .where(
                _log.entity == self._info.entity,
                _log.entity_id.between(first, last),
                _log.seq > self._since,
            )
            .order_by(_log.entity_id, _log.seq)
        )
        rows = self._connection.execute(query).all()
        return {number: list(group) for number, group in groupby(rows, key=itemgetter(0))}

    def _held_against(self, row: sa.RowMapping, entries: list[Any]) -> Finding | None:
        key = row.get("code", row["id"])
        if not entries or entries[-1].operation == "delete":
            message = _(
                "{entity} {key} is there and no entry of the log says why: it was inserted past the log"
            )
            seq = entries[-1].seq if entries else None
            return Finding(seq, message.format(entity=self._info.entity, key=key))
        expected, unknown = self._added_up(entries)
        odd = [
            name for name in self._info.columns if not self._same(name, row[name], expected, unknown=unknown)
        ]
        if not odd:
            return None
        return differs(self._info.entity, key, entries[-1].seq, odd)

    def _added_up(self, entries: list[Any]) -> tuple[Values, bool]:
        """Return what the entries of a row come to, and whether personal values among them are erased."""
        values: Values = {}
        unknown = False
        for entry in entries:
            place = (self._info.entity, entry.entity_id, entry.seq)
            after, erased = opened(place, image_of(entry.after), self._keys)
            if entry.operation in {"create", "delete"}:
                values, unknown = {"id": entry.entity_id}, False
            elif self._info.versioned and "version" in values:
                values["version"] += 1
            unknown |= erased
            attributes = (after or {}).pop("attributes", None)
            values.update(after or {})
            if attributes:
                merged = {**(values.get("attributes") or {}), **attributes}
                values["attributes"] = {name: value for name, value in merged.items() if value is not None}
        return values, unknown

    def _same(self, name: str, value: Any, expected: Values, *, unknown: bool) -> bool:
        if unknown and (name in self._info.personal_columns or name == "attributes"):
            return True
        if name not in expected:
            default = self._info.defaults.get(name)
            return value is None or (default is not None and default() == value)
        wanted = typed(self._info.table.c[name], expected[name])
        try:
            return bool(wanted == value) or json.loads(dumps(value)) == expected[name]
        except UNREADABLE:
            return False


def differs(entity: str, key: object, seq: int, fields: Iterable[str]) -> Finding:
    """Return the finding that a row is not what its entries say."""
    message = _(
        "{entity} {key} is not what the entries up to {seq} say ({fields}): it was changed past the log"
    )
    return Finding(seq, message.format(entity=entity, key=key, seq=seq, fields=", ".join(fields)))


def dropped(connection: sa.Connection, plugin: str) -> int:
    """Return the place where a plugin's tables were dropped last: earlier entries speak of others."""
    query = sa.select(_log.seq, _log.before).where(_log.entity == "plugin", _log.operation == "delete")
    return max(_places(connection.execute(query), plugin), default=0)


def _places(rows: Any, plugin: str) -> Iterator[int]:
    for seq, before in rows:
        if json.loads(before).get("name") == plugin:
            yield seq
