"""The general manager's page: the state of the customers on one sheet of paper (总经理一页报表)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import Column, Context, NotFound, Report, Table, translator
from crmcore_abc_analysis.movements import Transitions, transitions_of
from crmcore_abc_analysis.policies.load import CadenceLoad, load_on
from crmcore_abc_analysis.reports import (
    grade_table,
    pareto_chart,
    remark_sentences,
    rule_sentence,
)
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.load import shown
from crmcore_abc_analysis.runs import find_run, totals_of_run, usual_run

from .concentration import run_concentration
from .scope import rounded
from .transitions import matrix_chart, moves_sentence, run_number, runs_sentence

_ = translator("crmcore_abc_analysis")
LISTED = 10
_REPRESENTATIVES = 6
"""What one sheet has room for."""
_FACTS = ("potential", "stock", "cost_to_serve", "investments", "complaints", "wallet", "credit_limits")
"""What the analyses can use beside the purchases."""


def overview_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the page of a run (parameter `run`, by default the one made last), compared with the run before it."""
    run = find_run(ctx, run_number(parameters, "run"))
    moved = _moved(ctx, run)
    load = load_on(ctx)
    tables = [_key_figures(ctx, run, moved), grade_table(ctx, run)]
    charts = list(pareto_chart(ctx.connection, run))
    if moved is not None:
        charts.append(matrix_chart(moved))
        tables.append(_drop_table(moved))
    tables.append(_load_table(load))
    title = _("Customers at a glance, {start} to {end}").format(start=run.period_start, end=run.period_end)
    return Report(title, tuple(tables), tuple(charts), tuple(_notes(ctx, run, moved, load)))


def _moved(ctx: Context, run: sa.Row[Any]) -> Transitions | None:
    try:
        return transitions_of(ctx, None, run.id)
    except NotFound:
        return None


def _key_figures(ctx: Context, run: sa.Row[Any], moved: Transitions | None) -> Table:
    """Return the figures of the run, of the run before, and the change from one to the other."""
    columns = (
        Column("run", _("Run")),
        Column("customers", _("Customers"), "integer"),
        Column("amount", _("Amount"), "amount"),
        Column("best", _("Share of class {grade}").format(grade=_best(ctx, run)[0]), "share"),
        Column("gini", _("Gini coefficient"), "decimal"),
    )
    now = _figures(ctx, run)
    rows: list[tuple[Any, ...]] = [(_("now"), *now)]
    if moved is not None:
        before = _figures(ctx, moved.before)
        change = (None if None in pair else pair[0] - pair[1] for pair in zip(now, before, strict=True))
        rows += [(_("before"), *before), (_("change"), *change)]
    return Table("key_figures", _("Key figures"), columns, rows, run.currency)


def _figures(ctx: Context, run: sa.Row[Any]) -> tuple[Any, ...]:
    """Return customers, amount, share of the best class and Gini coefficient (None where nobody bought anything)."""
    measures = run_concentration(ctx, run.id).measures
    gini = rounded(share_of(measures.gini.numerator, measures.gini.denominator), 3) if measures else None
    return run.customers, run.amount_minor, _best(ctx, run)[1], gini


def _best(ctx: Context, run: sa.Row[Any]) -> tuple[str, Decimal]:
    """Return the best class and its share of the amount."""
    best = totals_of_run(ctx.connection, run)[0]
    return best.grade, best.share


def _drop_table(moved: Transitions) -> Table:
    """Return the largest customers who fell; narrow, since the sheet has two columns."""
    columns = (
        Column("name", _("Name")),
        Column("move", _("Class")),
        Column("amount_before", _("Amount before"), "amount"),
    )
    rows = [
        (drop.name, f"{drop.was}\u00a0→\u00a0{drop.now or _('gone')}", drop.amount_before_minor)
        for drop in moved.fallen(LISTED)
    ]
    count = moved.drops().total()
    title = _("Who fell or is missed: the largest {shown} of {count}").format(shown=len(rows), count=count)
    return Table("drops", title, columns, rows, moved.before.currency)


def _load_table(load: CadenceLoad) -> Table:
    """Return the representatives with the most visits."""
    columns = (
        Column("owner", _("Representative")),
        Column("customers", _("Customers"), "integer"),
        Column("visits", _("Visits a year"), "decimal"),
        Column("used", _("Capacity used"), "share"),
    )
    rows = [
        (
            owner or _("(nobody)"),
            mine.customers,
            shown(mine.visits),
            mine.used(load.capacity) if owner is not None else None,
        )
        for owner, mine in list(load.by_owner.items())[:_REPRESENTATIVES]
    ]
    title = _("Visits a year by representative: {shown} of {count}").format(
        shown=len(rows), count=len(load.by_owner)
    )
    return Table("representatives", title, columns, rows)


def _notes(ctx: Context, run: sa.Row[Any], moved: Transitions | None, load: CadenceLoad) -> Iterator[str]:
    yield rule_sentence(run)
    if moved is None:
        yield _("Run {run} is the first of its kind, so there is nothing to compare it with.").format(
            run=run.id
        )
    else:
        yield runs_sentence(moved)
        yield moves_sentence(moved)
    yield from _strained(load)
    yield from remark_sentences(run)
    yield from _cautions(ctx, run)


def _strained(load: CadenceLoad) -> Iterator[str]:
    """Say who has more visits to make than it can."""
    names = [owner for owner, mine in load.by_owner.items() if owner and mine.used(load.capacity) > 1]
    if names:
        yield _("More visits than the {capacity} that one can make: {names}.").format(
            capacity=load.capacity, names=_some(names)
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (" …" if len(names) > LISTED else "")


def _cautions(ctx: Context, run: sa.Row[Any]) -> Iterator[str]:
    """Say where other classes count than those shown, and which facts nobody provides."""
    usual = usual_run(ctx)
    if usual is None or usual.id != run.id:
        yield _("Visits and service follow the classes of another run: {run}.").format(
            run=usual.id if usual is not None else _("none yet")
        )
    missing = [fact for fact in _FACTS if fact not in ctx.facts.available()]
    if missing:
        yield _(
            "No data: needs the facts {facts}; the analyses that use them leave them out and say so."
        ).format(facts=", ".join(missing))
