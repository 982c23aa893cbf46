"""Computing a run on an engine: the same rules as in `rules.classes`, as expressions that are written once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import Bench, Context, CrmError, div_whole, minor_digits, restricted_ids, translator

from .computing import CHUNK, Changes, Computed, Plan, row_of, too_much
from .inputs import (
    Money,
    WithoutCost,
    components,
    money_of,
    purchases_are_in_files,
    remarks_on,
    spread_of,
    sums_of,
)
from .rules.classes import Floor, Rule
from .runs import grades, group_members, holding, members_now, runs
from .tables import GROUP, PUBLISHED, AbcGrade

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from crmcore.api import App

_ = translator("crmcore_abc_analysis")

LARGEST = 2**63 - 1
SUMS = {"customer_id": "int64", "currency": "string", "amount_minor": "int64", "purchases": "int64"}
_FILES = {
    "customer_id": "int64",
    "occurred_on": "date",
    "currency": "string",
    "amount_minor": "int64",
}
_COST = {"cost_minor": "int64"}
_ROWS = {
    "id": "int64",
    "customer_id": "int64",
    "grade": "string",
    "amount_minor": "int64",
    "since_run": "int64",
}
Tables = Mapping[str, "ir.Table"]


class OnBench:
    """Computes where the data is, or on the company's own engine."""

    def __init__(self, app: App, plan: Plan, bench: Bench, name: str) -> None:
        """Take what to compute, and the open bench with the name of its engine."""
        self._app = app
        self._plan = plan
        self._bench = bench
        self._name = name
        self._visible: frozenset[int] = frozenset()
        self._floors: list[Floor] = []

    def compute(self) -> Computed:
        """Read and class; `totals` are on the bench afterwards."""
        plan, bench = self._plan, self._bench
        with self._app.read(bench.plugin) as ctx:
            # Before the bench begins to read: what was published by now it will see whole.
            self._visible = frozenset(
                ctx.connection.scalars(sa.select(runs.c.id).where(runs.c.state.in_(PUBLISHED)))
            )
            missing = self._read_sums(ctx)
            largest = dict(bench.fetch(largest_sums))
            money = money_of(ctx, largest, plan.currency, plan.wanted.end, plan.rounding)
            remarks = remarks_on(ctx, plan.wanted, missing, self._without_cost(ctx))
            members = members_now(ctx.connection, plan.wanted.level)
        _check_rates(money, largest, self._name)
        bench.define("totals", lambda t: totals_of(t["sums"], money))
        checksum = bench.begin_checksum("totals", ("customer_id", "amount_minor", "purchases"))
        ((size,),) = bench.fetch(lambda t: size_of(t["totals"]))
        if (size or 0) > LARGEST:
            raise too_much()
        (whole,) = bench.fetch(lambda t: whole_of(t["totals"]))
        customers, purchases, amount, positive = (int(value or 0) for value in whole)
        self._floors = self._floors_for(customers, positive)
        return Computed(
            money=money,
            customers=customers,
            purchases=purchases,
            amount_minor=amount,
            positive_minor=positive,
            checksum=checksum(),
            remarks=remarks,
            engine=self._name,
            members=members,
        )

    def _read_sums(self, ctx: Context) -> list[str]:
        """Put the sums per customer and currency on the bench; returns the facts that are missing."""
        plan, bench = self._plan, self._bench
        parts, missing = components(ctx, plan.wanted)
        if not purchases_are_in_files(ctx, plan.wanted.basis):
            level = plan.wanted.level
            bench.read("sums", sums_of(parts, level), SUMS, spread_of(ctx, parts, level))
            return missing
        columns = _FILES if plan.wanted.basis == "purchases" else _FILES | _COST
        bench.read_files("purchase_rows", ctx.settings["purchases_files"], columns)
        others = parts[1:]  # all but the purchases
        if others:
            bench.read("other_sums", sums_of(others, "single"), SUMS)
        if plan.wanted.level == GROUP:
            bench.read("members", group_members(), {"customer_id": "int64", "head_id": "int64"})
        left_out = restricted_ids(ctx)
        bench.define("sums", lambda t: sums_from_files(t, plan, left_out))
        return missing

    def _without_cost(self, ctx: Context) -> list[WithoutCost] | None:
        """Return the purchases in files whose cost is unknown; None where they lie in the database."""
        if not purchases_are_in_files(ctx, self._plan.wanted.basis) or self._plan.wanted.basis == "purchases":
            return None
        rows = self._bench.fetch(lambda t: without_cost(t["purchase_rows"], self._plan))
        return list(map(WithoutCost._make, rows))

    def _floors_for(self, customers: int, positive: int) -> list[Floor]:
        """Return the least amount of each class; see `rules.classes.floors_of`."""
        rule = self._plan.rule
        rest = Floor(rule.grades[-1], 0)
        if rule.by == "threshold":
            return [*rule.floors[:-1], rest]
        bounds = rule.bounds(customers if rule.by == "rank" else positive)
        least = dict(self._bench.fetch(lambda t: least_amounts(t["totals"], rule, bounds)))
        return [*(Floor(grade, least.get(place)) for place, grade in enumerate(rule.grades[:-1])), rest]

    def compare(self, base: sa.Row[Any] | None, held: sa.Row[Any] | None) -> Changes | None:
        """Compare with the run `base`; None where it was published after the moment that the bench shows."""
        if base is not None and base.id not in self._visible:
            return None
        known = self._rows_of(base) if base is not None else None
        holders = self._rows_of(held) if held is not None and held.id in self._visible else None

        def fresh(t: Tables) -> ir.Table:
            return fresh_rows(self._graded(t), known and t[known], holders and t[holders])

        if not (known or holders):  # so little work that it need not be kept
            return _ChangesOnBench(self._bench, fresh, ())
        name = f"fresh_{len(self._bench.schemas)}"
        self._bench.define(name, fresh)
        gone = self._bench.fetch(lambda t: ended_rows(self._graded(t), t[known], t[name])) if known else []
        return _ChangesOnBench(self._bench, lambda t: t[name], [number for (number,) in gone])

    def _graded(self, t: Tables) -> ir.Table:
        return graded(t["totals"], self._floors)

    def _rows_of(self, run: sa.Row[Any]) -> str:
        """Put the rows of a run on the bench, once."""
        name = f"rows_of_{run.id}"
        if name not in self._bench.schemas:
            rows = sa.select(*(grades.c[column] for column in _ROWS)).where(holding(run))
            self._bench.read(name, rows, _ROWS)
        return name


