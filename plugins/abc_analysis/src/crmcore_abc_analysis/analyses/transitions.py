"""The report of movements between two runs: the matrix, its numbers, and who moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from crmcore.api import Chart, Column, Context, Report, Table, UsageProblem, format_minor, translator
from crmcore_abc_analysis.movements import Transitions, transitions_of, with_shares
from crmcore_abc_analysis.rules.movements import is_drop, move_of
from crmcore_abc_analysis.runs import grades_of_rule

_ = translator("crmcore_abc_analysis")
MOVERS = 1000
"""How many customers the report lists; `crm abc transitions --json` prints all."""


def transitions_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the movements to a run (`to_run`, by default the one made last) from another (`from_run`)."""
    return report_of(
        transitions_of(ctx, run_number(parameters, "from_run"), run_number(parameters, "to_run"))
    )


def run_number(parameters: Mapping[str, str], name: str) -> int | None:
    """Return a parameter that is the number of a run; None where it is empty, UsageProblem for another text."""
    text = parameters.get(name) or ""
    if text and not text.isdecimal():
        raise UsageProblem(
            _("{text!r} is no number of a run; list them with: crm abc runs").format(text=text)
        )
    return int(text) if text else None


def report_of(found: Transitions, limit: int = MOVERS) -> Report:
    """Return the report of two runs, with so many movers at most."""
    title = _("Movements between classes, {start} to {end}").format(
        start=found.run.period_start, end=found.run.period_end
    )
    tables = (flow_table(found), mover_table(found, limit))
    return Report(title, tables, (matrix_chart(found),), (runs_sentence(found), moves_sentence(found)))


def runs_sentence(found: Transitions) -> str:
    """Say which runs are compared."""
    return _("Run {run} is compared with run {before}, {start} to {end}.").format(
        run=found.run.id,
        before=found.before.id,
        start=found.before.period_start,
        end=found.before.period_end,
    )


def moves_sentence(found: Transitions) -> str:
    """Say how many moved which way."""
    counts = found.counts()
    return _(
        "Customers who stayed: {stayed}, up: {up}, down: {down}, won: {won}, gone: {gone}; who fell or is missed: {drops}."
    ).format(
        **{move: counts[move] for move in ("stayed", "up", "down", "won", "gone")},
        drops=found.drops().total(),
    )


def matrix_chart(found: Transitions) -> Chart:
    """Return how many customers went from each class (rows) to each class (columns)."""
    return Chart(
        "transitions",
        _("Customers by class before (rows) and now (columns)"),
        "matrix",
        (*grades_of_rule(found.run), _("gone")),
        tuple(Decimal(count) for count in _cells(found)),
        rows=(*grades_of_rule(found.before), _("new")),
    )


def _cells(found: Transitions) -> list[int]:
    """Return the customers of each cell, row by row; nobody was without a class before and is now."""
    return [*(flow.customers for flow in found.flows), 0]


def flow_table(found: Transitions) -> Table:
    """Return one row per movement that anybody made, staying included."""
    write, amount_type, currency = _amounts(found)
    columns = (
        Column("from", _("Class before")),
        Column("to", _("Class now")),
        Column("customers", _("Customers"), "integer"),
        Column("share", _("Share of the class before"), "share"),
        Column("amount_before", _("Amount before"), amount_type),
        Column("amount", _("Amount now"), amount_type),
    )
    rows = [
        (
            flow.was or _("new"),
            flow.now or _("gone"),
            flow.customers,
            share,
            write(flow.amount_before_minor, found.before.currency) if flow.was else None,
            write(flow.amount_minor, found.run.currency) if flow.now else None,
        )
        for flow, share in with_shares(found.flows)
        if flow.customers
    ]
    return Table("flows", _("Movements"), columns, rows, currency)


def mover_table(found: Transitions, limit: int) -> Table:
    """Return who moved, the largest customers first."""
    write, amount_type, currency = _amounts(found)
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("owner", _("Owner")),
        Column("from", _("Class before")),
        Column("to", _("Class now")),
        Column("move", _("Movement")),
        Column("drop", _("Fell")),
        Column("amount_before", _("Amount before"), amount_type),
        Column("amount", _("Amount now"), amount_type),
    )
    moves = move_words()
    rows = [
        (
            mover.code,
            mover.name,
            mover.owner or "",
            mover.was or "",
            mover.now or "",
            moves[move_of(mover.was, mover.now, found.order)],
            _("yes") if is_drop(mover.was, mover.now, found.order) else "",
            write(mover.amount_before_minor, found.before.currency),
            write(mover.amount_minor, found.run.currency),
        )
        for mover in found.movers(limit)
    ]
    return Table("movers", _("Who moved"), columns, rows, currency)


def move_words() -> dict[str, str]:
    """Return what people read for each move."""
    return {
        "stayed": _("stayed"),
        "up": _("up"),
        "down": _("down"),
        "won": _("won"),
        "gone": _("gone"),
        "other": _("not comparable"),
    }


def _amounts(found: Transitions) -> tuple[Callable[[int | None, str], Any], Any, str | None]:
    """Return how amounts are written: as numbers, or as texts where the two runs have different currencies."""
    if found.before.currency == found.run.currency:
        return lambda amount, _currency: amount, "amount", found.run.currency
    return _with_currency, "text", None


def _with_currency(amount: int | None, currency: str) -> str | None:
    return None if amount is None else f"{format_minor(amount, currency)} {currency}"
