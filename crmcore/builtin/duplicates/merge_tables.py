"""Which customer was merged into which."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Index, Text

from crmcore.db.base import BigId, CoreModel, UtcDateTime

MERGED, REVERSED = "merged", "reversed"


class CustomerMerge(CoreModel, table=True):
    """A customer that was merged into another (客户合并); what was done stands in the change log, under `source`.

    `from_id` and `into_id` say what happened and are no foreign keys; `customer_id` is the customer that holds all of it
    now, which is another one where `into_id` was merged in its turn, and nobody once the merge was taken back.
    """

    __tablename__ = "customer_merge"
    __table_args__ = (
        # Two who merge the same customer at the same moment: the second one fails.
        Index("uq_customer_merge_from_id", "from_id", unique=True, info={"where": "state = 'merged'"}),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    uid: str = Field(unique=True, max_length=36)
    from_id: int = Field(sa_type=BigId)
    into_id: int = Field(sa_type=BigId)
    customer_id: int | None = Field(
        default=None, sa_type=BigId, sa_column_args=[sa.ForeignKey("customer.id")], index=True
    )
    code: str | None = Field(default=None, max_length=64)
    """The old code, by which the other customer is found while the merge holds."""
    state: str = Field(default=MERGED, max_length=16)
    reason: str | None = Field(default=None, sa_type=Text)
    tx_id: int = Field(sa_type=BigId)
    """The transaction of the change log that holds it."""
    merged_at: datetime = Field(sa_type=UtcDateTime)
    reversed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


def source_of(uid: str) -> str:
    """Return the source under which a merge stands in the change log."""
    return f"merge:{uid}"
