"""What of their limits customers use (信用占用), from the facts of whichever ledger the company has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.current import Limit, current_limits
from crmcore_credit_5c.limiting.groups import groups_of
from crmcore_credit_5c.receivables.claims import Money, has_fact
from crmcore_credit_5c.rules.exposure import Used, headroom_minor, together

if TYPE_CHECKING:
    from crmcore.api import Context


class Exposure(NamedTuple):
    """A limit, and what of it is used; minor units of `currency`, the company's."""

    customer_id: int
    """Whose limit it is: the customer's, or that of the top parent of its group."""
    limit_minor: int | None
    """None = no limit holds."""
    exposure_minor: int
    receivables_minor: int
    orders_minor: int
    """Released and not delivered, or delivered and not invoiced."""
    deliveries_minor: int
    """Delivered and not invoiced: part of `orders_minor`."""
    currency: str

    @property
    def headroom_minor(self) -> int | None:
        """What is left of the limit, below 0 where it is exceeded; None without a limit."""
        return headroom_minor(self.limit_minor, self.exposure_minor)


def exposures(ctx: Context, customer_ids: Iterable[int], *, group: bool = False) -> dict[int, Exposure]:
    """Return customer → its limit and what of it is used; with `group` those of its whole group.

    Other currencies are converted at today's rate, each currency's sum once. MissingFact where no plugin provides
    `receivables` or `orders_open`; CrmError where a rate is unknown.
    """
    asked = sorted(set(customer_ids))
    if not group:
        return _exposures(ctx, {number: (number, frozenset({number})) for number in asked})
    groups = groups_of(ctx.connection, asked)
    return _exposures(ctx, {n: (groups.tops[n], groups.members[groups.tops[n]]) for n in asked})


def _exposures(ctx: Context, asked: Mapping[int, tuple[int, frozenset[int]]]) -> dict[int, Exposure]:
    limits = limits_in_currency(ctx, {head for head, _members in asked.values()})
    used = used_by(ctx, {member for _head, members in asked.values() for member in members})
    found: dict[int, Exposure] = {}
    for number, (head, members) in asked.items():
        of_all = together(used[member] for member in members if member in used)
        found[number] = Exposure(
            head,
            limits.get(head),
            of_all.total_minor,
            of_all.receivables_minor,
            of_all.orders_minor + of_all.deliveries_minor,
            of_all.deliveries_minor,
            ctx.currency,
        )
    return found


def limits_in_currency(ctx: Context, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return customer → its own limit of today in minor units of the company's currency; without one it is left out."""
    money = Money(ctx, ctx.today)
    return {number: _converted(money, limit) for number, limit in current_limits(ctx, customer_ids).items()}


def _converted(money: Money, limit: Limit) -> int:
    return money.converted(limit.limit_minor, limit.currency)


def used_by(
    ctx: Context, customer_ids: Iterable[int], *, without_orders: Collection[int] = ()
) -> dict[int, Used]:
    """Return customer → what it uses today; who uses nothing is left out.

    without_orders: ids of documents that are not counted: the orders that are being released.
    """
    for fact in ("receivables", "orders_open"):
        ctx.facts.provider(fact)
    ids = list(customer_ids)
    receivables = sums(ctx, "receivables", ids)
    orders = sums(ctx, "orders_open", ids, without=without_orders)
    # A ledger that knows no deliveries invoices what it delivers.
    delivered = sums(ctx, "deliveries_open", ids) if has_fact(ctx, "deliveries_open") else {}
    return {
        number: Used(receivables.get(number, 0), orders.get(number, 0), delivered.get(number, 0))
        for number in {*receivables, *orders, *delivered}
    }


def unallocated_by(ctx: Context, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return customer → payments that settle nothing yet, in the company's currency; none without the fact."""
    if not has_fact(ctx, "payments"):
        return {}
    return sums(ctx, "payments", customer_ids, of="amount_minor", less="allocated_minor")


def sums(
    ctx: Context,
    fact: str,
    customer_ids: Iterable[int],
    *,
    of: str = "open_minor",
    less: str = "",
    without: Collection[int] = (),
) -> dict[int, int]:
    """Return customer → the sum of a fact's column, less another one's, in minor units of the company's currency."""
    rows = ctx.facts.select(fact).subquery(fact)
    amount = rows.c[of] - rows.c[less] if less else rows.c[of]
    query = sa.select(rows.c.customer_id, rows.c.currency, sa.func.sum(amount)).group_by(
        rows.c.customer_id, rows.c.currency
    )
    if without:
        query = query.where(rows.c.document_id.not_in(sorted(without)))
    return _in_currency(ctx, _grouped(ctx, query, rows, customer_ids))


def _grouped(
    ctx: Context, query: sa.Select[Any], rows: sa.Subquery, customer_ids: Iterable[int]
) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for part in parts(customer_ids):
        for number, currency, amount in ctx.connection.execute(query.where(rows.c.customer_id.in_(part))):
            found.setdefault(number, {})[currency] = int(amount)
    return found


def _in_currency(ctx: Context, amounts: Mapping[int, Mapping[str, int]]) -> dict[int, int]:
    money = Money(ctx, ctx.today)
    return {number: money.total(by_currency) for number, by_currency in amounts.items()}
