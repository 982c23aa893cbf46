"""How customers moved between classes from one run to another (客户等级变动), and who fell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Alert, Context, NotFound, WorkItem, translator, unrestricted

from .rules.classes import share_of
from .rules.movements import Made, Move, is_drop, move_of, order_of_both, run_to_compare
from .runs import (
    code_order,
    customers,
    find_run,
    grades,
    grades_of_rule,
    holding,
    members_in,
    runs,
    usual_run,
)
from .tables import GROUP, PUBLISHED

_ = translator("crmcore_abc_analysis")

_was, _now = grades.alias("was"), grades.alias("now")


class Flow(NamedTuple):
    """All customers that went from one class to another; None = no class."""

    was: str | None
    now: str | None
    customers: int
    amount_before_minor: int
    """What they came to in the run before, in its currency."""
    amount_minor: int


class Mover(NamedTuple):
    """A customer whose class changed; no class, no amount."""

    customer_id: int
    code: str
    name: str
    owner: str | None
    was: str | None
    now: str | None
    amount_before_minor: int | None
    amount_minor: int | None


@dataclass(frozen=True)
class Transitions:
    """Two runs, and the movements from the one to the other."""

    connection: sa.Connection
    before: sa.Row[Any]
    run: sa.Row[Any]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The classes of both runs, the best first; () where they cannot be put in one order."""
        return order_of_both(grades_of_rule(self.before), grades_of_rule(self.run))

    @cached_property
    def flows(self) -> list[Flow]:
        """Each class of the run before, then none, against each class of the run, then none; also the empty ones."""
        found = {(flow.was, flow.now): flow for flow in self._found_flows()}
        return [
            found.get((was, now), Flow(was, now, 0, 0, 0))
            for was in (*grades_of_rule(self.before), None)
            for now in (*grades_of_rule(self.run), None)
            if was is not None or now is not None
        ]

    def _found_flows(self) -> Iterator[Flow]:
        classes = (_was.c.grade, _now.c.grade)
        sums = (sa.func.count(), sa.func.sum(_was.c.amount_minor), sa.func.sum(_now.c.amount_minor))
        for query in (self._known_before(*classes, *sums), self._won(*classes, *sums)):
            for was, now, count, before, after in self.connection.execute(query.group_by(*classes)):
                yield Flow(was, now, count, int(before or 0), int(after or 0))

    def counts(self) -> Counter[Move]:
        """Return how many customers made which move."""
        counted: Counter[Move] = Counter()
        for flow in self.flows:
            counted[move_of(flow.was, flow.now, self.order)] += flow.customers
        return counted

    def drops(self) -> Counter[str]:
        """Return how many customers fell from which class."""
        counted: Counter[str] = Counter()
        for flow in self.flows:
            if flow.was is not None and is_drop(flow.was, flow.now, self.order):
                counted[flow.was] += flow.customers
        return +counted

    def movers(self, limit: int | None = None) -> Iterator[Mover]:
        """Yield whose class changed, the largest customers first: by the larger of both amounts, then by code."""
        changed = sa.or_(_now.c.grade.is_(None), _now.c.grade != _was.c.grade)
        both = sa.union_all(
            self._known_before(*self._columns(_was.c.customer_id)).where(changed),
            self._won(*self._columns(_now.c.customer_id)),
        ).subquery("both")
        before, after = both.c.amount_before_minor, both.c.amount_minor
        larger = sa.case((sa.or_(after.is_(None), before > after), before), else_=after)
        query = self._movers(both).order_by(larger.desc(), code_order(self.connection)).limit(limit)
        return map(Mover._make, self.connection.execute(query))

    def fallen(self, limit: int | None = None, owners: Iterable[str | None] | None = None) -> Iterator[Mover]:
        """Yield who fell, the best customers of the run before first; only those of some owners if they are given."""
        if not self.order:
            return iter(())
        places = {grade: place for place, grade in enumerate(self.order)}
        worse = sa.case(places, value=_now.c.grade) > sa.case(places, value=_was.c.grade)
        lost = sa.and_(_now.c.grade.is_(None), _was.c.grade != self.order[-1])
        both = (
            self._known_before(*self._columns(_was.c.customer_id)).where(sa.or_(worse, lost)).subquery("both")
        )
        query = self._movers(both).order_by(both.c.amount_before_minor.desc(), code_order(self.connection))
        if owners is not None:
            query = query.where(_is_one_of(customers.c.owner, owners))
        return map(Mover._make, self.connection.execute(query.limit(limit)))

    @staticmethod
    def _columns(customer: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[Any], ...]:
        return (
            customer.label("customer_id"),
            _was.c.grade.label("was"),
            _now.c.grade.label("now"),
            _was.c.amount_minor.label("amount_before_minor"),
            _now.c.amount_minor.label("amount_minor"),
        )

    def _movers(self, both: sa.Subquery) -> sa.Select[Any]:
        of_customer = (both.c.customer_id, customers.c.code, customers.c.name, customers.c.owner)
        of_move = (both.c.was, both.c.now, both.c.amount_before_minor, both.c.amount_minor)
        query = sa.select(*of_customer, *of_move).join(customers, customers.c.id == both.c.customer_id)
        return query.where(*unrestricted(self.connection, customers.c.id))

    def _known_before(self, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """Select from all of the run before, whether they are in the run or not."""
        both = _was.outerjoin(
            _now, sa.and_(_now.c.customer_id == _was.c.customer_id, holding(self.run, _now))
        )
        known = sa.select(*columns).select_from(both).where(_in_order(self.before, _was))
        return known.where(_was.c.customer_id.not_in(_joined(self.run))) if self.by_groups else known

    def _won(self, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """Select from those of the run who were not in the run before."""
        both = _now.outerjoin(
            _was, sa.and_(_was.c.customer_id == _now.c.customer_id, holding(self.before, _was))
        )
        won = sa.select(*columns).select_from(both).where(_in_order(self.run, _now), _was.c.id.is_(None))
        return won.where(_now.c.customer_id.not_in(_joined(self.before))) if self.by_groups else won

    @property
    def by_groups(self) -> bool:
        """Whether who is not in one of the runs may count for another in it: then it was neither lost nor won."""
        return GROUP in {self.before.level, self.run.level}


def _joined(run: sa.Row[Any]) -> sa.Select[Any]:
    """Select who counted for another in a run."""
    return sa.select(members_in(run).subquery("joined").c.customer_id)


def _in_order(run: sa.Row[Any], rows: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a row holds in a run, such that SQLite reads them by customer.

    Without a condition on the customer it takes the index by amount and jumps about in the table: four times as long.
    """
    return sa.and_(holding(run, rows), rows.c.customer_id > 0)


def _is_one_of(column: sa.ColumnElement[str | None], values: Iterable[str | None]) -> sa.ColumnElement[bool]:
    known = list(values)
    named = column.in_([value for value in known if value])
    return sa.or_(named, column.is_(None), column == "") if None in known else named


def run_before(connection: sa.Connection, run: sa.Row[Any]) -> int | None:
    """Return the run to compare with, of the same basis and level and made under the same settings; None for the first."""
    same = [runs.c[name] == getattr(run, name) for name in ("basis", "level", "settings_version")]
    query = sa.select(runs.c.id, runs.c.period_start, runs.c.period_end, runs.c.published_at)
    others = map(Made._make, connection.execute(query.where(*same, runs.c.state.in_(PUBLISHED))))
    found = run_to_compare(Made(run.id, run.period_start, run.period_end, run.published_at), others)
    return found.run if found is not None else None


def transitions_of(ctx: Context, from_run: int | None = None, to_run: int | None = None) -> Transitions:
    """Return the movements to a run, by default the one made last, from another, by default the one before of its kind.

    NotFound for a run that there is not, or that has none before it.
    """
    run = find_run(ctx, to_run)
    before = from_run if from_run is not None else run_before(ctx.connection, run)
    if before is None:
        raise NotFound(
            _(
                "run {run} is the first of its kind, so nobody has moved; compare it with another: --from-run N (crm abc runs lists them)"
            ).format(run=run.id)
        )
    return Transitions(ctx.connection, find_run(ctx, before), run)


def transitions(
    ctx: Context, from_run: int | None = None, to_run: int | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Return the movements as `crm abc transitions --json` prints them: schemas/transitions.schema.json."""
    found = transitions_of(ctx, from_run, to_run)
    counts = found.counts()
    return {
        "from": _run_json(found.before),
        "to": _run_json(found.run),
        "matrix": [
            {
                "from": flow.was,
                "to": flow.now,
                "customers": flow.customers,
                "share": float(share),
                "amount_before_minor": flow.amount_before_minor,
                "amount_minor": flow.amount_minor,
            }
            for flow, share in with_shares(found.flows)
        ],
        "counts": {move: counts[move] for move in ("stayed", "up", "down", "won", "gone", "other")},
        "drops": found.drops().total(),
        "movers": [
            {
                "customer": mover.code,
                "from": mover.was,
                "to": mover.now,
                "move": move_of(mover.was, mover.now, found.order),
                "drop": is_drop(mover.was, mover.now, found.order),
                "amount_before_minor": mover.amount_before_minor,
                "amount_minor": mover.amount_minor,
            }
            for mover in found.movers(limit)
        ],
    }


def with_shares(flows: Sequence[Flow]) -> Iterator[tuple[Flow, Any]]:
    """Yield each flow with its share of all customers who come from the same class."""
    rows = Counter[str | None]()
    for flow in flows:
        rows[flow.was] += flow.customers
    for flow in flows:
        yield flow, share_of(flow.customers, rows[flow.was])


def _run_json(run: sa.Row[Any]) -> dict[str, Any]:
    return {
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "basis": run.basis,
        "level": run.level,
        "currency": run.currency,
        "grades": list(grades_of_rule(run)),
    }


def drop_items(actor: str, since: date | None, ctx: Context) -> Iterator[WorkItem]:
    """Yield a work item for each customer who fell in the run whose classes count.

    Who owns customers sees theirs and those of nobody; who owns none, as a manager, sees all.
    """
    run = usual_run(ctx)
    if run is None or (since is not None and run.made_on < since):
        return
    found = _drops_in(ctx, run)
    if found is None:
        return
    owns = ctx.connection.scalar(sa.select(sa.exists().where(customers.c.owner == actor)))
    for drop in found.fallen(owners=[actor, None] if owns else None):
        yield WorkItem(
            key=f"abc:drop:{run.id}:{drop.customer_id}",
            customer_id=drop.customer_id,
            due=None,
            title=drop_sentence(drop, run.basis),
            severity="critical" if drop.was == found.order[0] else "warning",
            # Without a purchase there is nothing to explain in this run, but in the one before.
            command=f"crm abc explain {drop.code}" + ("" if drop.now else f" --run {found.before.id}"),
        )


def drop_alerts(number: str | None, ctx: Context) -> Iterator[Alert]:
    """Yield one alert for a run in which customers fell: how many, and from which class.

    Only for runs of the company's usual basis and level: a trial of another one alarms nobody.
    """
    run = _usual(ctx, number)
    found = _drops_in(ctx, run) if run is not None else None
    counts = found.drops() if found is not None else Counter[str]()
    if run is None or found is None or not counts:
        return
    shown = ", ".join(f"{grade}: {counts[grade]}" for grade in found.order if counts[grade])
    yield Alert(
        key=f"abc:drops:{run.id}",
        customer_id=None,
        at=run.published_at,
        title=_("customers who fell to a worse class in run {run}: {count} ({shown})").format(
            count=counts.total(), run=run.id, shown=shown
        ),
        severity="critical" if counts[found.order[0]] else "warning",
    )


def drop_sentence(drop: Mover, basis: str = "purchases") -> str:
    """Say in words how a customer fell."""
    words = {"name": drop.name, "was": drop.was, "now": drop.now}
    if drop.now is not None:
        return _("{name} fell from class {was} to {now}").format(**words)
    if basis == "potential":
        return _("{name} was in class {was} and has no estimate of its potential any more").format(**words)
    return _("{name} was in class {was} and buys nothing any more").format(**words)


def _drops_in(ctx: Context, run: sa.Row[Any]) -> Transitions | None:
    before = run_before(ctx.connection, run)
    return Transitions(ctx.connection, find_run(ctx, before), run) if before is not None else None


def _usual(ctx: Context, number: str | None) -> sa.Row[Any] | None:
    """Return the run whose classes count, or the one asked for; None for what is no such run of ours."""
    if number is None:
        return usual_run(ctx)
    if not number.isdecimal():
        return None
    usual = (runs.c.basis == ctx.settings["basis"], runs.c.level == ctx.settings["level"])
    query = sa.select(runs).where(runs.c.id == int(number), runs.c.state.in_(PUBLISHED), *usual)
    return ctx.connection.execute(query).first()
