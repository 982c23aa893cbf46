"""What customers could buy from us in a year (发展潜力): estimates, each with estimator, day and basis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.api import (
    Context,
    StaleVersion,
    UsageProblem,
    clean_name,
    find_customer,
    format_minor,
    printable,
    to_minor,
    translator,
    unrestricted,
)

from .runs import code_order, customers
from .tables import AbcPotential

if TYPE_CHECKING:
    from crmcore.api import App, Tx

_ = translator("crmcore_abc_analysis")

PLUGIN = "abc_analysis"
LARGEST_MINOR = 10**15
"""Ten trillion yuan: thousands of such estimates still add up within 64 bits."""
LONGEST_BASIS = 500
_AMOUNT = re.compile(r"-?([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5})(\.[0-9]{1,9})?")
_ISO = re.compile(r"[A-Z]{3}")

potentials: sa.Table = AbcPotential.__table__  # type: ignore[attr-defined]


class Estimate(NamedTuple):
    """An estimate as somebody states it."""

    code: str
    """Code of the customer."""
    amount: str
    """A year's amount as decimal text, such as 120000 or 120000.50."""
    currency: str | None
    """None: the company's."""
    on: date | None
    """None: today."""
    basis: str
    """What it rests on."""


def latest_potentials(ctx: Context, on: date) -> sa.Select[Any]:
    """Select each customer's latest estimate on or before a day: customer_id, estimated_on, currency, amount_minor.

    From whichever plugin provides the fact `potential`; of several estimates of one day the largest counts.
    """
    rows = ctx.facts.select("potential").subquery("estimates")
    c = rows.c
    newest_first = (c.estimated_on.desc(), c.amount_minor.desc(), c.currency)
    place = sa.func.row_number().over(partition_by=c.customer_id, order_by=newest_first).label("place")
    placed = sa.select(rows, place).where(c.estimated_on <= on).subquery("placed")
    p = placed.c
    return sa.select(p.customer_id, p.estimated_on, p.currency, p.amount_minor).where(p.place == 1)


def record_potential(
    app: App, actor: str, estimate: Estimate, *, source: str = "cli", expect_version: int | None = None
) -> dict[str, Any]:
    """Keep an estimate in place of another one of the same customer and day; returns it as `potential show` has it.

    NotFound for an unknown customer; UsageProblem for an amount, currency, day or basis that cannot be taken;
    CrmError for a currency without an exchange rate. expect_version: that of the one which is replaced, 0 = there is
    none; StaleVersion if it is another.
    """
    with app.write(actor, reason="crm abc potential set", source=source, plugin=PLUGIN) as tx:
        customer_id = find_customer(tx.connection, estimate.code)
        values = _values(tx.ctx, estimate) | {"customer_id": customer_id, "estimator": tx.actor}
        version = _keep(tx, values, estimate.code, expect_version)
    return {**_shown(values), "version": version}


def _values(ctx: Context, estimate: Estimate) -> dict[str, Any]:
    currency = ctx.currency if estimate.currency is None else currency_of(estimate.currency)
    day = estimate.on or ctx.today
    if day > ctx.today:
        raise UsageProblem(_("{day} is after today; an estimate is of today or earlier").format(day=day))
    amount_minor = _minor(estimate.amount, currency)
    require_rate(ctx, currency, day)
    return {
        "estimated_on": day,
        "amount_minor": amount_minor,
        "currency": currency,
        "basis": basis_of(estimate.basis),
    }


def _keep(tx: Tx, values: dict[str, Any], code: str, expected: int | None) -> int:
    """Write an estimate and return its version."""
    c = potentials.c
    # One after the other on PostgreSQL, too: there may be no estimate yet that could be locked.
    own = sa.select(customers.c.id).where(customers.c.id == values["customer_id"])
    tx.connection.execute(own.with_for_update(key_share=True))
    same_day = c.customer_id == values["customer_id"], c.estimated_on == values["estimated_on"]
    there = tx.connection.execute(sa.select(potentials).where(*same_day)).mappings().first()
    if expected is not None and (there["version"] if there else 0) != expected:
        raise StaleVersion(_stale_sentence(there, values, code, expected))
    if there is None:
        tx.insert(AbcPotential, [values])
        return 1
    seen = {there["id"]: there["version"]} if expected is not None else None
    return int(there["version"]) + tx.update(AbcPotential, [(there["id"], values)], expect_version=seen)


