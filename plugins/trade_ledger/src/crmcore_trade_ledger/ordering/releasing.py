"""Releasing an order for delivery (放行): asked of the plugins that decide, in the transaction that releases it.

The group of who is billed is locked first, then the order: two who release at once do it one after the other, and the
second one's plugins see what the first one released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.api import (
    Hold,
    OrderRelease,
    Refused,
    ask_holds,
    has_permission,
    lock_customers,
    restricted_ids,
    translator,
)
from crmcore_trade_ledger import books, queries, rules
from crmcore_trade_ledger.ordering.reasons import checked_reason
from crmcore_trade_ledger.ordering.restricted import refuse_restricted
from crmcore_trade_ledger.ordering.steps import add_step, end_holds, keep_holds, order_named
from crmcore_trade_ledger.rules_orders import Ended, lacking, release_obstacle
from crmcore_trade_ledger.tables import LedgerDocument

if TYPE_CHECKING:
    from crmcore.api import App, Tx
    from crmcore_trade_ledger.queries import Record

_ = translator("crmcore_trade_ledger")
PLUGIN = "trade_ledger"


def release_order(app: App, actor: str, number: str, *, over_hold: str | None = None) -> list[Hold]:
    """Release an order; returns what holds it, nothing where it is released now.

    over_hold: why it is released whatever holds it. What holds the order is kept with it, whether it is released or
    not. Raises NotFound, Refused where its state or a missing permission forbids it, PluginError where a plugin that
    decides cannot run.
    """
    reason = "" if over_hold is None else checked_reason(over_hold)
    refusal: str | None = None
    with app.write(actor, f"crm order release {number}", plugin=PLUGIN) as tx:
        order = _locked(tx, number)
        if obstacle := release_obstacle(order["state"]):
            raise Refused(_(obstacle).format(number=number))
        refuse_restricted(tx.ctx, {order["customer_id"], order["bill_to_id"]})
        holds = ask_holds(tx, [_asked(order, reason)])
        keep_holds(tx, order, holds)
        if not holds:
            _release(tx, order, "release")
        elif over_hold is not None:
            refusal = _refusal(tx, number, holds)
            if refusal is None:
                end_holds(tx, order["id"], Ended.OVERRIDDEN)
                _release(tx, order, "release_over_hold", reason)
                return []
    if refusal is not None:  # behind the transaction: what holds the order is kept all the same
        raise Refused(refusal)
    return holds


def held_sentence(number: str, holds: Sequence[Hold]) -> str:
    """Say why an order is held and what to do."""
    if any(hold.permission is None for hold in holds):
        message = _(
            "order {number} is held: {reasons}; release it again once that has changed, nobody may go over it"
        )
    else:
        message = _(
            "order {number} is held: {reasons}; release it again once that has changed, or, who may, with: crm order release {number} --over-hold --reason WHY"
        )
    return message.format(number=number, reasons=_reasons(holds))


def release_if_free(app: App, actor: str, number: str) -> bool:
    """Release a held order if nobody holds it any more; False where it stays, or is no draft any more."""
    with app.write(actor, f"crm order release {number}", "job", plugin=PLUGIN) as tx:
        order = _locked(tx, number)
        billed = {order["customer_id"], order["bill_to_id"]}
        if release_obstacle(order["state"]) or not billed.isdisjoint(restricted_ids(tx.ctx)):
            return False
        holds = ask_holds(tx, [_asked(order)])
        keep_holds(tx, order, holds)
        if not holds:
            _release(tx, order, "release")
        return not holds


def _locked(tx: Tx, number: str) -> Record:
    """Lock who is billed with the group, then the order, and read it as it is now."""
    seen = order_named(tx.connection, number)
    lock_customers(tx, [seen["bill_to_id"]])
    return queries.documents_by_id(tx.connection, [seen["id"]], lock=True)[seen["id"]]


def _asked(order: Record, reason: str = "") -> OrderRelease:
    return OrderRelease(
        order["bill_to_id"],
        order["id"],
        order["number"],
        order["gross_minor"],
        order["currency"],
        order["occurred_on"],
        order["due_on"],
        reason,
    )


def _refusal(tx: Tx, number: str, holds: Sequence[Hold]) -> str | None:
    """Say why the actor may not go over holds; None = they may."""
    wanted = lacking([hold.permission for hold in holds], lambda name: has_permission(tx, name))
    if wanted is None:
        return None
    if not wanted:
        message = _("order {number} is held: {reasons}; nobody may release over that")
        return message.format(number=number, reasons=_reasons([h for h in holds if h.permission is None]))
    message = _(
        "order {number} is held: {reasons}; actor {actor!r} lacks the permission {permission!r} that releases over it, ask somebody who has it"
    )
    return message.format(number=number, reasons=_reasons(holds), actor=tx.actor, permission=wanted)


def _reasons(holds: Sequence[Hold]) -> str:
    return "; ".join(f"{hold.reason} [{hold.plugin}]" for hold in holds)


def _release(tx: Tx, order: Record, step: str, reason: str = "") -> None:
    left = rules.open_amount("order", "released", order["gross_minor"], 0)
    tx.update(LedgerDocument, [(order["id"], {"state": "released", "open_minor": left})])
    lines = queries.lines_of(tx.connection, [order["id"]])
    books.recount_lines(tx, [row["id"] for row in queries.in_order(lines)])
    # A file may have brought deliveries of an order that was a draft still.
    books.refresh_orders(tx, [order["id"]])
    add_step(tx, order, step, reason)
