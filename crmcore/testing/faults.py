"""Let the gate fail at a chosen moment: with an exception, a full disk, or the end of the process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

import pytest

from crmcore.testing.processes import CHILD

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.db.rows import Rows
    from crmcore.log import Log

    Part = Rows | Log

Moment = Literal["insert", "update", "delete", "log", "commit"]
"""Before rows are inserted, updated or deleted; before changes are logged; after all is written, before the commit."""

_METHODS: dict[Moment, str] = {
    "insert": "crmcore.db.rows.Rows.insert",
    "update": "crmcore.db.rows.Rows.update",
    "delete": "crmcore.db.rows.Rows.delete",
    "log": "crmcore.log.Log.append",
    "commit": "crmcore.log.Log.finish",
}


class GateFaults:
    """Makes the gate fail; each fault lasts as long as its `with` block.

    `moment` and `n`: at the n-th insert, update, delete, log or commit since the block began. Rows that are written in
    one call are one moment.
    """

    def fail(
        self, moment: Moment, n: int = 1, error: BaseException | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Raise an exception, by default a RuntimeError, in the middle of a transaction."""
        raised = error or RuntimeError(f"{moment} number {n} was made to fail")

        def strike(_connection: sa.Connection) -> None:
            raise raised

        return self._strike(moment, n, strike)

    def disk_full(self, moment: Moment, n: int = 1) -> contextlib.AbstractContextManager[None]:
        """Do what a database does that cannot write any more: end the transaction and raise OperationalError."""
        return self._strike(moment, n, _fill_disk)

    def kill(self, moment: Moment, n: int = 1) -> contextlib.AbstractContextManager[None]:
        """End this process at once, as `kill -9` does; only in one that `run_in_process` has started."""
        if CHILD not in os.environ:
            raise RuntimeError("kill() would end the tests themselves; use it in run_in_process(…)")

        def strike(_connection: sa.Connection) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        return self._strike(moment, n, strike)

    @contextlib.contextmanager
    def counted(self) -> Iterator[Counter[Moment]]:
        """Count the moments of a block, to let each of them fail in turn afterwards."""
        seen: Counter[Moment] = Counter()
        with contextlib.ExitStack() as stack:
            for moment in _METHODS:
                stack.enter_context(_watched(moment, _counter(seen, moment)))
            yield seen

    @contextlib.contextmanager
    def _strike(self, moment: Moment, n: int, strike: Callable[[sa.Connection], None]) -> Iterator[None]:
        left = n

        def count(connection: sa.Connection) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                strike(connection)

        with _watched(moment, count):
            yield


def _counter(seen: Counter[Moment], moment: Moment) -> Callable[[sa.Connection], None]:
    def count(_connection: sa.Connection) -> None:
        seen[moment] += 1

    return count


@contextlib.contextmanager
def _watched(moment: Moment, watch: Callable[[sa.Connection], None]) -> Iterator[None]:
    from unittest.mock import patch

    original = resolve_name(_METHODS[moment])

    def watched(part: Part, *arguments: Any, **options: Any) -> Any:
        if moment != "commit":
            watch(part.connection)
        result = original(part, *arguments, **options)
        if moment == "commit":
            watch(part.connection)
        return result

    with patch(_METHODS[moment], watched):
        yield


def _fill_disk(connection: sa.Connection) -> None:
    import sqlalchemy as sa

    if connection.dialect.name == "sqlite":
        import sqlite3

        driver: Any = connection.connection.driver_connection
        driver.rollback()  # so does SQLite itself
        raise sa.exc.OperationalError("", None, sqlite3.OperationalError("database or disk is full"))
    import psycopg

    with contextlib.suppress(sa.exc.DBAPIError):
        connection.exec_driver_sql("SELECT 1/0")  # from here on the server refuses the transaction
    full = psycopg.errors.DiskFull("could not extend file: No space left on device")
    raise sa.exc.OperationalError("", None, full)


@pytest.fixture
def gate_faults() -> GateFaults:
    """Return the faults that the gate can be given."""
    return GateFaults()
