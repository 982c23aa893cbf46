"""What a class means to the other modules (服务政策), and the class on the customer card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crmcore.api import CardSection, Context, ServicePolicy, translator

from .rules import share_of
from .runs import grades_of, runs
from .tables import CURRENT, PUBLISHED

_ = translator("crmcore_abc_analysis")


def service_policies(customer_ids: Sequence[int], ctx: Context) -> Iterator[ServicePolicy]:
    """Yield how each customer is served: the policy of its class in the current run.

    A customer without a class gets the policy of `default_grade`, or none.
    """
    policies: Mapping[str, Mapping[str, Any]] = ctx.settings["policies"]
    default = ctx.settings["default_grade"]
    run = _run_of(ctx.connection, None)
    known = grades_of(ctx.connection, run.id, customer_ids) if run is not None else {}
    for customer_id in customer_ids:
        row = known.get(customer_id)
        if row is not None and run is not None and row.grade in policies:
            why = _(
                "class {grade} in run {run}, rank {rank} of {customers} by purchases from {start} to {end}"
            ).format(
                grade=row.grade,
                run=run.id,
                rank=row.rank,
                customers=run.customers,
                start=run.period_start,
                end=run.period_end,
            )
            yield _policy(customer_id, row.grade, policies[row.grade], row.since, why)
        elif row is None and default in policies:
            why = _("no purchases were classed: the policy of class {grade} holds by default").format(
                grade=default
            )
            yield _policy(customer_id, default, policies[default], ctx.today, why)


def _policy(customer_id: int, grade: str, policy: Mapping[str, Any], since: date, why: str) -> ServicePolicy:
    return ServicePolicy(
        customer_id=customer_id,
        grade=grade,
        visit_interval_days=policy["visit_interval_days"] or None,
        visitor=policy["visitor"],
        complaint_priority=policy["complaint_priority"],
        discount_ceiling=Decimal(policy["discount_ceiling"]),
        approval_level=policy["approval_level"],
        since=since,
        why=why,
    )


def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    """Yield the class of each customer, now or as it was on a past day."""
    run = _run_of(ctx.connection, as_of)
    if run is None:
        return
    for customer_id, row in grades_of(ctx.connection, run.id, customer_ids).items():
        yield CardSection(
            customer_id,
            "grade",
            _("Customer class"),
            {
                "grade": row.grade,
                "rank": row.rank,
                "customers": run.customers,
                "amount_minor": row.amount_minor,
                "currency": run.currency,
                "share": float(share_of(max(row.amount_minor, 0), run.positive_minor)),
                "period": [run.period_start.isoformat(), run.period_end.isoformat()],
                "run": run.id,
                "since": row.since.isoformat(),
            },
            {
                "grade": _("Class"),
                "rank": _("Rank"),
                "customers": _("Of customers"),
                "amount_minor": _("Amount"),
                "currency": _("Currency"),
                "share": _("Share"),
                "period": _("Period"),
                "run": _("Run"),
                "since": _("Since"),
            },
        )


def _run_of(connection: sa.Connection, as_of: date | None) -> sa.Row[Any] | None:
    """Return the current run, or the one that had been published last by the end of a past day."""
    if as_of is None:
        return connection.execute(sa.select(runs).where(runs.c.state == CURRENT)).first()
    query = sa.select(runs).where(runs.c.state.in_(PUBLISHED), runs.c.made_on <= as_of)
    return connection.execute(query.order_by(runs.c.made_on.desc(), runs.c.id.desc()).limit(1)).first()
