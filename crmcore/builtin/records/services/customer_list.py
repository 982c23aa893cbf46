"""The list of customers: which of them and in which order, decided by the database (客户名册).

Names come from the field catalogue and from what plugins register, never from what was typed; values are bound. A list
goes on behind a customer by that customer's place in the order; nothing is counted, nothing is passed over.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa

from crmcore.builtin.records.services.list_columns import SQL_TYPES, PluginColumns
from crmcore.builtin.records.services.list_elements import attribute, has_value, kind_of
from crmcore.builtin.records.services.list_indexes import is_indexed
from crmcore.builtin.records.services.list_reading import Found, Part, at_most, placed
from crmcore.entities.lookup import find_row, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_table = table_of(Customer)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": lambda element, value: element.is_distinct_from(value),
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class Condition(NamedTuple):
    """What a listed customer must fulfil; `value` None = empty. Of `archived` True, False, or None for both."""

    name: str
    operator: str
    value: Any


class Order(NamedTuple):
    """By what a list is ordered; customers without a value come last, equal ones by code."""

    name: str = "code"
    descending: bool = False


class CustomerList:
    """Customers that fulfil conditions, in an order, behind the customer `after`.

    Archived ones are left out unless a condition speaks of `archived`. CrmError for what lists cannot filter by.
    """

    def __init__(
        self,
        app: App,
        ctx: Context,
        columns: PluginColumns,
        conditions: Sequence[Condition],
        order: Order,
        after: str | None,
    ) -> None:
        """Build the query; nothing is read but the customer `after`."""
        self._app, self._ctx, self.columns = app, ctx, columns
        self._dialect = ctx.connection.dialect.name
        self._order = order
        self._wanted: list[Any] = [_table]
        self._by = list(
            dict.fromkeys(name for name in (*(c.name for c in conditions), order.name) if name in columns)
        )
        self._tests = [self._test(condition) for condition in conditions]
        if all(condition.name != "archived" for condition in conditions):
            self._tests.append(_table.c.archived_at.is_(None))
        self._after = None if after is None else self._find(after)
        if order.name in columns:
            self._rows(order.name)

    def find(self, limit: int | None, names: Sequence[str] = ()) -> Found:
        """Find the customers, at most `limit`, with what these columns need or whole; they are read as they are taken."""
        if names:
            self._wanted = [_table.c[name] for name in self._needed(names)]
        if self._order.name == "code":
            code, after = _table.c.code, self._after
            query = self._those(*([] if after is None else [self._beyond(code, after["code"])]))
            ordered = query.order_by(code.desc() if self._order.descending else code)
            parts: Iterator[Part] = iter([lambda _most: iter([ordered])])
        else:
            parts = iter([self._ties, self._with_value, self._without_value])
        return Found(
            self._ctx, parts, limit, columns=self.columns, by=self._by, sort=self._sort, wanted=self._wanted
        )

    # -- the parts of an ordered list ------------------------------------------------------------------------
    # Each is a query that an index on (element, code) answers without sorting; one query for all would sort the table.

    def _ties(self, _most: int | None) -> Iterator[sa.Select[Any]]:
        """Give those with the same value as the customer that the list goes on behind."""
        if self._place is not None and self._after is not None:
            same = self._element == self._place
            yield self._placed(same, _table.c.code > self._after["code"]).order_by(_table.c.code)

    def _with_value(self, most: int | None) -> Iterator[sa.Select[Any]]:
        """Give those whose value comes later in the order."""
        if self._after is not None and self._place is None:
            return
        element, code = self._element, _table.c.code
        later = self._valued if self._place is None else self._beyond(element, self._place)
        if not self._order.descending:
            yield self._placed(later).order_by(element, code)
            return
        down = element.desc()
        edge = self._edge(later, most)
        if edge is None:
            yield self._placed(later).order_by(down, code)
            return
        # Below the place and above the edge: SQLite takes one bound at each end of an index, and the first that it sees.
        top = [] if self._place is None else [later]
        yield self._placed(*top, element > edge).order_by(down, code)
        yield self._placed(element == edge).order_by(code)

    def _without_value(self, _most: int | None) -> Iterator[sa.Select[Any]]:
        """Give those without a value."""
        tests = [
            self._element.is_(None)
            if self._order.name not in self._by
            else ~self._some(self._order.name, sa.true())
        ]
        if self._after is not None and self._place is None:
            tests.append(_table.c.code > self._after["code"])
        yield self._those(*tests).order_by(_table.c.code)

    def _edge(self, later: sa.ColumnElement[bool], most: int | None) -> Any:
        """Return the value of the last row of a page from the greatest down, None where that is of no use.

        An index by value and code, read backwards, gives equal values by code backwards: with the edge known, the equal
        ones at the end of the page are asked for by themselves, and the millions behind them are not sorted.
        """
        if most is None or self._order.name in self._by or not self._has_index:
            return None
        query = self._those(later).with_only_columns(self._element).order_by(self._element.desc())
        values = self._ctx.connection.scalars(at_most(query, most)).all()
        return sa.literal(values[-1], self._element.type) if len(values) == most else None

    # -- inside ----------------------------------------------------------------------------------------------

    def _find(self, code: str) -> Any:
        query = sa.select(_table.c.id, _table.c.code).where(_table.c.code == code)
        found = self._ctx.connection.execute(query).mappings().first() if code.isprintable() else None
        return found or find_row(self._ctx.connection, Customer, code)  # which says what is wrong

    def _needed(self, names: Sequence[str]) -> list[str]:
        others = {"archived": "archived_at", "parent": "parent_id"}
        own = [others.get(name, name) for name in names if name not in self.columns]
        columns = [name if name in _table.c else "attributes" for name in own]
        return list(dict.fromkeys(["id", "code", *columns]))

    @property
    def _has_index(self) -> bool:
        field = self._app.catalogue.fields.get(self._order.name)
        return field is not None and is_indexed(field)

    @cached_property
    def _element(self) -> Any:
        """What the list is ordered by."""
        name = self._order.name
        return self._rows(name).c.value if name in self._by else self._own(name)

    @property
    def _valued(self) -> sa.ColumnElement[bool]:
        if self._order.name in self._by:
            return cast("sa.ColumnElement[bool]", self._element.is_not(None))
        return has_value(self._element, self._dialect)

    @cached_property
    def _sort(self) -> Any:
        """The column of a plugin whose values are read with the ids, None where the order is the core's own."""
        return self._element if self._order.name in self._by else None

    @cached_property
    def _place(self) -> Any:
        """The value of the customer that the list goes on behind."""
        if self._after is None:
            return None
        if self._order.name in self._by:
            rows = self._rows(self._order.name)
            query = sa.select(rows.c.value).where(rows.c.customer_id == self._after["id"])
        else:
            query = sa.select(self._element).select_from(_table).where(_table.c.id == self._after["id"])
        place = placed(self._ctx, self.columns, self._by, query)
        return None if place is None else sa.literal(place, self._element.type)

    def _beyond(self, element: Any, place: Any) -> Any:
        return element < place if self._order.descending else element > place

    def _those(self, *tests: Any) -> sa.Select[Any]:
        return sa.select(*self._wanted).select_from(_table).where(*self._tests, *tests)

    def _placed(self, *tests: Any) -> sa.Select[Any]:
        """Return those that have a row in the column of a plugin that they are ordered by."""
        query = self._those(*tests)
        if self._order.name not in self._by:
            return query
        rows = self._rows(self._order.name)
        return query.join(rows, rows.c.customer_id == _table.c.id)

    def _test(self, condition: Condition) -> Any:
        name, sign, value = condition
        c = _table.c
        if name == "archived":
            return sa.true() if value is None else (c.archived_at.is_not(None) == value)
        if name == "parent" and sign == "=":
            return c.parent_id == (
                sa.select(c.id).where(c.code == value).scalar_subquery() if value else None
            )
        if name in self.columns:
            return self._test_of_plugin(name, sign, value)
        element = self._own(name)
        test = OPERATORS[sign](element, _bound(element, value))
        field = self._app.catalogue.fields[name]
        if self._dialect == "sqlite" and sign == "=" and value is not None and _is_common(field.schema):
            return sa.func.likelihood(test, sa.literal_column("0.4"))
        return test

    def _test_of_plugin(self, name: str, sign: str, value: Any) -> Any:
        """Return a condition on a plugin's column; where it holds for no value, those without a row fulfil it."""
        if value is None:
            some = self._some(name, sa.true())
            return ~some if sign == "=" else some
        element, kind = self._rows(name).c.value, self.columns.specs[name].type
        bound = sa.literal(float(value) if kind == "decimal" else value, SQL_TYPES[kind])
        misfits = self.columns.misfits(name, element)
        if sign == "!=":
            return sa.or_(~self._some(name, element == bound), *(self._some(name, m) for m in misfits))
        return self._some(name, sa.or_(OPERATORS[sign](element, bound), *misfits))

    def _some(self, name: str, test: Any) -> sa.ColumnElement[bool]:
        """Return whether a customer has a value that fulfils a test.

        Looked up customer by customer where the database can, so that a page costs no more than it shows; else the
        whole column is read, once.
        """
        rows = self._rows(name)
        valued = rows.c.value.is_not(None)
        if self._dialect != "sqlite" or self.columns.seekable(name):
            return sa.exists().where(rows.c.customer_id == _table.c.id, valued, test).correlate(_table)
        return _table.c.id.in_(sa.select(rows.c.customer_id).where(valued, test))

    def _own(self, name: str) -> Any:
        """Return what stands for a column of the core in SQL."""
        if name == "archived":
            return _table.c.archived_at.is_not(None)
        if name == "parent":
            head = _table.alias("head")
            return sa.select(head.c.code).where(head.c.id == _table.c.parent_id).scalar_subquery()
        field = self._app.catalogue.fields[name]
        if field.source == "column":
            return _table.c[name]
        return attribute(name, kind_of(field.schema), self._dialect)

    def _rows(self, name: str) -> sa.Subquery:
        rows = self.columns.rows(name)
        if rows is None:
            self.columns.refuse([name], CrmError(name))
        return rows


