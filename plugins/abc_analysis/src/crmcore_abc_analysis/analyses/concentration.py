"""How unequally sales are spread over the customers of a run: Lorenz curve, Gini coefficient, the best customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from crmcore.api import Chart, Column, Context, Report, Table, UsageProblem, translator
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.concentration import STEPS, Alike, Concentration, concentration_of
from crmcore_abc_analysis.runs import find_run, grades, holding

from .scope import rounded

_ = translator("crmcore_abc_analysis")
_STREAMED = {"yield_per": 5000}


@dataclass(frozen=True, slots=True)
class RunConcentration:
    """The concentration of a run."""

    run: sa.Row[Any]
    customers: int
    buying: int
    """Those with more than zero."""
    bought_minor: int
    measures: Concentration | None
    """None where nobody bought anything."""


def run_concentration(ctx: Context, number: int | None = None) -> RunConcentration:
    """Measure a run, by default the one made last; NotFound where there is none."""
    run = find_run(ctx, number)
    amount: sa.ColumnElement[int] = grades.c.amount_minor
    positive = sa.case((amount > 0, amount), else_=0)
    query = sa.select(
        sa.func.count(), sa.func.count().filter(amount > 0), sa.func.coalesce(sa.func.sum(positive), 0)
    )
    customers, buying, bought = ctx.connection.execute(query.where(holding(run))).one()
    alike = sa.select(amount, sa.func.count()).where(holding(run)).group_by(amount).order_by(amount.desc())
    with ctx.connection.execute(alike, execution_options=_STREAMED) as groups:
        measures = concentration_of(map(Alike._make, groups), customers, int(bought))
    return RunConcentration(run, customers, buying, int(bought), measures)


def concentration_document(found: RunConcentration) -> dict[str, Any]:
    """Return a concentration as `crm abc concentration --json` prints it: schemas/concentration.schema.json."""
    run, measures = found.run, found.measures
    return {
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "currency": run.currency,
        "basis": run.basis,
        "customers": found.customers,
        "buying": found.buying,
        "amount_minor": found.bought_minor,
        "gini": _number(measures.gini) if measures else None,
        "effective_customers": _number(measures.effective) if measures else None,
        "largest_share": _number(measures.largest) if measures else None,
        "best": [
            {
                "within": float(best.within),
                "customers": best.customers,
                "amount_minor": best.amount_minor,
                "share": _number(best.share),
            }
            for best in (measures.best if measures else ())
        ],
        "lorenz": [_number(share) for share in (measures.lorenz if measures else ())],
    }


def _number(value: Fraction) -> float:
    return float(_decimal(value))


def _decimal(value: Fraction) -> Decimal:
    return share_of(value.numerator, value.denominator)


def concentration_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the concentration of a run (parameter `run`, by default the one made last) with its Lorenz curve."""
    text = parameters.get("run") or ""
    if text and not text.isdecimal():
        raise UsageProblem(
            _("{text!r} is no number of a run; list them with: crm abc runs").format(text=text)
        )
    found = run_concentration(ctx, int(text) if text else None)
    run, measures = found.run, found.measures
    title = _("Concentration of customers, {start} to {end}").format(
        start=run.period_start, end=run.period_end
    )
    if measures is None:
        return Report(title, notes=(_("Nobody bought anything, so nothing is concentrated."),))
    tables = (_measures_table(found, measures), _best_table(found, measures))
    return Report(title, tables, (_curve(measures),), tuple(_notes(found)))


def _measures_table(found: RunConcentration, measures: Concentration) -> Table:
    columns = (
        Column("customers", _("Customers"), "integer"),
        Column("gini", _("Gini coefficient"), "decimal"),
        Column("effective", _("Effective number of customers"), "decimal"),
        Column("largest", _("Share of the largest customer"), "share"),
    )
    row = (
        found.customers,
        rounded(_decimal(measures.gini), 4),
        rounded(_decimal(measures.effective)),
        _decimal(measures.largest),
    )
    return Table("measures", _("Concentration"), columns, [row])


def _best_table(found: RunConcentration, measures: Concentration) -> Table:
    columns = (
        Column("within", _("Best customers"), "share"),
        Column("customers", _("Customers"), "integer"),
        Column("amount", _("Amount"), "amount"),
        Column("share", _("Share of amount"), "share"),
    )
    rows = [(best.within, best.customers, best.amount_minor, _decimal(best.share)) for best in measures.best]
    return Table("best", _("What the best customers bring"), columns, rows, found.run.currency)


def _curve(measures: Concentration) -> Chart:
    """Return the Lorenz curve beside the diagonal, on which all would have bought the same."""
    steps = [Decimal(step) / STEPS for step in range(STEPS + 1)]
    return Chart(
        "lorenz",
        _("Lorenz curve, the smallest customers first"),
        "curve",
        (_("share of customers"), _("share of amount")),
        tuple(_decimal(share) for share in measures.lorenz),
        tuple(steps),
    )


def _notes(found: RunConcentration) -> Iterator[str]:
    yield _(
        "Run {run}; the Gini coefficient is 0 where all bring the same, and near 1 where one brings all."
    ).format(run=found.run.id)
    if found.buying < found.customers:
        yield _("Customers at zero or below, who count as 0: {count}.").format(
            count=found.customers - found.buying
        )
