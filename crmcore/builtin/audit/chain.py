"""The first pass of verifying: entries by place, each hashed into the one before, and the header above them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.audit.findings import Finding, lowest
from crmcore.changes import GENESIS, Entry, Header, chain, header_hash, seal_of
from crmcore.db.system import change_log, change_seal, change_tx
from crmcore.entities.lookup import batches
from crmcore.i18n import _

BATCH = 2_000
UNREADABLE = (ValueError, TypeError)
"""What reading raises of a value that was put there past the log, such as a moment that is none."""
_log, _tx = change_log.c, change_tx.c


def header_of(row: Any) -> Header:
    """Return the header of a row of change_tx."""
    return Header(row.id, row.at, row.actor, row.authenticated_as, row.reason, row.source)


@dataclass(slots=True)
class _Running:
    """A transaction of which not all entries were seen yet."""

    row: Any
    previous: str
    seen: int = 0
    seq: int = 0
    """The place of its last entry so far."""

    @property
    def unbroken(self) -> bool:
        """Whether its places follow each other without a gap; on PostgreSQL others may write in between."""
        return bool(self.row.last_seq - self.row.first_seq + 1 == self.row.entries)


class Entries:
    """Goes through the entries once."""

    def __init__(self, connection: sa.Connection) -> None:
        """Nothing is read yet."""
        self.checked = 0
        self._connection = connection
        self._open: dict[int, _Running] = {}

    def check(self) -> Finding | None:
        """Return the first thing that does not fit."""
        query = sa.select(change_log).order_by(_log.seq)
        result = self._connection.execute(query, execution_options={"yield_per": BATCH})
        for part in result.partitions():
            headers = self._headers({row.tx_id for row in part} - self._open.keys())
            for row in part:
                found = self._entry(row, headers)
                if found:
                    result.close()
                    return lowest(self._overdue(row.seq), found)
                self.checked += 1
            overdue = self._overdue(part[-1].seq)
            if overdue:
                result.close()
                return overdue
        return lowest(self._overdue(None), self._without_entries())

    def _headers(self, ids: set[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for part in batches(ids):
            try:
                found.update(self._read_headers(part))
            except UNREADABLE:
                for number in part:
                    with suppress(*UNREADABLE):
                        found.update(self._read_headers([number]))
        return found

    def _read_headers(self, ids: list[int]) -> dict[int, Any]:
        query = sa.select(change_tx).where(_tx.id.in_(ids))
        return {row.id: row for row in self._connection.execute(query)}

    def _of_no_transaction(self, row: Any) -> str:
        """Say why an entry has no header: there is none, or it cannot be read."""
        if self._connection.scalar(sa.select(_tx.id).where(_tx.id == row.tx_id)):
            return _header_changed(row.tx_id)
        message = _(
            "entry {seq} names transaction {tx}, which is not there: the entry was inserted, or the transaction's header removed"
        )
        return message.format(seq=row.seq, tx=row.tx_id)

    def _entry(self, row: Any, headers: dict[int, Any]) -> Finding | None:
        running = self._open.get(row.tx_id)
        if running is None:
            header = headers.get(row.tx_id)
            if header is None:
                return Finding(row.seq, self._of_no_transaction(row))
            running = _Running(header, header_hash(header_of(header)))
        misplaced = _misplaced(running, row)
        if misplaced:
            return misplaced
        self._open[row.tx_id] = running
        entry = Entry(row.entity, row.entity_id, row.operation, row.before, row.after)
        (running.previous,), expected = chain([entry], [row.seq], running.previous), row.hash
        if running.previous != expected or not _as_written(row):
            return self._explained(running, row)
        running.seen, running.seq = running.seen + 1, row.seq
        return self._closed(running) if row.seq == running.row.last_seq else None

    def _closed(self, running: _Running) -> Finding | None:
        del self._open[running.row.id]
        if running.seen != running.row.entries or running.previous != running.row.digest:
            return Finding(running.row.first_seq, _header_changed(running.row.id))
        return None

    def _overdue(self, seq: int | None) -> Finding | None:
        """Return the first transaction whose last entry should have come by this place."""
        due = [r for r in self._open.values() if seq is None or r.row.last_seq < seq]
        missing = [(r.seq + 1 if r.unbroken else r.row.last_seq, r.row) for r in due]
        return lowest(*(Finding(place, _missing(header, place)) for place, header in missing))

    def _without_entries(self) -> Finding | None:
        """Return the first transaction of which no entry is there at all."""
        query = (
            sa.select(change_tx)
            .outerjoin(change_log, (_log.seq == _tx.first_seq) & (_log.tx_id == _tx.id))
            .where(_log.seq.is_(None))
            .order_by(_tx.first_seq)
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return Finding(row.first_seq, _missing(row, row.first_seq)) if row else None

    def _explained(self, running: _Running, row: Any) -> Finding:
        """Say what became of an entry whose hash does not fit: the header, a neighbour or itself was changed."""
        if not running.seen and not self._sealed_as_it_is(running.row):
            return Finding(row.seq, _header_changed(running.row.id))
        c = change_log.c
        own = sa.select(sa.func.count()).where(
            c.tx_id == row.tx_id, c.seq.between(running.row.first_seq, running.row.last_seq)
        )
        count = self._connection.scalar(own) or 0
        if count < running.row.entries:
            seq = self._gap(running.seq, row.seq)
            return Finding(seq, _missing(running.row, seq))
        message = _(
            "entry {seq} ({entity} {id}, {operation}) of transaction {tx} is not what was written there: it was changed, moved or inserted"
        )
        shown = message.format(
            seq=row.seq, entity=row.entity, id=row.entity_id, operation=row.operation, tx=row.tx_id
        )
        return Finding(row.seq, shown)

    def _gap(self, before: int, seq: int) -> int:
        """Return the first place between two that is empty."""
        query = sa.select(_log.seq).where(_log.seq > before, _log.seq < seq).order_by(_log.seq)
        expected = before + 1
        for present in self._connection.scalars(query):
            if present != expected:
                break
            expected += 1
        return expected

    def _sealed_as_it_is(self, row: Any) -> bool:
        """Tell whether a transaction's seal fits its header; True while it has none."""
        c = change_seal.c
        seal = self._connection.execute(sa.select(change_seal).where(c.tx_id == row.id)).first()
        if seal is None:
            return True
        before = self._connection.scalar(sa.select(c.seal).where(c.position == seal.position - 1))
        return bool(seal_of(before or GENESIS, header_of(row), row.digest) == seal.seal)


