"""Who reads the credit of natural persons is recorded: whose it was, never what it said (敏感个人信息)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Customer, Refused, customer_codes, find_customer, log_read, restricted_ids, translator
from crmcore_credit_5c.batches import parts

if TYPE_CHECKING:
    from crmcore.api import Context

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
        raise Refused(restricted_sentence(customer_codes(ctx.connection, [customer_id])[customer_id]))


def refuse_archived(ctx: Context, customer_id: int) -> None:
    """Refuse an archived customer: nothing is entered of its credit before it is taken back."""
    if customer_id in archived(ctx, [customer_id]):
        raise Refused(archived_sentence(customer_codes(ctx.connection, [customer_id])[customer_id]))


def archived(ctx: Context, customer_ids: Iterable[int]) -> set[int]:
    """Return which of the customers are archived."""
    c = customers.c
    return {
        number
        for part in parts(customer_ids)
        for number in ctx.connection.scalars(
            sa.select(c.id).where(c.id.in_(part), c.archived_at.is_not(None))
        )
    }


def restricted_sentence(code: str) -> str:
    """Say that a person's data may not be used."""
    message = _("the data of {customer} may not be used (restricted); see: crm person restrict")
    return message.format(customer=code)


def archived_sentence(code: str) -> str:
    """Say that a customer is archived."""
    message = _("customer {code!r} is archived; take it back with: crm customer restore {code}")
    return message.format(code=code)


def record_read_of(ctx: Context, code: str, what: str) -> None:
    """Record that the credit of the customer of a code was read, if it is a person."""
    record_read(ctx, find_customer(ctx.connection, code), what)


def record_read(ctx: Context, customer_id: int, what: str) -> None:
    """Record that this customer's credit was read, if it is a person; `what`: which kind of data, no values."""
    row = ctx.connection.execute(
        sa.select(customers.c.code, customers.c.kind).where(customers.c.id == customer_id)
    ).one()
    if row.kind == "person":
        log_read(ctx, "sensitive", "customer", 1, f"{row.code}: {what}")
