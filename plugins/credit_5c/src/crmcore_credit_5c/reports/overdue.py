"""What is past due by sales representative (业务员逾期情况), and the customers behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.api import Chart, Column, Report, Table, from_minor, translator
from crmcore_credit_5c.receivables.dunning import dunning_list
from crmcore_credit_5c.receivables.overdue import late_customers

from .shared import first_bars, limit_of, owners, share

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")


def overdue_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return what is past due by who owns the customers, the largest amounts first; MissingFact without a ledger."""
    most = limit_of(parameters)
    asked = parameters.get("owner", "").strip()
    late = late_customers(ctx)
    lines = [one for one in dunning_list(ctx, late) if not asked or one["owner"] == asked]
    names = owners(ctx, (one["owner"] for one in lines))
    groups = _groups(lines)
    total = sum(one["amount_minor"] for one in lines)
    notes = [
        _("As of {day}: customers with something past due: {count}.").format(day=ctx.today, count=len(lines))
    ]
    if len(lines) > most:
        notes.append(_("Only the {count} largest debts are listed; the totals hold all.").format(count=most))
    notes += late.left_out.sentences(ctx)
    tables = (_representatives(ctx, groups, names, total), _customers(ctx, lines[:most], names))
    return Report(
        _("Overdue by sales representative"), tables, tuple(_chart(ctx, groups, names)), tuple(notes)
    )


_Groups = list[tuple[str | None, list[dict[str, Any]]]]


def _groups(lines: Iterable[dict[str, Any]]) -> _Groups:
    """Return owner → customers, the largest sums first."""
    found: dict[str | None, list[dict[str, Any]]] = {}
    for one in lines:
        found.setdefault(one["owner"] or None, []).append(one)
    return sorted(found.items(), key=lambda item: (-_sum(item[1]), item[0] or ""))


def _sum(lines: Iterable[Mapping[str, Any]]) -> int:
    return sum(one["amount_minor"] for one in lines)


def _representatives(ctx: Context, groups: _Groups, names: Mapping[str | None, str], total: int) -> Table:
    columns = (
        Column("owner", _("Sales representative")),
        Column("customers", _("Customers"), "integer"),
        Column("amount", _("Past due"), "amount"),
        Column("share", _("Share"), "share"),
        Column("oldest", _("Oldest, in days"), "integer"),
        Column("steps_due", _("Steps due"), "integer"),
    )
    rows = [(names[owner], *_figures(own, total)) for owner, own in groups]
    if rows:
        rows.append((_("Total"), *_figures([one for _owner, own in groups for one in own], total)))
    return Table("owners", _("By sales representative"), columns, rows, ctx.currency)


def _figures(lines: Sequence[Mapping[str, Any]], total: int) -> tuple[Any, ...]:
    amount = _sum(lines)
    oldest = max(one["days"] for one in lines)
    return len(lines), amount, share(amount, total), oldest, sum(one["is_due"] for one in lines)


def _customers(ctx: Context, lines: Iterable[Mapping[str, Any]], names: Mapping[str | None, str]) -> Table:
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("owner", _("Sales representative")),
        Column("days", _("Days"), "integer"),
        Column("amount", _("Past due"), "amount"),
        Column("last_on", _("Last step on"), "date"),
        Column("next_title", _("Next step")),
        Column("next_on", _("Next step from"), "date"),
    )
    rows = [
        (
            one["customer"],
            one["name"],
            names[one["owner"] or None],
            one["days"],
            one["amount_minor"],
            one["last_on"],
            one["next_title"],
            one["next_on"],
        )
        for one in lines
    ]
    return Table("customers", _("Customers, the largest debts first"), columns, rows, ctx.currency)


def _chart(ctx: Context, groups: _Groups, names: Mapping[str | None, str]) -> Iterable[Chart]:
    shown = first_bars(groups)
    if len(shown) > 1:
        title = _("Past due by sales representative ({currency})").format(currency=ctx.currency)
        amounts = tuple(from_minor(_sum(own), ctx.currency) for _owner, own in shown)
        yield Chart("overdue", title, "bar", tuple(names[owner] for owner, _own in shown), amounts)
