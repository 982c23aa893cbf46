"""How far limits are used (额度使用情况), the fullest first."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crmcore.api import Column, Report, Table, translator
from crmcore_credit_5c.limiting.reading import list_limits, shared_limits, unknown_use
from crmcore_credit_5c.money import left_out_sentences

from .shared import limit_of, money_text, share

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")
_NO_END = Decimal("Infinity")


def limit_use_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return the limits that hold today by how far they are used; what is used of a limit of nothing comes first."""
    most = limit_of(parameters)
    found = sorted(list_limits(ctx), key=_fullest_first)
    notes = [
        _("As of {day}: limits that hold: {count}; exceeded: {over}.").format(
            day=ctx.today, count=len(found), over=sum((one["headroom_minor"] or 0) < 0 for one in found)
        )
    ]
    notes += shared_limits(found[:most])
    notes += left_out_sentences(unknown_use(found))
    if any(one["exposure_minor"] is None and one["problem"] is None for one in found):
        notes.append(_("What is used is not known: no plugin keeps receivables and orders."))
    if len(found) > most:
        notes.append(_("Only the first {count} are listed.").format(count=most))
    return Report(_("Use of credit limits"), (_table(ctx, found[:most]),), (), tuple(notes))


def _fullest_first(one: Mapping[str, Any]) -> tuple[Decimal, int, str]:
    """Order by share used, then by amount used, then by code; where nothing is known by code alone."""
    if one["exposure_minor"] is None:
        return Decimal(0), 0, one["customer"]
    limit, used = _limit_minor(one), one["exposure_minor"]
    part = Decimal(used) / limit if limit > 0 else _NO_END if used > 0 else Decimal(0)
    return -part, -used, one["customer"]


def _limit_minor(one: Mapping[str, Any]) -> int:
    """Return the limit in the company's currency, as exposure is."""
    return int(one["exposure_minor"] + one["headroom_minor"])


def _table(ctx: Context, found: list[dict[str, Any]]) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("grade", _("Grade")),
        Column("limit", _("Limit")),
        Column("until", _("Until"), "date"),
        Column("exposure", _("Used"), "amount"),
        Column("headroom", _("Headroom"), "amount"),
        Column("use", _("Share used"), "share"),
    )
    return Table("limits", _("The fullest first"), columns, [_row(one) for one in found], ctx.currency)


def _row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    known = one["exposure_minor"] is not None
    return (
        one["customer"],
        one["name"],
        one["grade"],
        money_text(one["limit_minor"], one["limit_currency"]),
        one["until"],
        one["exposure_minor"],
        one["headroom_minor"],
        share(one["exposure_minor"], _limit_minor(one)) if known else None,
    )
