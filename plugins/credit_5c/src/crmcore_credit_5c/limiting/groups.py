"""Groups of customers (集团): the tree below a top parent, found level by level for many customers at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from crmcore.api import Customer
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.rules.exposure import top_of

customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


class Groups(NamedTuple):
    """Who belongs together."""

    tops: Mapping[int, int]
    """Customer asked for → its top parent, itself where it has none."""
    members: Mapping[int, frozenset[int]]
    """Top parent → everybody in its group, itself included; one alone is a group of one."""


def groups_of(connection: sa.Connection, customer_ids: Iterable[int]) -> Groups:
    """Return the groups of customers, archived members among them: they may still owe."""
    asked = set(customer_ids)
    parents = _parents(connection, asked)
    tops = {number: top_of(number, parents) for number in asked}
    return Groups(tops, _members(connection, set(tops.values())))


def _parents(connection: sa.Connection, asked: set[int]) -> dict[int, int]:
    """Return customer → parent of all that are above those asked for."""
    parents: dict[int, int] = {}
    level = asked
    while level:
        found = dict(_edges(connection, customers.c.id, level))
        parents |= found
        level = set(found.values()) - parents.keys()
    return parents


def _members(connection: sa.Connection, tops: set[int]) -> dict[int, frozenset[int]]:
    head = {top: top for top in tops}
    level = tops
    while level:
        below = dict(_edges(connection, customers.c.parent_id, level))
        fresh = {child: head[parent] for child, parent in below.items() if child not in head}
        head |= fresh
        level = set(fresh)
    members: dict[int, set[int]] = {top: set() for top in tops}
    for member, top in head.items():
        members[top].add(member)
    return {top: frozenset(found) for top, found in members.items()}


def _edges(
    connection: sa.Connection, column: sa.Column[int], level: Iterable[int]
) -> Iterable[tuple[int, int]]:
    """Yield (customer, its parent) where a column is one of these ids."""
    c = customers.c
    for part in parts(level):
        query = sa.select(c.id, c.parent_id).where(column.in_(part), c.parent_id.is_not(None))
        yield from ((row.id, row.parent_id) for row in connection.execute(query))
