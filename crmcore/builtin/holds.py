"""Ask whether orders may be released for delivery, before they are (放行审核)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.builtin.locking import lock_customers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmcore.plugins.types import Hold, OrderRelease
    from crmcore.tx import Tx


def ask_holds(tx: Tx, orders: Sequence[OrderRelease]) -> list[Hold]:
    """Return what the plugins hold against orders that are about to be released, by order; nothing = all may go.

    The customers who are billed, and those above them, are locked until the transaction ends, so that what the plugins
    read of them still holds when it commits. Refused, with its name, where a plugin that decides cannot run or fails.
    """
    if not orders:
        return []
    lock_customers(tx, [one.customer_id for one in orders])
    app = tx._app  # noqa: SLF001  (the app of this very transaction; nobody may hand in another)
    found: list[Hold] = app.host.decide("release_orders", tx, orders=list(orders))
    return sorted(found, key=lambda hold: hold.index)
