"""Composition of the customers and of their purchases by a field of the card (构成分析)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, UsageProblem, translator, unrestricted
from crmcore.api import shown as shown_word
from crmcore_abc_analysis.inputs import Money, purchases_between
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.trade import places
from crmcore_abc_analysis.runs import customers, grades, grades_of_rule, holding, members_in
from crmcore_abc_analysis.tables import GROUP

from .scope import (
    BARS,
    Scope,
    amounts_by_name,
    bar_chart,
    limit_of,
    rate_notes,
    scope_of_parameters,
    shown_note,
)

_ = translator("crmcore_abc_analysis")
FIELDS = ("legal_form", "kind", "customer_kind", "industry", "region", "channel")
"""Fields of the card by which customers may be divided."""


class Group(NamedTuple):
    """The customers with one value of the field."""

    value: str | None
    """None: not given."""
    customers: int
    """Those that are not archived, and archived ones that bought anything in the period."""
    customers_share: Decimal
    buyers: int
    """Those with any purchase in the period."""
    amount_minor: int
    share: Decimal
    """Of all that was bought."""
    grades: Mapping[str, int]
    """Class in the run made last → customers."""


@dataclass(frozen=True, slots=True)
class Composition:
    """The customers, divided by a field."""

    scope: Scope
    money: Money
    by: str
    classes: tuple[str, ...]
    """Of the run made last; () before the first."""
    groups: list[Group]
    """The largest amount first."""


def composition(ctx: Context, scope: Scope, by: str) -> Composition:
    """Divide the customers by a field; UsageProblem for another than `FIELDS`, MissingFact without purchases."""
    if by not in FIELDS:
        raise UsageProblem(
            _("{by!r} is no field to divide customers by; take one of {known}").format(
                by=by, known=", ".join(FIELDS)
            )
        )
    amounts = _amounts(ctx, scope, by)
    money = scope.money(ctx, {currency for _value, currency, _amount in amounts})
    bought = amounts_by_name(amounts, money)
    counted, buyers, classes = _customers(ctx, scope, by)
    ordered = sorted(counted, key=lambda v: (-bought.get(v, 0), -counted[v], v is None, v or ""))
    whole = sum(counted.values())
    standing = places(bought.get(value, 0) for value in ordered)
    groups = [
        Group(
            value,
            counted[value],
            share_of(counted[value], whole),
            buyers[value],
            bought.get(value, 0),
            place.share,
            classes[value],
        )
        for value, place in zip(ordered, standing, strict=True)
    ]
    run = scope.run
    return Composition(scope, money, by, grades_of_rule(run) if run is not None else (), groups)


def _amounts(ctx: Context, scope: Scope, by: str) -> list[tuple[str | None, str, int]]:
    """Return value, currency and amount."""
    purchases, in_period = purchases_between(ctx, scope.start, scope.end)
    c = purchases.c
    spent = (
        sa.select(c.customer_id, c.currency, sa.func.sum(c.amount_minor).label("amount_minor"))
        .where(in_period)
        .group_by(c.customer_id, c.currency)
        .subquery("spent")
    )
    keys = (customers.c[by], spent.c.currency)
    query = sa.select(*keys, sa.cast(sa.func.sum(spent.c.amount_minor), sa.BigInteger))
    query = query.where(*unrestricted(ctx.connection, customers.c.id))
    rows = ctx.connection.execute(query.join(spent, spent.c.customer_id == customers.c.id).group_by(*keys))
    return [(value, currency, amount) for value, currency, amount in rows]


def _customers(
    ctx: Context, scope: Scope, by: str
) -> tuple[Counter[str | None], Counter[str | None], dict[str | None, Counter[str]]]:
    """Return value → customers, value → buyers, value → class → customers."""
    purchases, in_period = purchases_between(ctx, scope.start, scope.end)
    buyers = sa.select(purchases.c.customer_id).where(in_period).distinct().subquery("buyers")
    bought = buyers.c.customer_id.is_not(None)
    source: sa.FromClause = customers.outerjoin(buyers, buyers.c.customer_id == customers.c.id)
    source, grade = _with_class(source, scope.run)
    keys = (customers.c[by], bought, grade)
    query = (
        sa.select(*keys, sa.func.count())
        .select_from(source)
        .where(sa.or_(customers.c.archived_at.is_(None), bought))
        .where(*unrestricted(ctx.connection, customers.c.id))
        .group_by(*keys)
    )
    counted: Counter[str | None] = Counter()
    buying: Counter[str | None] = Counter()
    classes: dict[str | None, Counter[str]] = defaultdict(Counter)
    for value, did_buy, in_class, count in ctx.connection.execute(query):
        counted[value] += count
        buying[value] += count if did_buy else 0
        classes[value].update({in_class: count} if in_class is not None else {})
    return counted, buying, classes


def _with_class(
    source: sa.FromClause, run: sa.Row[Any] | None
) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    """Add each customer's class in a run; in a run by groups a member has the class of its group."""
    if run is None:
        return source, sa.cast(sa.null(), sa.String)
    customer: sa.ColumnElement[int] = customers.c.id
    if run.level == GROUP:
        members = members_in(run).subquery("members")
        source = source.outerjoin(members, members.c.customer_id == customers.c.id)
        customer = sa.func.coalesce(members.c.head_id, customers.c.id)
    held = sa.select(grades.c.customer_id, grades.c.grade).where(holding(run)).subquery("held")
    return source.outerjoin(held, held.c.customer_id == customer), held.c.grade


