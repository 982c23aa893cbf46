"""`crm credit ageing|dso|forecast`: what customers owe, and how it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import click

from crmcore.api import (
    N_,
    Column,
    Command,
    Session,
    Table,
    echo,
    emit,
    in_bulk,
    json_option,
    pass_session,
    show_table,
    translator,
)

_ = translator("crmcore_credit_5c")
DAY = click.DateTime(["%Y-%m-%d"])
SHOWN = 50
"""Rows of a table for people, where no limit is given."""
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 10**9),
    metavar="N",
    help=N_("List so many at most; by default all as JSON, 50 as a table."),
)


@click.command(
    "ageing", cls=Command, help=N_("Show what is owed by age: current, 1-30, 31-60, 61-90, over 90 days.")
)
@click.option("--as-of", "as_of", type=DAY, metavar="YYYY-MM-DD", help=N_("The day; by default today."))
@click.option(
    "--by",
    type=click.Choice(["due", "invoice"]),
    default="due",
    show_default=True,
    help=N_("Count days from the due date or the invoice date."),
)
@click.option("--customer", metavar="CODE", help=N_("Of this customer alone."))
@click.option("--group", is_flag=True, help=N_("Take a group of customers as one."))
@click.option("--detail", is_flag=True, help=N_("List the customers, those who owe most first."))
@limit_option
@json_option
@pass_session
def ageing_command(session: Session, as_of: datetime | None, limit: int | None, **options: Any) -> None:
    """Show ageing."""
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.receivables.ageing import Asked, ageing, ageing_by_customer

    asked = Asked(as_of.date() if as_of else None, options["by"], options["customer"], options["group"])
    as_json = options["as_json"]
    with session.app.read("credit_5c", session.actor) as ctx:
        found = ageing(ctx, asked)
        if options["detail"]:
            lines = ageing_by_customer(ctx, asked, limit if as_json else (limit or SHOWN) + 1)
            filters = {"customer": asked.customer, "limit": limit}
            found["debtors"] = list(
                in_bulk(session, ctx, "credit_ageing", lines, filters) if as_json else lines
            )
        if asked.customer is not None:
            record_read_of(ctx, asked.customer, "credit ageing")
    if as_json:
        emit(found)
    else:
        _show_ageing(found, limit or SHOWN)


def _show_ageing(found: Mapping[str, Any], limit: int) -> None:
    from crmcore_credit_5c.money import left_out_sentences

    title = _("Receivables by age on {day}").format(day=found["as_of"])
    columns = (
        Column("bucket", _("Days")),
        Column("amount", _("Open"), "amount"),
        Column("customers", _("Customers"), "integer"),
    )
    rows = [(bucket_title(one["bucket"]), one["amount_minor"], one["customers"]) for one in found["buckets"]]
    show_table(Table("ageing", f"{title}, {found['currency']}", columns, rows, found["currency"]))
    if "debtors" in found:
        show_table(_debtors_table(found, limit))
        if len(found["debtors"]) > limit:
            echo(_("There are more than {count}; more with --limit N, all with --json").format(count=limit))
    for sentence in left_out_sentences(found["left_out"]):
        echo(sentence)


def _debtors_table(found: Mapping[str, Any], limit: int) -> Table:
    names = [one["bucket"] for one in found["buckets"]]
    columns = (
        Column("customer", _("Code")),
        Column("name", _("Name")),
        Column("total", _("Open"), "amount"),
        *(Column(f"bucket_{i}", bucket_title(name), "amount") for i, name in enumerate(names)),
    )
    rows = [
        (one["customer"], one["name"], one["total_minor"], *(one["buckets"][name] for name in names))
        for one in islice(found["debtors"], limit)
    ]
    return Table("debtors", _("Who owes"), columns, rows, found["currency"])


def bucket_title(name: str) -> str:
    """Return what people read for a bucket."""
    return _("not yet due") if name == "current" else _("{days} days").format(days=name)


@click.command(
    "dso",
    cls=Command,
    help=N_("Show how well money is collected: DSO, collection effectiveness, days beyond terms."),
)
@click.option(
    "--from",
    "start",
    type=DAY,
    metavar="YYYY-MM-DD",
    help=N_("First day; by default a year before the last."),
)
@click.option("--to", "end", type=DAY, metavar="YYYY-MM-DD", help=N_("Last day, included; by default today."))
@click.option(
    "--method",
    type=click.Choice(["simple", "countback"]),
    default="simple",
    show_default=True,
    help=N_("How DSO is reckoned: receivables over sales, or counted back month by month."),
)
@click.option("--customer", metavar="CODE", help=N_("Of this customer alone."))
@json_option
@pass_session
def dso_command(session: Session, start: datetime | None, end: datetime | None, **options: Any) -> None:
    """Show DSO and its like."""
    from crmcore_credit_5c.assessing.reads import record_read_of
    from crmcore_credit_5c.receivables.collection import collection, period_of

    days = (start.date() if start else None, end.date() if end else None)
    with session.app.read("credit_5c", session.actor) as ctx:
        found = collection(ctx, period_of(ctx, *days, options["method"], options["customer"]))
        if options["customer"] is not None:
            record_read_of(ctx, options["customer"], "credit dso")
    if options["as_json"]:
        emit(found)
    else:
        _show_collection(found)


def _show_collection(found: Mapping[str, Any]) -> None:
    from crmcore_credit_5c.money import left_out_sentences

    titles = {
        "dso": _("Days sales outstanding"),
        "cei": _("Collection effectiveness"),
        "days_beyond_terms": _("Days beyond terms"),
    }
    amounts = {
        "beginning_minor": _("Owed before the first day"),
        "sales_minor": _("Sold on credit"),
        "ending_minor": _("Owed on the last day"),
        "ending_current_minor": _("Of that not yet due"),
    }
    columns = (Column("what", _("Figure")), Column("value", _("Value"), "amount"))
    title = _("Collection from {start} to {end}, {currency}").format(
        start=found["from"], end=found["to"], currency=found["currency"]
    )
    rows = [(words, found[name]) for name, words in amounts.items()]
    show_table(Table("collection", title, columns, rows, found["currency"]))
    for name, words in titles.items():
        value = found["not_assessable"].get(name) or _figure(name, found[name])
        echo(_("{what}: {value}").format(what=words, value=value))
    for sentence in left_out_sentences(found["left_out"]):
        echo(sentence)


def _figure(name: str, value: str) -> str:
    return f"{Decimal(value) * 100:.2f} %" if name == "cei" else value


@click.command(
    "forecast", cls=Command, help=N_("Show what will be collected when, by how late customers usually pay.")
)
@click.option(
    "--by",
    type=click.Choice(["week", "month"]),
    default="week",
    show_default=True,
    help=N_("Length of a period."),
)
@json_option
@pass_session
def forecast_command(session: Session, by: str, *, as_json: bool) -> None:
    """Show the forecast."""
    from crmcore_credit_5c.money import left_out_sentences
    from crmcore_credit_5c.receivables.forecasting import forecast

    with session.app.read("credit_5c", session.actor) as ctx:
        found = forecast(ctx, by)
    if as_json:
        emit(found)
        return
    columns = (
        Column("from", _("From")),
        Column("expected", _("Expected"), "amount"),
        Column("due", _("Due"), "amount"),
    )
    title = _("Expected collection by {by}, {currency}").format(
        by=_(_PERIODS[by]), currency=found["currency"]
    )
    rows = [(one["from"], one["expected_minor"], one["due_minor"]) for one in found["periods"]]
    show_table(Table("forecast", title, columns, rows, found["currency"]))
    for sentence in left_out_sentences(found["left_out"]):
        echo(sentence)


_PERIODS = {"week": N_("week"), "month": N_("month")}
