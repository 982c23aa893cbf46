"""Reading a list of customers: one statement after the other, each taken row by row, until there are enough."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.db.engine import gate
from crmcore.entities.lookup import BATCH, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError

if TYPE_CHECKING:
    from crmcore.builtin.records.services.list_columns import PluginColumns
    from crmcore.plugins.types import Context

_table = table_of(Customer)

_LIMIT = sa.text("LIMIT :most")
PLACE = "place_"
"""What a list from the greatest down is ordered by, in the rows that are read for it."""


class ByPlugin(NamedTuple):
    """A query in the order of a plugin's column, which is joined: ids are sorted more cheaply than whole rows."""

    query: sa.Select[Any]
    value: sa.ColumnElement[Any]
    """What it is ordered by; it is read with the ids, for databases sort by what they give."""


class Down(NamedTuple):
    """From the greatest value down, in the rows as `PLACE`."""

    everything: sa.Select[Any]
    """In the right order, for whoever wants all: the database sorts where many are equal."""
    below: Callable[[Any], sa.Select[Any]]
    """Those below a value, or from the top for None; equal ones by code backwards, as an index read from its end."""
    equal: Callable[[Any], sa.Select[Any]]
    """Those with a value, by code."""


Query = sa.Select[Any] | ByPlugin | Down


class Found:
    """The customers of a list, read page by page; a list of all of them takes no more memory than one of many."""

    def __init__(
        self,
        ctx: Context,
        queries: Iterator[Query],
        limit: int | None,
        *,
        columns: PluginColumns,
        by: Sequence[str],
        wanted: Sequence[Any],
    ) -> None:
        """Take the queries whose rows follow each other; nothing is read yet.

        by: plugins' columns that it is chosen or ordered by; wanted: what is read of each.
        """
        self._ctx, self._queries, self._limit = ctx, queries, limit
        self._columns, self._by, self._wanted = columns, by, wanted

    def pages(self) -> Iterator[Sequence[sa.RowMapping]]:
        """Read the rows in order."""
        left = self._limit
        while left != 0 and (query := next(self._queries, None)) is not None:
            for page in self._read(query, left):
                left = None if left is None else left - len(page)
                yield page

    # -- inside ----------------------------------------------------------------------------------------------

    def _read(self, query: Query, limit: int | None) -> Iterator[Sequence[sa.RowMapping]]:
        """Read what one query finds."""
        if isinstance(query, Down) and limit is not None:
            yield from self._downwards(query, limit)
        elif isinstance(query, Down):
            yield from self._read(query.everything, None)
        elif isinstance(query, ByPlugin):
            yield from self._ids_first(query.query, limit, query.value)
        elif not self._by:
            yield from _taken(self._ctx.connection, query, limit)
        elif limit is None or limit > BATCH:
            yield from self._ids_first(query, limit)
        else:
            yield from self._whole_at_once(query, limit)

    def _downwards(self, down: Down, limit: int) -> Iterator[Sequence[sa.RowMapping]]:
        """Read from the greatest value down, equal ones by code, without sorting the millions that may be equal.

        One row more than wanted tells whether the last value goes on behind the page; if so, those with it are asked
        for by themselves.
        """
        place, left = None, limit
        while left:
            most = min(left, BATCH - 1)
            rows = [row for page in self._read(down.below(place), most + 1) for row in page]
            cut = len(rows) > most
            if cut:
                place = rows[-1][PLACE]
                rows = [row for row in rows if row[PLACE] != place]
            if rows:
                groups = groupby(rows, itemgetter(PLACE))
                yield [row for _value, equal in groups for row in reversed([*equal])]
            if not cut:
                return
            left -= len(rows)
            for page in self._read(down.equal(place), left) if left else ():
                left -= len(page)
                yield page

    def _whole_at_once(self, query: sa.Select[Any], limit: int) -> Iterator[Sequence[sa.RowMapping]]:
        """Read a few that plugins' columns choose."""
        connection = self._ctx.connection
        if connection.dialect.name == "postgresql":
            # Workers take longer to start than a page to read; where a whole column must be read they still come.
            with gate(connection):
                connection.exec_driver_sql("SET LOCAL parallel_setup_cost = 10000")
        with naming_who_fails(self._ctx, self._columns, self._by):
            rows = connection.execute(at_most(query, limit)).mappings().all()
        if rows:
            self._check([row["id"] for row in rows])
            yield rows

    def _ids_first(
        self, query: sa.Select[Any], limit: int | None, *others: sa.ColumnElement[Any]
    ) -> Iterator[Sequence[sa.RowMapping]]:
        """Read many that plugins' columns choose or order: ids, eight bytes each, and then whole rows by them.

        All ids first, for on SQLite a plugin's call between two pages can break an open cursor off.
        """
        found = at_most(query.with_only_columns(_table.c.id, *others), limit)
        with (
            naming_who_fails(self._ctx, self._columns, self._by),
            self._ctx.connection.execute(found, execution_options={"yield_per": BATCH}) as result,
        ):
            ids = array("q", result.scalars())
        for start in range(0, len(ids), BATCH):
            part = list(dict.fromkeys(ids[start : start + BATCH]))
            self._check(part)
            yield self._whole(part)

    def _check(self, ids: Sequence[int]) -> None:
        """Refuse customers that are here for a value that is not what its column says."""
        for name in self._by:
            if self._columns.values(name, ids) is None:
                self._columns.refuse([name], CrmError(name))

    def _whole(self, ids: Sequence[int]) -> list[sa.RowMapping]:
        query = sa.select(*self._wanted).where(_table.c.id.in_(ids))
        rows = {row["id"]: row for row in self._ctx.connection.execute(query).mappings()}
        return [rows[number] for number in ids if number in rows]


def at_most(query: sa.Select[Any], count: int | None) -> sa.Select[Any]:
    """Let a query give so many rows at most; in words of our own, since SQLAlchemy adds OFFSET 0 on SQLite."""
    return query if count is None else query.suffix_with(_LIMIT.bindparams(most=count))


def placed(ctx: Context, columns: PluginColumns, by: Sequence[str], query: sa.Select[Any]) -> Any:
    """Read one value, that of a plugin's column among them."""
    with naming_who_fails(ctx, columns, by):
        return ctx.connection.scalar(query)


@contextmanager
def naming_who_fails(ctx: Context, columns: PluginColumns, by: Sequence[str]) -> Iterator[None]:
    """Run a query by plugins' columns: what goes wrong in one of them is told with its name."""
    if not by:
        yield
        return
    # After a statement that failed PostgreSQL takes no other in the transaction, SQLite does.
    on_server = ctx.connection.dialect.name == "postgresql"
    try:
        with ctx.connection.begin_nested() if on_server else nullcontext():
            yield
    except Exception as error:  # noqa: BLE001  (a plugin's own type may raise anything; what is not theirs is raised again)
        columns.refuse(by, error)


def _taken(
    connection: sa.Connection, query: sa.Select[Any], limit: int | None
) -> Iterator[Sequence[sa.RowMapping]]:
    """Read rows in batches: few at once, many from a cursor that stays open."""
    if limit is not None and limit <= BATCH:
        rows = connection.execute(at_most(query, limit)).mappings().all()
        if rows:
            yield rows
        return
    with connection.execute(at_most(query, limit), execution_options={"yield_per": BATCH}) as result:
        yield from result.mappings().partitions(BATCH)