def composition_document(found: Composition, limit: int | None = None) -> dict[str, Any]:
    """Return a composition as `crm abc composition --json` prints it: schemas/composition.schema.json."""
    groups = found.groups
    return {
        **found.scope.heading(found.money),
        "by": found.by,
        "run": found.scope.run.id if found.scope.run is not None else None,
        "customers": sum(group.customers for group in groups),
        "buyers": sum(group.buyers for group in groups),
        "amount_minor": sum(group.amount_minor for group in groups),
        "rows": len(groups),
        "groups": [
            {
                "value": group.value,
                "customers": group.customers,
                "customers_share": float(group.customers_share),
                "buyers": group.buyers,
                "amount_minor": group.amount_minor,
                "share": float(group.share),
                "grades": {grade: group.grades.get(grade, 0) for grade in found.classes},
                "without_grade": _without(group),
            }
            for group in groups[:limit]
        ],
    }


def _without(group: Group) -> int:
    return group.customers - sum(group.grades.values())


def composition_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return customers and their purchases by a field (parameters by, from, to, limit) with a chart."""
    scope, limit = scope_of_parameters(ctx, parameters), limit_of(parameters)
    found = composition(ctx, scope, parameters.get("by") or FIELDS[0])
    shown = found.groups[:limit]
    title = _("Composition of customers and purchases, {start} to {end}").format(
        start=scope.start, end=scope.end
    )
    field = _titles()[found.by]
    bars = [(_value(group), group.amount_minor) for group in shown[:BARS]]
    chart = bar_chart("composition", _("Purchases by {field}").format(field=field), bars, scope.currency)
    return Report(title, (_table(found, shown, field),), chart, tuple(_notes(found, len(shown))))


def _titles() -> dict[str, str]:
    return {
        "legal_form": _("Form of organisation"),
        "kind": _("Kind"),
        "customer_kind": _("Customer kind"),
        "industry": _("Industry"),
        "region": _("Region"),
        "channel": _("Channel"),
    }


def _value(group: Group) -> str:
    return shown_word(group.value) if group.value is not None else _("(not given)")


def _table(found: Composition, groups: Iterable[Group], field: str) -> Table:
    columns = (
        Column("value", field),
        Column("customers", _("Customers"), "integer"),
        Column("customers_share", _("Share of customers"), "share"),
        Column("buyers", _("Buyers"), "integer"),
        Column("amount", _("Amount"), "amount"),
        Column("share", _("Share of amount"), "share"),
        *(Column(f"grade_{grade}", grade, "integer") for grade in found.classes),
        *((Column("without_grade", _("No class"), "integer"),) if found.classes else ()),
    )
    cells = [tuple(_cells(found, group)) for group in groups]
    return Table("groups", field, columns, cells, found.scope.currency)


def _cells(found: Composition, group: Group) -> Iterator[Any]:
    yield _value(group)
    yield from (group.customers, group.customers_share, group.buyers, group.amount_minor, group.share)
    yield from (group.grades.get(grade, 0) for grade in found.classes)
    if found.classes:
        yield _without(group)


def _notes(found: Composition, shown: int) -> Iterator[str]:
    run = found.scope.run
    if run is None:
        yield _("There is no run yet, so no classes; make one with: crm abc run")
    else:
        yield _("Classes of run {run}, {start} to {end}.").format(
            run=run.id, start=run.period_start, end=run.period_end
        )
    yield from shown_note(shown, len(found.groups))
    yield from rate_notes(found.money)
