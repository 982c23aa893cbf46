"""What each grade means on a day (信用政策): terms, ceiling, deposit, and when orders are held."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from crmcore.api import BadConfig, Context, to_minor, translator
from crmcore_credit_5c.policies.versions import grades_on
from crmcore_credit_5c.rules.policy import Grades

_ = translator("crmcore_credit_5c")


class GradePolicy(NamedTuple):
    """How customers of a grade are dealt with."""

    grade: str
    payment_days: int
    """Days from the invoice until payment is due (收款期限)."""
    cap_minor: int | None
    """The highest limit that is proposed, in minor units of the company's currency; None = no such ceiling."""
    deposit: Decimal
    """Share of an order that is paid before it is released (定金); 0 = none."""
    hold: str
    """`limit`: held beyond the limit; `overdue`: also while something is long overdue; `prepayment`: unless it is paid
    for (款到发货); `never`."""
    overdue_days: int
    """Held once the oldest open invoice is past due for more days than these."""
    review_days: int
    """Days until the customer is assessed again."""


def grade_policies(ctx: Context, day: date | None = None) -> dict[str, GradePolicy]:
    """Return grade → policy on a day, by default today, the best grade first: the approved version, else the settings.

    BadConfig for a ceiling in the settings that is finer than the currency.
    """
    return as_policies(ctx, grades_on(ctx, day or ctx.today)[1])


def as_policies(ctx: Context, grades: Grades) -> dict[str, GradePolicy]:
    """Return a policy as it is reckoned with."""
    return {grade: _policy(ctx, grade, given) for grade, given in grades.items()}


def _policy(ctx: Context, grade: str, given: Mapping[str, Any]) -> GradePolicy:
    return GradePolicy(
        grade,
        given["payment_days"],
        _cap_minor(ctx, grade, given.get("cap")),
        Decimal(given["deposit"]),
        given["hold"],
        given["overdue_days"],
        given["review_days"],
    )


def _cap_minor(ctx: Context, grade: str, cap: str | None) -> int | None:
    try:
        return None if cap is None else to_minor(Decimal(cap), ctx.currency)
    except ValueError as error:
        message = _("crm.toml: plugins.credit_5c.policy.{grade}.cap = {value!r}: {problem}; correct it")
        raise BadConfig(message.format(grade=grade, value=cap, problem=error)) from None