def _as_written(row: Any) -> bool:
    """Tell whether the kinds of values are those that are written: hashed, nothing and the word None look alike."""
    images = all(image is None or image.startswith("{") for image in (row.before, row.after))
    return images and (row.entity_id is None or isinstance(row.entity_id, int))


def _misplaced(running: _Running, row: Any) -> Finding | None:
    """Return what is wrong with the place of an entry."""
    header = running.row
    if not header.first_seq <= row.seq <= header.last_seq:
        message = _("entry {seq} was inserted: transaction {tx} wrote the entries {first} to {last}")
        shown = message.format(seq=row.seq, tx=header.id, first=header.first_seq, last=header.last_seq)
        return Finding(row.seq, shown)
    if not running.seen and row.seq != header.first_seq:
        return Finding(header.first_seq, _missing(header, header.first_seq))
    if running.seen and running.unbroken and row.seq != running.seq + 1:
        return Finding(running.seq + 1, _missing(header, running.seq + 1))
    return None


def _missing(header: Any, seq: int) -> str:
    message = _("entry {seq} of transaction {tx} is missing: it was removed or moved")
    return message.format(seq=seq, tx=header.id)


def _header_changed(tx: int) -> str:
    message = _("the header of transaction {tx} (who, when, why, from where) is not what was written")
    return message.format(tx=tx)
