"""Cancelling an order of which nothing is delivered yet, or what is left of one (取消订单)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.api import Refused, translator
from crmcore_trade_ledger import books, queries
from crmcore_trade_ledger.ordering.reasons import checked_reason
from crmcore_trade_ledger.ordering.steps import add_step, end_holds, order_named
from crmcore_trade_ledger.rules_orders import Ended, cancel_obstacle
from crmcore_trade_ledger.tables import LedgerDocument

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_trade_ledger")
PLUGIN = "trade_ledger"


def cancel_order(app: App, actor: str, number: str, reason: str, *, rest: bool = False) -> tuple[int, str]:
    """Cancel an order: nothing of it is open any more, and it counts nowhere. Returns what was open, in its currency.

    rest: what is delivered of it stays, and the order is what is delivered; the change log keeps what was ordered.
    Raises NotFound, UsageProblem without a reason, Refused where something is delivered, or with `rest` where nothing is.
    """
    reason = checked_reason(reason)
    with app.write(actor, f"crm order cancel {number}", plugin=PLUGIN) as tx:
        seen = order_named(tx.connection, number)
        order = queries.documents_by_id(tx.connection, [seen["id"]], lock=True)[seen["id"]]
        lines = [row["id"] for row in queries.lines_of(tx.connection, [order["id"]]).get(order["id"], [])]
        begun = books.is_begun(tx.connection, lines)
        if obstacle := cancel_obstacle(order["state"], begun=begun, rest=rest):
            raise Refused(_(obstacle).format(number=number))
        if rest:
            books.cut_to_delivered(tx, order["id"])
        else:
            tx.update(LedgerDocument, [(order["id"], {"state": "cancelled", "open_minor": 0})])
            books.recount_lines(tx, lines)
        end_holds(tx, order["id"], Ended.CANCELLED)
        add_step(tx, order, "cancel_rest" if rest else "cancel", reason)
        return order["open_minor"], order["currency"]
