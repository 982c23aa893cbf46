"""How customers are served: by their kind, as the settings say; and what waits until the kind is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import sqlalchemy as sa

from crmcore.api import Context, Customer, Hold, OrderRelease, ServicePolicy, translator

_ = translator("crmcore_local_rules")
_PART = 500
customers: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def by_kind(customer_ids: Sequence[int], ctx: Context) -> Iterator[ServicePolicy]:
    """Yield a policy for each customer whose kind the settings name."""
    intervals = ctx.settings["kinds"]
    for start in range(0, len(customer_ids), _PART):
        part = list(customer_ids[start : start + _PART])
        query = sa.select(customers.c.id, customers.c.customer_kind).where(
            customers.c.id.in_(part), customers.c.customer_kind.in_(list(intervals))
        )
        for number, kind in ctx.connection.execute(query):
            yield ServicePolicy(
                customer_id=number,
                grade=kind,
                visit_interval_days=intervals[kind],
                visitor="sales_representative",
                complaint_priority=1,
                discount_ceiling=Decimal(0),
                approval_level="sales_manager",
                since=ctx.today,
                why=_("customers of the kind {kind} are visited every {days} days").format(
                    kind=kind, days=intervals[kind]
                ),
            )


def without_kind(orders: Sequence[OrderRelease], ctx: Context) -> Iterator[Hold]:
    """Yield a hold for each order of a customer whose card names no kind; a sales manager may pass over it."""
    billed = sorted({order.customer_id for order in orders})
    known: set[int] = set()
    for start in range(0, len(billed), _PART):
        part = billed[start : start + _PART]
        query = sa.select(customers.c.id).where(
            customers.c.id.in_(part), customers.c.customer_kind.is_not(None)
        )
        known.update(ctx.connection.scalars(query))
    reason = _("the card does not say what kind of customer it is; set customer_kind")
    for place, order in enumerate(orders):
        if order.customer_id not in known:
            yield Hold(place, "kind", reason, "records.merge")
