"""Amount × potential (金额与潜力矩阵): how many customers are in each cell, what they bought and could buy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import sqlalchemy as sa

from crmcore.api import (
    Chart,
    Column,
    Context,
    NotFound,
    Report,
    Table,
    UsageProblem,
    format_minor,
    printable,
    translator,
    unrestricted,
)
from crmcore_abc_analysis.explain import rule_of_run
from crmcore_abc_analysis.inputs import Money, Wanted, components, money_of_run, sums_of
from crmcore_abc_analysis.rules.classes import Floor, floors_of, grade_for, steps_of
from crmcore_abc_analysis.rules.matrix import NOBODY, Cell, CellSum, Matrix, NamedCells, add_up, name_of
from crmcore_abc_analysis.runs import code_order, customers, find_run, grades, holding, publications, runs
from crmcore_abc_analysis.tables import GROUP

_ = translator("crmcore_abc_analysis")

BLOCK = 10_000
NAMELESS = "—"


@dataclass(frozen=True, slots=True)
class _Estimates:
    """What customers could buy, in the currency of the run and by its level, and how that is cut into classes."""

    on: date
    money: Money
    potentials: Mapping[int, int]
    floors: Sequence[Floor]


def matrix(ctx: Context, on: date | None = None) -> dict[str, Any]:
    """Return the matrix as `crm abc matrix --json` prints it: schemas/matrix.schema.json.

    Amounts are those of the run by purchases made last, estimates the latest ones on a day, by default today.
    NotFound before the first run by purchases.
    """
    run = _run(ctx)
    estimates = _estimates(ctx, run, on or ctx.today)
    whole = add_up(_graded(ctx, run), estimates.potentials, estimates.floors)
    by_class = _by_potential(whole)
    return {
        "run": run.id,
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "level": run.level,
        "currency": run.currency,
        "rates": {name: str(rate) for name, rate in sorted(estimates.money.rates.items())},
        "on": estimates.on.isoformat(),
        "no_data": None if estimates.potentials else _no_data(),
        "cells": _cells(ctx, run, whole) if estimates.potentials else [],
        "potential_classes": [
            {
                "grade": floor.grade,
                "least_minor": floor.least_minor,
                **by_class.get(floor.grade, NOBODY)._asdict(),
            }
            for floor in estimates.floors
            if estimates.potentials
        ],
        "no_estimate": _apart(run, whole.no_estimate),
        "no_purchases": _apart(run, whole.no_purchases),
    }


def _no_data() -> str:
    return _("no data: needs estimates; record them with: crm abc potential set")


def _run(ctx: Context) -> sa.Row[Any]:
    """Return the run by purchases that was made last."""
    latest = (
        sa.select(publications.c.run_id)
        .join(runs, runs.c.id == publications.c.run_id)
        .where(runs.c.basis == "purchases")
        .order_by(publications.c.id.desc())
        .limit(1)
    )
    number = ctx.connection.scalar(latest)
    if number is None:
        raise NotFound(_("there is no run by purchases yet; make one with: crm abc run --basis purchases"))
    return find_run(ctx, number)


def _estimates(ctx: Context, run: sa.Row[Any], on: date) -> _Estimates:
    """Read the latest estimates of a day in one pass; CrmError where an exchange rate is unknown."""
    parts, _missing = components(
        ctx, Wanted("potential", run.level, run.period_start, run.period_end, estimated_on=on)
    )
    sums = sums_of(parts, run.level).subquery("sums")
    query = sa.select(sums.c.customer_id, sums.c.currency, sums.c.amount_minor)
    potentials: dict[int, int] = {}
    foreign: list[tuple[int, str, int]] = []
    for customer, currency, amount in ctx.connection.execute(query, execution_options={"yield_per": BLOCK}):
        if currency == run.currency:
            potentials[customer] = amount
        else:
            foreign.append((customer, currency, amount))
    money = money_of_run(ctx, run, {currency for _customer, currency, _amount in foreign})
    for customer, currency, amount in foreign:
        potentials[customer] = potentials.get(customer, 0) + money.convert(amount, currency)
    return _Estimates(on, money, potentials, floors_of(rule_of_run(run), steps_of(potentials.values())))


def _graded(ctx: Context, run: sa.Row[Any]) -> Iterator[tuple[int, str, int]]:
    query = sa.select(grades.c.customer_id, grades.c.grade, grades.c.amount_minor).where(holding(run))
    yield from ctx.connection.execute(query, execution_options={"yield_per": BLOCK})


def _by_potential(whole: Matrix) -> dict[str, CellSum]:
    """Add up each class by potential, those without purchases too."""
    found = dict(whole.no_purchases)
    for cell, total in whole.cells.items():
        before = found.get(cell.potential, NOBODY)
        found[cell.potential] = CellSum(*map(sum, zip(before, total, strict=True)))
    return found


def _cells(ctx: Context, run: sa.Row[Any], whole: Matrix) -> list[dict[str, Any]]:
    names = _names(ctx)
    return [
        {
            "amount_grade": cell.amount,
            "potential_grade": cell.potential,
            "name": name_of(cell, names),
            **whole.cells.get(cell, NOBODY)._asdict(),
        }
        for cell in _all_cells(run)
    ]


def _all_cells(run: sa.Row[Any]) -> list[Cell]:
    classes = rule_of_run(run).grades
    return [Cell(amount, potential) for amount, potential in product(classes, classes)]


def _apart(run: sa.Row[Any], sums: Mapping[str, CellSum]) -> list[dict[str, Any]]:
    return [{"grade": grade, **sums.get(grade, NOBODY)._asdict()} for grade in rule_of_run(run).grades]


# -- names ---------------------------------------------------------------------------------------------------


def _names(ctx: Context) -> list[NamedCells]:
    return [
        NamedCells(row["name"], tuple(row["amount"]), tuple(row["potential"]))
        for row in ctx.settings["matrix_cells"]
    ]


def shown_name(name: str | None) -> str:
    """Return the name of a cell as people read it: the names that we gave in the user's language."""
    ours = {
        "Keep and defend": _("Keep and defend"),
        "Develop": _("Develop"),
        "Maintain": _("Maintain"),
        "Serve simply": _("Serve simply"),
    }
    return NAMELESS if name is None else ours.get(name, name)


