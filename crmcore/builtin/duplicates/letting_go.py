"""Pairs that nobody has decided on hold no customer back: they go with it, and are found again if it stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.duplicates.tables import DuplicatePair
from crmcore.entities.lookup import batches, table_of

if TYPE_CHECKING:
    from crmcore.tx import Tx

_pairs = table_of(DuplicatePair)


def let_go(tx: Tx, customer_ids: Iterable[int]) -> int:
    """Delete the open pairs of customers that are about to be deleted; returns how many there were."""
    c, found = _pairs.c, set[int]()
    for part in batches(customer_ids):
        either = sa.or_(c.low_id.in_(part), c.high_id.in_(part))
        found.update(tx.connection.scalars(sa.select(c.id).where(c.state == "open", either)))
    return tx.delete(DuplicatePair, sorted(found))
