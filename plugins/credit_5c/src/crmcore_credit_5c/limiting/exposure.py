"""What of their limits customers use (信用占用), from the facts of whichever ledger the company has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.current import current_limits
from crmcore_credit_5c.limiting.groups import groups_of
from crmcore_credit_5c.money import LeftOut, Money, NoRate
from crmcore_credit_5c.receivables.claims import has_fact
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


def exposures(
    ctx: Context, customer_ids: Iterable[int], *, group: bool = False, left_out: LeftOut | None = None
) -> dict[int, Exposure]:
    """Return customer → its limit and what of it is used; with `group` those of its whole group.

    Other currencies are converted at today's rate, each currency's sum once. MissingFact where no plugin provides
    `receivables` or `orders_open`.
    left_out: takes note of those for whom a rate is unknown, who are not among the answers; NoRate without it.
    """
    asked = sorted(set(customer_ids))
    if not group:
        return _exposures(ctx, {number: (number, frozenset({number})) for number in asked}, left_out)
    groups = groups_of(ctx.connection, asked)
    return _exposures(ctx, {n: (groups.tops[n], groups.members[groups.tops[n]]) for n in asked}, left_out)


def exposures_as_they_bind(
    ctx: Context, customer_ids: Iterable[int], left_out: LeftOut | None = None
) -> dict[int, Exposure]:
    """Return customer → use of its limit: of a top parent by its whole group, of others by themselves."""
    asked = set(customer_ids)
    tops = {number for number, top in groups_of(ctx.connection, asked).tops.items() if top == number}
    of_groups = exposures(ctx, tops, group=True, left_out=left_out)
    return exposures(ctx, asked - tops, left_out=left_out) | of_groups


def _exposures(
    ctx: Context, asked: Mapping[int, tuple[int, frozenset[int]]], left_out: LeftOut | None
) -> dict[int, Exposure]:
    unknown = None if left_out is None else LeftOut()
    limits = limits_in_currency(ctx, {head for head, _members in asked.values()}, unknown)
    everybody = {member for _head, members in asked.values() for member in members}
    used = used_by(ctx, everybody, left_out=unknown)
    found: dict[int, Exposure] = {}
    for number, (head, members) in asked.items():
        if unknown is not None and left_out is not None and not unknown.problems.keys().isdisjoint(members):
            for member in members & unknown.problems.keys():
                left_out.add(number, unknown.problems[member], unknown.amounts.get(member))
            continue
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


def limits_in_currency(
    ctx: Context, customer_ids: Iterable[int], left_out: LeftOut | None = None
) -> dict[int, int]:
    """Return customer → its own limit of today in minor units of the company's currency; without one it is left out."""
    held = {
        number: {limit.currency: limit.limit_minor}
        for number, limit in current_limits(ctx, customer_ids).items()
    }
    if left_out is None:
        return _in_currency(ctx, held, None)
    unknown = LeftOut()
    found = _in_currency(ctx, held, unknown)
    for number, problems in unknown.problems.items():
        left_out.add(number, problems)  # a limit is no money that anybody owes
    return found


def used_by(
    ctx: Context,
    customer_ids: Iterable[int],
    *,
    without_orders: Collection[int] = (),
    left_out: LeftOut | None = None,
) -> dict[int, Used]:
    """Return customer → what it uses today; who uses nothing is left out.

    without_orders: ids of documents that are not counted: the orders that are being released. left_out: as of `exposures`.
    """
    for fact in ("receivables", "orders_open"):
        ctx.facts.provider(fact)
    ids = list(customer_ids)
    receivables = sums(ctx, "receivables", ids, left_out=left_out)
    orders = sums(ctx, "orders_open", ids, without=without_orders, left_out=left_out)
    # A ledger that knows no deliveries invoices what it delivers.
    known = has_fact(ctx, "deliveries_open")
    delivered = sums(ctx, "deliveries_open", ids, left_out=left_out) if known else {}
    return {
        number: Used(receivables.get(number, 0), orders.get(number, 0), delivered.get(number, 0))
        for number in {*receivables, *orders, *delivered}
    }


def unallocated_by(ctx: Context, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return customer → payments that settle nothing yet, in the company's currency; none without the fact.

    What is dated in the future, such as a post-dated cheque, is not paid yet.
    """
    if not has_fact(ctx, "payments"):
        return {}
    rows = ctx.facts.select("payments").subquery("payments")
    left = rows.c.amount_minor - rows.c.allocated_minor
    query = _by_customer(rows, left).where(rows.c.occurred_on <= ctx.today)
    return _in_currency(ctx, _grouped(ctx, query, rows, customer_ids), None)


def sums(
    ctx: Context,
    fact: str,
    customer_ids: Iterable[int],
    *,
    without: Collection[int] = (),
    left_out: LeftOut | None = None,
) -> dict[int, int]:
    """Return customer → what is open of a fact, in minor units of the company's currency.

    without, left_out: as of `used_by`.
    """
    rows = ctx.facts.select(fact).subquery(fact)
    query = _by_customer(rows, rows.c.open_minor)
    if without:
        query = query.where(rows.c.document_id.not_in(sorted(without)))
    return _in_currency(ctx, _grouped(ctx, query, rows, customer_ids), left_out)


def _by_customer(rows: sa.Subquery, amount: sa.ColumnElement[int]) -> sa.Select[Any]:
    query = sa.select(rows.c.customer_id, rows.c.currency, sa.func.sum(amount))
    return query.group_by(rows.c.customer_id, rows.c.currency)


def _grouped(
    ctx: Context, query: sa.Select[Any], rows: sa.Subquery, customer_ids: Iterable[int]
) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for part in parts(customer_ids):
        for number, currency, amount in ctx.connection.execute(query.where(rows.c.customer_id.in_(part))):
            found.setdefault(number, {})[currency] = int(amount)
    return found


def _in_currency(
    ctx: Context, amounts: Mapping[int, Mapping[str, int]], left_out: LeftOut | None
) -> dict[int, int]:
    money = Money(ctx, ctx.today)
    found: dict[int, int] = {}
    for number, by_currency in amounts.items():
        try:
            found[number] = money.total(by_currency)
        except NoRate:
            if left_out is None:
                raise
            problems = money.lacking(name for name, amount in by_currency.items() if amount)
            left_out.add(number, problems, {name: by_currency[name] for name in problems})
    return found
