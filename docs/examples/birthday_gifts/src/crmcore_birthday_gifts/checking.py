"""What no gift may be, however it comes about: asked inside every writing transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.api import Change, Context, Refusal, minor_digits, translator

from .tables import gifts

_ = translator("crmcore_birthday_gifts")
_PART = 500


def refusals(changes: Sequence[Change], ctx: Context) -> Iterator[Refusal]:
    """Refuse gifts that cost too much, and a second one in the same year; other tables are none of its business."""
    fresh = [
        (i, c.after) for i, c in enumerate(changes) if c.entity == "gift_given" and c.operation == "create"
    ]
    new = [(index, row) for index, row in fresh if row is not None]
    given = _years(ctx, sorted({row["customer_id"] for _index, row in new}))
    most = ctx.settings["most"] * 10 ** minor_digits(ctx.currency)
    for index, row in new:
        year = (row["customer_id"], row["given_on"].year)
        if row["currency"] == ctx.currency and row["value_minor"] > most:
            message = _("a gift may cost {most} at most; choose a smaller one")
            yield Refusal(index, message.format(most=ctx.settings["most"]), "value_minor")
        elif year in given:
            yield Refusal(
                index,
                _("the customer was given something in {year} already").format(year=year[1]),
                "given_on",
            )
        given.add(year)


def _years(ctx: Context, customer_ids: Sequence[int]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for start in range(0, len(customer_ids), _PART):
        part = customer_ids[start : start + _PART]
        query = sa.select(gifts.c.customer_id, gifts.c.given_on).where(gifts.c.customer_id.in_(part))
        found |= {(row.customer_id, row.given_on.year) for row in ctx.connection.execute(query)}
    return found


def gift_of(change: Change) -> Mapping[str, Any] | None:
    """Return the gift that a change of the log made, if it made one."""
    return change.after if change.entity == "gift_given" and change.operation == "create" else None
