"""Deliver committed changes to observing plugins: at least once, in order; a poison change parks its row only."""

from __future__ import annotations

import time
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.changes import read_after
from crmcore.db.base import insert_or
from crmcore.db.system import change_log, change_tx, observer_cursor, observer_parked
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.health import message_of
from crmcore.plugins.host import answer
from crmcore.plugins.isolation import only_reading

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.loading import Hosted
    from crmcore.plugins.types import Change

BATCH = 1000
HOOK = "observe_changes"
Poison = tuple["Change", BaseException]
"""A change that an observer could not take, and why."""


def deliver(app: App) -> None:
    """Bring every running observer up to the newest committed change; what hinders it is told and waits."""
    from crmcore.builtin.jobs.turns import take_turn

    for hosted in app.host.observers():
        try:
            while hosted.running and take_turn(app, hosted.name, partial(_deliver_batch, app, hosted)):
                pass
        except (CrmError, sa.exc.SQLAlchemyError) as error:
            message = _("changes wait for plugin {plugin!r}, they will be delivered later: {error}")
            app.warn(message.format(plugin=hosted.name, error=error))


def deliver_again(connection: sa.Connection, plugin: str) -> None:
    """Set an observer's cursor back before the first change that was parked for it."""
    c, p = change_log.c, observer_parked.c
    own = observer_cursor.c.plugin == plugin
    connection.execute(sa.select(observer_cursor).where(own).with_for_update())  # meanwhile nothing is parked
    xid = sa.func.coalesce(change_tx.c.xid, 0)
    query = (
        sa.select(xid, c.seq)
        .join(change_tx, change_tx.c.id == c.tx_id)
        .join(observer_parked, p.seq == c.seq)
        .where(p.plugin == plugin)
        .order_by(xid, c.seq)
        .limit(1)
    )
    first = connection.execute(query).first()
    if first is None:
        return
    connection.execute(sa.delete(observer_parked).where(p.plugin == plugin))
    connection.execute(sa.update(observer_cursor).where(own).values(xid=first[0], seq=first[1] - 1))


def _deliver_batch(app: App, hosted: Hosted) -> bool:
    """Deliver one batch; False once there is nothing more, or the plugin runs no longer."""
    with app.read(hosted.name) as ctx:
        place = ctx.connection.execute(
            sa.select(observer_cursor).where(observer_cursor.c.plugin == hosted.name)
        ).first()
        xid, seq = (place.xid, place.seq) if place else (0, 0)
        entries = read_after(ctx.connection, xid, seq, BATCH)
        if not entries:
            return False
        waiting = {
            (row.entity, row.entity_id)
            for row in ctx.connection.execute(
                sa.select(observer_parked).where(observer_parked.c.plugin == hosted.name)
            )
        }
        changes = [change for _xid, change in entries if (change.entity, change.id) not in waiting]
        poison, left = _offer(app, hosted, changes, ctx)
    taken = list(takewhile(lambda entry: entry[1] is not left, entries))
    if taken:
        _advance(app, hosted.name, (xid, seq), (taken[-1][0], taken[-1][1].seq), poison)
    return hosted.running and (len(entries) == BATCH or left is not None)


def _offer(app: App, hosted: Hosted, changes: list[Change], ctx: Any) -> tuple[list[Poison], Change | None]:
    """Offer changes together; if that fails, one by one, so that only the poison waits.

    Returns the poison, and the first change that was not offered: a plugin that fails at every change, slowly, may
    not keep its users for a batch of such times.
    """
    try:
        if changes:
            _tell(app, hosted, changes, ctx)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; the house stands)
        app.host.failed(hosted, HOOK, error, ctx.connection)
    else:
        return [], None
    poison: list[Poison] = []
    until = time.monotonic() + app.config.data["plugins"]["budget_seconds"]
    for change in changes:
        if any((change.entity, change.id) == (bad.entity, bad.id) for bad, _error in poison):
            continue
        if not hosted.running or time.monotonic() > until:
            return poison, change
        try:
            _tell(app, hosted, [change], ctx)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (as above)
            poison.append((change, error))
    return poison, None


def _tell(app: App, hosted: Hosted, changes: list[Change], ctx: Any) -> None:
    started = time.monotonic()
    with only_reading(ctx.connection):
        answer(hosted, HOOK, {"changes": changes, "ctx": ctx})
    app.host.charge(hosted, HOOK, started)


def _advance(
    app: App, plugin: str, place: tuple[int, int], new: tuple[int, int], poison: list[Poison]
) -> None:
    """Move the cursor on from where it was read; where it was set back meanwhile all is delivered again."""
    with app.operations() as connection:
        row = insert_or(connection, observer_cursor).values(plugin=plugin, xid=new[0], seq=new[1])
        moved = row.on_conflict_do_update(
            index_elements=["plugin"],
            set_={"xid": new[0], "seq": new[1]},
            where=sa.and_(observer_cursor.c.xid == place[0], observer_cursor.c.seq == place[1]),
        )
        for change, error in poison if connection.execute(moved).rowcount else ():
            values = {"plugin": plugin, "entity": change.entity, "entity_id": change.id, "seq": change.seq}
            row = insert_or(connection, observer_parked).values(**values, error=message_of(error))
            connection.execute(row.on_conflict_do_nothing())
