"""Use cases: ask for a gift, list what was given."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import (
    App,
    ApprovalRequest,
    Context,
    Customer,
    find_approvals,
    find_customer,
    request_approvals,
    to_minor,
    translator,
)

from .approving import KIND, key_of
from .tables import gifts

_ = translator("crmcore_birthday_gifts")
PLUGIN = "birthday_gifts"
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def ask_for_gift(
    app: App, actor: str, code: str, title: str, value: Decimal, note: str | None
) -> dict[str, Any]:
    """Ask for a gift; a small one is given at once. Returns the published JSON."""
    with app.write(actor, "birthday gift", plugin=PLUGIN) as tx:
        customer_id = find_customer(tx.connection, code)
        currency, minor = tx.ctx.currency, to_minor(value, tx.ctx.currency)
        request = ApprovalRequest(
            KIND,
            _("{title} for {code}").format(title=title, code=code),
            reason=_("birthday"),
            key=key_of(customer_id, tx.ctx.today),
            customer_id=customer_id,
            amount_minor=minor,
            currency=currency,
            payload={"title": title, "note": note},
        )
        (number,) = request_approvals(tx, [request])
        state = find_approvals(tx.ctx, [number])[number].state
        return {
            "customer": code,
            "title": title,
            "value_minor": minor,
            "currency": currency,
            "state": "given" if state == "approved" else state,
            "given_on": tx.ctx.today if state == "approved" else None,
        }


def list_gifts(ctx: Context) -> Iterator[dict[str, Any]]:
    """Yield the published JSON of all gifts, the newest first."""
    names = (gifts.c.title, gifts.c.value_minor, gifts.c.currency, gifts.c.given_on)
    query = (
        sa.select(customers.c.code.label("customer"), *names, sa.literal("given").label("state"))
        .join(customers, customers.c.id == gifts.c.customer_id)
        .order_by(gifts.c.id.desc())
    )
    for row in ctx.connection.execute(query).mappings():
        yield dict(row)