def _cells_called(ctx: Context, run: sa.Row[Any], text: str) -> set[Cell]:
    """Return the cells of a name, as it stands in the settings or as people read it, or the one cell such as A/C."""
    cells, names = _all_cells(run), _names(ctx)
    called = {cell: name_of(cell, names) for cell in cells}
    if any(text in {named.name, shown_name(named.name)} for named in names):
        return {cell for cell, name in called.items() if name and text in {name, shown_name(name)}}
    found = {cell for cell in cells if f"{cell.amount}/{cell.potential}" == text}
    if not found:
        known = ", ".join(dict.fromkeys(shown_name(named.name) for named in names)) or NAMELESS
        raise UsageProblem(
            _(
                "there is no cell {text!r}; take one of {known}, or class by amount / class by potential such as {pair}"
            ).format(text=printable(text), known=known, pair=f"{cells[0].amount}/{cells[-1].potential}")
        )
    return found


# -- who is in a cell ----------------------------------------------------------------------------------------


def cell_customers(
    ctx: Context, name: str, limit: int | None = None, on: date | None = None
) -> Iterator[dict[str, Any]]:
    """Return the customers of the cells of a name, the largest amount first: schemas/matrix_cell.schema.json.

    UsageProblem for a name that no cell can have.
    """
    run = _run(ctx)
    wanted = _cells_called(ctx, run, name)
    estimates = _estimates(ctx, run, on or ctx.today)
    return _members(ctx, run, estimates, wanted, limit)


def _members(
    ctx: Context, run: sa.Row[Any], estimates: _Estimates, wanted: set[Cell], limit: int | None
) -> Iterator[dict[str, Any]]:
    names = {cell: name_of(cell, _names(ctx)) for cell in wanted}
    query = _of_classes(ctx, run, {cell.amount for cell in wanted})
    found = 0
    # The database is asked for all of them; closing the result tells it that no more are wanted.
    with ctx.connection.execute(query, execution_options={"yield_per": BLOCK}) as rows:
        for row in rows:
            potential = estimates.potentials.get(row.customer_id)
            if potential is None:
                continue
            cell = Cell(row.grade, grade_for(potential, estimates.floors))
            if cell in wanted:
                yield _member(row, cell, names[cell], potential) | {"currency": run.currency}
                found += 1
                if found == limit:
                    return


def _of_classes(ctx: Context, run: sa.Row[Any], classes: Collection[str]) -> sa.Select[Any]:
    columns = (grades.c.customer_id, grades.c.grade, grades.c.amount_minor)
    return (
        sa.select(customers.c.code, customers.c.name, *columns)
        .join(customers, customers.c.id == grades.c.customer_id)
        .where(holding(run), grades.c.grade.in_(classes), *unrestricted(ctx.connection, customers.c.id))
        .order_by(grades.c.amount_minor.desc(), code_order(ctx.connection))
    )


