"""The change log: entries hashed one after the other within a transaction, transactions chained by seals.

All hashes are SHA-256 of UTF-8 text, in hex; lines are joined by one line feed; NULL is written None.

* header = the JSON array [id, at, actor, authenticated_as, reason, source], all texts, items separated by ", ",
  characters not escaped; `at` in UTC as 2026-11-21T08:00:00.000000Z.
* entry.hash = hash of the lines: hash before, seq, entity, entity_id, operation, before, after.
  The hash before the first entry of a transaction is the hash of its header; change_tx.digest is the last.
* seal = hash of the lines: seal before (64 zeros before the first), header, digest.
* The `after` of a range (operation `append`) names first and last id, the number of rows, the columns, and the hash
  of all rows by id: one JSON array of the rows, each an array of the columns' values, compact, the keys of objects
  sorted, characters not escaped, times as above, days as 2026-11-21. Where ids are missing in between (PostgreSQL
  gave them to somebody else), `ids` names the first and last of each unbroken run.

SQLite seals within the transaction, PostgreSQL after commit (`seal_pending`), since a chain in the writing
transaction would make writers queue.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import sqlalchemy as sa

from crmcore.db.base import canonical, text_of_time
from crmcore.db.system import change_log, change_seal, change_tx
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.keys import PersonKeys
from crmcore.plugins.types import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime


PERSONAL = "$personal"
"""Key under which an entry's encrypted personal values stand."""

GENESIS = "0" * 64


class Entry(NamedTuple):
    """One entry before it has its place and hash."""

    entity: str
    entity_id: int | None
    operation: str
    before: str | None
    after: str | None


Written = tuple[str, int | None, str, str | None, str | None]
"""An entry, or its values alone: of many rows at once no objects are made."""


class LoadedRange(NamedTuple):
    """Rows of an unbroken run of ids that were written past the gate, with `digest_of_rows` of them."""

    first: int
    last: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """Who, when, why and from where of one transaction."""

    id: int
    at: datetime
    actor: str
    authenticated_as: str
    reason: str
    source: str

    @property
    def text(self) -> str:
        """The header as it is hashed."""
        parts = (
            str(self.id),
            text_of_time(self.at),
            self.actor,
            self.authenticated_as,
            self.reason,
            self.source,
        )
        return json.dumps(parts, ensure_ascii=False)


def header_hash(header: Header) -> str:
    """Hash a header: the start of a transaction's chain of entries."""
    return sha256(header.text.encode()).hexdigest()


def chain(entries: Iterable[Written], places: Iterable[int], previous: str) -> list[str]:
    """Return the hash of each entry at its place in the log, starting behind `previous`."""
    hashes = []
    for (entity, number, operation, before, after), seq in zip(entries, places, strict=True):
        text = f"{previous}\n{seq}\n{entity}\n{number}\n{operation}\n{before}\n{after}"
        previous = sha256(text.encode()).hexdigest()
        hashes.append(previous)
    return hashes


