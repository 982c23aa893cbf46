"""The visits a year that the service policies cost each representative (拜访负荷)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Table, translator, unrestricted
from crmcore_abc_analysis.manual import holding_on, manual
from crmcore_abc_analysis.rules.load import KINDS, Load, Served, customers_by_grade, loads, shown, together
from crmcore_abc_analysis.runs import customers, grades, group_members, holding, members_in, usual_run
from crmcore_abc_analysis.tables import GROUP

from .versions import policies_on

_ = translator("crmcore_abc_analysis")


class Serving(NamedTuple):
    """All customers, joined with the class that was set by hand and with their row in a run."""

    source: sa.FromClause
    by_hand: sa.ColumnElement[str | None]
    default: str

    def grade(self, of_run: sa.ColumnElement[str | None]) -> sa.ColumnElement[str | None]:
        """Return the class as which a customer is served: by hand, else of the run, else the usual one of the settings."""
        known = (self.by_hand, of_run)
        return sa.func.coalesce(*known, self.default) if self.default else sa.func.coalesce(*known)


def serving(ctx: Context, run: sa.Row[Any] | None, on: date) -> Serving:
    """Join each customer with its hand-set class on a day, and with its row in a run, or its group's."""
    hand = hand_set(on).subquery("hand")
    source: sa.FromClause = customers.outerjoin(hand, hand.c.customer_id == customers.c.id)
    by_hand: sa.ColumnElement[str | None] = hand.c.grade
    holder: sa.ColumnElement[int] = customers.c.id
    hands_by_group = ctx.settings["level"] == GROUP
    run_by_group = run is not None and run.level == GROUP
    if hands_by_group or run_by_group:
        pairs = members_in(run) if run is not None and run_by_group else group_members()
        members = pairs.subquery("members")
        source = source.outerjoin(members, members.c.customer_id == customers.c.id)
        if hands_by_group:
            of_head = hand_set(on).subquery("hand_of_head")
            source = source.outerjoin(of_head, of_head.c.customer_id == members.c.head_id)
            by_hand = sa.func.coalesce(hand.c.grade, of_head.c.grade)
        if run_by_group:
            holder = sa.func.coalesce(members.c.head_id, customers.c.id)
    of_run = sa.and_(grades.c.customer_id == holder, holding(run)) if run is not None else sa.false()
    return Serving(source.outerjoin(grades, of_run), by_hand, ctx.settings["default_grade"])


def hand_set(on: date) -> sa.Select[Any]:
    """Select the class that was set by hand for each customer and counts on a day: customer_id, grade."""
    latest = sa.func.row_number().over(
        partition_by=manual.c.customer_id, order_by=(manual.c.set_on.desc(), manual.c.id.desc())
    )
    rows = (
        sa.select(manual.c.customer_id, manual.c.grade, latest.label("place"))
        .where(holding_on(on))
        .subquery()
    )
    return sa.select(rows.c.customer_id, rows.c.grade).where(rows.c.place == 1)


@dataclass(frozen=True)
class CadenceLoad:
    """The visits that the policies of a day cost, by representative."""

    on: date
    run: sa.Row[Any] | None
    capacity: int
    policies: Mapping[str, Mapping[str, Any]]
    served: list[Served]

    @cached_property
    def by_owner(self) -> dict[str | None, Load]:
        """Owner → load, the largest first; None = customers whom nobody owns."""
        found = loads(self.served, self.policies).items()
        return dict(sorted(found, key=lambda item: (-item[1].visits, item[0] or "")))

    @cached_property
    def whole(self) -> Load:
        """The load of all representatives together."""
        return together(self.by_owner.values())


def load_on(ctx: Context, on: date | None = None) -> CadenceLoad:
    """Count the visits a year that the policies, classes and owners cost: classes and policies of a day, owners of now."""
    run = usual_run(ctx, on)
    day = on or ctx.today
    joined = serving(ctx, run, day)
    each = (
        sa.select(customers.c.owner.label("owner"), joined.grade(grades.c.grade).label("grade"))
        .select_from(joined.source)
        .where(customers.c.archived_at.is_(None), *unrestricted(ctx.connection, customers.c.id))
        .subquery("each_customer")
    )
    query = sa.select(each.c.owner, each.c.grade, sa.func.count()).group_by(each.c.owner, each.c.grade)
    served = list(map(Served._make, ctx.connection.execute(query)))
    return CadenceLoad(day, run, ctx.settings["visits_per_year"], policies_on(ctx, day), served)


