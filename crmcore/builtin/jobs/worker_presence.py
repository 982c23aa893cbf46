"""Which workers live: each holds a lock in its own name, which the system lets go when its process ends, or its host."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from crmcore.builtin.exchange.locks import RunLock
from crmcore.builtin.jobs.locks import WORKER, is_held, take
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCK = ".crm-worker.lock"


class Presence(Protocol):
    """How a worker shows that it lives, and sees who else does."""

    name: str

    def living(self, names: Iterable[str]) -> set[str]:
        """Return which of the workers live."""

    def end(self) -> None:
        """Live no longer."""


class Alone:
    """On SQLite: the only worker, in the only name."""

    name = "worker"

    def __init__(self, database: Path) -> None:
        """Be the only one; Refused where another worker serves this database."""
        self._lock = RunLock(database.with_name(LOCK))
        if not self._lock.acquire():
            message = _(
                "another worker serves {database} already; one is enough on SQLite, several need PostgreSQL"
            )
            raise Refused(message.format(database=database))

    def living(self, names: Iterable[str]) -> set[str]:
        """Return the one."""
        return {self.name} & set(names)

    def end(self) -> None:
        """Let go."""
        self._lock.release()


class OneOfMany:
    """On PostgreSQL: one of several, on this host or on others."""

    def __init__(self, engine: sa.Engine) -> None:
        """Choose a name that no other worker has or had."""
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._kept()

    def living(self, names: Iterable[str]) -> set[str]:
        """Return which of the workers live; the lock is taken again where the server was restarted meanwhile."""
        connection = self._kept()
        return {name for name in names if name == self.name or is_held(connection, Path(), WORKER, name)}

    def _kept(self) -> sa.Connection:
        if self._connection is not None:
            try:
                self._connection.exec_driver_sql("SELECT 1").close()
            except sa.exc.DBAPIError:
                self.end()
            else:
                return self._connection
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        take(connection, WORKER, self.name)
        self._connection = connection
        return connection

    def end(self) -> None:
        """Let go."""
        if self._connection is not None:
            with suppress(sa.exc.DBAPIError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None
