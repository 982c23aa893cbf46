"""Tomorrow's stars (明日之星): small customers that could be large, and are growing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, UsageProblem, format_minor, translator
from crmcore_abc_analysis.explain import rule_of_run
from crmcore_abc_analysis.rules.classes import floors_of, grade_for, steps_of
from crmcore_abc_analysis.rules.stars import Growth, is_star, star_grade
from crmcore_abc_analysis.rules.value import in_proportion, period_before
from crmcore_abc_analysis.runs import find_run, grades_of_rule

from .amounts import Reading, archived, largest
from .profit import no_data
from .scope import limit_of

_ = translator("crmcore_abc_analysis")
SHOWN = 10


class _Star(NamedTuple):
    growth: Growth
    potential_minor: int
    """Of the period, not of a year."""
    potential_grade: str

    @property
    def unrealised_minor(self) -> int:
        return self.potential_minor - self.growth.now_minor


def stars(ctx: Context, limit: int | None = SHOWN) -> dict[str, Any]:
    """Return tomorrow's stars by the run made last, the one with most to gain first: schemas/stars.schema.json.

    NotFound before the first run; UsageProblem where the settings name a class that the run does not have.
    """
    run = find_run(ctx)
    grade = _grade(ctx, run)
    periods = _periods(run)
    reading = Reading(ctx, run)
    potentials = reading.potentials()
    needs = [] if potentials else ["potential"]
    found = _found(reading, grade, periods, potentials)
    gains = {customer: star.unrealised_minor for customer, star in found.items()}
    return {
        "run": run.id,
        "period": [day.isoformat() for day in periods[-1]],
        "periods": [[day.isoformat() for day in period] for period in periods],
        "currency": run.currency,
        "grade": grade,
        "answered": not needs,
        "needs": needs,
        "note": no_data(needs),
        "count": None if needs else len(found),
        "customers": [
            {
                "customer": customer.code,
                "name": customer.name,
                "grade": grade,
                "potential_grade": found[customer.id].potential_grade,
                "potential_minor": found[customer.id].potential_minor,
                "purchases_minor": list(found[customer.id].growth),
                "unrealised_minor": gains[customer.id],
                "why": _why(found[customer.id], run.currency),
            }
            for customer in largest(ctx.connection, gains, limit)
        ],
    }


def _grade(ctx: Context, run: sa.Row[Any]) -> str:
    wanted = ctx.settings["stars"]["grade"]
    grade = star_grade(wanted, grades_of_rule(run))
    if grade is None:
        raise UsageProblem(
            _(
                "no star can be in class {grade} of run {run}; set plugins.abc_analysis.stars.grade to one of {grades}"
            ).format(grade=wanted or "—", run=run.id, grades=", ".join(grades_of_rule(run)[1:]) or "—")
        )
    return grade


def _periods(run: sa.Row[Any]) -> list[tuple[date, date]]:
    """Return the three periods that growth is seen in, the oldest first."""
    now = run.period_start, run.period_end
    before = period_before(*now)
    return [period_before(*before), before, now]


def _found(
    reading: Reading, grade: str, periods: list[tuple[date, date]], potentials: Mapping[int, int]
) -> dict[int, _Star]:
    run = reading.run
    floors = floors_of(rule_of_run(run), steps_of(potentials.values()))
    members = reading.classed([grade])
    ids = members.with_only_columns(members.selected_columns[0])
    oldest, before, now = (reading.purchases(*period, among=ids) for period in periods)
    gone = archived(reading.ctx.connection)
    found: dict[int, _Star] = {}
    for customer in reading.ctx.connection.scalars(ids):
        if customer in gone or customer not in potentials:
            continue
        growth = Growth(oldest.get(customer, 0), before.get(customer, 0), now.get(customer, 0))
        could = grade_for(potentials[customer], floors)
        if is_star(grade, could, growth, grades_of_rule(run)):
            found[customer] = _Star(growth, in_proportion(potentials[customer], *periods[-1]), could)
    return found


def _why(star: _Star, currency: str) -> str:
    return _(
        "bought {oldest}, then {before}, then {now}; could buy {potential} {currency}, class {grade} by potential"
    ).format(
        oldest=format_minor(star.growth.oldest_minor, currency),
        before=format_minor(star.growth.before_minor, currency),
        now=format_minor(star.growth.now_minor, currency),
        potential=format_minor(star.potential_minor, currency),
        currency=currency,
        grade=star.potential_grade,
    )


def stars_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return tomorrow's stars; parameter `limit`: how many, by default 10."""
    return report_of(stars(ctx, limit_of(parameters) or SHOWN))


def report_of(found: Mapping[str, Any]) -> Report:
    """Turn stars, as `stars` returns them, into a report."""
    title = _("Tomorrow's stars, {start} to {end}").format(start=found["period"][0], end=found["period"][1])
    if not found["answered"]:
        return Report(title, (), (), (found["note"],))
    return Report(title, (_table(found),), (), tuple(_notes(found)))


def _table(found: Mapping[str, Any]) -> Table:
    starts = [period[0] for period in found["periods"]]
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("grade", _("Class")),
        Column("potential_grade", _("Class by potential")),
        *(Column(f"from_{start}", _("From {day}").format(day=start), "amount") for start in starts),
        Column("potential", _("Potential"), "amount"),
    )
    rows = [
        (
            c["customer"],
            c["name"],
            c["grade"],
            c["potential_grade"],
            *c["purchases_minor"],
            c["potential_minor"],
        )
        for c in found["customers"]
    ]
    return Table("stars", _("The most to gain first"), columns, rows, found["currency"])


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    yield _("Stars: {count}, in class {grade} of run {run}.").format(
        count=found["count"], grade=found["grade"], run=found["run"]
    )
    yield _(
        "A star is in class {grade}, in a better one by potential, and bought more in each of two periods than in the one before."
    ).format(grade=found["grade"])
