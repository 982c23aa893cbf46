"""The limit and what of it is used on the customer card: in one section with the grade, as the printed card has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.api import CardSection, translator
from crmcore_credit_5c.limiting.current import Record, counting_rows, last_day
from crmcore_credit_5c.limiting.reading import used_if_known
from crmcore_credit_5c.money import LeftOut

if TYPE_CHECKING:
    from crmcore.api import Context
    from crmcore_credit_5c.limiting.exposure import Exposure

_ = translator("crmcore_credit_5c")
NAME = "credit"


def with_limits(
    grades: Iterable[CardSection], customer_ids: Sequence[int], as_of: date | None, ctx: Context
) -> Iterator[CardSection]:
    """Yield the sections of the grades with the limits in them, and sections of those who have a limit alone.

    What of a limit is used is known of today only.
    """
    rows = counting_rows(ctx, customer_ids, as_of or ctx.today)
    left_out = LeftOut()
    used = used_if_known(ctx, list(rows), left_out) if as_of is None else {}
    figures = {
        number: _figures(row, used.get(number), left_out.problem(number)) for number, row in rows.items()
    }
    labels = _labels()
    for section in grades:
        own = figures.pop(section.customer_id, {})
        names = {**section.labels, **{name: labels[name] for name in own}}
        yield replace(section, data={**section.data, **own}, labels=names)
    for number, own in sorted(figures.items()):
        known = {name: labels[name] for name in own}
        yield CardSection(number, NAME, _("Credit"), own, known, sensitive=True)


def _labels() -> dict[str, str]:
    return {
        "limit_minor": _("Credit limit"),
        "currency": _("Currency"),
        "limit_since": _("Limit since"),
        "limit_until": _("Limit until"),
        "payment_days": _("Payment days"),
        "exposure_minor": _("Used"),
        "headroom_minor": _("Headroom"),
        "exposure_problem": _("Used"),
    }


def _figures(row: Record, one: Exposure | None, problem: str | None) -> dict[str, Any]:
    until = last_day(row["ends_on"])
    figures = {
        "limit_minor": row["limit_minor"],
        "currency": row["currency"],
        "limit_since": row["valid_from"].isoformat(),
        "limit_until": until.isoformat() if until else None,
        "payment_days": row["payment_days"],
        "exposure_problem": problem,
    }
    if one is not None and one.currency == row["currency"]:
        figures |= {"exposure_minor": one.exposure_minor, "headroom_minor": one.headroom_minor}
    return {name: value for name, value in figures.items() if value is not None}
