"""Composition of the customers by a field of the card (构成分析)."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.words import shown
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Customer
from crmcore.i18n import _
from crmcore.plugins.types import Chart, Column, Context, Report, Table

_BARS = 20
_table = table_of(Customer)


def composition(ctx: Context, by: str) -> Report:
    """Count the customers that are not archived by the values of a column, the largest group first."""
    column, count = _table.c[by], sa.func.count().label("customers")
    shown_ones = hidden(ctx.connection, (_table.c.id, "customer"))
    query = sa.select(column, count).where(_table.c.archived_at.is_(None), *shown_ones).group_by(column)
    groups = ctx.connection.execute(query.order_by(count.desc(), column)).all()
    total = sum(group.customers for group in groups)
    labels = [shown(group[0]) if group[0] is not None else _("(not given)") for group in groups]
    field = ctx.catalogue.fields[by].shown_title
    columns = (
        Column(by, field),
        Column("customers", _("Customers"), "integer"),
        Column("share", _("Share"), "share"),
    )
    rows = [
        (label, group.customers, Decimal(group.customers) / total)
        for label, group in zip(labels, groups, strict=True)
    ]
    chart = Chart(
        "composition",
        _("Customers by {field}").format(field=field),
        "bar",
        tuple(labels[:_BARS]),
        tuple(Decimal(group.customers) for group in groups[:_BARS]),
    )
    title = _("Composition of customers")
    return Report(title, (Table("groups", field, columns, rows),), (chart,) if rows else ())