class _ChangesOnBench:
    """Changes that lie on the bench."""

    def __init__(self, bench: Bench, fresh: Callable[[Tables], ir.Table], gone: Sequence[int]) -> None:
        self._bench = bench
        self._fresh = fresh
        self._gone = gone
        ((self._count,),) = bench.fetch(lambda t: fresh(t).aggregate(count=fresh(t).count()))

    @property
    def count(self) -> int:
        return int(self._count) + len(self._gone)

    def rows(self, run_id: int, snapshot_id: int) -> Iterator[list[dict[str, Any]]]:
        for part in self._bench.batches(lambda t: self._fresh(t).order_by("customer_id"), CHUNK):
            yield [row_of(run_id, snapshot_id, *row) for row in part]

    def ended(self) -> Iterator[list[int]]:
        for first in range(0, len(self._gone), CHUNK):
            yield list(self._gone[first : first + CHUNK])

    def load(self, run_id: int, actor: str) -> Sequence[Any] | None:
        return self._bench.load(
            AbcGrade,
            lambda t: rows_in_full(self._fresh(t), run_id),
            actor=actor,
            ids_in_order=("customer_id",),
        )


# -- the expressions -----------------------------------------------------------------------------------------


def sums_from_files(t: Tables, plan: Plan, left_out: Collection[int] = ()) -> ir.Table:
    """Add up purchases that lie in files, as `inputs.sums_of` does in the database; of all but restricted persons."""
    import ibis

    rows = _in_period(t["purchase_rows"], plan)
    if left_out:
        rows = rows.filter(rows.customer_id.notin(sorted(left_out)))
    if plan.wanted.basis != "purchases":
        rows = rows.filter(rows.cost_minor.notnull())
        rows = rows.mutate(amount_minor=rows.amount_minor - rows.cost_minor)
    sums = rows.group_by(["customer_id", "currency"]).aggregate(
        amount_minor=rows.amount_minor.sum(), purchases=rows.count()
    )
    if "other_sums" in t:
        sums = ibis.union(sums, t["other_sums"])
    if "members" in t:
        members = t["members"].rename(member="customer_id")
        joined = sums.left_join(members, sums.customer_id == members.member)
        sums = joined.select(
            customer_id=ibis.coalesce(joined.head_id, joined.customer_id),
            currency=joined.currency,
            amount_minor=joined.amount_minor,
            purchases=joined.purchases,
        )
    if "other_sums" in t or "members" in t:
        sums = sums.group_by(["customer_id", "currency"]).aggregate(
            amount_minor=sums.amount_minor.sum(), purchases=sums.purchases.sum()
        )
    return sums


