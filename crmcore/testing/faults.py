"""Let the gate fail at a chosen moment: with an exception, a full disk, or the end of the process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import pytest

from crmcore.testing.processes import CHILD

if TYPE_CHECKING:
    from crmcore.tx import Tx

Moment = Literal["insert", "update", "delete", "log", "commit"]
"""Before rows are inserted, updated or deleted; before changes are logged; after all is written, before the commit."""

_METHODS: dict[Moment, str] = {
    "insert": "_write_rows",
    "update": "_write_updates",
    "delete": "delete",
    "log": "_append",
    "commit": "finish",
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

        def strike(_tx: Tx) -> None:
            raise raised

        return self._strike(moment, n, strike)

    def disk_full(self, moment: Moment, n: int = 1) -> contextlib.AbstractContextManager[None]:
        """Do what a database does that cannot write any more: end the transaction and raise OperationalError."""
        return self._strike(moment, n, _fill_disk)

    def kill(self, moment: Moment, n: int = 1) -> contextlib.AbstractContextManager[None]:
        """End this process at once, as `kill -9` does; only in one that `run_in_process` has started."""
        if CHILD not in os.environ:
            raise RuntimeError("kill() would end the tests themselves; use it in run_in_process(…)")

        def strike(_tx: Tx) -> None:
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
    def _strike(self, moment: Moment, n: int, strike: Callable[[Tx], None]) -> Iterator[None]:
        left = n

        def count(tx: Tx) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                strike(tx)

        with _watched(moment, count):
            yield


def _counter(seen: Counter[Moment], moment: Moment) -> Callable[[Tx], None]:
    def count(_tx: Tx) -> None:
        seen[moment] += 1

    return count


@contextlib.contextmanager
def _watched(moment: Moment, watch: Callable[[Tx], None]) -> Iterator[None]:
    from unittest.mock import patch

    from crmcore.tx import Tx

    method = _METHODS[moment]
    original = getattr(Tx, method)

    def watched(tx: Tx, *arguments: Any, **options: Any) -> Any:
        if moment != "commit":
            watch(tx)
        result = original(tx, *arguments, **options)
        if moment == "commit":
            watch(tx)
        return result

    with patch.object(Tx, method, watched):
        yield


def _fill_disk(tx: Tx) -> None:
    import sqlalchemy as sa

    if tx.connection.dialect.name == "sqlite":
        import sqlite3

        driver: Any = tx.connection.connection.driver_connection
        driver.rollback()  # so does SQLite itself
        raise sa.exc.OperationalError("", None, sqlite3.OperationalError("database or disk is full"))
    import psycopg

    with contextlib.suppress(sa.exc.DBAPIError):
        tx.connection.exec_driver_sql("SELECT 1/0")  # from here on the server refuses the transaction
    full = psycopg.errors.DiskFull("could not extend file: No space left on device")
    raise sa.exc.OperationalError("", None, full)


@pytest.fixture
def gate_faults() -> GateFaults:
    """Return the faults that the gate can be given."""
    return GateFaults()