def own_columns(app: App) -> list[str]:
    """Return the core's own names: fields of the card that stand with the customer, and whether it is archived."""
    fields = app.catalogue.fields.values()
    return [*(field.name for field in fields if field.source in {"column", "attribute"}), "archived"]


def require_known(app: App, columns: PluginColumns, name: str) -> None:
    """Raise CrmError for a name that lists do not know, with the one that may be meant."""
    if name in columns or name in own_columns(app):
        return
    known = [*own_columns(app), *columns.specs]
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = " " + _("(did you mean {near!r}?)").format(near=near[0]) if near else ""
    message = _("lists of customers have no column {name!r}{hint}; there are {known}")
    raise CrmError(message.format(name=name, hint=hint, known=", ".join(known)))


def _is_common(schema: Any) -> bool:
    """Say whether many customers share a value; SQLite, which knows nothing of the rows, takes another index then."""
    return "enum" in schema or schema.get("type") == "boolean"


def _bound(element: Any, value: Any) -> Any:
    """Return a value as it is compared with a column of the core."""
    if value is None:
        return None
    if isinstance(element.type, sa.Date):
        return value if isinstance(value, date) else date.fromisoformat(value)
    if isinstance(value, int | float):
        return sa.literal(value if isinstance(value, bool) else float(value))
    return sa.literal(str(value))