def without_cost(rows: ir.Table, plan: Plan) -> ir.Table:
    """Count and add up the purchases of the period whose cost is unknown, by currency."""
    unknown = _in_period(rows, plan).filter(lambda row: row.cost_minor.isnull())
    found = unknown.group_by("currency").aggregate(
        purchases=unknown.count(), amount_minor=unknown.amount_minor.sum()
    )
    return found.order_by("currency")


def _in_period(rows: ir.Table, plan: Plan) -> ir.Table:
    return rows.filter(rows.occurred_on.between(plan.wanted.start, plan.wanted.end))


def largest_sums(t: Tables) -> ir.Table:
    """Return each currency with its largest sum, whatever the sign."""
    sums = t["sums"]
    found = sums.group_by("currency").aggregate(largest=sums.amount_minor.abs().max())
    return found.order_by("currency")


def totals_of(sums: ir.Table, money: Money) -> ir.Table:
    """Convert each sum and add up by customer."""
    converted = sums.mutate(amount_minor=_converted(sums, money))
    if not money.rates:
        return converted.select("customer_id", "amount_minor", "purchases")
    return converted.group_by("customer_id").aggregate(
        amount_minor=converted.amount_minor.sum(), purchases=converted.purchases.sum()
    )


def _converted(sums: ir.Table, money: Money) -> ir.IntegerValue:
    import ibis

    amount = sums.amount_minor
    if not money.rates:
        return amount
    cases = [(sums.currency == name, _at(amount, ratio_of(money, name), money)) for name in money.rates]
    return ibis.cases(*cases, else_=amount)


def ratio_of(money: Money, currency: str) -> Fraction:
    """Return how many minor units of the common currency one minor unit of another one is worth."""
    digits = minor_digits(money.currency) - minor_digits(currency)
    return Fraction(money.rates[currency]) * Fraction(10) ** digits


def _at(amount: Any, ratio: Fraction, money: Money) -> Any:
    """Multiply by a ratio and round, in integers that stay within 64 bits."""
    import ibis

    size = amount.abs()
    whole = div_whole(size, ratio.denominator)
    product = (size - whole * ratio.denominator) * ratio.numerator
    below = whole * ratio.numerator + div_whole(product, ratio.denominator)
    twice = (product - div_whole(product, ratio.denominator) * ratio.denominator) * 2
    up = twice >= ratio.denominator
    if money.rounding == "half_even":
        up = (twice > ratio.denominator) | ((twice == ratio.denominator) & (below % 2 == 1))
    rounded = below + ibis.ifelse(up, 1, 0)
    return ibis.ifelse(amount < 0, -rounded, rounded)


def _check_rates(money: Money, largest: Mapping[str, int], engine: str) -> None:
    """Refuse what does not fit into 64 bits on the way."""
    for currency, amount in largest.items():
        if abs(money.convert(amount, currency)) > LARGEST:
            raise too_much()
    for currency, rate in money.rates.items():
        ratio = ratio_of(money, currency)
        if 2 * ratio.numerator * ratio.denominator > LARGEST:
            raise CrmError(
                _(
                    "the rate {rate} of {currency} has too many digits for the engine {engine}; shorten it in crm.toml, or take: --engine python"
                ).format(rate=rate, currency=currency, engine=engine)
            )


