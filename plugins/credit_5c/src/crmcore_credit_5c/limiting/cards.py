"""The limit and what of it is used on the customer card: in one section with the grade, as the printed card has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.api import CardSection, translator
from crmcore_credit_5c.limiting.current import Record, counting_rows, last_day
from crmcore_credit_5c.limiting.groups import groups_of
from crmcore_credit_5c.limiting.reading import used_as_they_bind
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

    What of a limit is used is known of today only; that of a top parent is used by its whole group.
    """
    rows = counting_rows(ctx, customer_ids, as_of or ctx.today)
    left_out = LeftOut()
    used = used_as_they_bind(ctx, list(rows), left_out) if as_of is None else {}
    members = groups_of(ctx.connection, used).members
    figures = {
        number: _figures(row, used.get(number), left_out.problem(number)) for number, row in rows.items()
    }
    for section in grades:
        own = figures.pop(section.customer_id, {})
        names = {**section.labels, **_labels(own, of_group=len(members.get(section.customer_id, ())) > 1)}
        yield replace(section, data={**section.data, **own}, labels=names)
    for number, own in sorted(figures.items()):
        known = _labels(own, of_group=len(members.get(number, ())) > 1)
        yield CardSection(number, NAME, _("Credit"), own, known, sensitive=True)


def _labels(names: Iterable[str], *, of_group: bool) -> dict[str, str]:
    used = _("Used by the whole group") if of_group else _("Used")
    labels = {
        "limit_minor": _("Credit limit"),
        "currency": _("Currency"),
        "limit_since": _("Limit since"),
        "limit_until": _("Limit until"),
        "payment_days": _("Payment days"),
        "exposure_minor": used,
        "headroom_minor": _("Headroom"),
        "exposure_problem": used,
    }
    return {name: labels[name] for name in names}


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
