"""The list of customers as people and programs read it (客户名册): whole cards, or the columns asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crmcore.builtin.records.conditions import read_columns, read_conditions, read_order
from crmcore.builtin.records.options import print_page
from crmcore.builtin.records.services.customer_list import CustomerList
from crmcore.builtin.records.services.customers import cards
from crmcore.builtin.records.services.list_columns import PluginColumns
from crmcore.builtin.records.services.list_reading import Found
from crmcore.builtin.records.services.sensitive import read_of
from crmcore.builtin.records.words import shown
from crmcore.cli.kit import Session
from crmcore.entities.lookup import codes_of
from crmcore.entities.tables import Customer
from crmcore.i18n import _
from crmcore.plugins.types import Column, Table

if TYPE_CHECKING:
    import sqlalchemy as sa

    from crmcore.plugins.types import Context


class Line(NamedTuple):
    """One customer of a list: its code, what is printed of it, and the fields that have a value there."""

    code: str
    values: Mapping[str, Any]
    read: frozenset[str]


def open_roster(session: Session, ctx: Context, limit: int | None, asked: Mapping[str, Any]) -> Roster:
    """Understand what was typed (`where`, `columns`, `sort`, `after`) and find the customers.

    CrmError for a column that there is not, UsageProblem for what is no condition.
    """
    known = PluginColumns(session.app, ctx)
    names = read_columns(session, known, asked["columns"])
    conditions = read_conditions(session, ctx, known, asked["where"])
    order = read_order(session, known, asked["sort"])
    listed = CustomerList(session.app, ctx, known, conditions, order, asked["after"])
    return Roster(session, ctx, known, names, listed.find(limit, names))


class Roster:
    """A list that was asked for."""

    def __init__(
        self, session: Session, ctx: Context, known: PluginColumns, names: Sequence[str], found: Found
    ) -> None:
        """Take the customers found and the columns to show; no columns = whole cards."""
        self._app, self._ctx, self._known, self._names, self._found = session.app, ctx, known, names, found
        self._fields = session.app.catalogue.fields  # once: it looks whether the company's file has changed
        asked = [self._fields[name] for name in names or self._fields if name in self._fields]
        self._sensitive = frozenset(field.name for field in asked if field.sensitive)

    def pages(self) -> Iterator[list[Line]]:
        """Give the published JSON of the customers, page by page."""
        make = self._columns if self._names else self._cards
        for page in self._found.pages():
            yield make(page)

    def rows(self) -> Iterator[sa.RowMapping]:
        """Give the rows of the customers, for people."""
        for page in self._found.pages():
            yield from page

    def lines(self) -> Iterator[Line]:
        """Give the lines of the columns asked for, for people."""
        for page in self.pages():
            yield from page

    @property
    def is_of_columns(self) -> bool:
        """Whether columns were asked for."""
        return bool(self._names)

    def print_lines(self, lines: Sequence[Line], limit: int | None) -> None:
        """Print lines as a table."""
        names = [name for name in self._names if all(name in line.values for line in lines)]
        columns = tuple(self._column(name) for name in names)
        cells = [tuple(self._cell(name, line.values[name]) for name in names) for line in lines]
        table = Table("customers", "", columns, cells, self._ctx.currency)
        print_page(table, len(lines), limit, lines[-1].code if lines else "")

    # -- inside ----------------------------------------------------------------------------------------------

    def _cards(self, page: Sequence[sa.RowMapping]) -> list[Line]:
        made = cards(self._app, self._ctx, page)
        return [Line(card["code"], card, read_of(card, sections)) for card, sections in made]

    def _columns(self, page: Sequence[sa.RowMapping]) -> list[Line]:
        read = {name: self._values(name, page) for name in self._names}
        columns = {name: values for name, values in read.items() if values is not None}
        lines = []
        for row, *values in zip(page, *columns.values(), strict=True):
            line = dict(zip(columns, values, strict=True))
            there = self._sensitive and frozenset(n for n in self._sensitive if line[n] is not None)
            lines.append(Line(row["code"], line, there))
        return lines

    def _values(self, name: str, page: Sequence[sa.RowMapping]) -> list[Any] | None:
        """Return a column's value in each row; None for a column whose plugin fails."""
        if name in self._known:
            values = self._known.values(name, [row["id"] for row in page])
            return None if values is None else [values.get(row["id"]) for row in page]
        if name == "archived":
            return [row["archived_at"] is not None for row in page]
        if name == "parent":
            heads = [row["parent_id"] for row in page if row["parent_id"] is not None]
            codes = codes_of(self._ctx.connection, Customer, heads)
            return [codes.get(row["parent_id"]) for row in page]
        if self._fields[name].source == "column":
            return [row[name] for row in page]
        return [row["attributes"].get(name) for row in page]

    def _column(self, name: str) -> Column:
        if name in self._known:
            return Column(name, self._known.title(name), self._known.specs[name].type)
        return Column(name, _("Archived") if name == "archived" else self._fields[name].shown_title)

    def _cell(self, name: str, value: Any) -> Any:
        if name in self._known or value is None:
            return value
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        is_word = "enum" in self._fields[name].schema
        return shown(value) if is_word else str(value)
