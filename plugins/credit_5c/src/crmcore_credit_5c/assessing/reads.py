"""Who reads the credit of natural persons is recorded: whose it was, never what it said (敏感个人信息)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Customer, Refused, customer_codes, find_customer, restricted_ids, translator

if TYPE_CHECKING:
    from crmcore.api import App, Context

_ = translator("crmcore_credit_5c")
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def find_usable(ctx: Context, code: str) -> int:
    """Return the id of a customer whose data may be used; NotFound for an unknown code, Refused for a restricted person."""
    customer_id = find_customer(ctx.connection, code)
    refuse_restricted(ctx, customer_id)
    return customer_id


def refuse_restricted(ctx: Context, customer_id: int) -> None:
    """Refuse a person whose data may not be used (限制处理): nothing of its credit is added, worked out or shown."""
    if customer_id in restricted_ids(ctx):
        code = customer_codes(ctx.connection, [customer_id])[customer_id]
        message = _("the data of {customer} may not be used (restricted); see: crm person restrict")
        raise Refused(message.format(customer=code))


def record_read(ctx: Context, customer_id: int) -> Callable[[App, str, str], None]:
    """Return what records, once the reading has ended, that this customer's credit was read, if it is a person."""
    row = ctx.connection.execute(
        sa.select(customers.c.code, customers.c.kind).where(customers.c.id == customer_id)
    ).one()

    def record(app: App, actor: str, what: str) -> None:
        if row.kind == "person":
            app.log_read(actor, "sensitive", "customer", 1, f"{row.code}: {what}")

    return record
