"""Reading a list of customers: one statement after the other, each taken row by row, until there are enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.entities.lookup import BATCH, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError

if TYPE_CHECKING:
    from crmcore.builtin.records.services.list_columns import PluginColumns
    from crmcore.plugins.types import Context

_table = table_of(Customer)

Part = Callable[[int | None], Iterator[sa.Select[Any]]]
"""Gets how many rows are wanted, None for all; gives the queries whose rows follow each other."""


class Found:
    """The customers of a list, read page by page; a list of all of them takes no more memory than one of many."""

    def __init__(  # noqa: PLR0913  (a list, and the plugins' columns that it is chosen and ordered by)
        self,
        ctx: Context,
        parts: Iterator[Part],
        limit: int | None,
        *,
        columns: PluginColumns,
        by: Sequence[str],
        sort: Any,
        wanted: Sequence[Any],
    ) -> None:
        """Take the parts of the list; nothing is read yet.

        by: plugins' columns that it is chosen or ordered by; sort: the element of the one that it is ordered by;
        wanted: what is read of each.
        """
        self._ctx, self._parts, self._limit = ctx, parts, limit
        self._columns, self._by, self._sort, self._wanted = columns, by, sort, wanted

    def pages(self) -> Iterator[Sequence[sa.RowMapping]]:
        """Read the rows in order."""
        left = self._limit
        for part in self._parts:
            if left == 0:
                return
            for query in part(left):
                for page in self._read(query, left):
                    left = None if left is None else left - len(page)
                    yield page

    # -- inside ----------------------------------------------------------------------------------------------

    def _read(self, query: sa.Select[Any], limit: int | None) -> Iterator[Sequence[sa.RowMapping]]:
        """Read what one query finds; by plugins' columns ids first, which are sorted more cheaply than whole rows."""
        if not self._by:
            yield from _taken(self._ctx.connection, query, limit)
            return
        wanted = [_table.c.id] if self._sort is None or not _is_joined(query) else [_table.c.id, self._sort]
        found = _taken(self._ctx.connection, query.with_only_columns(*wanted), limit)
        while True:
            with naming_who_fails(self._ctx, self._columns, self._by):
                rows = next(found, None)
            if rows is None:
                return
            ids = list(dict.fromkeys(row["id"] for row in rows))
            self._check(ids)
            yield self._whole(ids)

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
    return query if count is None else query.suffix_with(sa.text("LIMIT :most").bindparams(most=count))


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
    try:
        with ctx.connection.begin_nested():
            yield
    except Exception as error:  # noqa: BLE001  (a plugin's own type may raise anything; what is not theirs is raised again)
        columns.refuse(by, error)


def _is_joined(query: sa.Select[Any]) -> bool:
    return isinstance(query.get_final_froms()[0], sa.Join)


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
