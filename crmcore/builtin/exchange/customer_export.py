"""Customers as rows of an export: the fields that can be imported again, in the order of codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.exchange.customer_fields import exported_names
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.card_contacts import (
    CODE_FIELDS,
    CONTACT_FIELDS,
    read_card_contacts,
)
from crmcore.catalogue import Catalogue
from crmcore.entities.lookup import customer_codes
from crmcore.entities.tables import Customer
from crmcore.plugins.types import Context

PAGE = 500
_table: sa.Table = Customer.__table__  # type: ignore[attr-defined]


def export_customers(ctx: Context) -> Iterator[Mapping[str, Any]]:
    """Give all customers but restricted ones, archived ones among them, page by page behind the last code."""
    shape = _Shape(ctx.catalogue)
    shown = hidden(ctx.connection, (_table.c.id, "customer"))
    last: str | None = None
    while True:
        query = sa.select(*shape.selected).where(*shown).order_by(_table.c.code).limit(PAGE)
        if last is not None:
            query = query.where(_table.c.code > last)
        page = ctx.connection.execute(query).all()
        if not page:
            return
        yield from shape.rows(ctx, page)
        last = page[-1].code


class _Shape:
    """Where the fields of an exported card come from; asked once, for each row goes through it."""

    def __init__(self, catalogue: Catalogue) -> None:
        names = exported_names(catalogue)
        people = {name for name in names if name in CONTACT_FIELDS or name in CODE_FIELDS}
        sources = {name: catalogue.fields[name].source for name in names if name not in {*people, "parent"}}
        self._empty: dict[str, Any] = dict.fromkeys(names)
        self._people = [name for name in names if name in people]
        self._columns = [name for name, source in sources.items() if source == "column"]
        self._attributes = sources.keys() - self._columns
        held = [_table.c.id, _table.c.parent_id, sa.cast(_table.c.attributes, sa.Text)]
        self.selected = [*(_table.c[name] for name in self._columns), *held]

    def rows(self, ctx: Context, page: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
        """Give the rows of a page."""
        *_columns, numbers, parent_ids, attributes = zip(*page, strict=True)
        people = read_card_contacts(ctx.connection, numbers)
        parents = customer_codes(ctx.connection, filter(None, parent_ids))
        # One text is taken apart in half the time of five hundred.
        held = json.loads(f"[{','.join(attributes)}]")
        for row, number, parent, own in zip(page, numbers, parent_ids, held, strict=True):
            values = self._empty.copy()
            values.update(zip(self._columns, row, strict=False))
            if own.keys() <= self._attributes:
                values.update(own)
            else:
                values.update((name, own[name]) for name in self._attributes & own.keys())
            if parent is not None:
                values["parent"] = parents.get(parent)
            if number in people:
                values |= {name: people[number].value(name) for name in self._people}
            yield values
