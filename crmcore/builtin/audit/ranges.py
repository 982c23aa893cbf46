"""Rows that were logged by range, held against the digest of their range; what was changed since is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.findings import Finding
from crmcore.builtin.audit.past import before, typed
from crmcore.builtin.audit.rows import differs, dropped
from crmcore.changes import digest_of_rows
from crmcore.db.system import change_log
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo

_log = change_log.c
_NO_END = 2**63 - 1


def check_ranges(app: App, connection: sa.Connection) -> Finding | None:
    """Return the first range whose rows are not those that arrived, or else a row that arrived in none.

    Tables that no enabled plugin has are left out.
    """
    for entity, info in app.tables.items():
        if info.spec.log == "range":
            runs: list[tuple[int, int]] = []
            for entry in _ranges(connection, entity, dropped(connection, info.spec.plugin)):
                found = _check(connection, info, entry, runs)
                if found:
                    return found
            found = _outside(connection, info, runs)
            if found:
                return found
    return None


def _outside(connection: sa.Connection, info: TableInfo, runs: list[tuple[int, int]]) -> Finding | None:
    """Return a row in one of the gaps between the ranges: one look into the index for each gap."""
    after = 0
    c = info.table.c.id
    for first, last in [*sorted(runs), (_NO_END, _NO_END)]:
        query = sa.select(c).where(c > after, c < first).order_by(c).limit(1)
        number = connection.scalar(query) if first > after + 1 else None
        if number is not None:
            message = _(
                "{entity} {key} is there and no entry of the log says why: it was inserted past the log"
            )
            return Finding(None, message.format(entity=info.entity, key=number))
        after = max(after, last)
    return None


def _ranges(connection: sa.Connection, entity: str, since: int) -> Iterator[Any]:
    """Yield the ranges of a table behind a place, in lists that are read whole: other queries run in between."""
    seq = since
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


def _check(
    connection: sa.Connection, info: TableInfo, entry: Any, runs: list[tuple[int, int]]
) -> Finding | None:
    """Hold a range against its rows; its unbroken runs of ids are added to `runs`."""
    said = json.loads(entry.after)
    own = [(first, last) for first, last in said.get("ids") or [(said["first"], said["last"])]]
    runs += own
    if not set(said["columns"]) <= set(info.columns):
        return None  # a migration took a column away; the digest can no longer be computed
    rows: dict[int, dict[str, Any]] = {}
    for first, last in own:
        query = sa.select(info.table).where(info.table.c.id.between(first, last))
        rows.update((row["id"], dict(row)) for row in connection.execute(query).mappings())
        later = _later(connection, info, (first, last), entry.seq)
        found = _not_the_newest(info, rows, later)
        if found:
            return found
        before(connection, info, rows, ((e.entity_id, e.seq, e.operation, e.before) for e in later))
    ids = sorted(rows)
    columns = said["columns"]
    if len(ids) == said["rows"] and digest_of_rows(columns, ids, [rows[i] for i in ids]) == said["sha256"]:
        return None
    message = _(
        "rows {first} to {last} of {table} are not those of entry {seq}: some were changed, removed or added past the log"
    )
    shown = message.format(first=said["first"], last=said["last"], table=info.entity, seq=entry.seq)
    return Finding(entry.seq, shown)


def _later(connection: sa.Connection, info: TableInfo, place: tuple[int, int], seq: int) -> Sequence[Any]:
    """Return what was done to single rows of a range since it arrived, row by row, the newest first."""
    query = (
        sa.select(_log.entity_id, _log.seq, _log.operation, _log.before, _log.after)
        .where(_log.entity == info.entity, _log.entity_id.between(*place), _log.seq > seq)
        .order_by(_log.entity_id, _log.seq.desc())
    )
    return connection.execute(query).all()


def _not_the_newest(
    info: TableInfo, rows: Mapping[int, Mapping[str, Any]], later: Sequence[Any]
) -> Finding | None:
    """Return the first row of which a value is not the one that it was given last: taking back would hide that."""
    for number, group in groupby(later, key=itemgetter(0)):
        given: dict[str, Any] = {}
        entries = list(group)
        for entry in entries:
            if entry.operation == "delete":
                break
            given = {**json.loads(entry.after or "{}"), **given}
        row = rows.get(number, {})
        known = [name for name in given if name in row and name != "attributes"]
        odd = [name for name in known if typed(info.table.c[name], given[name]) != row[name]]
        if odd:
            return differs(info.entity, number, entries[0].seq, odd)
    return None
