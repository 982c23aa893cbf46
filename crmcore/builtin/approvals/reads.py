"""Who reads requests about natural persons is recorded: whose it was and of which kind, never what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.builtin.privacy.restricted import log_read
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Customer

if TYPE_CHECKING:
    from crmcore.builtin.approvals.queries import Row
    from crmcore.plugins.types import Context

_customers = table_of(Customer)


def record_read(ctx: Context, row: Row) -> None:
    """Record that a request was read, whatever plugin it is of, if its customer is a person."""
    c = _customers.c
    query = sa.select(c.code).where(c.id == row["customer_id"], c.kind == "person")
    code = ctx.connection.scalar(query) if row["customer_id"] is not None else None
    if code is not None:
        log_read(ctx, "sensitive", "customer", 1, f"{code}: {row['plugin']}/{row['kind']}")
