"""Entries of the change log with the header above them, personal values opened where their key is still there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.changes import PERSONAL, merge
from crmcore.db.system import change_log, change_tx
from crmcore.entities.lookup import batches
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.keys import PersonKeys

Values = dict[str, Any]
BATCH = 500
_log, _tx = change_log.c, change_tx.c


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change of one row, with who, when, why and from where."""

    seq: int
    entity: str
    entity_id: int
    operation: str
    before: Values | None
    after: Values | None
    at: datetime
    actor: str
    source: str
    reason: str
    erased: bool
    """Whether it holds personal values that nobody can read any more."""
    sealed: bool
    """Whether it is about a natural person: what of it is personal stands in the log encrypted."""


def places(connection: sa.Connection, entity: str, ids: Iterable[int]) -> list[int]:
    """Return where in the log the changes of rows stand, found by its index."""
    found: list[int] = []
    for part in batches(ids):
        query = sa.select(_log.seq).where(_log.entity == entity, _log.entity_id.in_(part))
        found.extend(connection.scalars(query))
    return found


def read(connection: sa.Connection, seqs: Sequence[int], keys: PersonKeys) -> Iterator[LogEntry]:
    """Yield the entries at these places, in the order given."""
    columns = (*change_log.columns, _tx.at, _tx.actor, _tx.source, _tx.reason)
    for start in range(0, len(seqs), BATCH):
        part = seqs[start : start + BATCH]
        query = sa.select(*columns).join(change_tx, _tx.id == _log.tx_id).where(_log.seq.in_(part))
        found = {row.seq: row for row in connection.execute(query)}
        # An entry without a header is no history; `crm audit verify` names it.
        yield from (_entry(found[seq], keys) for seq in part if seq in found)


def _entry(row: Any, keys: PersonKeys) -> LogEntry:
    place = (row.entity, row.entity_id, row.seq)
    images = image_of(row.before), image_of(row.after)
    sealed = any(PERSONAL in (image or ()) for image in images)
    (before, lost_before), (after, lost_after) = (opened(place, image, keys) for image in images)
    return LogEntry(
        row.seq,
        row.entity,
        row.entity_id,
        row.operation,
        before,
        after,
        row.at,
        row.actor,
        row.source,
        row.reason,
        lost_before or lost_after,
        sealed,
    )


def opened(
    place: tuple[str, int, int], values: Values | None, keys: PersonKeys
) -> tuple[Values | None, bool]:
    """Return one side of an entry with its personal values, and whether some are erased.

    `place`: entity, entity_id and seq of the entry. CrmError where the personal values were changed from outside.
    """
    if values is None or PERSONAL not in values:
        return values, False
    sealed = values.pop(PERSONAL)
    entity, number, seq = place
    try:
        more = keys.open(sealed, f"{entity}:{number}") if sealed else None
    except ValueError:
        message = _(
            "the personal values in entry {seq} of the change log were changed from outside; compare it with a backup"
        )
        raise CrmError(message.format(seq=seq)) from None
    merge(values, more or {})
    return values, more is None


def image_of(text: str | None) -> Values | None:
    """Read one side of an entry."""
    values: Values | None = json.loads(text or "null")
    return values
