"""Writing the index: in the transaction of the rows that it is about, so that it is never behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.columns import Columns, picked, write
from crmcore.builtin.search import folding, pinyin, tables
from crmcore.builtin.search.sources import Source, source_of
from crmcore.builtin.search.terms import Values, terms_of
from crmcore.db.base import insert_or
from crmcore.db.engine import gate
from crmcore.db.rows import executemany
from crmcore.entities.lookup import batches
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.rows import Rows

VERSION = 2
"""Of the words that are made of a row; a higher one asks for a new index."""
_MANY = 100
"""On PostgreSQL new words wait in a list that every question reads through: it is kept short where rows come one by one,
and sorted in at once where they come in hundreds."""
Row = dict[str, Any]


def features() -> dict[str, Any]:
    """Return what this process can put into the index."""
    return {
        "version": VERSION,
        "pinyin": pinyin.has_pinyin(),
        "traditional": folding.has_traditional(),
    }


class Index:
    """The index, as one transaction writes it."""

    def __init__(self, app: App, rows: Rows) -> None:
        """Take the open transaction."""
        self._app, self._rows, self._connection = app, rows, rows.connection
        self._known: dict[str, Source | None] = {}

    def written(self, entity: str, ids: Sequence[int], columns: Columns, *, new: bool = True) -> None:
        """Put rows into the index; of those that are not new in the place of what they said."""
        source = self._source(entity)
        if source is not None and ids:
            with self._rows.gate():
                put(self._connection, source, ids, list(map(columns.column, source.columns)), new=new)

    def changed(self, entity: str, edits: Sequence[tuple[int, Row | None]], current: dict[int, Row]) -> None:
        """Put changed rows into the index where the change touches what is found; an edit is (id, what is new)."""
        source = self._source(entity)
        if source is not None:
            found = [
                (i, {**current[i], **new})
                for i, new in edits
                if new and not new.keys().isdisjoint(source.columns)
            ]
            columns = picked([row for _i, row in found], source.columns)
            self.written(entity, [i for i, _row in found], columns, new=False)

    def deleted(self, entity: str, ids: Sequence[int]) -> None:
        """Take rows out of the index."""
        source = self._source(entity)
        if source is not None:
            with self._rows.gate():
                remove(self._connection, [source.first + number for number in ids])

    def _source(self, entity: str) -> Source | None:
        if entity not in self._known:
            self._known[entity] = source_of(self._app, entity)
            if self._known[entity] is not None:
                self._compare_features()
        return self._known[entity]

    def _compare_features(self) -> None:
        mine = features()
        with self._noting() as connection:
            built = read_state(connection, "built")
            if built is None:
                write_state(connection, "built", mine)
            elif any(built.get(n) and not mine[n] for n in mine) and read_state(connection, "mixed") is None:
                write_state(connection, "mixed", mine)
                self._app.warn(
                    _(
                        "what is written here is not found by pinyin or in the other script: pip install 'crmcore[search]', then run: crm search rebuild"
                    )
                )

    @contextmanager
    def _noting(self) -> Iterator[sa.Connection]:
        """Open what notes are read and written with: on PostgreSQL not the transaction of the rows.

        There it would make every other writer wait for the end of the first one. A note of rows that then are rolled
        back does no harm.
        """
        if self._connection.dialect.name != "postgresql":
            with self._rows.gate():
                yield self._connection
            return
        with self._app.engine.connect() as connection, gate(connection), connection.begin():
            yield connection


def put(
    connection: sa.Connection,
    source: Source,
    ids: Sequence[int],
    columns: Sequence[Values],
    *,
    new: bool = False,
) -> None:
    """Write the words of rows, new or in the place of others; the caller holds the gate open."""
    documents = [source.first + number for number in ids]
    texts = terms_of(source, columns)
    sqlite, many = connection.dialect.name == "sqlite", len(documents) >= _MANY
    if new and (sqlite or many) and _added(connection, documents, texts):
        pass
    elif sqlite:
        executemany(connection, _REPLACE, list(zip(documents, texts, strict=True)))
    else:
        if not many:
            connection.execute(sa.text("SET LOCAL gin_pending_list_limit = '128kB'"))
        connection.execute(_PUT, {"documents": documents, "texts": texts})
    if many and not sqlite:
        connection.execute(sa.text(f"SELECT gin_clean_pending_list('{tables.GIN}')"))


def _added(connection: sa.Connection, documents: Sequence[int], texts: Sequence[str]) -> bool:
    """Write words of new rows; False, and nothing is written, where the index holds rows that went without it."""
    try:
        if connection.dialect.name == "sqlite":
            executemany(connection, _INSERT, list(zip(documents, texts, strict=True)))
        else:
            with connection.begin_nested():
                write(connection, tables.INDEX, {"doc": documents, "terms": texts})
    except sa.exc.IntegrityError:
        return False
    return True


_INSERT = f"INSERT INTO {tables.INDEX} (rowid, terms) VALUES (?, ?)"  # noqa: S608  (names of our own)
"""A row at a time: before a statement of several rows FTS5 writes out all that it has gathered."""
_REPLACE = f"INSERT OR REPLACE INTO {tables.INDEX} (rowid, terms) VALUES (?, ?)"  # noqa: S608  (names of our own)
"""A quarter slower than INSERT: it looks for each row first."""
_PUT = sa.text(
    f"INSERT INTO {tables.INDEX} (doc, terms) SELECT doc, text::tsvector"  # noqa: S608
    " FROM unnest(CAST(:documents AS bigint[]), CAST(:texts AS text[])) AS new (doc, text)"
    " ON CONFLICT (doc) DO UPDATE SET terms = excluded.terms"
)


def remove(connection: sa.Connection, documents: Sequence[int]) -> None:
    """Take documents out of the index; the caller holds the gate open."""
    column = "rowid" if connection.dialect.name == "sqlite" else "doc"
    for part in batches(documents):
        numbers = ", ".join(map(str, part))
        connection.execute(sa.text(f"DELETE FROM {tables.INDEX} WHERE {column} IN ({numbers})"))  # noqa: S608


def remove_range(connection: sa.Connection, after: int, last: int, source: Source | None = None) -> None:
    """Take a range of documents out of the index; of a source only those without a row. The gate is open.

    A row and its document are committed together: what somebody adds meanwhile is seen with both or with none.
    """
    column = "rowid" if connection.dialect.name == "sqlite" else "doc"
    statement = f"DELETE FROM {tables.INDEX} WHERE {column} > :after AND {column} <= :last"  # noqa: S608
    if source is not None:
        row = f"SELECT 1 FROM {source.entity} AS r WHERE r.id = {tables.INDEX}.{column} - {source.first}"  # noqa: S608
        statement += f" AND NOT EXISTS ({row})"
    connection.execute(sa.text(statement), {"after": after, "last": last})


def read_state(connection: sa.Connection, name: str) -> Any:
    """Return something that is known of the index, or None."""
    return connection.scalar(sa.select(tables.state.c.value).where(tables.state.c.name == name))


def write_state(connection: sa.Connection, name: str, value: Any) -> None:
    """Note something of the index; the caller holds the gate open."""
    statement = insert_or(connection, tables.state).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
    )
