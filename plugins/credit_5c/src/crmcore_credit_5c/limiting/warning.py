"""What somebody should know of limits: those nearly used up, and raises that soon end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.api import Alert, MissingFact, format_minor, translator, unrestricted
from crmcore_credit_5c.limiting.current import counting, last_day, limits
from crmcore_credit_5c.limiting.exposure import Exposure, exposures_as_they_bind
from crmcore_credit_5c.limiting.groups import customers, groups_of
from crmcore_credit_5c.money import LeftOut, amounts_text
from crmcore_credit_5c.rules.limits import nearly_used

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_MOST_UNKNOWN = 100
"""More of them nobody reads: one rate that is missing may concern them all."""


def limit_alerts(run: str | None, ctx: Context) -> Iterator[Alert]:
    """Yield an alert for each limit that is nearly used up, and for each temporary one that soon ends."""
    if run is not None:
        return
    yield from _used_up(ctx)
    yield from _ending(ctx)


def _used_up(ctx: Context) -> Iterator[Alert]:
    share = Fraction(ctx.settings["limit_use_alert"])
    names = _with_limit(ctx)
    left_out = LeftOut()
    try:
        found = exposures_as_they_bind(ctx, names, left_out)
    except MissingFact:  # without a ledger nothing is used
        return
    full = {
        number: one
        for number, one in sorted(found.items())
        if one.limit_minor is not None and nearly_used(one.limit_minor, one.exposure_minor, share)
    }
    members = groups_of(ctx.connection, full).members
    for number, one in full.items():
        yield _use_alert(ctx, number, names[number], one, of_group=len(members.get(number, ())) > 1)
    for number in sorted(left_out.problems)[:_MOST_UNKNOWN]:
        yield _unknown_alert(ctx, number, names[number], left_out)


def _unknown_alert(ctx: Context, number: int, name: str, left_out: LeftOut) -> Alert:
    """Say that nobody can tell how far a limit is used; the key is that of the work item on dunning, told once."""
    amounts = amounts_text(left_out.amounts.get(number, {}))
    title = (
        _("how far {name} uses its credit limit is not known, with {amounts} open: {problem}")
        if amounts
        else _("how far {name} uses its credit limit is not known: {problem}")
    )
    return Alert(
        key=f"credit:no_rate:{number}",
        customer_id=number,
        at=ctx.now,
        title=title.format(name=name, amounts=amounts, problem=left_out.problem(number)),
        severity="warning",
    )


def _use_alert(ctx: Context, number: int, name: str, one: Exposure, *, of_group: bool) -> Alert:
    limit_minor = one.limit_minor or 0
    exceeded = one.exposure_minor > limit_minor
    beyond, near = (
        (
            _("{name} and its group are beyond their credit limit: {exposure} of {limit} {currency}"),
            _("the credit limit of {name} and its group is nearly used up: {exposure} of {limit} {currency}"),
        )
        if of_group
        else (
            _("{name} is beyond its credit limit: {exposure} of {limit} {currency}"),
            _("the credit limit of {name} is nearly used up: {exposure} of {limit} {currency}"),
        )
    )
    message = beyond if exceeded else near
    shown = {
        "exposure": format_minor(one.exposure_minor, one.currency),
        "limit": format_minor(limit_minor, one.currency),
    }
    return Alert(
        key=f"credit:limit_use:{number}:{'beyond' if exceeded else 'near'}",
        customer_id=number,
        at=ctx.now,
        title=message.format(name=name, currency=one.currency, **shown),
        severity="critical" if exceeded else "warning",
    )


def _with_limit(ctx: Context) -> dict[int, str]:
    """Return customer → name of those who have a limit of their own today."""
    held = counting(ctx.today).subquery("held")
    query = sa.select(customers.c.id, customers.c.name).join(held, held.c.customer_id == customers.c.id)
    query = query.where(*unrestricted(ctx.connection, customers.c.id))
    return {row.id: row.name for row in ctx.connection.execute(query)}


def _ending(ctx: Context) -> Iterator[Alert]:
    last = ctx.today + timedelta(days=ctx.settings["limit_notice_days"])
    held = counting(ctx.today).where(limits.c.ends_on <= last + timedelta(days=1)).subquery("held")
    query = (
        sa.select(held, customers.c.name)
        .join(customers, customers.c.id == held.c.customer_id)
        .where(*unrestricted(ctx.connection, customers.c.id))
        .order_by(held.c.ends_on, held.c.id)
    )
    for row in ctx.connection.execute(query):
        yield Alert(
            key=f"credit:limit_ends:{row.id}",
            customer_id=row.customer_id,
            at=ctx.now,
            title=_("the temporary credit limit of {name}, {limit} {currency}, ends after {until}").format(
                name=row.name,
                limit=format_minor(row.limit_minor, row.currency),
                currency=row.currency,
                until=last_day(row.ends_on),
            ),
        )
