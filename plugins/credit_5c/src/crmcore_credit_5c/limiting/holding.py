"""What holds an order as it is to be released (放行审核): the credit side of the hook `release_orders`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Hold, OrderRelease, format_minor, translator
from crmcore_credit_5c.assessing.current import current_grades
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.exposure import limits_in_currency, unallocated_by, used_by
from crmcore_credit_5c.limiting.groups import Groups, customers, groups_of
from crmcore_credit_5c.limiting.proposing import policy_of
from crmcore_credit_5c.money import Money
from crmcore_credit_5c.policies.current import grade_policies
from crmcore_credit_5c.receivables.overdue import overdue
from crmcore_credit_5c.rules.exposure import Used, together
from crmcore_credit_5c.rules.holds import Account, Breach, Buyer, Terms, release_in_turn

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")

PERMISSION = "credit.override"
"""Who has it releases an order over a hold (越权放行)."""


def holds(orders: Sequence[OrderRelease], ctx: Context) -> list[Hold]:
    """Return what holds orders that are to be released together, one after another in the order given.

    Amounts in other currencies are converted at today's rate. MissingFact or CrmError where what the rules ask for is
    not known: then nothing is released.
    """
    money = Money(ctx, ctx.today)
    buyers = buyers_of(ctx, {one.customer_id for one in orders}, {one.document_id for one in orders})
    amounts = [money.converted(one.amount_minor, one.currency) for one in orders]
    asked = [(buyers[one.customer_id], amount) for one, amount in zip(orders, amounts, strict=True)]
    return [
        Hold(
            place,
            breach.rule,
            hold_sentence(breach, amounts[place], ctx.currency),
            PERMISSION,
        )
        for place, broken in enumerate(release_in_turn(asked))
        for breach in broken
    ]


def buyers_of(
    ctx: Context, customer_ids: Collection[int], documents: Collection[int] = ()
) -> dict[int, Buyer]:
    """Return customer → how it stands now, the members of one group with one account between them.

    documents: ids of orders that are not counted, since they are to be released.
    """
    groups = groups_of(ctx.connection, customer_ids)
    used = used_by(ctx, {m for members in groups.members.values() for m in members}, without_orders=documents)
    limits = limits_in_currency(ctx, {*customer_ids, *groups.members})
    own = _own_accounts(ctx, customer_ids, used, limits)
    shared = _group_accounts(groups, used, limits)
    terms = terms_of(ctx, customer_ids)
    return {
        number: Buyer(
            terms[number], own[number], shared.get(groups.tops[number]), is_top=groups.tops[number] == number
        )
        for number in customer_ids
    }


def _own_accounts(
    ctx: Context, customer_ids: Collection[int], used: Mapping[int, Used], limits: Mapping[int, int]
) -> dict[int, Account]:
    unallocated = unallocated_by(ctx, customer_ids)
    late = overdue(ctx, customer_ids)
    accounts = {}
    for number in customer_ids:
        uses = used.get(number, Used())
        account = Account(limits.get(number), uses.total_minor, uses.receivables_minor)
        account.unallocated_minor = unallocated.get(number, 0)
        if number in late:
            account.oldest_days, account.overdue_minor = late[number].days, late[number].amount_minor
        accounts[number] = account
    return accounts


def _group_accounts(
    groups: Groups, used: Mapping[int, Used], limits: Mapping[int, int]
) -> dict[int, Account]:
    """Return top parent → the account of its group; one alone is no group."""
    return {
        top: Account(
            limits.get(top),
            together(used[member] for member in members if member in used).total_minor,
        )
        for top, members in groups.members.items()
        if len(members) > 1
    }


def terms_of(ctx: Context, customer_ids: Collection[int]) -> dict[int, Terms]:
    """Return customer → how it is dealt with: by its card where that asks for payment first, else by its grade."""
    grades = current_grades(ctx, customer_ids)
    policies = grade_policies(ctx)
    pays_first = set(paying_first(ctx, customer_ids))
    found = {}
    for number in customer_ids:
        grade = grades.get(number)
        policy = policy_of(policies, grade.grade if grade else None)
        hold = "prepayment" if number in pays_first else policy.hold
        without: str = ctx.settings["without_limit"]
        found[number] = Terms(hold, policy.overdue_days, Fraction(policy.deposit), without)
    return found


def paying_first(ctx: Context, customer_ids: Collection[int]) -> Iterator[int]:
    """Yield the customers whose card asks for payment before dispatch (款到发货)."""
    words = {word.casefold() for word in ctx.settings["prepayment_terms"]}
    c = customers.c
    for part in parts(customer_ids):
        query = sa.select(c.id, c.attributes).where(c.id.in_(part))
        for number, attributes in ctx.connection.execute(query):
            if str((attributes or {}).get("payment_terms") or "").strip().casefold() in words:
                yield number


def hold_sentence(breach: Breach, amount_minor: int, currency: str) -> str:
    """Say with its amounts why an order is held."""
    sentences = {
        "limit": _(
            "{amount} {currency} and what is open, {exposure}, exceed the credit limit of {limit} by {over}"
        ),
        "group_limit": _(
            "{amount} {currency} and what is open of the group, {exposure}, exceed the group's credit limit of {limit} by {over}"
        ),
        "no_limit": _(
            "no credit limit is set, and {exposure} {currency} are open without the {amount} of this order"
        ),
        "overdue": _("{overdue} {currency} are overdue, the oldest invoice for {days} days"),
        "prepayment": _(
            "it is delivered against payment: {needed} {currency} are to be paid first, {available} are there"
        ),
        "deposit": _("a deposit of {needed} {currency} is to be paid first, {available} are there"),
    }
    over = breach.exposure_minor + amount_minor - breach.limit_minor
    amounts = {
        "amount": amount_minor,
        "exposure": breach.exposure_minor,
        "limit": breach.limit_minor,
        "over": over,
        "overdue": breach.overdue_minor,
        "needed": breach.needed_minor,
        "available": breach.available_minor,
    }
    shown = {name: format_minor(amount, currency) for name, amount in amounts.items()}
    return sentences[breach.rule].format(currency=currency, days=breach.days, **shown)
