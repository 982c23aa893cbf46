"""Rules for credit limits (信用额度), as a credit controller states them: plain Python over plain values.

* A limit is worked out from a base: average monthly purchases, net assets, or what was asked for.
* The base counts as many times as the customer's grade allows; a better grade has more credit.
* A rule may say "at least" and "at most", and rounds down: a limit is never rounded up, nor below "at least".
* Several rules may speak; the smallest amount wins, since each of them is a reason for caution.
* A base that nobody knows is not assessable. It is not nothing: no purchases are no reason for a limit of 0.
* Nobody is given more than asked for, unless a raise ends by itself: that one is decided as it was asked for.
* Of several decisions the one made last counts on each day that it holds; a temporary one gives way when it ends.

All amounts are integers in the smallest unit of one currency; factors are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

Base = Literal["avg_monthly_purchases", "net_assets", "requested", "policy_cap"]
"""`policy_cap` is the ceiling of the grade's policy."""
Status = Literal["assessed", "base_unknown", "grade_unnamed"]


class LimitRule(NamedTuple):
    """One way to work out a limit."""

    base: Base
    months: int = 6
    """How far the purchases go back."""
    times: Mapping[str, Fraction] | None = None
    """Grade → factor; None = once, for every grade."""
    cap_minor: int | None = None
    floor_minor: int | None = None
    round_to_minor: int = 1


_WISH = LimitRule("requested")
"""What was asked for, once and as it is."""


class Known(NamedTuple):
    """What is known of a customer; None = nobody knows."""

    grade: str
    purchases: Mapping[int, int | None]
    """Months → what was bought in so many months; None where there was no purchase at all."""
    net_assets_minor: int | None = None
    requested_minor: int | None = None


class Working(NamedTuple):
    """What one rule comes to, and how (测算)."""

    rule: LimitRule
    status: Status
    base_minor: Fraction | None = None
    """A month's average is seldom a whole number."""
    factor: Fraction | None = None
    product_minor: Fraction | None = None
    """base × factor, before floor, cap and rounding."""
    amount_minor: int | None = None


def work_out(rule: LimitRule, known: Known) -> Working:
    """Return what one rule comes to for a customer."""
    base = _base(rule, known)
    if base is None:
        return Working(rule, "base_unknown")
    factor = Fraction(1) if rule.times is None else rule.times.get(known.grade)
    if factor is None:
        return Working(rule, "grade_unnamed", base)
    product = base * factor
    return Working(rule, "assessed", base, factor, product, _bounded(rule, product))


def _base(rule: LimitRule, known: Known) -> Fraction | None:
    if rule.base == "avg_monthly_purchases":
        bought = known.purchases.get(rule.months)
        return None if bought is None else Fraction(bought, rule.months)
    if rule.base == "policy_cap":
        return None if rule.cap_minor is None else Fraction(rule.cap_minor)
    amount = known.net_assets_minor if rule.base == "net_assets" else known.requested_minor
    return None if amount is None else Fraction(amount)


def _bounded(rule: LimitRule, product: Fraction) -> int:
    """Return an amount within floor and cap, rounded down; debts instead of assets, or returns only, give nothing.

    Rounding does not go below the floor, be it a multiple of the step or not.
    """
    least = rule.floor_minor or 0
    bounded = max(product, Fraction(least))
    if rule.cap_minor is not None:
        bounded, least = min(bounded, Fraction(rule.cap_minor)), min(least, rule.cap_minor)
    return max(int(bounded // rule.round_to_minor) * rule.round_to_minor, least)


def work_out_all(rules: Iterable[LimitRule], known: Known, policy_cap_minor: int | None) -> list[Working]:
    """Return what each rule comes to, and what the grade's ceiling and the wish add to them.

    A rule of the company that multiplies or raises the wish bounds nobody to it; then the wish as it is stands beside it.
    """
    given = list(rules)
    if policy_cap_minor is not None:
        given.append(LimitRule("policy_cap", cap_minor=policy_cap_minor))
    found = [work_out(rule, known) for rule in given]
    wish = known.requested_minor
    if wish is not None and not any(_keeps_to(one, wish) for one in found):
        found.append(work_out(_WISH, known))
    return found


def _keeps_to(one: Working, wish: int) -> bool:
    return one.rule.base == "requested" and one.amount_minor is not None and one.amount_minor <= wish


def smallest(workings: Sequence[Working]) -> Working | None:
    """Return the working that wins, the first of equals; None where nothing can be assessed.

    A ceiling alone is no reason for a limit, nor is the wish where a rule on wishes names no factor for the grade.
    """
    refused = any(one.rule.base == "requested" and one.status == "grade_unnamed" for one in workings)
    assessed = [one for one in workings if one.status == "assessed"]
    if all(one.rule.base == "policy_cap" or (refused and one.rule == _WISH) for one in assessed):
        return None
    return min(assessed, key=lambda one: one.amount_minor or 0)


# -- which decision counts -------------------------------------------------------------------------------------------


class Decided(NamedTuple):
    """One decision on a customer's limit."""

    number: int
    """Later decisions have higher numbers."""
    limit_minor: int
    valid_from: date
    ends_on: date | None
    """The first day on which it does not hold any more; None = it stands until the next one."""


def holds(decision: Decided, day: date) -> bool:
    """Say whether a decision holds on a day."""
    return decision.valid_from <= day and (decision.ends_on is None or day < decision.ends_on)


def counting(decisions: Iterable[Decided], day: date) -> Decided | None:
    """Return the decision that counts on a day: of those that hold the one made last."""
    return max((one for one in decisions if holds(one, day)), key=lambda one: one.number, default=None)


def nearly_used(limit_minor: int, exposure_minor: int, share: Fraction) -> bool:
    """Say whether more than a share of a limit is used; of a limit of 0 whatever is open is more."""
    return exposure_minor > share * limit_minor
