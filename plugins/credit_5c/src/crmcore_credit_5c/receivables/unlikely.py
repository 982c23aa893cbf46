"""Customers that somebody holds to be unlikely to pay (难以足额偿付): marked by hand, with a reason, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Refused, lock_customers, translator
from crmcore_credit_5c.assessing.reads import find_usable
from crmcore_credit_5c.receivables.defaults import default_tests, unlikely
from crmcore_credit_5c.tables.receivables import CreditUnlikely

if TYPE_CHECKING:
    from crmcore.api import App

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"


def mark_unlikely(app: App, actor: str, code: str, reason: str) -> dict[str, Any]:
    """Hold a customer to be unlikely to pay from today on; Refused where somebody does already."""
    with app.write(actor, "mark as unlikely to pay", plugin=PLUGIN) as tx:
        number = find_usable(tx.ctx, code)
        lock_customers(tx, [number])
        holding = _holding(tx.connection, number)
        if holding is not None:
            message = _("{customer} is marked as unlikely to pay since {day} already: {reason}")
            raise Refused(message.format(customer=code, day=holding["marked_on"], reason=holding["reason"]))
        row = {"customer_id": number, "marked_on": tx.ctx.today, "reason": reason, "author": tx.actor}
        tx.insert(CreditUnlikely, [row])
        return next(default_tests(tx.ctx, [number]))


def end_unlikely(app: App, actor: str, code: str, reason: str) -> dict[str, Any]:
    """End that mark from today on; Refused where there is none. Probation follows."""
    with app.write(actor, "end the mark of unlikely to pay", plugin=PLUGIN) as tx:
        number = find_usable(tx.ctx, code)
        lock_customers(tx, [number])
        holding = _holding(tx.connection, number)
        if holding is None:
            message = _("{customer} is not marked as unlikely to pay, so there is nothing to end")
            raise Refused(message.format(customer=code))
        ended = {"ended_on": tx.ctx.today, "ended_by": tx.actor, "end_reason": reason}
        tx.update(CreditUnlikely, [(holding["id"], ended)])
        return next(default_tests(tx.ctx, [number]))


def _holding(connection: sa.Connection, number: int) -> sa.RowMapping | None:
    query = sa.select(unlikely).where(unlikely.c.customer_id == number, unlikely.c.ended_on.is_(None))
    return connection.execute(query).mappings().first()
