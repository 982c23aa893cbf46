"""Who holds what a merged customer had: an old code means the customer into whom it was merged.

Light, since every look-up of a code comes by here. One step is enough: where that customer is merged in its turn, its
merges go with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import sqlalchemy as sa

from crmcore.entities.lookup import BATCH, batches, find_customer, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import Refused
from crmcore.i18n import _

K = TypeVar("K")
_merge = sa.table(
    "customer_merge", *(sa.column(name) for name in ("id", "from_id", "customer_id", "state"))
).c
_customer = table_of(Customer).c
_HOLDS = _merge.state == "merged"


def heirs(connection: sa.Connection, ids: Iterable[int]) -> dict[int, int]:
    """Return merged customer → who holds what it had; customers that are their own are left out."""
    wanted = sorted(set(ids))
    if connection.dialect.name == "postgresql" and "crm_write" in connection.get_execution_options():
        for part in batches(wanted):
            # Whoever merges one of them just now is waited for: what is written next must not name who is gone.
            them = sa.select(_customer.id).where(_customer.id.in_(part)).order_by(_customer.id)
            connection.execute(them.with_for_update(read=True, key_share=True)).all()
    query = sa.select(_merge.from_id, _merge.customer_id).where(_HOLDS)
    if len(wanted) > BATCH:  # the rows of a file: one look at the few merges among them
        query = query.where(_merge.from_id.between(wanted[0], wanted[-1]))
    elif wanted:
        query = query.where(_merge.from_id.in_(wanted))
    else:
        return {}
    merged = {row.from_id: row.customer_id for row in connection.execute(query)}
    return {number: merged[number] for number in wanted if number in merged}


def not_merged(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that a column with customers' ids names nobody who was merged into another."""
    return column.not_in(sa.select(_merge.from_id).where(_HOLDS))


def with_heirs(connection: sa.Connection, ids: Mapping[K, int]) -> dict[K, int]:
    """Return the same keys with the customers that stand for those who were merged."""
    found = heirs(connection, ids.values())
    return {key: found.get(number, number) for key, number in ids.items()}


def merged_into(connection: sa.Connection, ids: Iterable[int]) -> dict[int, list[int]]:
    """Return customer → the customers that were merged into it, the first one first; those without are left out."""
    found: dict[int, list[int]] = {}
    for part in batches(ids):
        query = sa.select(_merge.customer_id, _merge.from_id).where(_HOLDS, _merge.customer_id.in_(part))
        for row in connection.execute(query.order_by(_merge.id)):
            found.setdefault(row.customer_id, []).append(row.from_id)
    return found


def old_codes(connection: sa.Connection, ids: Iterable[int]) -> dict[int, list[str]]:
    """Return customer → the codes of those merged into it."""
    found: dict[int, list[str]] = {}
    for part in batches(ids):
        query = sa.select(_merge.customer_id, _customer.code).join(
            table_of(Customer), _customer.id == _merge.from_id
        )
        query = query.where(_HOLDS, _merge.customer_id.in_(part)).order_by(_merge.id)
        for number, code in connection.execute(query):
            found.setdefault(number, []).append(code)
    return found


def require_own(connection: sa.Connection, ids: Mapping[str, int]) -> None:
    """Raise Refused where one of these customers (code → id) was merged into another: it is edited no more."""
    gone = heirs(connection, ids.values())
    for code, number in ids.items():
        if number in gone:
            query = sa.select(_customer.code).where(_customer.id == gone[number])
            message = _(
                "customer {code!r} was merged into {into!r}; edit that one, or take the merge back with: crm duplicates unmerge {code}"
            )
            raise Refused(message.format(code=code, into=connection.scalar(query)))


def merged_row(connection: sa.Connection, code: str) -> sa.RowMapping:
    """Return the row of the customer that a code means: of a merged one that of who holds what it had."""
    query = sa.select(table_of(Customer)).where(_customer.id == find_customer(connection, code))
    return connection.execute(query).mappings().one()