def size_of(totals: ir.Table) -> ir.Table:
    """Return roughly what all amounts come to, whatever their sign: the exact sum may not be computable."""
    return totals.aggregate(size=totals.amount_minor.abs().cast("float64").sum())


def whole_of(totals: ir.Table) -> ir.Table:
    """Return one row: customers, purchases, amount, positive amounts."""
    import ibis

    bought = ibis.ifelse(totals.amount_minor > 0, totals.amount_minor, 0)
    return totals.aggregate(
        customers=totals.count(),
        purchases=totals.purchases.sum(),
        amount=totals.amount_minor.sum(),
        positive=bought.sum(),
    )


def least_amounts(totals: ir.Table, rule: Rule, bounds: Sequence[int]) -> ir.Table:
    """Return the place of each class that somebody is in, 0 = the best, with the least amount in it."""
    import ibis

    positive = totals.filter(totals.amount_minor > 0)
    steps = positive.group_by("amount_minor").aggregate(buyers=positive.count())
    weight = steps.buyers if rule.by == "rank" else steps.buyers * steps.amount_minor
    down = ibis.cumulative_window(order_by=steps.amount_minor.desc())
    placed = steps.mutate(reached=weight.sum().over(down) - weight)
    cases = [(placed.reached < bound, place) for place, bound in enumerate(bounds[:-1])]
    placed = placed.mutate(place=ibis.cases(*cases, else_=len(bounds) - 1) if cases else ibis.literal(0))
    return placed.group_by("place").aggregate(least=placed.amount_minor.min()).order_by("place")


def graded(totals: ir.Table, floors: Sequence[Floor]) -> ir.Table:
    """Give each customer its class: the best one whose least amount it reaches, else the last."""
    import ibis

    *better, rest = floors
    amount = totals.amount_minor
    cases = [(amount >= least, grade) for grade, least in better if least is not None]
    grade = ibis.cases(*cases, else_=rest.grade) if cases else ibis.literal(rest.grade)
    return totals.select("customer_id", grade=grade, amount_minor=amount)


def fresh_rows(now: ir.Table, known: ir.Table | None, held: ir.Table | None) -> ir.Table:
    """Return the rows that `known` does not have: customer_id, grade, amount_minor, since_run of `held` or NULL."""
    rows = _with_since(now, held)
    if known is None:
        return rows
    before = known.select(
        known_customer=known.customer_id,
        was=known.grade,
        came_to=known.amount_minor,
        was_since=known.since_run,
    )
    joined = rows.left_join(before, rows.customer_id == before.known_customer)
    goes_on = (
        (joined.was == joined.grade)
        & (joined.came_to == joined.amount_minor)
        & (joined.was_since == joined.since_run)
    )
    return joined.filter(~goes_on.fill_null(False)).select(*_FRESH)  # noqa: FBT003


_FRESH = ("customer_id", "grade", "amount_minor", "since_run")


def _with_since(now: ir.Table, held: ir.Table | None) -> ir.Table:
    """Add since which run each customer has its class, NULL = it is a new one."""
    import ibis

    if held is None:
        return now.mutate(since_run=ibis.null("int64"))
    holders = held.select(holder=held.customer_id, holds=held.grade, since_run=held.since_run)
    same = [now.customer_id == holders.holder, now.grade == holders.holds]
    return now.left_join(holders, same).select(*_FRESH)


def ended_rows(now: ir.Table, known: ir.Table, fresh: ir.Table) -> ir.Table:
    """Return the ids of the rows of `known` that do not hold any more, ascending."""
    kept = now.anti_join(fresh, "customer_id")
    return known.anti_join(kept, "customer_id").select("id").order_by("id")


def rows_in_full(fresh: ir.Table, run_id: int) -> ir.Table:
    """Return the rows of a run that is written in full, as the table has them."""
    import ibis

    number = ibis.literal(run_id, type="int64")
    return fresh.select(
        snapshot_id=number,
        run_id=number,
        until_run=ibis.null("int64"),
        customer_id=fresh.customer_id,
        grade=fresh.grade,
        amount_minor=fresh.amount_minor,
        since_run=ibis.coalesce(fresh.since_run, number),
    )
