"""Watch what goes to a database at its driver: there nothing goes past, whoever sends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

Kind = Literal["statement", "commit", "committed", "file"]
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER", "COPY", "BACKUP", "TRUNCATE")
_SHOWN = 80


@dataclass(frozen=True)
class Place:
    """A point of a run while the program stands at it."""

    kind: Kind
    text: str
    writes: bool
    broken: Callable[[], BaseException]
    """Break it, and return the error to raise."""
    full: Callable[[], BaseException]
    """Fill the disk, and return the error to raise."""
    tear: Callable[[], None] = lambda: None
    """Lose half of what was not flushed."""


Watch = Callable[[Place], None]


@contextlib.contextmanager
def watched_drivers(watch: Watch) -> Iterator[None]:
    """Tell of each statement and commit of connections that are opened meanwhile."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sqlite(watch))
        if find_spec("psycopg") is not None:
            stack.enter_context(_psycopg(watch))
        yield


def _told(statement: object) -> str:
    text = statement.decode() if isinstance(statement, bytes) else str(statement)
    return " ".join(text.split())[:_SHOWN]


def _is_writing(text: str) -> bool:
    return text.upper().startswith(_WRITES)


# -- SQLite ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sqlite(watch: Watch) -> Iterator[None]:
    import sqlite3
    from unittest.mock import patch

    connect: Any = sqlite3.connect
    watched = _watched_connection(watch)

    def watched_connect(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": watched, **options})

    with patch("sqlite3.connect", watched_connect), patch("sqlite3.dbapi2.connect", watched_connect):
        yield


class _SqlitePoints:
    """Tells of the points of connections to SQLite."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def at(self, connection: Any, kind: Kind, text: str, *, writes: bool) -> None:
        """Tell of one point, with what SQLite would raise at it."""
        io_error = partial(_failed, connection, "disk I/O error", "SQLITE_IOERR")
        full = partial(_failed, connection, "database or disk is full", "SQLITE_FULL")
        self._watch(Place(kind, text, writes, io_error, full))

    def statement(self, connection: Any, sql: object) -> None:
        """Tell of a statement, before it is run."""
        text = _told(sql)
        if text.upper().startswith(("COMMIT", "END")):
            self.at(connection, "commit", text, writes=connection.written)
            return
        writes = _is_writing(text)
        self.at(connection, "statement", text, writes=writes)
        connection.written |= writes


def _failed(connection: Any, message: str, name: str) -> BaseException:
    import sqlite3

    if connection.in_transaction:
        sqlite3.Connection.rollback(connection)  # so does SQLite itself
    error = sqlite3.OperationalError(message)
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error


def _watched_connection(watch: Watch) -> Any:
    import sqlite3

    points = _SqlitePoints(watch)
    at, statement = points.at, points.statement

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *arguments: Any) -> Any:
            statement(self.connection, sql)
            return super().execute(sql, *arguments)

        def executemany(self, sql: str, *arguments: Any) -> Any:
            statement(self.connection, sql)
            return super().executemany(sql, *arguments)

    class Connection(sqlite3.Connection):
        written = False

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, *arguments: Any) -> Any:
            return self.cursor().execute(sql, *arguments)

        def executemany(self, sql: str, *arguments: Any) -> Any:
            return self.cursor().executemany(sql, *arguments)

        def commit(self) -> None:
            if not self.in_transaction:
                return
            wrote, self.written = self.written, False
            at(self, "commit", "COMMIT", writes=wrote)
            super().commit()
            at(self, "committed", "COMMIT", writes=False)

        def rollback(self) -> None:
            self.written = False
            super().rollback()

        def backup(self, target: Any, **options: Any) -> None:
            at(target, "statement", "BACKUP", writes=True)
            half = iter((lambda: at(target, "statement", "BACKUP half done", writes=True),))
            first: Any = lambda *_pages: next(half, lambda: None)()  # noqa: E731
            super().backup(target, **{**options, "pages": 16, "progress": first})

    return Connection


# -- PostgreSQL --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _psycopg(watch: Watch) -> Iterator[None]:
    from unittest.mock import patch

    import psycopg

    server = _Server(watch)
    statements = (
        (psycopg.Cursor, "execute"),
        (psycopg.Cursor, "executemany"),
        (psycopg.Cursor, "copy"),
        (psycopg.ServerCursor, "execute"),
    )
    with contextlib.ExitStack() as stack:
        for cursor, name in statements:
            stack.enter_context(patch.object(cursor, name, server.before(getattr(cursor, name))))
        stack.enter_context(patch.object(psycopg.Connection, "commit", server.commit()))
        yield


class _Server:
    """What is put in the place of psycopg's methods."""

    def __init__(self, watch: Watch) -> None:
        import psycopg

        self._watch, self._execute = watch, psycopg.Cursor.execute
        self._wrote: set[int] = set()

    def before(self, method: Any) -> Any:
        """Tell of a statement before it is sent."""

        def watched(cursor: Any, sql: Any, *arguments: Any, **options: Any) -> Any:
            text = _told(sql if isinstance(sql, str | bytes) else sql.as_string(cursor))
            writes = _is_writing(text)
            self._at(cursor.connection, "statement", text, writes=writes)
            if writes:
                self._wrote.add(id(cursor.connection))
            return method(cursor, sql, *arguments, **options)

        return watched

    def commit(self) -> Any:
        """Tell of a commit before and after, where there is something to commit."""
        import psycopg

        original = psycopg.Connection.commit

        def watched(connection: Any) -> None:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                original(connection)
                return
            self._at(connection, "commit", "COMMIT", writes=id(connection) in self._wrote)
            self._wrote.discard(id(connection))
            original(connection)
            self._at(connection, "committed", "COMMIT", writes=False)

        return watched

    def _at(self, connection: Any, kind: Kind, text: str, *, writes: bool) -> None:
        import psycopg

        def broken() -> BaseException:
            connection.close()
            return psycopg.OperationalError("server closed the connection unexpectedly")

        def full() -> BaseException:
            if kind == "commit":
                connection.rollback()
            else:
                with contextlib.suppress(psycopg.Error):
                    self._execute(connection.cursor(), "SELECT 1/0")  # now the server refuses the transaction
            return psycopg.errors.DiskFull("could not extend file: No space left on device")

        self._watch(Place(kind, text, writes, broken, full))
