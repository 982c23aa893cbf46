"""What a class means to the other modules (服务政策), and the class on the customer card."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa

from crmcore.api import CardSection, Context, ServicePolicy, rows_as_of, translator
from crmcore_abc_analysis.manual import manual_grades
from crmcore_abc_analysis.rules.classes import share_of
from crmcore_abc_analysis.rules.policies import Policy
from crmcore_abc_analysis.runs import grades_of, heads_then, parts_of, standing_of, usual_run
from crmcore_abc_analysis.tables import AbcPotential

from .versions import policies_on

_ = translator("crmcore_abc_analysis")

potentials: sa.Table = AbcPotential.__table__  # type: ignore[attr-defined]


def service_policies(customer_ids: Sequence[int], ctx: Context) -> Iterator[ServicePolicy]:
    """Yield how each customer is served today: the policy of its effective class, set by hand or from the current run.

    A customer without a class gets the policy of `default_grade`, or none. A fixed number of statements for each few
    thousand customers.
    """
    policies = policies_on(ctx, ctx.today)
    default = ctx.settings["default_grade"]
    run = usual_run(ctx)
    computed = grades_of(ctx, run, customer_ids) if run is not None else {}
    by_hand = manual_grades(ctx, customer_ids, ctx.today)
    for customer_id in customer_ids:
        hand, row = by_hand.get(customer_id), computed.get(customer_id)
        if hand is not None:
            grade, since, why = hand.grade, hand.set_on, _why_by_hand(hand)
        elif row is not None and run is not None:
            grade, since, why = row.grade, row.since or run.made_on, _why_computed(row.grade, run)
        else:
            grade, since, why = default, ctx.today, _why_default(default)
        if grade in policies:
            yield _policy(customer_id, grade, policies[grade], since, why)


def _policy(customer_id: int, grade: str, policy: Policy, since: date, why: str) -> ServicePolicy:
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


def _why_by_hand(hand: sa.Row[Any]) -> str:
    return _("set by hand by {author} until {until}: {reason}").format(
        author=hand.author, until=hand.until, reason=hand.reason
    )


def _why_computed(grade: str, run: sa.Row[Any]) -> str:
    sentences = {
        "purchases": _("class {grade} in run {run} by purchases from {start} to {end}"),
        "margin": _("class {grade} in run {run} by gross margin from {start} to {end}"),
        "profit": _("class {grade} in run {run} by customer profit from {start} to {end}"),
        "potential": _("class {grade} in run {run} by potential as estimated until {end}"),
    }
    return sentences[run.basis].format(grade=grade, run=run.id, start=run.period_start, end=run.period_end)


def _why_default(grade: str) -> str:
    return _("no purchases were classed: the policy of class {grade} holds by default").format(grade=grade)


def card_sections(customer_ids: Sequence[int], as_of: date | None, ctx: Context) -> Iterator[CardSection]:
    """Yield the class of each customer and its potential, now or as they were known at the end of a past day.

    Then: the class by the run that was current, estimates that had been entered, groups as they were. The rank is
    on a card that is asked for alone: to rank every card of a list would cost a look at the whole run for each.
    """
    day = as_of or ctx.today
    run = usual_run(ctx, as_of)
    computed = grades_of(ctx, run, customer_ids) if run is not None else {}
    then = None if as_of is None else heads_then(ctx, customer_ids, as_of)
    by_hand = manual_grades(ctx, customer_ids, day, then)
    estimates = _potentials(ctx, customer_ids, as_of)
    alone = len(customer_ids) == 1
    labels = _labels()
    for customer_id in customer_ids:
        hand, row = by_hand.get(customer_id), computed.get(customer_id)
        facts: dict[str, Any] = {}
        if run is not None and row is not None:
            facts = _standing(ctx.connection, run, row, ranked=alone)
        if hand is not None:
            facts |= _set_by_hand(hand, facts.get("grade"))
        if facts:
            yield CardSection(
                customer_id, "grade", _("Customer class"), facts, {key: labels[key] for key in facts}
            )
        if customer_id in estimates:
            yield _potential_section(customer_id, estimates[customer_id])


def _standing(
    connection: sa.Connection, run: sa.Row[Any], row: sa.Row[Any], *, ranked: bool
) -> dict[str, Any]:
    rank = {"rank": standing_of(connection, run, row.amount_minor)[0]} if ranked else {}
    return {
        "grade": row.grade,
        **rank,
        "customers": run.customers,
        "amount_minor": row.amount_minor,
        "currency": run.currency,
        "share": float(share_of(max(row.amount_minor, 0), run.positive_minor)),
        "period": [run.period_start.isoformat(), run.period_end.isoformat()],
        "run": run.id,
        "since": (row.since or run.made_on).isoformat(),
    }


def _set_by_hand(hand: sa.Row[Any], computed: str | None) -> dict[str, Any]:
    return {
        "grade": hand.grade,
        "since": hand.set_on.isoformat(),
        "set_by_hand": True,
        "reason": hand.reason,
        "author": hand.author,
        "until": hand.until.isoformat(),
        "computed_grade": computed,
    }


def _labels() -> Mapping[str, str]:
    return {
        "grade": _("Class"),
        "rank": _("Rank"),
        "customers": _("Of customers"),
        "amount_minor": _("Amount"),
        "currency": _("Currency"),
        "share": _("Share"),
        "period": _("Period"),
        "run": _("Run"),
        "since": _("Since"),
        "set_by_hand": _("Set by hand"),
        "reason": _("Reason"),
        "author": _("Set by"),
        "until": _("Until"),
        "computed_grade": _("Class in the run"),
    }


def _potentials(
    ctx: Context, customer_ids: Collection[int], as_of: date | None
) -> dict[int, Mapping[str, Any]]:
    """Return customer id → its latest estimate of a day not to come, now or of those known on a past day."""
    if as_of is not None:
        known = rows_as_of(ctx, AbcPotential, "customer_id", customer_ids, as_of)
        known.sort(key=lambda row: row["estimated_on"])
        return {row["customer_id"]: row for row in known if row["estimated_on"] <= as_of}
    return {
        row["customer_id"]: dict(row)
        for part in parts_of(customer_ids)
        for row in ctx.connection.execute(_estimated(), {"today": ctx.today, "ids": part}).mappings()
    }


@cache
def _estimated() -> sa.Select[Any]:
    """Select the estimates of `ids`, the latest last; built once, which takes as long as reading a page of them."""
    c = potentials.c
    known = (c.estimated_on <= sa.bindparam("today"), c.customer_id.in_(sa.bindparam("ids", expanding=True)))
    return sa.select(potentials).where(*known).order_by(c.estimated_on)


def _potential_section(customer_id: int, row: Mapping[str, Any]) -> CardSection:
    return CardSection(
        customer_id,
        "potential",
        _("Potential"),
        {
            "amount_minor": row["amount_minor"],
            "currency": row["currency"],
            "estimated_on": row["estimated_on"].isoformat(),
            "estimator": row["estimator"],
        },
        {
            "amount_minor": _("Amount a year"),
            "currency": _("Currency"),
            "estimated_on": _("Estimated on"),
            "estimator": _("Estimated by"),
        },
    )
