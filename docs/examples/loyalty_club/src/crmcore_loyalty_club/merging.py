"""What becomes of points as customers are merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Move, Moved, move_rows

from .tables import Entry, entries

if TYPE_CHECKING:
    from crmcore.api import Tx


def move_entries(moves: Sequence[Move], tx: Tx) -> Iterable[Moved]:
    """Move all entries; those for purchases are known by document and customer, so they get the other's name, too.

    Without it the purchases, which are the other customer's now, would be booked once more. At an undo there is nothing
    to do: crmcore has put back rows and references, and balances are worked out when they are asked for.
    """
    for move in moves:
        if not move.undo:
            _rename(move, tx)
    yield move_rows(tx, Entry, "customer_id", moves)


def _rename(move: Move, tx: Tx) -> None:
    old, new = f"/{move.from_id}", f"/{move.into_id}"
    query = sa.select(entries.c.id, entries.c.reference).where(
        entries.c.customer_id == move.from_id, entries.c.reference.like(f"purchase %{old}")
    )
    renamed = {row.id: row.reference.removesuffix(old) + new for row in tx.connection.execute(query)}
    there = sa.select(entries.c.reference).where(entries.c.customer_id == move.into_id)
    taken = set(tx.connection.scalars(there))
    tx.update(Entry, [(i, {"reference": name}) for i, name in sorted(renamed.items()) if name not in taken])
