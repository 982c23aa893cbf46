"""The second pass of verifying: the seals, each over the one before, held against the anchors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.audit.anchor import Anchor, compare, first_seal
from crmcore.builtin.audit.chain import BATCH, header_of
from crmcore.builtin.audit.findings import Finding, lowest
from crmcore.changes import GENESIS, seal_of
from crmcore.db.system import change_log, change_seal, change_tx
from crmcore.i18n import _

_seal, _tx = change_seal.c, change_tx.c


class Seals:
    """Goes through the seals once."""

    def __init__(self, connection: sa.Connection, anchors: Sequence[Anchor]) -> None:
        """Nothing is read yet."""
        self.unsealed = 0
        self.anchored_to: int | None = None
        """The highest position whose seal is the one that an anchor knows."""
        self._connection = connection
        self._anchors = anchors
        self._wanted = {anchor.position for anchor in anchors}
        self._known = {0: GENESIS}
        self._sealed = 0

    def check(self) -> Finding | None:
        """Return the lowest thing that does not fit; seals, what is not sealed, anchors."""
        found = self._chain()
        total = self._connection.scalar(sa.select(sa.func.count()).select_from(change_tx)) or 0
        self.unsealed = total - self._sealed
        if self.unsealed and self._connection.dialect.name == "sqlite":
            found = lowest(found, self._first_unsealed())
        return found or self._anchored()

    def _chain(self) -> Finding | None:
        query = (
            sa.select(_seal.position, _seal.tx_id, _seal.seal, change_tx)
            .outerjoin(change_tx, _tx.id == _seal.tx_id)
            .order_by(_seal.position)
        )
        previous, last = GENESIS, 0
        found: Finding | None = None
        result = self._connection.execute(query, execution_options={"yield_per": BATCH})
        for position, row in enumerate(result, 1):
            self._sealed += row.id is not None
            if found is None:
                found = self._seal(row, position, previous, last)
                previous, last = row.seal, row.last_seq or last
            if row.position in self._wanted:
                self._known[row.position] = row.seal
        return found

    def _seal(self, row: Any, position: int, previous: str, last: int) -> Finding | None:
        if row.position != position:
            message = _("seal {position} is missing: it was removed, with or without its transaction")
            return Finding(last + 1, message.format(position=position))
        if row.id is None:
            message = _("transaction {tx} is missing: seal {position} is all that is left of it")
            return Finding(last + 1, message.format(tx=row.tx_id, position=position))
        if seal_of(previous, header_of(row), row.digest) != row.seal:
            message = _(
                "transaction {tx} is not what seal {position} was set under: the transaction, its place or the seal was changed"
            )
            return Finding(row.first_seq, message.format(tx=row.id, position=position))
        return None

    def _first_unsealed(self) -> Finding | None:
        covered = sa.select(_seal.tx_id)
        query = sa.select(change_tx).where(_tx.id.not_in(covered)).order_by(_tx.first_seq).limit(1)
        row = self._connection.execute(query).first()
        if row is None:
            return None
        message = _("transaction {tx} is not sealed: it was written from outside, or its seal was removed")
        return Finding(row.first_seq, message.format(tx=row.id))

    def _anchored(self) -> Finding | None:
        found = None
        for anchor in sorted(self._anchors, key=lambda one: one.position):
            problem = self._held_against(anchor)
            if problem is None:
                self.anchored_to = anchor.position
            found = found or problem
        return found

    def _held_against(self, anchor: Anchor) -> Finding | None:
        seal = self._known.get(anchor.position)
        if seal is not None and compare(anchor, seal):
            return None
        if anchor.database not in {None, first_seal(self._connection)} and seal is not None:
            message = _(
                "the anchor is of another database, or this log was written anew from its first transaction"
            )
            return Finding(None, message)
        if seal is None:
            message = _(
                "the log ends before position {position}, which the anchor knows: its newest transactions were cut off, or an older copy was restored"
            )
            last = self._connection.scalar(sa.select(sa.func.max(change_log.c.seq))) or 0
            return Finding(last + 1, message.format(position=anchor.position))
        message = _(
            "seal {position} is not the one that the anchor knows: the log was written anew at or before that position"
        )
        return Finding(None, message.format(position=anchor.position))
