"""Rules by which orders are held (订单冻结), as a credit controller states them: plain Python over plain values.

* Whom we deliver only against payment (款到发货): the order is released once payments that are not spoken for cover it.
  Spoken for is what the customer owes, and what other orders of it will cost. No other rule is asked then.
* Everybody else: exposure and order together stay within the customer's limit, and within that of its group.
* Without any limit there is no credit, unless the company says otherwise; paid for in advance it needs none.
* While the oldest invoice is past due for longer than the grade's policy bears, nothing more is released.
* Where the policy asks for a deposit (定金), payments cover that share of the order, and of the others released before.
* A policy of `never` holds nothing.
* Orders are looked at one after another: what is released counts for the next one.

All amounts are integers in the smallest unit of the company's currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple

Rule = Literal["limit", "group_limit", "no_limit", "overdue", "prepayment", "deposit"]


class Terms(NamedTuple):
    """How a customer is dealt with, by its card and by the policy of its grade."""

    hold: str = "overdue"
    """`limit`, `overdue`, `prepayment` or `never`; see `policies.current.GradePolicy`."""
    overdue_days: int = 0
    deposit: Fraction = Fraction(0)
    without_limit: str = "hold"
    """`hold` or `release`."""


@dataclass(slots=True)
class Account:
    """How a customer, or a group, stands; what is released is added."""

    limit_minor: int | None = None
    exposure_minor: int = 0
    owed_minor: int = 0
    """Open receivables alone."""
    unallocated_minor: int = 0
    """Payments that settle nothing yet."""
    oldest_days: int = 0
    """How long the oldest open invoice is past due."""
    overdue_minor: int = 0

    @property
    def undelivered_minor(self) -> int:
        """What is ordered or delivered and not invoiced yet."""
        return self.exposure_minor - self.owed_minor

    def release(self, amount_minor: int) -> None:
        """Count an order that is released."""
        self.exposure_minor += amount_minor


@dataclass(slots=True)
class Buyer:
    """A customer at the moment of release."""

    terms: Terms
    own: Account
    group: Account | None = None
    """None = it belongs to no group; a group's account is shared by its members."""
    is_top: bool = False
    """Whether it is the top parent of its group: its own limit is the group's, and is asked once."""
    accounts: tuple[Account, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Put together whatever an order is counted on."""
        self.accounts = (self.own,) if self.group is None else (self.own, self.group)


class Breach(NamedTuple):
    """Why an order is held, with the amounts that say so."""

    rule: Rule
    limit_minor: int = 0
    exposure_minor: int = 0
    needed_minor: int = 0
    """For `prepayment` and `deposit`: what is to be paid for this order."""
    available_minor: int = 0
    """What of the payments is not spoken for; not below 0."""
    days: int = 0
    overdue_minor: int = 0


def breaches(buyer: Buyer, amount_minor: int) -> list[Breach]:
    """Return all rules that an order breaks, in the order of the rule book."""
    terms = buyer.terms
    if terms.hold == "never":
        return []
    if terms.hold == "prepayment":
        return _unpaid("prepayment", buyer.own, Fraction(1), amount_minor)
    found = [*_beyond(buyer, amount_minor), *_late(buyer)]
    if terms.deposit:
        found += _unpaid("deposit", buyer.own, terms.deposit, amount_minor)
    return found


def release_in_turn(orders: Iterable[tuple[Buyer, int]]) -> list[list[Breach]]:
    """Return for each order what holds it; those that nothing holds count for the ones after them."""
    found = []
    for buyer, amount_minor in orders:
        broken = breaches(buyer, amount_minor)
        if not broken:
            for account in buyer.accounts:
                account.release(amount_minor)
        found.append(broken)
    return found


def _beyond(buyer: Buyer, amount_minor: int) -> list[Breach]:
    found: list[Breach] = []
    limits: tuple[tuple[Rule, Account], ...] = (("limit", buyer.own),)
    if buyer.group is not None:
        shared: tuple[Rule, Account] = ("group_limit", buyer.group)
        limits = (shared,) if buyer.is_top else (*limits, shared)
    if all(account.limit_minor is None for _rule, account in limits):
        return _without_limit(buyer, amount_minor)
    for rule, account in limits:
        limit = account.limit_minor
        if limit is not None and account.exposure_minor + amount_minor > limit:
            found.append(Breach(rule, limit, account.exposure_minor))
    return found


def _without_limit(buyer: Buyer, amount_minor: int) -> list[Breach]:
    if buyer.terms.without_limit == "release" or not _unpaid(
        "no_limit", buyer.own, Fraction(1), amount_minor
    ):
        return []
    return [Breach("no_limit", exposure_minor=buyer.own.exposure_minor)]


def _late(buyer: Buyer) -> list[Breach]:
    terms, own = buyer.terms, buyer.own
    if terms.hold != "overdue" or own.oldest_days <= terms.overdue_days:
        return []
    return [Breach("overdue", days=own.oldest_days, overdue_minor=own.overdue_minor)]


def _unpaid(rule: Rule, own: Account, share: Fraction, amount_minor: int) -> list[Breach]:
    """Return the breach where payments that are not spoken for do not cover a share of the order."""
    needed = ceil(share * amount_minor)
    spoken_for = ceil(share * own.undelivered_minor)
    if share == 1:  # only then do payments have to settle what is invoiced, too
        spoken_for += own.owed_minor
    available = own.unallocated_minor - spoken_for
    if available >= needed:
        return []
    return [Breach(rule, needed_minor=needed, available_minor=max(available, 0))]
