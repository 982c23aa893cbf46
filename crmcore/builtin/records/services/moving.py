"""What moves from one customer to another as they are merged: people, interactions, documents, daughters of a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.duplicates.moving import move_rows
from crmcore.builtin.records.rules_places import joined, same_place
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import ContactFirm, Customer, Document, Interaction
from crmcore.plugins.types import Moved

if TYPE_CHECKING:
    from crmcore.plugins.types import Move
    from crmcore.tx import Tx

_places, _customers = table_of(ContactFirm), table_of(Customer)


def move_all(moves: Sequence[Move], tx: Tx) -> list[Moved]:
    """Move the rows of the core's own tables."""
    joined_places = sum(_join_places(tx, move) for move in moves if not move.undo)
    places = move_rows(tx, ContactFirm, "customer_id", moves)
    return [
        Moved(places.table, places.column, places.rows, removed=joined_places),
        move_rows(tx, Interaction, "customer_id", moves),
        move_rows(tx, Document, "customer_id", moves),
        Moved("customer", "parent_id", sum(_move_daughters(tx, move) for move in moves if not move.undo)),
    ]


def _join_places(tx: Tx, move: Move) -> int:
    """Make one of the two places of a person who worked for both over the same time; returns how many were removed."""
    query = sa.select(_places).where(_places.c.customer_id.in_([move.from_id, move.into_id]))
    places = [dict(row) for row in tx.connection.execute(query.order_by(_places.c.id)).mappings()]
    there = [place for place in places if place["customer_id"] == move.into_id]
    gone: list[int] = []
    edits: list[tuple[int, dict[str, Any]]] = []
    for place in places:
        twin = next((one for one in there if same_place(one, place)), None)
        if place["customer_id"] == move.from_id and twin is not None:
            gone.append(place["id"])
            edits.append((twin["id"], joined(twin, place)))
    tx.update(ContactFirm, edits)
    tx.delete(ContactFirm, gone)
    return len(gone)


def _move_daughters(tx: Tx, move: Move) -> int:
    """Give the daughters of one head to the other; one that is the other head itself, or above it, is settled before."""
    query = sa.select(_customers.c.id).where(_customers.c.parent_id == move.from_id).order_by(_customers.c.id)
    numbers = tx.connection.scalars(query).all()
    return tx.update(Customer, [(number, {"parent_id": move.into_id}) for number in numbers])


def ancestors(connection: sa.Connection, customer_id: int) -> list[int]:
    """Return the heads above a customer, the nearest one first."""
    found: list[int] = []
    above = _parent(connection, customer_id)
    while above is not None and above not in found:
        found.append(above)
        above = _parent(connection, above)
    return found


def _parent(connection: sa.Connection, customer_id: int) -> int | None:
    query = sa.select(_customers.c.parent_id).where(_customers.c.id == customer_id)
    found: int | None = connection.scalar(query)
    return found
