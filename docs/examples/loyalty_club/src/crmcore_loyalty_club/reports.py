"""The report of balances: data only, renderers make terminal, CSV, XLSX and HTML of it."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from crmcore.api import Column, Context, Report, Table, customer_codes, translator

from .balances import select_points

_ = translator("crmcore_loyalty_club")


def balances_report(ctx: Context, parameters: Mapping[str, str]) -> Report:
    """Report who has how many points, the most first."""
    points = select_points(ctx.settings).subquery()
    query = (
        sa.select(points.c.customer_id, points.c.value)
        .where(points.c.value != 0)
        .order_by(points.c.value.desc(), points.c.customer_id)
        .limit(int(parameters["limit"]))
    )
    found = ctx.connection.execute(query).all()
    codes = customer_codes(ctx.connection, [row.customer_id for row in found])
    columns = (Column("customer", _("Customer")), Column("points", _("Points"), "integer"))
    rows = [(codes[row.customer_id], int(row.value)) for row in found]
    title = _("Points of members")
    return Report(title, (Table("balances", title, columns, rows),))
