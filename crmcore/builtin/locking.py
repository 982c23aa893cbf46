"""Lock customers with their group, so that two who decide on one group at once do it one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Customer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from crmcore.tx import Tx

_table = table_of(Customer)
_c = _table.c


def lock_customers(tx: Tx, customer_ids: Iterable[int]) -> None:
    """Lock customers and all above them, up to the top of their groups, until the transaction ends.

    Whoever wants the same group waits: its members have their top in common. SQLite has one writer anyway. Rows are
    locked by id, so that two who lock several groups do not wait for each other.
    """
    if tx.connection.dialect.name != "postgresql":
        return
    wanted, locked = set(customer_ids), set[int]()
    # Somebody may have moved one to another group while we waited for it.
    while fresh := _with_those_above(tx.connection, wanted) - locked:
        for part in batches(fresh):
            # As an edit locks a row: who only refers to the customer need not wait.
            query = sa.select(_c.id).where(_c.id.in_(part)).order_by(_c.id)
            tx.connection.execute(query.with_for_update(key_share=True)).all()
        locked |= fresh


def _with_those_above(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    found, level = set(ids), set(ids)
    while level:
        above: set[int] = set()
        for part in batches(level):
            query = sa.select(_c.parent_id).where(_c.id.in_(part), _c.parent_id.is_not(None))
            above.update(connection.scalars(query))
        level = above - found
        found |= level
    return found
