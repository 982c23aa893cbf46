"""Reads of the ledger in batches: many keys at once, a bounded number of parameters per statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa

from crmcore.api import Customer
from crmcore_trade_ledger import rules
from crmcore_trade_ledger.tables import LedgerDocument, LedgerLine, LedgerLink, Product

document: sa.Table = LedgerDocument.__table__  # type: ignore[attr-defined]
line: sa.Table = LedgerLine.__table__  # type: ignore[attr-defined]
link: sa.Table = LedgerLink.__table__  # type: ignore[attr-defined]
product: sa.Table = Product.__table__  # type: ignore[attr-defined]
_customer: sa.Table = Customer.__table__  # type: ignore[attr-defined]

Record = Mapping[str, Any]
"""A row by column name."""
_PARAMETERS = 500


def records(connection: sa.Connection, query: sa.Select[Any]) -> Iterable[Record]:
    """Return the rows of a query by column name."""
    return cast("Iterable[Record]", connection.execute(query).mappings())


def parts(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut keys, sorted, into lists that fit into one statement."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _PARAMETERS):
        yield ordered[start : start + _PARAMETERS]


def select_products() -> sa.Select[Any]:
    """Return the query for all of products."""
    return sa.select(product)


def product_ids(connection: sa.Connection, codes: Iterable[str]) -> dict[str, int]:
    """Return code → id of those products that exist."""
    found: dict[str, int] = {}
    for part in parts(set(codes)):
        query = sa.select(product.c.code, product.c.id).where(product.c.code.in_(part))
        found.update((code, number) for code, number in connection.execute(query))
    return found


def is_archived(connection: sa.Connection, customer_id: int) -> bool:
    """Tell whether a customer is in the archive."""
    query = sa.select(_customer.c.archived_at).where(_customer.c.id == customer_id)
    return connection.scalar(query) is not None


def documents_by_number(connection: sa.Connection, kind: str, numbers: Iterable[str]) -> dict[str, Record]:
    """Return number → document of those that exist."""
    wanted = set(numbers)
    if not wanted:
        return {}
    if connection.dialect.name == "sqlite":
        # A file imported for the first time has numbers of its own: one look into the index says so. Elsewhere
        # the database may sort texts by another rule than min() and max().
        between = (document.c.kind == kind, document.c.number.between(min(wanted), max(wanted)))
        if connection.execute(sa.select(document.c.id).where(*between).limit(1)).first() is None:
            return {}
    found: dict[str, Record] = {}
    for part in parts(wanted):
        query = sa.select(document).where(document.c.kind == kind, document.c.number.in_(part))
        found.update({row["number"]: row for row in records(connection, query)})
    return found


def documents_by_id(
    connection: sa.Connection, ids: Iterable[int], *, lock: bool = False
) -> dict[int, Record]:
    """Return id → document; locked until the transaction ends where what is open of it is going to change."""
    return _by_id(connection, document, ids, lock=lock)


def lines_by_id(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Record]:
    """Return id → line."""
    return _by_id(connection, line, ids)


def _by_id(
    connection: sa.Connection, table: sa.Table, ids: Iterable[int], *, lock: bool = False
) -> dict[int, Record]:
    found: dict[int, Record] = {}
    for part in parts(set(ids)):
        query = sa.select(table).where(table.c.id.in_(part)).order_by(table.c.id)
        if lock:
            query = query.with_for_update()
        found.update({row["id"]: row for row in records(connection, query)})
    return found


def lines_of(connection: sa.Connection, document_ids: Iterable[int]) -> dict[int, list[Record]]:
    """Return document id → its lines in order; documents without lines are left out."""
    found: dict[int, list[Record]] = {}
    for part in parts(set(document_ids)):
        query = sa.select(line).where(line.c.document_id.in_(part)).order_by(line.c.document_id, line.c.line)
        for row in records(connection, query):
            found.setdefault(row["document_id"], []).append(row)
    return found


def links_to(connection: sa.Connection, line_ids: Iterable[int]) -> dict[int, list[Record]]:
    """Return line id → links to what it was made from, each with `kind`, `state`, `document_id` of the source."""
    return _links(connection, line_ids, link.c.to_line_id, link.c.from_line_id)


def links_from(connection: sa.Connection, line_ids: Iterable[int]) -> dict[int, list[Record]]:
    """Return line id → links to what was made from it, each with `kind`, `state`, `document_id` of the result."""
    return _links(connection, line_ids, link.c.from_line_id, link.c.to_line_id)


def _links(
    connection: sa.Connection, line_ids: Iterable[int], near: sa.Column[int], far: sa.Column[int]
) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for part in parts(set(line_ids)):
        query = (
            sa.select(link, document.c.kind, document.c.state, line.c.document_id, far.label("other"))
            .join(line, line.c.id == far)
            .join(document, document.c.id == line.c.document_id)
            .where(near.in_(part))
            .order_by(link.c.id)
        )
        for row in records(connection, query):
            found.setdefault(row[near.name], []).append(row)
    return found


def kinds_before(connection: sa.Connection, line_ids: Iterable[int]) -> dict[int, set[str]]:
    """Return line id → kinds of the documents in force that it comes from; through one not in force to those behind it."""
    found: dict[int, set[str]] = {}
    asked = {number: {number} for number in line_ids}
    while asked:
        following: dict[int, set[int]] = {}
        for near, links in links_to(connection, asked).items():
            for row in links:
                if rules.in_force(row["kind"], row["state"]):
                    for origin in asked[near]:
                        found.setdefault(origin, set()).add(row["kind"])
                else:
                    following.setdefault(row["other"], set()).update(asked[near])
        asked = following
    return found


def results_of(connection: sa.Connection, line_ids: Iterable[int]) -> set[int]:
    """Return the ids of all lines that were made from these, directly or in several steps."""
    found: set[int] = set()
    asked = set(line_ids)
    while asked:
        asked = {row["other"] for links in links_from(connection, asked).values() for row in links} - found
        found |= asked
    return found


def sums_of_lines(connection: sa.Connection, document_ids: Iterable[int]) -> Mapping[int, tuple[int, int]]:
    """Return document id → net and tax of its lines added up."""
    sums: dict[int, tuple[int, int]] = {}
    for part in parts(set(document_ids)):
        query = (
            sa.select(line.c.document_id, sa.func.sum(line.c.net_minor), sa.func.sum(line.c.tax_minor))
            .where(line.c.document_id.in_(part))
            .group_by(line.c.document_id)
        )
        sums.update({number: (int(net), int(tax)) for number, net, tax in connection.execute(query)})
    return sums


def in_order(rows: Mapping[int, Sequence[Any]]) -> Iterator[Any]:
    """Return the members of grouped rows, group after group by id."""
    for key in sorted(rows):
        yield from rows[key]