def _member(row: sa.Row[Any], cell: Cell, name: str | None, potential: int) -> dict[str, Any]:
    return {
        "customer": row.code,
        "name": row.name,
        "amount_grade": cell.amount,
        "potential_grade": cell.potential,
        "cell": name,
        "amount_minor": row.amount_minor,
        "potential_minor": potential,
    }


def cell_table(ctx: Context, name: str, limit: int, on: date | None = None) -> Table:
    """Return the customers of the cells of a name, the largest amount first."""
    found = list(cell_customers(ctx, name, limit, on))
    return Table(
        "customers",
        _("Customers of the cell {name}").format(name=printable(name)),
        (
            Column("customer", _("Code")),
            Column("name", _("Name")),
            Column("amount_grade", _("Class by amount")),
            Column("potential_grade", _("Class by potential")),
            Column("amount", _("Amount"), "amount"),
            Column("potential", _("Potential"), "amount"),
        ),
        [
            (
                row["customer"],
                row["name"],
                row["amount_grade"],
                row["potential_grade"],
                row["amount_minor"],
                row["potential_minor"],
            )
            for row in found
        ],
        found[0]["currency"] if found else None,
    )


# -- report --------------------------------------------------------------------------------------------------


def matrix_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the matrix; parameter `on`: the day whose estimates count, empty = today."""
    day = parameters.get("on")
    found = matrix(ctx, date.fromisoformat(day) if day else None)
    title = _("Amount and potential, {start} to {end}").format(
        start=found["period"][0], end=found["period"][1]
    )
    if found["no_data"]:
        return Report(title, (), (), (found["no_data"],))
    return Report(title, (_cell_table(found), _apart_table(found)), (_chart(found),), tuple(_notes(found)))


def _cell_table(found: Mapping[str, Any]) -> Table:
    return Table(
        "cells",
        _("Cells"),
        (
            Column("amount_grade", _("Class by amount")),
            Column("potential_grade", _("Class by potential")),
            Column("name", _("Cell")),
            Column("customers", _("Customers"), "integer"),
            Column("amount", _("Amount"), "amount"),
            Column("potential", _("Potential"), "amount"),
        ),
        [
            (
                cell["amount_grade"],
                cell["potential_grade"],
                shown_name(cell["name"]),
                cell["customers"],
                cell["amount_minor"],
                cell["potential_minor"],
            )
            for cell in found["cells"]
        ],
        found["currency"],
    )


def _apart_table(found: Mapping[str, Any]) -> Table:
    kinds = (("no_estimate", _("No estimate")), ("no_purchases", _("No purchases")))
    return Table(
        "apart",
        _("Customers in no cell"),
        (
            Column("why", _("Why")),
            Column("grade", _("Class")),
            Column("customers", _("Customers"), "integer"),
            Column("amount", _("Amount"), "amount"),
            Column("potential", _("Potential"), "amount"),
        ),
        [
            (title, row["grade"], row["customers"], row["amount_minor"], row["potential_minor"])
            for key, title in kinds
            for row in found[key]
            if row["customers"]
        ],
        found["currency"],
    )


def _chart(found: Mapping[str, Any]) -> Chart:
    classes = tuple(row["grade"] for row in found["potential_classes"])
    return Chart(
        "matrix",
        _("Customers by class of amount (down) and class of potential (across)"),
        "matrix",
        classes,
        tuple(Decimal(cell["customers"]) for cell in found["cells"]),
        rows=classes,
    )


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    yield _("Classes by amount: run {run}. Estimates of potential as they stood on {on}.").format(
        run=found["run"], on=found["on"]
    )
    if found["level"] == GROUP:
        yield _("Customers with a common parent count as one, under the code of the head of the group.")
    ends = ", ".join(
        _("{grade} from {amount}").format(
            grade=row["grade"], amount=format_minor(row["least_minor"], found["currency"])
        )
        for row in found["potential_classes"]
        if row["least_minor"] is not None
    )
    yield _("Classes by potential are cut by the same rule ({currency} a year): {ends}.").format(
        currency=found["currency"], ends=ends
    )
    for currency, rate in found["rates"].items():
        yield _("Converted at 1 {foreign} = {rate} {currency}.").format(
            foreign=currency, rate=rate, currency=found["currency"]
        )
