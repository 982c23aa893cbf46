"""Rows as they were: the present ones, with what was changed since taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from crmcore.builtin.audit.entries import Values, opened
from crmcore.changes import PERSONAL
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches
from crmcore.keys import PersonKeys

if TYPE_CHECKING:
    from datetime import tzinfo

    from crmcore.db.tables import TableInfo

_log, _tx = change_log.c, change_tx.c


def end_of(day: date, zone: tzinfo) -> datetime:
    """Return the moment at which a day of the company is over: what was changed before it was known on that day."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def past_rows(
    connection: sa.Connection, info: TableInfo, ids: Iterable[int], moment: datetime
) -> dict[int, Values]:
    """Return rows of a table logged row by row as they were just before a moment, by id.

    Those that were not there yet, or no more, are left out. Personal values of erased persons are left as they are
    now, and absent where the row is gone.
    """
    wanted = set(ids)
    rows: dict[int, Values] = {}
    later: list[Entry] = []
    for part in batches(wanted):
        query = sa.select(info.table).where(info.table.c.id.in_(part))
        rows.update((row["id"], dict(row)) for row in connection.execute(query).mappings())
        later += entries_since(connection, info, moment, _log.entity_id.in_(part))
    return before(connection, info, rows, later)


Entry = tuple[int, int, str, str | None]
"""Of an entry what it takes to take it back: entity_id, seq, operation, before."""


def entries_since(
    connection: sa.Connection, info: TableInfo, moment: datetime, of_rows: sa.ColumnElement[bool]
) -> list[Entry]:
    """Return the entries of some rows of a table from a moment on, row by row, the newest first."""
    query = (
        sa.select(_log.entity_id, _log.seq, _log.operation, _log.before)
        .join(change_tx, _tx.id == _log.tx_id)
        .where(_log.entity == info.entity, of_rows, _tx.at >= moment)
        .order_by(_log.entity_id.desc(), _log.seq.desc())  # the index read backwards
    )
    # Plain tuples as the driver gives them: a thousand rows of SQLAlchemy's take as long as finding them.
    return cast("list[Entry]", connection.execute(query).cursor.fetchall())


def before(
    connection: sa.Connection, info: TableInfo, rows: dict[int, Values], later: Iterable[Entry]
) -> dict[int, Values]:
    """Return rows as they were before these entries, which come row by row, the newest first."""
    keys = PersonKeys(connection)
    for number, group in groupby(later, key=itemgetter(0)):
        row = taken_back(info, rows.pop(number, None), list(group), keys)
        if row is not None:
            rows[number] = row
    return rows


def taken_back(
    info: TableInfo, row: Values | None, newest_first: Sequence[Entry], keys: PersonKeys
) -> Values | None:
    """Return a row before these entries of its own; None where it was not there.

    A thousand entries are read as one JSON text: one by one takes four times as long.
    """
    images = json.loads(f"[{','.join([entry[3] or 'null' for entry in newest_first])}]")
    attributes: Values = {}
    values: Values = {}
    edits = 0
    for entry, image in zip(newest_first, images, strict=True):
        operation = entry[2]
        if operation == "create":
            row = None
        elif operation == "delete":
            row, attributes, values, edits = dict.fromkeys(info.columns), {}, {}, 0
        else:
            edits += 1
        if row is None or image is None:
            continue  # or log and table do not agree: `crm audit verify --rows` and a backup can tell more
        if PERSONAL in image:
            opened((info.entity, entry[0], entry[1]), image, keys)
        if "attributes" in image:
            attributes.update(image.pop("attributes") or {})
        values.update(image)
    if row is None:
        return None
    row.update(
        (name, typed(info.table.c[name], value)) for name, value in values.items() if name in info.columns
    )
    if "attributes" in row:
        merged = {**(row["attributes"] or {}), **attributes}
        row["attributes"] = {name: value for name, value in merged.items() if value is not None}
    if "version" in row and info.versioned:
        row["version"] -= edits
    return row


def typed(column: sa.Column[Any], value: Any) -> Any:
    """Return a value of the log as its column gives it."""
    if not isinstance(value, str):
        return value
    kind = column.type
    if isinstance(kind, sa.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, sa.Date):
        return date.fromisoformat(value)
    return Decimal(value) if isinstance(kind, sa.Numeric) else value
