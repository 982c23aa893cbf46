"""Use case: what a policy would have held in the time past, and what became of those orders (政策模拟)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import UsageProblem, translator
from crmcore_credit_5c.batches import parts
from crmcore_credit_5c.limiting.groups import groups_of
from crmcore_credit_5c.limiting.holding import paying_first
from crmcore_credit_5c.limiting.proposing import policy_of
from crmcore_credit_5c.money import LeftOut
from crmcore_credit_5c.policies.current import GradePolicy, as_policies
from crmcore_credit_5c.policies.past import NOT_RELEASED, Past, past_of
from crmcore_credit_5c.policies.versions import grades_on
from crmcore_credit_5c.receivables.claims import require_facts
from crmcore_credit_5c.rules.holds import Account, Buyer, Terms, breaches
from crmcore_credit_5c.rules.simulation import Fate, Standing, fate_of_order, fates, standings

if TYPE_CHECKING:
    from crmcore.api import Context
    from crmcore_credit_5c.rules.policy import Grades

_ = translator("crmcore_credit_5c")
IN_FORCE, PROPOSED = "in_force", "proposed"


@dataclass(slots=True)
class Sum:
    """Orders, their amount, and what of it was paid late or not at all."""

    orders: int = 0
    amount_minor: int = 0
    late_minor: int = 0
    unpaid_minor: int = 0

    def add(self, amount_minor: int, fate: Fate) -> None:
        """Count one order."""
        self.orders += 1
        self.amount_minor += amount_minor
        self.late_minor += fate.late_minor
        self.unpaid_minor += fate.unpaid_minor

    def as_json(self) -> dict[str, int]:
        """Return the sums by name."""
        return {
            "orders": self.orders,
            "amount_minor": self.amount_minor,
            "late_minor": self.late_minor,
            "unpaid_minor": self.unpaid_minor,
        }


@dataclass(slots=True)
class Outcome:
    """What one policy would have done."""

    policies: Mapping[str, GradePolicy]
    held: Sum = field(default_factory=Sum)
    released: Sum = field(default_factory=Sum)
    by_rule: dict[str, Sum] = field(default_factory=dict)

    def judge(self, buyer: Buyer, amount_minor: int, fate: Fate) -> None:
        """Count an order among those that are held, under each rule that holds it, or those that are released."""
        broken = breaches(buyer, amount_minor)
        (self.held if broken else self.released).add(amount_minor, fate)
        for rule in dict.fromkeys(breach.rule for breach in broken):
            self.by_rule.setdefault(rule, Sum()).add(amount_minor, fate)

    def as_json(self, name: str) -> dict[str, Any]:
        """Return the outcome as it is printed."""
        return {
            "policy": name,
            "held": self.held.as_json(),
            "released": self.released.as_json(),
            "by_rule": [{"rule": rule, **its.as_json()} for rule, its in sorted(self.by_rule.items())],
        }


def simulate(
    ctx: Context, proposed: Grades | None, start: date | None = None, end: date | None = None
) -> dict[str, Any]:
    """Return what the policy in force, and the proposed one, would have held: schemas/simulation.schema.json.

    Orders from start to end, both included; by default the year up to yesterday. Groups with money in a currency without
    an exchange rate are not judged, and `left_out` names them with what they ordered. UsageProblem for days the wrong way
    round, MissingFact where no plugin provides the facts.
    """
    require_facts(ctx, "orders", "order_invoices", "receivables", "settlements", "payments")
    first, last = _period(ctx, start, end)
    outcomes = {IN_FORCE: Outcome(as_policies(ctx, grades_on(ctx, ctx.today)[1]))}
    if proposed is not None:
        outcomes[PROPOSED] = Outcome(as_policies(ctx, proposed))
    done: set[int] = set()
    unknown = 0
    left_out = LeftOut()
    for part in parts(_buyers(ctx, first, last)):
        groups = groups_of(ctx.connection, part)
        fresh = {top: members for top, members in groups.members.items() if top not in done}
        done |= fresh.keys()
        past = past_of(ctx, [member for members in fresh.values() for member in members], last)
        first_payers = set(paying_first(ctx, past.customers))
        for top, members in fresh.items():
            if _passed_over(past, members, left_out):
                continue
            unknown += _judge(ctx, past, (top, members), (first, last), outcomes, first_payers)
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "currency": ctx.currency,
        "judged_by_today": unknown,
        "policies": [outcome.as_json(name) for name, outcome in outcomes.items()],
        "left_out": _with_orders(ctx, left_out, first, last).as_json(ctx),
    }


def _passed_over(past: Past, members: Collection[int], left_out: LeftOut) -> bool:
    """Tell whether the books of a group are not whole; then all who belong to it are noted."""
    problems: dict[str, str] = {}
    for member in members:
        problems |= past.no_rate.get(member, {})
    for member in members if problems else ():
        left_out.add(member, problems)
    return bool(problems)


def _with_orders(ctx: Context, left_out: LeftOut, first: date, last: date) -> LeftOut:
    """Return those of them who ordered anything, with what they ordered, in its own currency."""
    found = LeftOut()
    fact = ctx.facts.select("orders").subquery("orders")
    columns = (fact.c.customer_id, fact.c.currency)
    for part in parts(left_out.problems):
        query = _ordered(fact, first, last, *columns, sa.func.sum(fact.c.amount_minor))
        for customer, currency, amount in ctx.connection.execute(
            query.where(fact.c.customer_id.in_(part)).group_by(*columns)
        ):
            found.add(customer, left_out.problems[customer], {currency: int(amount)})
    return found


def _period(ctx: Context, start: date | None, end: date | None) -> tuple[date, date]:
    from datetime import timedelta

    last = end or ctx.today - timedelta(days=1)
    first = start or last - timedelta(days=364)
    if first > last:
        message = _("the period ends before it begins: --from {start} is after --to {end}")
        raise UsageProblem(message.format(start=first, end=last))
    return first, last


def _buyers(ctx: Context, first: date, last: date) -> Iterator[int]:
    fact = ctx.facts.select("orders").subquery("orders")
    return iter(ctx.connection.scalars(_ordered(fact, first, last, fact.c.customer_id).distinct()).all())


def _ordered(fact: sa.Subquery, first: date, last: date, *columns: Any) -> sa.Select[Any]:
    """Select of the orders that are judged."""
    return sa.select(*columns).where(
        fact.c.occurred_on.between(first, last), fact.c.state.not_in(NOT_RELEASED)
    )


def _judge(
    ctx: Context,
    past: Past,
    group: tuple[int, Collection[int]],
    period: tuple[date, date],
    outcomes: Mapping[str, Outcome],
    first_payers: set[int],
) -> int:
    """Judge the orders of one group (its top, its members); returns how many were judged by what holds today."""
    top, members = group
    events = [event for member in members for event in past.events.get(member, ())]
    invoices = fates(events, ctx.today)
    unknown = 0
    for standing in standings(events):
        order = standing.order
        if not period[0] <= order.day <= period[1]:
            continue
        fate = fate_of_order(past.invoiced.get(order.matter, ()), invoices)
        grade, dated = past.grade_on(order.customer, order.day)
        limits = past.limit_on(order.customer, order.day), past.limit_on(top, order.day)
        unknown += not (dated and all(known for _limit, known in limits))
        for outcome in outcomes.values():
            policy = policy_of(outcome.policies, grade)
            own, of_group = (_capped(limit, policy) for limit, _known in limits)
            terms = _terms(ctx, policy, pays_first=order.customer in first_payers)
            shared = of_group if len(members) > 1 else None
            buyer = _buyer(terms, standing, own, shared, is_top=order.customer == top)
            outcome.judge(buyer, order.amount_minor, fate)
    return unknown


def _capped(limit: int | None, policy: GradePolicy) -> int | None:
    """Return the limit that a policy would have allowed."""
    if limit is None or policy.cap_minor is None:
        return limit
    return min(limit, policy.cap_minor)


def _terms(ctx: Context, policy: GradePolicy, *, pays_first: bool) -> Terms:
    hold = "prepayment" if pays_first else policy.hold
    return Terms(hold, policy.overdue_days, Fraction(policy.deposit), ctx.settings["without_limit"])


def _buyer(
    terms: Terms, standing: Standing, limit: int | None, group_limit: int | None, *, is_top: bool
) -> Buyer:
    """Return the customer as it stood before an order; its account is made anew for each policy."""
    own = replace(standing.own, limit_minor=limit)
    if group_limit is None:
        return Buyer(terms, own)
    return Buyer(terms, own, Account(group_limit, standing.group.exposure_minor), is_top=is_top)
