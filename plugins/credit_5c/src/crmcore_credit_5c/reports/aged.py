"""Receivables by age (账龄分析表): sums by bucket, and the customers who owe most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.api import Chart, Column, Report, Table, from_minor, translator
from crmcore_credit_5c.money import left_out_sentences
from crmcore_credit_5c.receivables.ageing import Asked, ageing, ageing_by_customer

from .shared import day_of, limit_of, share

if TYPE_CHECKING:
    from crmcore.api import Context

_ = translator("crmcore_credit_5c")


def ageing_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Return what is owed by age on a day, in all and by customer; MissingFact without a ledger."""
    asked = Asked(day_of(parameters, "as_of"), parameters.get("by") or "due")
    most = limit_of(parameters)
    found = ageing(ctx, asked)
    lines = list(ageing_by_customer(ctx, asked, most + 1))
    notes = [
        _("Days count from the invoice date; credit notes reduce the bucket of their own date.")
        if asked.by == "invoice"
        else _(
            "Days count from the day on which it was due; credit notes reduce the bucket of their own date."
        )
    ]
    if len(lines) > most:
        notes.append(_("Only the {count} largest debts are listed; the totals hold all.").format(count=most))
    notes += left_out_sentences(found["left_out"])
    title = _("Receivables by age on {day}").format(day=found["as_of"])
    charts = (_chart(found),) if found["total_minor"] else ()
    return Report(title, (_sums(found), _debtors(found, lines[:most])), charts, tuple(notes))


def bucket_columns(names: list[str]) -> tuple[Column, ...]:
    """Return a column of amounts for each bucket."""
    return tuple(Column(f"bucket_{i}", bucket_title(name), "amount") for i, name in enumerate(names))


def bucket_title(name: str) -> str:
    """Return what people read for a bucket."""
    from crmcore_credit_5c.cli.receivables import bucket_title as shown

    return shown(name)


def _sums(found: Mapping[str, Any]) -> Table:
    columns = (
        Column("bucket", _("Age")),
        Column("amount", _("Open"), "amount"),
        Column("share", _("Share"), "share"),
        Column("customers", _("Customers"), "integer"),
    )
    total = found["total_minor"]
    rows: list[tuple[Any, ...]] = [
        (
            bucket_title(one["bucket"]),
            one["amount_minor"],
            share(one["amount_minor"], total),
            one["customers"],
        )
        for one in found["buckets"]
    ]
    rows.append((_("Total"), total, share(total, total), None))
    return Table("buckets", _("Totals"), columns, rows, found["currency"])


def _debtors(found: Mapping[str, Any], lines: list[dict[str, Any]]) -> Table:
    names = [one["bucket"] for one in found["buckets"]]
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("total", _("Open"), "amount"),
        *bucket_columns(names),
    )
    rows = [
        (one["customer"], one["name"], one["total_minor"], *(one["buckets"][name] for name in names))
        for one in lines
    ]
    return Table("customers", _("Who owes"), columns, rows, found["currency"])


def _chart(found: Mapping[str, Any]) -> Chart:
    currency = found["currency"]
    return Chart(
        "ageing",
        _("Open by age ({currency})").format(currency=currency),
        "bar",
        tuple(bucket_title(one["bucket"]) for one in found["buckets"]),
        tuple(from_minor(one["amount_minor"], currency) for one in found["buckets"]),
    )
