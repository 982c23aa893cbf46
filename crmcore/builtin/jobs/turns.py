"""One process at a time hands changes to an observing plugin: two would hand them over twice, and out of order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.jobs.locks import OBSERVER, alone
from crmcore.changes import read_after
from crmcore.db.system import observer_cursor

if TYPE_CHECKING:
    from crmcore.app import App


def take_turn(app: App, plugin: str, deliver_batch: Callable[[], bool]) -> bool:
    """Deliver batch after batch until there is no more; True if there is meanwhile, and it is to be done again.

    Where another process is at it nothing is done: what is there now that process finds when it looks again at its end.
    """
    with alone(app, OBSERVER, plugin) as mine:
        while mine and deliver_batch():
            pass
    return mine and _is_more(app, plugin)


def _is_more(app: App, plugin: str) -> bool:
    with app.read(plugin) as ctx:
        c = observer_cursor.c
        place = ctx.connection.execute(sa.select(c.xid, c.seq).where(c.plugin == plugin)).first()
        xid, seq = place or (0, 0)
        return bool(read_after(ctx.connection, xid, seq, 1))
