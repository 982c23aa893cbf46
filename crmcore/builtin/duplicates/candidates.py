"""Pairs that share a key: looked for by the database, collected on disk, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from crmcore.builtin.duplicates.tables import keys
from crmcore.builtin.exchange.sql import among
from crmcore.entities.lookup import batches

MOST_SHARING = 60
"""A key that more customers share says nothing: pairs of them are found by another key, or not at all."""
_AT_ONCE = 20_000

Pair = tuple[int, int]


class Pairs:
    """Pairs of customers, each once, in a file that nobody else sees and that goes with the process."""

    def __init__(self) -> None:
        """Begin without a pair."""
        self._file = sqlite3.connect("", isolation_level=None)  # SQLite keeps it in memory while it is small
        self._file.execute(
            "CREATE TABLE pair (low INTEGER, high INTEGER, PRIMARY KEY (low, high)) WITHOUT ROWID"
        )

    def add(self, pairs: Iterable[Pair]) -> None:
        """Take pairs, each given as (lower id, higher id)."""
        coming = iter(pairs)
        while part := list(islice(coming, _AT_ONCE)):
            self._file.execute("BEGIN")
            self._file.executemany("INSERT OR IGNORE INTO pair VALUES (?, ?)", part)
            self._file.execute("COMMIT")

    def __contains__(self, pair: Pair) -> bool:
        """Tell whether a pair was taken."""
        return (
            self._file.execute("SELECT 1 FROM pair WHERE low = ? AND high = ?", pair).fetchone() is not None
        )

    def parts(self, size: int) -> Iterator[list[Pair]]:
        """Give all pairs by their lower ids, so many at a time."""
        last: Pair = (-1, -1)
        query = "SELECT low, high FROM pair WHERE (low, high) > (?, ?) ORDER BY low, high LIMIT ?"
        while part := self._file.execute(query, (*last, size)).fetchall():
            yield part
            last = part[-1]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def pairs_of_all(connection: sa.Connection, *, exact: bool) -> Iterator[Pair]:
    """Give the pairs that share a key, some of them several times; `exact`: an exact one."""
    few = sa.select(keys.c.key).group_by(keys.c.key).having(sa.func.count().between(2, MOST_SHARING))
    shared = (few.where(keys.c.key >= 0) if exact else few).subquery()
    low, high = keys.alias(), keys.alias()
    query = (
        sa.select(low.c.customer_id, high.c.customer_id)
        .join_from(shared, low, low.c.key == shared.c.key)
        .join(high, (high.c.key == low.c.key) & (high.c.customer_id > low.c.customer_id))
    )
    yield from connection.execute(query, execution_options={"yield_per": _AT_ONCE})


def members(connection: sa.Connection, wanted: Iterable[int]) -> Iterator[Pair]:
    """Give (key, customer) of those who share keys, in their order."""
    query = sa.select(keys.c.key, keys.c.customer_id).order_by(keys.c.key, keys.c.customer_id)
    rows = connection.execute(query.where(among(connection, keys.c.key, sorted(set(wanted)))))
    yield from rows


def pairs_of(connection: sa.Connection, ids: Sequence[int], *, exact: bool) -> Iterator[Pair]:
    """Give the pairs of which one is among these customers."""
    mine, theirs = keys.alias(), keys.alias()
    for part in batches(ids):
        query = (
            sa.select(mine.c.key, mine.c.customer_id, theirs.c.customer_id)
            .join(theirs, (theirs.c.key == mine.c.key) & (theirs.c.customer_id != mine.c.customer_id))
            .where(mine.c.customer_id.in_(part))
        )
        query = query.where(mine.c.key >= 0) if exact else query
        many = _crowded_among(connection, part)
        for key, one, other in connection.execute(query, execution_options={"yield_per": 1_000}):
            if key not in many:
                yield min(one, other), max(one, other)


def _crowded_among(connection: sa.Connection, ids: Sequence[int]) -> set[int]:
    own = sa.select(keys.c.key).where(keys.c.customer_id.in_(ids))
    query = sa.select(keys.c.key).where(keys.c.key.in_(own)).group_by(keys.c.key)
    return set(connection.scalars(query.having(sa.func.count() > MOST_SHARING)))


def count_sharing(connection: sa.Connection, wanted: Iterable[int]) -> dict[int, int]:
    """Return key → how many customers share it."""
    query = sa.select(keys.c.key, sa.func.count()).group_by(keys.c.key)
    rows = connection.execute(query.where(among(connection, keys.c.key, sorted(set(wanted)))))
    return {key: count for key, count in rows}  # noqa: C416  (rows are tuples)
