"""Making the index anew from the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.search import tables
from crmcore.builtin.search.index import features, put, read_state, remove_range, write_state
from crmcore.builtin.search.sources import LAST, Source, sources
from crmcore.entities.actors import require_permission

if TYPE_CHECKING:
    from crmcore.app import App

CHUNK = 5_000
MERGED_PAGES = 2_000


def rebuild(app: App, actor: str) -> dict[str, Any]:
    """Make the whole index anew, a chunk of rows in each transaction: meanwhile others find and write.

    Returns how many rows it holds and what they are found by.
    """
    with app.read(actor=actor) as ctx:
        require_permission(ctx.connection, app.config, actor, "database.manage")
    return _build(app)


def build_waiting(app: App) -> dict[str, Any] | None:
    """Build the index where a migration has made it for rows that are there; returns what it holds, or None."""
    with app.read() as ctx:
        if read_state(ctx.connection, "waits") is None:
            return None
    return _build(app)


def _build(app: App) -> dict[str, Any]:
    found = sources(app)
    count, done = 0, 0
    for source in sorted(found.values(), key=lambda source: source.first):
        _remove_between(app, done, source.first)
        last = 0
        while True:
            with app.operations() as connection, app.unguarded(connection):
                ids = _next_ids(connection, source, last)
                end = source.first + ids[-1] if len(ids) == CHUNK else source.first + LAST
                remove_range(connection, source.first + last, end, source)
                _put_ids(connection, source, ids)
            count += len(ids)
            if len(ids) < CHUNK:
                break
            last = ids[-1]
        done = source.first + LAST
    _remove_between(app, done, (1 << 63) - 1)
    if app.engine.dialect.name == "sqlite":
        forget_deleted(app)
    with app.operations() as connection, app.unguarded(connection):
        connection.execute(sa.delete(tables.state))
        write_state(connection, "built", features())
    return {"rows": count, "tables": sorted(found), **features()}


def forget_deleted(app: App) -> None:
    """Merge the pieces that FTS5 has written: until then the words of deleted rows stand in the older ones.

    As much in each transaction as others do not mind waiting for. (`secure-delete` would do it at once, from SQLite
    3.42 on, and makes files that older ones cannot write.)
    """
    pages, done = -MERGED_PAGES, 2
    while done > 1:  # so says SQLite's manual: less is no work
        with app.operations() as connection, app.unguarded(connection):
            driver: Any = connection.connection.driver_connection
            before = driver.total_changes
            merge = f"INSERT INTO {tables.INDEX} ({tables.INDEX}, rank) VALUES ('merge', {pages})"  # noqa: S608
            connection.execute(sa.text(merge))
            pages, done = MERGED_PAGES, driver.total_changes - before


def fill(connection: sa.Connection, found: Mapping[str, Source]) -> int:
    """Fill an empty index in the open transaction, the gate open; returns how many rows it took."""
    count = 0
    for source in found.values():
        last = 0
        while ids := _next_ids(connection, source, last):
            _put_ids(connection, source, ids)
            count, last = count + len(ids), ids[-1]
    if count:
        write_state(connection, "built", features())
    return count


def _remove_between(app: App, first: int, last: int) -> None:
    """Take out what belongs to no table that is found: those of plugins that went."""
    with app.operations() as connection, app.unguarded(connection):
        remove_range(connection, first, last - 1)


def _next_ids(connection: sa.Connection, source: Source, last: int) -> list[int]:
    c = source.table.c
    return list(connection.scalars(sa.select(c.id).where(c.id > last).order_by(c.id).limit(CHUNK)))


def _put_ids(connection: sa.Connection, source: Source, ids: list[int]) -> None:
    if not ids:
        return
    c = source.table.c
    query = source.query.where(c.id.between(ids[0], ids[-1])).order_by(c.id)
    if connection.dialect.name == "postgresql":
        # Who changes one of these rows meanwhile waits, and writes its words after ours.
        query = query.with_for_update(key_share=True)
    rows = connection.execute(query).all()
    if rows:
        numbers, *columns = zip(*rows, strict=True)
        put(connection, source, numbers, columns)


def row_texts(connection: sa.Connection, source: Source, ids: list[int]) -> Iterator[tuple[int, str]]:
    """Return id and words of rows, as the index should have them."""
    from crmcore.builtin.search.terms import terms_of

    rows = connection.execute(source.query.where(source.table.c.id.in_(ids))).all()
    if rows:
        numbers, *columns = zip(*rows, strict=True)
        yield from zip(numbers, terms_of(source, columns), strict=True)
