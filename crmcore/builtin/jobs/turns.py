"""One process at a time hands changes to an observing plugin: two would hand them over twice, and out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.exchange.locks import RunLock
from crmcore.changes import read_after
from crmcore.db.system import observer_cursor

if TYPE_CHECKING:
    from crmcore.app import App

_KEY = 726870
"""First number of the advisory locks on PostgreSQL; the second is the plugin's."""


def take_turn(app: App, plugin: str, deliver_batch: Callable[[], bool]) -> bool:
    """Deliver batch after batch until there is no more; True if there is meanwhile, and it is to be done again.

    Where another process is at it nothing is done: what is there now that process finds when it looks again at its end.
    """
    with _alone(app, plugin) as mine:
        while mine and deliver_batch():
            pass
    return mine and _is_more(app, plugin)


def _is_more(app: App, plugin: str) -> bool:
    with app.read(plugin) as ctx:
        c = observer_cursor.c
        place = ctx.connection.execute(sa.select(c.xid, c.seq).where(c.plugin == plugin)).first()
        xid, seq = place or (0, 0)
        return bool(read_after(ctx.connection, xid, seq, 1))


@contextmanager
def _alone(app: App, plugin: str) -> Iterator[bool]:
    """Be the only one in any process on any host, or learn that somebody is; the system lets go of who was killed."""
    if app.engine.dialect.name == "postgresql":
        with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            key = {"key": _KEY, "plugin": plugin}
            taken = sa.text("SELECT pg_try_advisory_lock(:key, hashtext(:plugin))")
            mine = bool(connection.scalar(taken, key))
            try:
                yield mine
            finally:
                if mine:
                    connection.execute(sa.text("SELECT pg_advisory_unlock(:key, hashtext(:plugin))"), key)
        return
    lock = RunLock(app.config.folder / f".crm-observer-{plugin}")
    mine = lock.acquire()
    try:
        yield mine
    finally:
        lock.release()
