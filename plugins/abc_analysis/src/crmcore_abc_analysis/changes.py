"""What has changed in the inputs of a run since it was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from crmcore.api import Context, CrmError, translator, unrestricted

from .inputs import Wanted, components, money_of_run, read_sums, sums_of, totals_of
from .runs import code_order, customers, grades, holding

_ = translator("crmcore_abc_analysis")


def changes_since(ctx: Context, run: sa.Row[Any]) -> Iterator[dict[str, Any]]:
    """Yield the customers who come to another amount now, by code: schemas/changes.schema.json.

    CrmError for a run whose purchases lie in files: these are read by making a run.
    """
    if "purchases_files" in run.settings:
        raise CrmError(
            _(
                "the purchases of run {run} lie in files: {files}; make the run again and compare both: crm abc transitions"
            ).format(run=run.id, files=run.settings["purchases_files"])
        )
    now = _amounts_now(ctx, run)
    query = sa.select(grades.c.customer_id, grades.c.amount_minor, grades.c.grade).where(holding(run))
    then = {customer: (amount, grade) for customer, amount, grade in ctx.connection.execute(query)}
    nothing = (None, None)
    changed = {
        number for number in now.keys() | then.keys() if now.get(number) != then.get(number, nothing)[0]
    }
    if not changed:
        return
    for number, code in ctx.connection.execute(
        sa.select(customers.c.id, customers.c.code)
        .where(*unrestricted(ctx.connection, customers.c.id))
        .order_by(code_order(ctx.connection))
    ):
        if number in changed:
            amount, grade = then.get(number, nothing)
            yield {"customer": code, "grade": grade, "then_minor": amount, "now_minor": now.get(number)}


def _amounts_now(ctx: Context, run: sa.Row[Any]) -> dict[int, int]:
    wanted = Wanted(run.basis, run.level, run.period_start, run.period_end)
    parts, _missing = components(ctx, wanted)
    sums = read_sums(ctx.connection, sums_of(parts, run.level))
    money = money_of_run(ctx, run, {row.currency for row in sums})
    return {total.customer: total.amount_minor for total in totals_of(sums, money)}
