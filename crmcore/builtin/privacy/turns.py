"""One process at a time erases: two would do the same work, and one would wait for the pages of the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.exchange.locks import RunLock
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

_FILE = ".crm-erasing.lock"
_KEY = 726875


@contextmanager
def alone(app: App) -> Iterator[None]:
    """Be the only one who erases, or Refused; the system lets go of a process that was killed."""
    if app.engine.dialect.name == "postgresql":
        with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}):
                raise _busy()
            try:
                yield
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
        return
    lock = RunLock(app.config.folder / _FILE)
    if not lock.acquire():
        raise _busy()
    try:
        yield
    finally:
        lock.release()


def _busy() -> Refused:
    return Refused(_("another process is erasing a person; try again when it has ended"))


def at_work(app: App) -> bool:
    """Tell whether some process erases just now."""
    if app.engine.dialect.name == "postgresql":
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted"
        with app.read("privacy") as ctx:
            return bool(ctx.connection.scalar(sa.text(query), {"key": _KEY}))
    return RunLock(app.config.folder / _FILE).is_held()
