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

from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.records.services.list_columns import SQL_TYPES, PluginColumns
from crmcore.builtin.records.services.list_elements import attribute, has_value, kind_of
from crmcore.builtin.records.services.list_indexes import is_indexed
from crmcore.builtin.records.services.list_reading import PLACE, ByPlugin, Down, Found, Query, placed
from crmcore.entities.lookup import find_row, table_of
from crmcore.entities.tables import Customer
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_table = table_of(Customer)
_PRESENT = _table.c.archived_at.is_(None)
_CODED = sa.select(_table.c.id, _table.c.code).where(_table.c.code == sa.bindparam("given"))
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
            self._tests.append(_PRESENT)
        self._tests += hidden(ctx.connection, (_table.c.id, "customer"))
        self._after = None if after is None else self._find(after)
        if order.name in columns:
            self._rows(order.name)

    def find(self, limit: int | None, names: Sequence[str] = ()) -> Found:
        """Find the customers, at most `limit`, with what these columns need or whole; they are read as they are taken."""
        if names:
            self._wanted = [_table.c[name] for name in self._needed(names)]
        if self._is_turned:
            self._wanted.append(self._element.label(PLACE))
        queries = self._by_code() if self._order.name == "code" else self._by_element()
        return Found(self._ctx, queries, limit, columns=self.columns, by=self._by, wanted=self._wanted)

    # -- the parts of an ordered list ------------------------------------------------------------------------
    # Each is a query that an index on (element, code) answers without sorting; one query for all would sort the table.

    def _by_code(self) -> Iterator[Query]:
        code, after = _table.c.code, self._after
        query = self._those(*([] if after is None else [self._beyond(code, after["code"])]))
        yield query.order_by(code.desc() if self._order.descending else code)

    def _by_element(self) -> Iterator[Query]:
        element, code, after = self._element, _table.c.code, self._after
        if after is None or self._place is not None:
            if after is not None:
                yield self._placed(element == self._place, code > after["code"], by=(code,))
            yield self._with_value()
            after = None
        none = element.is_(None) if self._order.name not in self._by else ~self._some(self._order.name)
        yield self._those(none, *([] if after is None else [code > after["code"]])).order_by(code)

    def _with_value(self) -> Query:
        """Return those whose value comes later in the order."""
        later = self._valued if self._place is None else self._beyond(self._element, self._place)
        by = self._element.desc() if self._order.descending else self._element
        if self._is_turned:
            return Down(self._those(later).order_by(by, _table.c.code), self._below, self._equal)
        return self._placed(later, by=(by, _table.c.code))

    def _below(self, value: Any) -> sa.Select[Any]:
        """Select from a value down, or from where the list begins, in the order of an index read from its end."""
        place = self._place if value is None else self._literal(value)
        later = self._valued if place is None else self._beyond(self._element, place)
        return self._those(later).order_by(self._element.desc(), _table.c.code.desc())

    def _equal(self, value: Any) -> sa.Select[Any]:
        """Select those with a value."""
        return self._those(self._element == self._literal(value)).order_by(_table.c.code)

    # -- inside ----------------------------------------------------------------------------------------------

    def _find(self, code: str) -> Any:
        found = None
        if code.isprintable():
            found = self._ctx.connection.execute(_CODED, {"given": code}).mappings().first()
        return found or find_row(self._ctx.connection, Customer, code)  # which says what is wrong

    def _needed(self, names: Sequence[str]) -> list[str]:
        others = {"archived": "archived_at", "parent": "parent_id"}
        own = [others.get(name, name) for name in names if name not in self.columns]
        columns = [name if name in _table.c else "attributes" for name in own]
        return list(dict.fromkeys(["id", "code", *columns]))

    @cached_property
    def _is_turned(self) -> bool:
        """Whether the list is read off an index by value and code from its end, where equal values come the wrong way."""
        name, descending = self._order
        field = self._app.catalogue.fields.get(name) if descending and name != "code" else None
        return field is not None and is_indexed(field)

    @cached_property
    def _element(self) -> Any:
        """What the list is ordered by, as the driver gives it: what is not of the field's type has its place, too."""
        name = self._order.name
        if name in self._by:
            return self._rows(name).c.value
        return sa.type_coerce(self._own(name), sa.types.NULLTYPE)

    @property
    def _valued(self) -> sa.ColumnElement[bool]:
        if self._order.name in self._by:
            return cast("sa.ColumnElement[bool]", self._element.is_not(None))
        return has_value(self._own(self._order.name), self._dialect)

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
        return None if place is None else self._literal(place)

    def _literal(self, value: Any) -> Any:
        return sa.literal(value, self._element.type)

    def _beyond(self, element: Any, place: Any) -> Any:
        return element < place if self._order.descending else element > place

    def _those(self, *tests: Any) -> sa.Select[Any]:
        return sa.select(*self._wanted).where(*self._tests, *tests)

    def _placed(self, *tests: Any, by: Sequence[Any]) -> Query:
        """Return those that have a row in the column of a plugin that they are ordered by."""
        query = self._those(*tests).order_by(*by)
        if self._order.name not in self._by:
            return query
        rows = self._rows(self._order.name)
        return ByPlugin(query.join(rows, rows.c.customer_id == _table.c.id), rows.c.value)

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
            some = self._some(name)
            return ~some if sign == "=" else some
        element, kind = self._rows(name).c.value, self.columns.specs[name].type
        bound = sa.literal(float(value) if kind == "decimal" else value, SQL_TYPES[kind])
        misfits = self.columns.misfits(name, element)
        if sign == "!=":
            return sa.or_(~self._some(name, element == bound), *(self._some(name, m) for m in misfits))
        return self._some(name, sa.or_(OPERATORS[sign](element, bound), *misfits))

    def _some(self, name: str, test: Any = None) -> sa.ColumnElement[bool]:
        """Return whether a customer has a value that fulfils a test, which no empty one does; any value without one.

        Looked up customer by customer where the database can, so that a page costs no more than it shows; else the
        whole column is read, once.
        """
        rows = self._rows(name)
        fits = rows.c.value.is_not(None) if test is None else test
        if self._dialect != "sqlite" or self.columns.seekable(name):
            return sa.exists().where(rows.c.customer_id == _table.c.id, fits).correlate(_table)
        return _table.c.id.in_(sa.select(rows.c.customer_id).where(fits))

    def _own(self, name: str) -> Any:
        """Return what stands for a column of the core in SQL."""
        if name == "archived":
            return sa.case((_table.c.archived_at.is_not(None), sa.true()), else_=sa.false())
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
