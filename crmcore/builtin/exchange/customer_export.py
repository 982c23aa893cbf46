"""Customers as rows of an export: the fields that can be imported again, in the order of codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.customer_fields import exported_names
from crmcore.builtin.records.card_contacts import (
    CODE_FIELDS,
    CONTACT_FIELDS,
    CardContacts,
    read_card_contacts,
)
from crmcore.catalogue import Catalogue
from crmcore.entities.lookup import customer_codes
from crmcore.entities.tables import Customer
from crmcore.plugins.types import Context

PAGE = 500
_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def export_customers(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Give all customers, archived ones among them, page by page behind the last code."""
    catalogue = ctx.catalogue
    last: str | None = None
    while True:
        query = sa.select(_table).order_by(_table.c.code).limit(PAGE)
        if last is not None:
            query = query.where(_table.c.code > last)
        page = ctx.connection.execute(query).mappings().all()
        if not page:
            return
        yield from _rows(ctx, catalogue, page)
        last = page[-1]["code"]


def _rows(ctx: Context, catalogue: Catalogue, page: Any) -> Iterator[Mapping[str, Any]]:
    people = read_card_contacts(ctx.connection, [row["id"] for row in page])
    parents = customer_codes(
        ctx.connection, [row["parent_id"] for row in page if row["parent_id"] is not None]
    )
    for row in page:
        card = people.get(row["id"], CardContacts())
        yield {name: _value(catalogue, name, row, card, parents) for name in exported_names(catalogue)}


def _value(catalogue: Catalogue, name: str, row: Any, card: CardContacts, parents: Mapping[int, str]) -> Any:
    if name == "parent":
        return parents.get(row["parent_id"])
    if name in CONTACT_FIELDS or name in CODE_FIELDS:
        return card.value(name)
    return row[name] if catalogue.fields[name].source == "column" else row["attributes"].get(name)