def digest_of_rows(columns: Sequence[str], ids: Iterable[int], rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash appended rows for the entry of their range."""
    values = [
        [number if name == "id" else row.get(name) for name in columns]
        for number, row in zip(ids, rows, strict=True)
    ]
    return digest_of_values(values)


def digest_of_values(values: Sequence[Sequence[Any]]) -> str:
    """Hash the values of appended rows, those of each row in the order of the columns."""
    return sha256(canonical(values).encode()).hexdigest()


def runs_of(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last of each unbroken run of ascending ids."""
    runs: list[tuple[int, int]] = []
    for number in ids:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def seal_of(previous: str, header: Header, digest: str) -> str:
    """Return the seal of a transaction behind the seal before it."""
    return sha256(f"{previous}\n{header.text}\n{digest}".encode()).hexdigest()


def head(connection: sa.Connection) -> tuple[int, str]:
    """Return position and seal of the newest sealed transaction; (0, GENESIS) while there is none."""
    row = connection.execute(
        sa.select(change_seal.c.position, change_seal.c.seal).order_by(change_seal.c.position.desc()).limit(1)
    ).first()
    return (row.position, row.seal) if row else (0, GENESIS)


def unsealed(connection: sa.Connection) -> int:
    """Count the committed transactions that no seal covers yet."""
    covered = sa.select(change_seal.c.tx_id)
    return (
        connection.scalar(
            sa.select(sa.func.count()).select_from(change_tx).where(change_tx.c.id.not_in(covered))
        )
        or 0
    )


def seal_pending(connection: sa.Connection, most: int | None = None) -> int:
    """Seal what is committed and unsealed, oldest transaction first; returns how many. One sealer at a time.

    On PostgreSQL only transactions below the oldest running one are taken, so that the order is final. `most`: no
    more than so many; call again until fewer were sealed.
    """
    covered = sa.select(change_seal.c.tx_id)
    query = (
        sa.select(change_tx).where(change_tx.c.id.not_in(covered)).order_by(change_tx.c.xid, change_tx.c.id)
    )
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(726865)"))
        query = query.where(
            change_tx.c.xid < sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        )
    position, seal = head(connection)
    seals: list[dict[str, Any]] = []
    for row in connection.execute(query.limit(most)).all():
        header = Header(row.id, row.at, row.actor, row.authenticated_as, row.reason, row.source)
        position, seal = position + 1, seal_of(seal, header, row.digest)
        seals.append({"position": position, "tx_id": row.id, "seal": seal})
    if seals:
        connection.execute(sa.insert(change_seal), seals)
    return len(seals)


def read_after(connection: sa.Connection, xid: int, seq: int, limit: int) -> list[tuple[int, Change]]:
    """Read up to `limit` changes after a place, in the order in which they became visible, with their xid."""
    if connection.dialect.name == "postgresql":
        # Said twice, once for the indexes: of transactions by xid, and of each one's entries by their places.
        its_own = change_log.c.seq.between(change_tx.c.first_seq, change_tx.c.last_seq)
        query = (
            sa.select(change_log, change_tx.c.xid)
            .join(change_tx, (change_tx.c.id == change_log.c.tx_id) & its_own)
            .where(
                change_tx.c.xid >= xid,
                change_tx.c.xid < sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
                sa.tuple_(change_tx.c.xid, change_log.c.seq) > sa.tuple_(sa.literal(xid), sa.literal(seq)),
            )
            .order_by(change_tx.c.xid, change_log.c.seq)
            .limit(limit)
        )
    else:
        query = (
            sa.select(change_log, sa.literal(0).label("xid"))
            .where(change_log.c.seq > seq)
            .order_by(change_log.c.seq)
            .limit(limit)
        )
    keys = PersonKeys(connection)
    return [(row.xid, as_change(row, keys)) for row in connection.execute(query).all()]


def as_change(row: Any, keys: PersonKeys) -> Change:
    """Turn a row of the log into a `Change` with personal values readable, where the person's key still exists."""
    operation = cast("Literal['create']", row.operation)
    return Change(
        row.entity,
        row.entity_id or 0,
        operation,
        _readable(row, row.before, keys),
        _readable(row, row.after, keys),
        row.seq,
    )


def _readable(row: Any, text: str | None, keys: PersonKeys) -> dict[str, Any] | None:
    if text is None:
        return None
    values: dict[str, Any] = json.loads(text)
    sealed = values.pop(PERSONAL, None)
    if sealed:
        try:
            merge(values, keys.open(sealed, f"{row.entity}:{row.entity_id}") or {})
        except ValueError:
            raise CrmError(
                _(
                    "the personal values in entry {seq} of the change log were changed from outside; compare it with a backup"
                ).format(seq=row.seq)
            ) from None
    return values


def merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    """Put values into others, one level deep: the personal attributes join the other attributes."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            values[key] = {**values[key], **value}
        else:
            values[key] = value
