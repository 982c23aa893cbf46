"""Rules for exposure (信用占用): what we would lose if a customer paid nothing any more. Plain Python over plain values.

* Exposure = open receivables + what is released and not delivered + what is delivered and not invoiced.
* Credit notes take off from what is owed. Payments that nobody has allocated yet do not: it is not known what for.
* A limit binds its customer. The limit of the top parent binds the whole group: all customers below it, and itself.
* Headroom = limit - exposure; it is below 0 where the limit is exceeded.

All amounts are integers in the smallest unit of the company's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Used(NamedTuple):
    """What of a limit is used."""

    receivables_minor: int = 0
    orders_minor: int = 0
    """Released, not delivered."""
    deliveries_minor: int = 0
    """Delivered, not invoiced."""

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.receivables_minor + self.orders_minor + self.deliveries_minor


def together(parts: Iterable[Used]) -> Used:
    """Return what several customers use together."""
    receivables = orders = deliveries = 0
    for part in parts:
        receivables += part.receivables_minor
        orders += part.orders_minor
        deliveries += part.deliveries_minor
    return Used(receivables, orders, deliveries)


def top_of(customer_id: int, parents: Mapping[int, int]) -> int:
    """Return the top parent of a customer, itself where it has none; a ring of parents has its smallest id as top."""
    seen = [customer_id]
    while (parent := parents.get(seen[-1])) is not None:
        if parent in seen:
            return min(seen[seen.index(parent) :])
        seen.append(parent)
    return seen[-1]


def headroom_minor(limit_minor: int | None, exposure_minor: int) -> int | None:
    """Return what is left of a limit; None without one."""
    return None if limit_minor is None else limit_minor - exposure_minor
