"""`crm abc sales|products|turnover|concentration|composition`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import click

from crmcore.api import (
    N_,
    Command,
    Session,
    emit,
    emit_lines,
    in_bulk,
    json_option,
    pass_session,
)

from .shared import DAY, NUMBER, SHOWN, limit_option, show_report


def _period_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --from and --to; without them the period is that of the run made last, else the last full calendar year."""
    for option in (
        click.option(
            "--to", "end", type=DAY, metavar="YYYY-MM-DD", help=N_("Last day of the period, included.")
        ),
        click.option(
            "--from",
            "start",
            type=DAY,
            metavar="YYYY-MM-DD",
            help=N_("First day of the period; without both days, the period of the run made last."),
        ),
    ):
        command = option(command)
    return command


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment is not None else None


def _parameters(start: datetime | None, end: datetime | None, **others: Any) -> dict[str, str]:
    """Return the parameters of the report that a command shows."""
    days = {"from": _day(start), "to": _day(end)}
    return {name: str(value) for name, value in (days | others).items() if value is not None}


@click.command("sales", cls=Command, help=N_("Show sales by month and year, with share and rank."))
@click.option(
    "--by",
    type=click.Choice(["month", "year", "customer"]),
    default="month",
    help=N_("What the sales are added up by; by default months."),
)
@_period_options
@limit_option
@json_option
@pass_session
def sales_command(
    session: Session,
    by: str,
    start: datetime | None,
    end: datetime | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """Show sales."""
    from crmcore_abc_analysis.analyses.customer_sales import customer_lines, customer_sales, sales_report
    from crmcore_abc_analysis.analyses.sales import company_sales, sales_document
    from crmcore_abc_analysis.analyses.scope import scope_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if not as_json:
            show_report(sales_report(ctx, _parameters(start, end, by=by, limit=limit or SHOWN)))
            return
        scope = scope_of(ctx, _day(start), _day(end))
        if by == "customer":
            lines = customer_lines(customer_sales(ctx, scope, limit))
            emit_lines(in_bulk(session, ctx, "abc_sales", lines, {"limit": limit}))
        else:
            emit(sales_document(company_sales(ctx, scope, "year" if by == "year" else "month"), limit))


@click.command("products", cls=Command, help=N_("Show sales, margin and mix by product."))
@click.option(
    "--by",
    type=click.Choice(["product", "line"]),
    default="product",
    help=N_("Product, or product line."),
)
@_period_options
@limit_option
@json_option
@pass_session
def products_command(
    session: Session,
    by: str,
    start: datetime | None,
    end: datetime | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """Show products."""
    from crmcore_abc_analysis.analyses.products import product_sales, products_document, products_report
    from crmcore_abc_analysis.analyses.scope import scope_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            found = product_sales(
                ctx, scope_of(ctx, _day(start), _day(end)), "line" if by == "line" else "product"
            )
            emit(products_document(found, limit))
        else:
            show_report(products_report(ctx, _parameters(start, end, by=by, limit=limit or SHOWN)))


@click.command(
    "turnover", cls=Command, help=N_("Show how often the stock of each product turns over in a year.")
)
@_period_options
@limit_option
@json_option
@pass_session
def turnover_command(
    session: Session, start: datetime | None, end: datetime | None, limit: int | None, *, as_json: bool
) -> None:
    """Show turnover."""
    from crmcore_abc_analysis.analyses.scope import scope_of
    from crmcore_abc_analysis.analyses.turnover import goods_turnover, turnover_document, turnover_report
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            emit(turnover_document(goods_turnover(ctx, scope_of(ctx, _day(start), _day(end))), limit))
        else:
            show_report(turnover_report(ctx, _parameters(start, end, limit=limit or SHOWN)))


@click.command(
    "concentration",
    cls=Command,
    help=N_("Show how unequally sales are spread over customers: Lorenz curve and Gini coefficient."),
)
@click.option("--run", "number", type=NUMBER, help=N_("Number of the run; by default the one made last."))
@json_option
@pass_session
def concentration_command(session: Session, number: int | None, *, as_json: bool) -> None:
    """Show concentration."""
    from crmcore_abc_analysis.analyses.concentration import (
        concentration_document,
        concentration_report,
        run_concentration,
    )
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        found = run_concentration(ctx, number)
        if as_json:
            emit(concentration_document(found))
        else:
            show_report(concentration_report(ctx, {"run": str(found.run.id)}))


@click.command(
    "composition",
    cls=Command,
    help=N_("Show customers and their purchases by legal form, kind, industry, region or channel."),
)
@click.option(
    "--by",
    type=click.Choice(["legal_form", "kind", "customer_kind", "industry", "region", "channel"]),
    required=True,
    help=N_("Field of the customer card."),
)
@_period_options
@limit_option
@json_option
@pass_session
def composition_command(
    session: Session,
    by: str,
    start: datetime | None,
    end: datetime | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """Show a composition."""
    from crmcore_abc_analysis.analyses.composition import (
        composition,
        composition_document,
        composition_report,
    )
    from crmcore_abc_analysis.analyses.scope import scope_of
    from crmcore_abc_analysis.services import PLUGIN

    with session.app.read(PLUGIN) as ctx:
        if as_json:
            found = composition(ctx, scope_of(ctx, _day(start), _day(end)), by)
            emit(composition_document(found, limit))
        else:
            show_report(composition_report(ctx, _parameters(start, end, by=by, limit=limit or SHOWN)))