def _stale_sentence(there: Any, values: Mapping[str, Any], code: str, expected: int) -> str:
    now, yours = (
        f"{format_minor(side['amount_minor'], side['currency'])} {side['currency']}" if side else None
        for side in (there, values)
    )
    message = _(
        "the estimate of {code} of {day} was changed since you read it (version {version}, you saw {seen}): now {now!r}, yours {yours!r}; read it again"
    )
    version = there["version"] if there else 0
    return message.format(
        code=code, day=values["estimated_on"], version=version, seen=expected, now=now, yours=yours
    )


def currency_of(text: str) -> str:
    """Return an ISO 4217 code in capitals; UsageProblem for anything else."""
    code = text.strip().upper()
    if not _ISO.fullmatch(code):
        raise UsageProblem(
            _("{text!r} is no currency; use its ISO 4217 code such as CNY").format(text=printable(text))
        )
    return code


def require_rate(ctx: Context, currency: str, day: date) -> None:
    """Raise CrmError unless estimates in a currency can be compared: one that cannot stops every run that reads it."""
    ctx.facts.rate(currency, ctx.settings["currency"] or ctx.currency, day)


def _minor(text: str, currency: str) -> int:
    """Return an amount in minor units; UsageProblem where it is no amount of that currency, or negative."""
    plain = text.strip()
    if not _AMOUNT.fullmatch(plain):
        raise UsageProblem(
            _("{text!r} is no amount; write it like 120000 or 120000.50").format(text=printable(text))
        )
    try:
        minor = to_minor(Decimal(plain.replace(",", "")), currency)
    except ValueError as error:
        raise UsageProblem(_not_possible(plain, str(error))) from None
    if problem := problem_of(minor):
        raise UsageProblem(_not_possible(plain, problem))
    return minor


def _not_possible(amount: str, problem: str) -> str:
    return _("{amount} cannot be a potential: {problem}").format(amount=amount, problem=problem)


def problem_of(minor: int) -> str | None:
    """Say why an amount in minor units is none that a customer could buy for; None = it is one."""
    if minor < 0:
        return _("it is negative; 0 means that nothing is to be had")
    if minor > LARGEST_MINOR:
        return _("the amount is too large")
    return None


def basis_of(text: str) -> str:
    """Return what an estimate rests on as it is stored, on one line; UsageProblem where there is none or too much."""
    basis = printable(clean_name(text)).strip()
    if not basis:
        raise UsageProblem(_("the basis is empty; say what the estimate rests on with --basis"))
    if len(basis) > LONGEST_BASIS:
        raise UsageProblem(
            _("the basis has {length} characters; at most {most} can be kept").format(
                length=len(basis), most=LONGEST_BASIS
            )
        )
    return basis


def estimates_of(ctx: Context, code: str) -> dict[str, Any]:
    """Return a customer's estimates, the latest first: schemas/potential.schema.json. NotFound for a wrong code."""
    c = potentials.c
    customer_id = find_customer(ctx.connection, code)
    query = sa.select(potentials).where(c.customer_id == customer_id).order_by(c.estimated_on.desc())
    rows = ctx.connection.execute(query).mappings()
    return {"customer": code, "estimates": [{**_shown(row), "version": row["version"]} for row in rows]}


def list_potentials(ctx: Context, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the latest estimate of each customer that has one, by code: schemas/potentials.schema.json."""
    c = potentials.c
    newest = (
        sa.select(c.customer_id, sa.func.max(c.estimated_on).label("day"))
        .where(c.estimated_on <= ctx.today)
        .group_by(c.customer_id)
        .subquery("newest")
    )
    query: sa.Select[Any] = (
        sa.select(customers.c.code, customers.c.name, potentials)
        .join(potentials, potentials.c.customer_id == customers.c.id)
        .join(newest, sa.and_(newest.c.customer_id == c.customer_id, newest.c.day == c.estimated_on))
        .where(*unrestricted(ctx.connection, customers.c.id))
        .order_by(code_order(ctx.connection))
        .limit(limit)
    )
    for row in ctx.connection.execute(query, execution_options={"yield_per": 2000}).mappings():
        yield {"customer": row["code"], "name": row["name"], **_shown(row)}


def _shown(row: Any) -> dict[str, Any]:
    return {
        "estimated_on": row["estimated_on"].isoformat(),
        "amount_minor": row["amount_minor"],
        "currency": row["currency"],
        "estimator": row["estimator"],
        "basis": row["basis"],
    }
