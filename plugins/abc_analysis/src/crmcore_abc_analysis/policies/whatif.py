"""What other cut-offs would change (假设分析): who moves, and what that means for visits, discounts and limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Context, unrestricted
from crmcore_abc_analysis.inputs import Wanted, components, money_of_run, provided, sums_of
from crmcore_abc_analysis.rules.classes import (
    Floor,
    Rule,
    Step,
    floors_of,
)
from crmcore_abc_analysis.rules.load import Load, Served, loads, shown, together
from crmcore_abc_analysis.rules.movements import move_of, order_of_both
from crmcore_abc_analysis.rules.whatif import Discounts, discounts
from crmcore_abc_analysis.runs import (
    code_order,
    customers,
    find_run,
    grades,
    grades_of_rule,
    holding,
    usual_run,
)

from .cutoffs import Wish, rule_of_wish
from .load import Serving, serving
from .versions import policies_on


class Move(NamedTuple):
    """A customer whose class would change."""

    code: str
    name: str
    owner: str | None
    was: str
    now: str
    amount_minor: int


class Flow(NamedTuple):
    """Customers of a run that would go from one class to another, or stay in one that was set by hand."""

    was: str
    now: str
    by_hand: str | None
    customers: int
    bought_minor: int
    """The positive amounts only."""


class Limits(NamedTuple):
    """The credit limits of those who would move one way."""

    customers: int
    limit_minor: int


class End(NamedTuple):
    """A class as it would be: its share if it is cut by shares, the least amount in it, how many are in it."""

    grade: str
    within: Decimal | None
    least_minor: int | None
    """None where nobody reaches it, and for the last class, which takes the rest."""
    customers: int


@dataclass(frozen=True)
class WhatIf:
    """A run, its classes as they are, and as they would be."""

    ctx: Context
    run: sa.Row[Any]
    rule: Rule
    policies: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @cached_property
    def floors(self) -> tuple[Floor, ...]:
        """The least amount of each class as it would be: the class of a customer depends on its amount alone."""
        amount = grades.c.amount_minor
        query = sa.select(amount, sa.func.count()).where(holding(self.run)).group_by(amount)
        return floors_of(
            self.rule, map(Step._make, self.ctx.connection.execute(query.order_by(amount.desc())))
        )

    @property
    def _other(self) -> sa.ColumnElement[str]:
        """The class of a row of the run as it would be."""
        *named, rest = self.floors
        reached = [
            (grades.c.amount_minor >= f.least_minor, f.grade) for f in named if f.least_minor is not None
        ]
        return sa.case(*reached, else_=rest.grade) if reached else sa.literal(rest.grade)

    @cached_property
    def _serving(self) -> Serving:
        return serving(self.ctx, self.run, self.ctx.today)

    def _rows(self, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """Select from the rows of the run, each with its own customer, and with the class that was set by hand."""
        of_itself = grades.c.customer_id == customers.c.id
        return sa.select(*columns).select_from(self._serving.source).where(of_itself)

    @cached_property
    def flows(self) -> list[Flow]:
        """How many customers of the run go from which class to which."""
        rows = self._rows(
            grades.c.grade.label("was"),
            self._other.label("now"),
            self._serving.by_hand.label("by_hand"),
            _bought(grades.c.amount_minor).label("bought"),
        ).subquery("each_row")
        classes = (rows.c.was, rows.c.now, rows.c.by_hand)
        query = sa.select(*classes, sa.func.count(), sa.func.sum(rows.c.bought)).group_by(*classes)
        return [
            Flow(was, now, hand, count, int(bought))
            for was, now, hand, count, bought in self.ctx.connection.execute(query)
        ]

    @property
    def ends(self) -> list[End]:
        """Where each class would end, and how many customers would be in it if none were set by hand."""
        within = {cutoff.grade: cutoff.within for cutoff in self.rule.cutoffs}
        counts = Counter[str]()
        for flow in self.flows:
            counts[flow.now] += flow.customers
        *named, rest = self.floors
        return [
            End(grade, within.get(grade), least, counts[grade])
            for grade, least in (*named, (rest.grade, None))
        ]

    @property
    def hand_set(self) -> int:
        """How many customers of the run keep a class that was set by hand."""
        return sum(flow.customers for flow in self.flows if flow.by_hand is not None)

    @cached_property
    def service_run(self) -> int | None:
        """Number of the run whose classes count for visits and service today; None before the first."""
        usual = usual_run(self.ctx)
        return usual.id if usual is not None else None

    @property
    def without_policy(self) -> list[str]:
        """The classes of the rule that have no service policy: their visits and discounts count as none."""
        return [grade for grade in self.rule.grades if grade not in self.policies]

    @cached_property
    def matrix(self) -> dict[tuple[str, str], int]:
        """Class as it is and as it would be → customers, those with a class set by hand left out."""
        counted = Counter[tuple[str, str]]()
        for flow in self.flows:
            if flow.by_hand is None:
                counted[flow.was, flow.now] += flow.customers
        return {(was, now): counted[was, now] for was in grades_of_rule(self.run) for now in self.rule.grades}

    @property
    def moved(self) -> int:
        """How many customers would move."""
        return sum(count for (was, now), count in self.matrix.items() if was != now)

    def moves(self, limit: int | None = None) -> Iterator[Move]:
        """Yield who would move, the largest amounts first."""
        of_customer = (customers.c.code, customers.c.name, customers.c.owner)
        query = (
            self._rows(*of_customer, grades.c.grade, self._other, grades.c.amount_minor)
            .where(self._serving.by_hand.is_(None), grades.c.grade != self._other)
            .where(*unrestricted(self.ctx.connection, customers.c.id))
            .order_by(grades.c.amount_minor.desc(), code_order(self.ctx.connection))
        )
        return map(Move._make, self.ctx.connection.execute(query.limit(limit)))

    @cached_property
    def loads(self) -> tuple[dict[str | None, Load], dict[str | None, Load]]:
        """Owner → visits, as it is and as it would be: of all customers, as `crm abc load` counts them."""
        joined = self._serving
        other = sa.case((grades.c.id.is_not(None), self._other))
        each = (
            sa.select(
                customers.c.owner.label("owner"),
                joined.grade(grades.c.grade).label("was"),
                joined.grade(other).label("now"),
            )
            .select_from(joined.source)
            .where(customers.c.archived_at.is_(None))
            .where(*unrestricted(self.ctx.connection, customers.c.id))
            .subquery("each_customer")
        )
        keys = (each.c.owner, each.c.was, each.c.now)
        rows = self.ctx.connection.execute(sa.select(*keys, sa.func.count()).group_by(*keys)).all()
        before = loads((Served(owner, was, count) for owner, was, _now, count in rows), self.policies)
        after = loads((Served(owner, now, count) for owner, _was, now, count in rows), self.policies)
        return before, after

    @property
    def owners(self) -> list[str | None]:
        """The representatives by name; last, None for customers whom nobody owns."""
        before, after = self.loads
        return sorted({*before, *after}, key=lambda owner: (owner is None, owner or ""))

    @property
    def visits(self) -> tuple[Load, Load]:
        """The visits of all representatives together, as it is and as it would be."""
        before, after = self.loads
        return together(before.values()), together(after.values())

    @cached_property
    def discounts(self) -> tuple[Discounts, Discounts] | None:
        """What the discount ceilings come to in a period like the run's, as it is and as it would be.

        None without the fact purchases.
        """
        if self.run.basis == "purchases":
            sales = self.flows
        elif provided(self.ctx, "purchases"):
            sales = self._sales()
        else:
            return None
        before = ((flow.by_hand or flow.was, flow.bought_minor) for flow in sales)
        after = ((flow.by_hand or flow.now, flow.bought_minor) for flow in sales)
        return discounts(before, self.policies), discounts(after, self.policies)

    def _sales(self) -> list[Flow]:
        """Add up what the customers of a run bought whose amounts are no sales, by class as it is and would be."""
        wanted = Wanted("purchases", self.run.level, self.run.period_start, self.run.period_end)
        parts, _missing = components(self.ctx, wanted)
        sums = sums_of(parts, wanted.level).subquery("sums")
        rows = (
            self._rows(
                grades.c.grade.label("was"),
                self._other.label("now"),
                self._serving.by_hand.label("by_hand"),
                sums.c.currency,
                _bought(sums.c.amount_minor).label("bought"),
            )
            .join(sums, sums.c.customer_id == grades.c.customer_id)
            .subquery("each_sum")
        )
        keys = (rows.c.was, rows.c.now, rows.c.by_hand, rows.c.currency)
        query = sa.select(*keys, sa.func.count(), sa.func.sum(rows.c.bought)).group_by(*keys)
        found = self.ctx.connection.execute(query).all()
        money = money_of_run(self.ctx, self.run, {currency for _was, _now, _hand, currency, *_sums in found})
        return [
            Flow(was, now, hand, count, money.convert(int(bought), currency))
            for was, now, hand, currency, count, bought in found
        ]

    @cached_property
    def limits(self) -> dict[str, Limits] | None:
        """Move (up, down, other) → the credit limits of those who would make it; None without the fact.

        In the currency of the run, at its rates. In a run by groups the members move with their group.
        """
        if not provided(self.ctx, "credit_limits"):
            return None
        joined = self._serving
        limits = self._limits_of_today()
        rows = (
            sa.select(
                grades.c.grade.label("was"), self._other.label("now"), limits.c.currency, limits.c.limit_minor
            )
            .select_from(joined.source.join(limits, limits.c.customer_id == customers.c.id))
            .where(grades.c.id.is_not(None), joined.by_hand.is_(None), grades.c.grade != self._other)
            .subquery("each_limit")
        )
        keys = (rows.c.was, rows.c.now, rows.c.currency)
        query = sa.select(*keys, sa.func.count(), sa.func.sum(rows.c.limit_minor)).group_by(*keys)
        sums = self.ctx.connection.execute(query.order_by(*keys)).all()
        money = money_of_run(self.ctx, self.run, [currency for _was, _now, currency, *_sums in sums])
        order = order_of_both(grades_of_rule(self.run), self.rule.grades)
        found: dict[str, Limits] = {"up": Limits(0, 0), "down": Limits(0, 0)}
        for was, now, currency, count, amount in sums:
            move = move_of(was, now, order)
            known = found.get(move, Limits(0, 0))
            limit = known.limit_minor + money.convert(int(amount), currency)
            found[move] = Limits(known.customers + count, limit)
        return found

    def _limits_of_today(self) -> sa.Subquery:
        """Return the limit that holds for each customer today: customer_id, currency, limit_minor."""
        known = self.ctx.facts.select("credit_limits").subquery("credit_limits")
        latest = sa.func.row_number().over(
            partition_by=known.c.customer_id, order_by=(known.c.valid_from.desc(), known.c.limit_minor.desc())
        )
        rows = (
            sa.select(known.c.customer_id, known.c.currency, known.c.limit_minor, latest.label("place"))
            .where(known.c.valid_from <= self.ctx.today)
            .subquery("each_credit_limit")
        )
        return sa.select(rows).where(rows.c.place == 1).subquery("limits")


def _bought(amount: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((amount > 0, amount), else_=0)


def whatif(ctx: Context, wish: Wish) -> WhatIf:
    """Return what other cut-offs would change; NotFound for a run that there is not, UsageProblem for cut-offs that are no rule."""
    run = find_run(ctx, wish.run)
    return WhatIf(ctx, run, rule_of_wish(ctx, wish, run.currency), policies_on(ctx, ctx.today))


def whatif_json(found: WhatIf, limit: int | None = None) -> dict[str, Any]:
    """Return a what-if as `crm abc whatif --json` prints it: schemas/whatif.schema.json."""
    before, after = found.loads
    return {
        "moves": [{"customer": move.code, "from": move.was, "to": move.now} for move in found.moves(limit)],
        "visits_per_year": _visits(*found.visits),
        "run": found.run.id,
        "period": [found.run.period_start.isoformat(), found.run.period_end.isoformat()],
        "basis": found.run.basis,
        "level": found.run.level,
        "currency": found.run.currency,
        "rule": {
            "by": found.rule.by,
            "preset": found.rule.preset,
            "classes": [
                {
                    "grade": end.grade,
                    "within": f"{end.within.normalize():f}" if end.within is not None else None,
                    "least_minor": end.least_minor,
                    "customers": end.customers,
                }
                for end in found.ends
            ],
        },
        "service_run": found.service_run,
        "without_policy": found.without_policy,
        "moved": found.moved,
        "hand_set": found.hand_set,
        "matrix": [
            {"from": was, "to": now, "customers": count} for (was, now), count in found.matrix.items()
        ],
        "representatives": [
            {"owner": owner, **_visits(before.get(owner, Load()), after.get(owner, Load()))}
            for owner in found.owners
        ],
        "discounts": _discounts_json(found),
        "limits": _limits_json(found),
    }


def _visits(before: Load, after: Load) -> dict[str, float]:
    return _both(float(shown(before.visits)), float(shown(after.visits)))


def _both(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _discounts_json(found: WhatIf) -> dict[str, Any]:
    if found.discounts is None:
        return {"answered": False, "needs": ["purchases"]}
    before, after = found.discounts
    return {
        "answered": True,
        "ceiling": _both(float(before.ceiling), float(after.ceiling)),
        "cost_minor": _both(before.cost_minor, after.cost_minor),
    }


def _limits_json(found: WhatIf) -> dict[str, Any]:
    if found.limits is None:
        return {"answered": False, "needs": ["credit_limits"]}
    return {
        "answered": True,
        **{
            move: {"customers": limits.customers, "limit_minor": limits.limit_minor}
            for move, limits in found.limits.items()
        },
    }
