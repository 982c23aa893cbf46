"""What a merge does with pairs of customers, and with earlier merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.duplicates.merge_tables import CustomerMerge
from crmcore.builtin.duplicates.moving import keep_rows, move_rows
from crmcore.builtin.duplicates.tables import DuplicatePair
from crmcore.entities.lookup import table_of
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.plugins.types import Move, Moved
    from crmcore.tx import Tx

_pairs = table_of(DuplicatePair)
_c = _pairs.c
_DECISION = ("state", "reason", "decided_by", "decided_at")
_FINDING = ("score", "certainty", "why", "found_at")
Row = Mapping[str, Any]


def move_pairs(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Close the pair of the two; what was found of others stays, for it was found of the customer that is gone.

    Of whom it was said that the one that goes is never one with them, the other is not either.
    """
    for move in moves:
        if not move.undo:
            _carry(tx, move)
            both = sorted((move.from_id, move.into_id))
            query = sa.select(_pairs.c.id).where(_pairs.c.low_id == both[0], _pairs.c.high_id == both[1])
            decided = {"state": "merged", "decided_by": tx.actor, "decided_at": tx.now}
            tx.update(DuplicatePair, [(number, decided) for number in tx.connection.scalars(query).all()])
    return [
        keep_rows(tx, DuplicatePair, "low_id", moves),
        keep_rows(tx, DuplicatePair, "high_id", moves),
        move_rows(tx, CustomerMerge, "customer_id", moves),
    ]


def require_not_apart(tx: Tx, gone: Row, remaining: Row) -> None:
    """Raise Refused where somebody has said that these two are never one."""
    low, high = sorted((gone["id"], remaining["id"]))
    query = sa.select(_c.decided_by, _c.reason).where(
        _c.low_id == low, _c.high_id == high, _c.state == "never"
    )
    row = tx.connection.execute(query).first()
    if row is not None:
        message = _(
            "{actor} said that {gone!r} and {remaining!r} are never one ({reason}); take that back first with: crm duplicates never {gone} {remaining} --undo"
        )
        told = {"gone": gone["code"], "remaining": remaining["code"]}
        raise Refused(message.format(actor=row.decided_by, reason=row.reason or "", **told))


def _carry(tx: Tx, move: Move) -> None:
    """Let decisions that the customer that goes is never one with another hold of the one that remains."""
    either = sa.or_(_c.low_id == move.from_id, _c.high_id == move.from_id)
    decided = tx.connection.execute(sa.select(_pairs).where(_c.state == "never", either)).mappings().all()
    for pair in decided:
        low, high = sorted({pair["low_id"], pair["high_id"], move.into_id} - {move.from_id})
        known = sa.select(_c.id, _c.state).where(_c.low_id == low, _c.high_id == high)
        row = tx.connection.execute(known).first()
        person = move.into_id if pair["customer_id"] == move.from_id else pair["customer_id"]
        values = {**{name: pair[name] for name in _DECISION}, "customer_id": person}
        if row is None:
            found = {name: pair[name] for name in _FINDING}
            tx.insert(DuplicatePair, [{"low_id": low, "high_id": high, **found, **values}])
        elif row.state == "open":
            tx.update(DuplicatePair, [(row.id, values)])
