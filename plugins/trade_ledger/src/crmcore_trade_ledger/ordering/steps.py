"""What stands beside an order: what holds it, and what was done with it by whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import NotFound, translator
from crmcore_trade_ledger import queries
from crmcore_trade_ledger.queries import Record
from crmcore_trade_ledger.rules_orders import Ended
from crmcore_trade_ledger.tables import LedgerHold, LedgerStep

if TYPE_CHECKING:
    from crmcore.api import Hold, Tx

_ = translator("crmcore_trade_ledger")
hold_table: sa.Table = LedgerHold.__table__  # type: ignore[attr-defined]
step_table: sa.Table = LedgerStep.__table__  # type: ignore[attr-defined]
LONGEST_REASON = 500
_LONGEST_RULE = 64


def order_named(connection: sa.Connection, number: str) -> Record:
    """Return an order by its number; NotFound."""
    found = queries.documents_by_number(connection, "order", [number]).get(number)
    if found is None:
        message = _("there is no order {number!r}; crm order list shows them")
        raise NotFound(message.format(number=number))
    return found


def add_step(tx: Tx, order: Record, step: str, reason: str = "") -> None:
    """Write down what the actor does with an order, and why."""
    values = {"step": step, "actor": tx.actor, "at": tx.now, "reason": reason or None}
    tx.insert(LedgerStep, [{"document_id": order["id"], "customer_id": order["bill_to_id"], **values}])


def holds_of(
    connection: sa.Connection, order_ids: Collection[int], *, only_open: bool = False
) -> dict[int, list[Record]]:
    """Return order → its holds in the order they came; orders without any are left out."""
    query = sa.select(hold_table).order_by(hold_table.c.id)
    if only_open:
        query = query.where(hold_table.c.ended_at.is_(None))
    return _by_order(connection, query, hold_table, order_ids)


def steps_of(connection: sa.Connection, order_ids: Collection[int]) -> dict[int, list[Record]]:
    """Return order → its steps in the order they were taken."""
    return _by_order(connection, sa.select(step_table).order_by(step_table.c.id), step_table, order_ids)


def _by_order(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, order_ids: Collection[int]
) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for part in queries.parts(set(order_ids)):
        for row in queries.records(connection, query.where(table.c.document_id.in_(part))):
            found.setdefault(row["document_id"], []).append(row)
    return found


def keep_holds(tx: Tx, order: Record, holds: Sequence[Hold]) -> None:
    """Make the open holds of an order those that plugins say it has: old ones end, new ones begin, the same go on."""
    present = holds_of(tx.connection, [order["id"]], only_open=True).get(order["id"], [])
    wanted = {(hold.plugin, hold.rule[:_LONGEST_RULE]): hold for hold in holds}
    known = {(row["plugin"], row["rule"]): row for row in present}
    _end(tx, [row for key, row in known.items() if key not in wanted], Ended.GONE)
    tx.update(LedgerHold, [(known[k]["id"], _said(hold)) for k, hold in wanted.items() if k in known])
    fresh = [(key, hold) for key, hold in wanted.items() if key not in known]
    about = {"document_id": order["id"], "customer_id": order["bill_to_id"], "since": tx.now}
    tx.insert(
        LedgerHold,
        [{**about, "plugin": plugin, "rule": rule, **_said(hold)} for (plugin, rule), hold in fresh],
    )


def end_holds(tx: Tx, order_id: int, how: Ended) -> None:
    """End all holds of an order that are open."""
    _end(tx, holds_of(tx.connection, [order_id], only_open=True).get(order_id, []), how)


def _end(tx: Tx, rows: Sequence[Record], how: Ended) -> None:
    tx.update(LedgerHold, [(row["id"], {"ended_at": tx.now, "how": str(how)}) for row in rows])


def _said(hold: Hold) -> dict[str, Any]:
    return {"reason": hold.reason[:LONGEST_REASON], "permission": hold.permission}
