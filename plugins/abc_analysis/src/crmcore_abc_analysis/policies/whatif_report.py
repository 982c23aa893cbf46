"""What people read of a what-if: the matrix, the effects in numbers, the largest customers who would move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.api import Chart, Column, Report, Table, format_minor, translator
from crmcore_abc_analysis.rules.load import Load, shown
from crmcore_abc_analysis.runs import grades_of_rule

if TYPE_CHECKING:
    from .whatif import WhatIf

_ = translator("crmcore_abc_analysis")


def whatif_report(found: WhatIf, limit: int) -> Report:
    """Return a what-if with so many movers at most."""
    title = _("What if: run {run}, {start} to {end}, with other cut-offs").format(
        run=found.run.id, start=found.run.period_start, end=found.run.period_end
    )
    tables = (rule_table(found), mover_table(found, limit), visit_table(found))
    return Report(title, tables, (matrix_chart(found),), tuple(effects(found)))


def matrix_chart(found: WhatIf) -> Chart:
    """Return how many customers would go from each class (rows) to each class (columns)."""
    return Chart(
        "whatif",
        _("Customers by class as it is (rows) and as it would be (columns)"),
        "matrix",
        found.rule.grades,
        tuple(Decimal(count) for count in found.matrix.values()),
        rows=grades_of_rule(found.run),
    )


def rule_table(found: WhatIf) -> Table:
    """Return where each class would end."""
    columns = (
        Column("grade", _("Class")),
        Column("within", _("Share"), "share"),
        Column("least", _("Smallest amount"), "amount"),
        Column("customers", _("Customers"), "integer"),
    )
    rows = [(end.grade, end.within, end.least_minor, end.customers) for end in found.ends]
    return Table("rule", _("Where the classes would end"), columns, rows, found.run.currency)


def mover_table(found: WhatIf, limit: int) -> Table:
    """Return who would move, the largest amounts first."""
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("owner", _("Owner")),
        Column("from", _("Class")),
        Column("to", _("Class then")),
        Column("amount", _("Amount"), "amount"),
    )
    rows = [
        (move.code, move.name, move.owner or "", move.was, move.now, move.amount_minor)
        for move in found.moves(limit)
    ]
    return Table("moves", _("Who would move"), columns, rows, found.run.currency)


def visit_table(found: WhatIf) -> Table:
    """Return the visits a year by representative, as they are and as they would be."""
    before, after = found.loads
    columns = (
        Column("owner", _("Representative")),
        Column("before", _("Visits a year"), "decimal"),
        Column("after", _("Visits a year then"), "decimal"),
        Column("difference", _("Difference"), "decimal"),
    )
    rows = [
        (owner or _("(nobody)"), *_visits(before.get(owner, Load()), after.get(owner, Load())))
        for owner in found.owners
    ]
    rows.append((_("All together"), *_visits(*found.visits)))
    return Table("visits", _("Visits a year by representative"), columns, rows)


def _visits(before: Load, after: Load) -> tuple[Decimal, Decimal, Decimal]:
    return shown(before.visits), shown(after.visits), shown(after.visits - before.visits)


def effects(found: WhatIf) -> Iterator[str]:
    """Yield one sentence each: who moves, who does not, visits, discounts, limits, and where classes do not count."""
    before, after = found.visits
    yield _("{moved} of {customers} customers would move.").format(
        moved=found.moved, customers=found.run.customers
    )
    if found.hand_set:
        yield _("Customers who keep a class that was set by hand: {count}.").format(count=found.hand_set)
    yield _("Visits a year: {before}, then {after}.").format(
        before=shown(before.visits), after=shown(after.visits)
    )
    yield _discounts(found)
    yield from _limits(found)
    if found.service_run != found.run.id:
        yield _("Visits and service follow the classes of another run: {run}.").format(
            run=found.service_run or _("none yet")
        )
    if found.without_policy:
        yield _("No service policy for: {classes}; their visits and discounts count as none.").format(
            classes=", ".join(found.without_policy)
        )


def _discounts(found: WhatIf) -> str:
    if found.discounts is None:
        return _("Discounts: no data: needs fact {fact}").format(fact="purchases")
    before, after = found.discounts
    return _(
        "Discount ceiling on average: {before:.2%}, then {after:.2%}; at full use {cost_before} {currency}, then {cost_after} {currency}."
    ).format(
        before=before.ceiling,
        after=after.ceiling,
        cost_before=format_minor(before.cost_minor, found.run.currency),
        cost_after=format_minor(after.cost_minor, found.run.currency),
        currency=found.run.currency,
    )


def _limits(found: WhatIf) -> Iterator[str]:
    if found.limits is None:
        yield _("Credit limits: no data: needs fact {fact}").format(fact="credit_limits")
        return
    sentences: Mapping[str, str] = {
        "up": _("Credit limits of customers who would move up: {amount} {currency} (customers: {count})."),
        "down": _(
            "Credit limits of customers who would move down: {amount} {currency} (customers: {count})."
        ),
        "other": _(
            "Credit limits of customers who would get another class: {amount} {currency} (customers: {count})."
        ),
    }
    for move, limits in found.limits.items():
        yield sentences[move].format(
            count=limits.customers,
            amount=format_minor(limits.limit_minor, found.run.currency),
            currency=found.run.currency,
        )