def load_json(load: CadenceLoad) -> dict[str, Any]:
    """Return a load as `crm abc load --json` prints it: schemas/load.schema.json."""
    return {
        "on": load.on.isoformat(),
        "run": load.run.id if load.run is not None else None,
        "capacity": load.capacity,
        "customers": load.whole.customers,
        "visits_per_year": float(shown(load.whole.visits)),
        "visitors": _visitors(load.whole),
        "grades": [
            {
                "grade": grade,
                "customers": count,
                "visit_interval_days": policy["visit_interval_days"] if policy else None,
                "visitor": policy["visitor"] if policy else None,
                "visits_per_year": float(shown(load.whole.of(grade))),
            }
            for grade, count, policy in _by_grade(load)
        ],
        "representatives": [
            {
                "owner": owner,
                "customers": mine.customers,
                "visits_per_year": float(shown(mine.visits)),
                "own_visits_per_year": float(shown(mine.own)),
                "share": float(mine.used(load.capacity)) if owner is not None else None,
                "visitors": _visitors(mine),
                "grades": [
                    {"grade": grade, "visits_per_year": float(shown(visits))}
                    for grade, visits in sorted(mine.by_grade.items())
                ],
            }
            for owner, mine in load.by_owner.items()
        ],
    }


def _visitors(load: Load) -> dict[str, float]:
    return {kind: float(shown(load.by_visitor[kind])) for kind in KINDS}


def _by_grade(load: CadenceLoad) -> Iterator[tuple[str | None, int, Mapping[str, Any] | None]]:
    """Yield class, customers and policy in the order of the policies; then classes without one, then no class."""
    counts = customers_by_grade(load.served)
    others = sorted(grade for grade in counts if grade is not None and grade not in load.policies)
    for grade in (*load.policies, *others):
        yield grade, counts[grade], load.policies.get(grade)
    if counts[None]:
        yield None, counts[None], None


def representative_table(load: CadenceLoad, limit: int | None = None) -> Table:
    """Return one row per representative: customers, visits a year, and what they take of its capacity."""
    columns = (
        Column("owner", _("Representative")),
        Column("customers", _("Customers"), "integer"),
        Column("visits", _("Visits a year"), "decimal"),
        Column("manager", _("By managers"), "decimal"),
        Column("rep", _("By representatives"), "decimal"),
        Column("rep_or_phone", _("By representative or telephone"), "decimal"),
        Column("used", _("Capacity used"), "share"),
    )
    rows = [
        (
            owner or _("(nobody)"),
            mine.customers,
            shown(mine.visits),
            *(shown(mine.by_visitor[kind]) for kind in KINDS),
            mine.used(load.capacity) if owner is not None else None,
        )
        for owner, mine in list(load.by_owner.items())[:limit]
    ]
    title = _("Visits a year by representative; one can make {capacity}").format(capacity=load.capacity)
    return Table("representatives", title, columns, rows)


def class_table(load: CadenceLoad) -> Table:
    """Return one row per class: customers, how often and by whom they are visited, visits a year."""
    columns = (
        Column("grade", _("Class")),
        Column("customers", _("Customers"), "integer"),
        Column("interval", _("Days between visits")),
        Column("visitor", _("Visitor")),
        Column("visits", _("Visits a year"), "decimal"),
    )
    rows = [
        (
            grade or _("(no class)"),
            count,
            _interval(policy),
            _visitor(policy),
            shown(load.whole.of(grade)),
        )
        for grade, count, policy in _by_grade(load)
    ]
    return Table("grades", _("Visits a year by class"), columns, rows)


def _interval(policy: Mapping[str, Any] | None) -> str:
    if policy is None:
        return _("(no policy)")
    return str(policy["visit_interval_days"] or _("on demand"))


def _visitor(policy: Mapping[str, Any] | None) -> str:
    words = {
        "manager": _("manager"),
        "rep_and_manager": _("representative and manager"),
        "rep": _("representative"),
        "rep_or_phone": _("representative or telephone"),
    }
    return words[policy["visitor"]] if policy is not None else ""
