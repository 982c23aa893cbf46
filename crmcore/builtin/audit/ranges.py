"""Rows that were logged by range, held against the digest of their range; what was changed since is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.findings import Finding
from crmcore.builtin.audit.past import taken_back
from crmcore.changes import digest_of_rows
from crmcore.db.system import change_log
from crmcore.i18n import _
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo

_log = change_log.c


def check_ranges(app: App, connection: sa.Connection) -> Finding | None:
    """Return the first range whose rows are not those that arrived; tables that no enabled plugin has are left out."""
    for entity, info in app.tables.items():
        if info.spec.log == "range":
            for entry in _ranges(connection, entity):
                found = _check(connection, info, entry)
                if found:
                    return found
    return None


def _ranges(connection: sa.Connection, entity: str) -> Iterator[Any]:
    """Yield the ranges of a table, in lists that are read whole: other queries run in between."""
    seq = 0
    while True:
        query = (
            sa.select(_log.seq, _log.after)
            .where(
                _log.entity == entity, _log.entity_id.is_(None), _log.operation == "append", _log.seq > seq
            )
            .order_by(_log.seq)
            .limit(100)
        )
        part = connection.execute(query).all()
        if not part:
            return
        yield from part
        seq = part[-1].seq


def _check(connection: sa.Connection, info: TableInfo, entry: Any) -> Finding | None:
    said = json.loads(entry.after)
    if not set(said["columns"]) <= set(info.columns):
        return None  # a migration took a column away; the digest can no longer be computed
    rows: dict[int, dict[str, Any]] = {}
    for first, last in said.get("ids") or [(said["first"], said["last"])]:
        query = sa.select(info.table).where(info.table.c.id.between(first, last))
        rows.update((row["id"], dict(row)) for row in connection.execute(query).mappings())
        _take_back(connection, info, rows, (first, last))
    ids = sorted(rows)
    columns = said["columns"]
    if len(ids) == said["rows"] and digest_of_rows(columns, ids, [rows[i] for i in ids]) == said["sha256"]:
        return None
    message = _(
        "rows {first} to {last} of {table} are not those of entry {seq}: some were changed, removed or added past the log"
    )
    shown = message.format(first=said["first"], last=said["last"], table=info.entity, seq=entry.seq)
    return Finding(entry.seq, shown)


def _take_back(
    connection: sa.Connection, info: TableInfo, rows: dict[int, dict[str, Any]], place: tuple[int, int]
) -> None:
    """Put back what single rows of a range were before they were changed or deleted through the gate."""
    query = (
        sa.select(_log.entity_id, _log.seq, _log.operation, _log.before)
        .where(_log.entity == info.entity, _log.entity_id.between(*place))
        .order_by(_log.entity_id, _log.seq.desc())
    )
    keys = PersonKeys(connection)
    for number, group in groupby(connection.execute(query).all(), key=itemgetter(0)):
        row = taken_back(info, rows.pop(number, None), list(group), keys)
        if row is not None:
            rows[number] = row
