"""What becomes of classes as customers are merged: runs tell what was and stay, what people decided goes along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Move, Moved, keep_rows, move_rows, translator

from .manual import holding_on, manual
from .tables import AbcGrade, AbcManual, AbcMember, AbcPotential

if TYPE_CHECKING:
    from crmcore.api import Tx

_ = translator("crmcore_abc_analysis")


def move_all(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Answer for all columns that hold customers.

    Runs are not rewritten: the next one classes the customer by all of its purchases. Of two estimates of one day the
    remaining customer's own counts.
    """
    for move in moves:
        if not move.undo:
            _hand_on(move, tx)
    yield keep_rows(tx, AbcGrade, "customer_id", moves)
    yield keep_rows(tx, AbcMember, "customer_id", moves)
    yield keep_rows(tx, AbcMember, "head_id", moves)
    yield keep_rows(tx, AbcManual, "customer_id", moves)
    yield move_rows(tx, AbcPotential, "customer_id", moves, twice="remove")


def _hand_on(move: Move, tx: Tx) -> None:
    """Set a class that was set by hand anew for the remaining customer, unless that has one of its own."""
    query = sa.select(manual).where(holding_on(tx.ctx.today)).order_by(manual.c.set_on, manual.c.id)
    held = tx.connection.execute(query.where(manual.c.customer_id == move.from_id)).mappings().all()
    own = tx.connection.execute(query.where(manual.c.customer_id == move.into_id)).first()
    if not held or own is not None:
        return
    counting = held[-1]
    ended = {
        "ended_on": tx.ctx.today,
        "ended_by": tx.actor,
        "end_reason": _("merged into another customer"),
    }
    tx.update(AbcManual, [(row["id"], ended) for row in held])
    anew = {name: counting[name] for name in ("grade", "reason", "author", "until")}
    tx.insert(AbcManual, [{"customer_id": move.into_id, "set_on": tx.ctx.today, **anew}])
