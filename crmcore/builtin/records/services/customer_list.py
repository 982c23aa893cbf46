"""The list of customers: which of them and in which order, decided by the database (客户名册).

Names come from the field catalogue and from what plugins register, never from what was typed; values are bound.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.builtin.records.services.list_columns import SQL_TYPES, PluginColumns
from crmcore.entities.lookup import BATCH, find_row, table_of
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
        """Build the query; nothing is read but the place of `after` in the order."""
        self._app, self._ctx, self.columns = app, ctx, columns
        self._joined: dict[str, sa.Subquery] = {}
        self._order = order
        tests = [self._test(condition) for condition in conditions]
        if all(condition.name != "archived" for condition in conditions):
            tests.append(_table.c.archived_at.is_(None))
        if order.name != "code":
            self._element(order.name)
        query = sa.select(_table).where(*tests, *([] if after is None else [self._behind(after)]))
        self._query = self._join(query).order_by(*self._sequence())

    def find(self, limit: int | None) -> Found:
        """Find the customers; a list by plugins' columns is asked for once, as each page of it would cost the whole."""
        if not self._joined and self._order == Order():
            return Found(self._ctx, self._query, limit, None)
        values = [rows.c.value for rows in self._joined.values()]
        query = self._query.with_only_columns(_table.c.id, *values).limit(limit)
        with self._naming_who_fails():
            found = self._ctx.connection.execute(query).all()
            for place, name in enumerate(self._joined, 1):
                self.columns.check(name, (row[place] for row in found))
        return Found(self._ctx, sa.select(_table), limit, list(dict.fromkeys(row[0] for row in found)))

    # -- inside ----------------------------------------------------------------------------------------------

    @contextmanager
    def _naming_who_fails(self) -> Iterator[None]:
        """Run a query by plugins' columns: what goes wrong in one of them is told with its name."""
        try:
            with self._ctx.connection.begin_nested():
                yield
        except Exception as error:  # noqa: BLE001  (a plugin's own type may raise anything; what is not theirs is raised again)
            self.columns.refuse(list(self._joined), error)

    def _test(self, condition: Condition) -> Any:
        name, sign, value = condition
        c = _table.c
        if name == "archived":
            return sa.true() if value is None else (c.archived_at.is_not(None) == value)
        if name == "parent" and sign == "=":
            return c.parent_id == (
                sa.select(c.id).where(c.code == value).scalar_subquery() if value else None
            )
        element = self._element(name)
        test = OPERATORS[sign](element, _bound(element, self._type(name), value))
        return sa.or_(test, *self.columns.misfits(name, element)) if name in self.columns else test

    def _type(self, name: str) -> str:
        return self.columns.specs[name].type if name in self.columns else ""

    def _element(self, name: str) -> Any:
        """Return what stands for a column in SQL."""
        if name in self.columns:
            return self._value(name)
        if name == "archived":
            return _table.c.archived_at.is_not(None)
        if name == "parent":
            head = _table.alias("head")
            return sa.select(head.c.code).where(head.c.id == _table.c.parent_id).scalar_subquery()
        field = self._app.catalogue.fields[name]
        return _table.c[name] if field.source == "column" else _attribute(name, field.schema)

    def _value(self, name: str) -> Any:
        if name not in self._joined:
            rows = self.columns.rows(name)
            if rows is None:
                self.columns.refuse([name], CrmError(name))
            self._joined[name] = rows
        return self._joined[name].c.value

    def _join(self, query: sa.Select[Any]) -> sa.Select[Any]:
        for rows in self._joined.values():
            query = query.outerjoin(rows, rows.c.customer_id == _table.c.id)
        return query

    def _sequence(self) -> list[Any]:
        if self._order.name == "code":
            return [_table.c.code.desc() if self._order.descending else _table.c.code]
        element = self._element(self._order.name)
        return [element.is_(None), element.desc() if self._order.descending else element, _table.c.code]

    def _behind(self, after: str) -> Any:
        """Return the condition that a customer comes later in the order than one; NotFound if that is not there."""
        code, beyond = _table.c.code, operator.lt if self._order.descending else operator.gt
        number = find_row(self._ctx.connection, Customer, after)["id"]
        if self._order.name == "code":
            return beyond(code, after)
        element = self._element(self._order.name)
        with self._naming_who_fails():
            place = self._ctx.connection.scalar(self._join(sa.select(element)).where(_table.c.id == number))
        later = sa.and_(element.is_(None) if place is None else element == place, code > after)
        return later if place is None else sa.or_(beyond(element, place), later, element.is_(None))


class Found:
    """The customers of a list, counted and read page by page."""

    def __init__(
        self, ctx: Context, query: sa.Select[Any], limit: int | None, ids: Sequence[int] | None
    ) -> None:
        """Take the query of whole rows, and the ids in order where they are known already."""
        self._ctx, self._query, self._limit, self._ids = ctx, query, limit, ids

    @property
    def count(self) -> int:
        """How many there are, up to the limit."""
        if self._ids is not None:
            return len(self._ids)
        inner = self._query.order_by(None).limit(self._limit).subquery()
        return int(self._ctx.connection.scalar(sa.select(sa.func.count()).select_from(inner)) or 0)

    def pages(self) -> Iterator[Sequence[sa.RowMapping]]:
        """Read the rows in order."""
        return self._by_code(self._limit) if self._ids is None else self._by_id(self._ids)

    def _by_id(self, ids: Sequence[int]) -> Iterator[Sequence[sa.RowMapping]]:
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            query = self._query.where(_table.c.id.in_(part))
            rows = {row["id"]: row for row in self._ctx.connection.execute(query).mappings()}
            yield [rows[number] for number in part if number in rows]

    def _by_code(self, limit: int | None) -> Iterator[Sequence[sa.RowMapping]]:
        """Read each page behind the last code of the one before (never by offset)."""
        last: str | None = None
        while limit is None or limit > 0:
            page = self._query if last is None else self._query.where(_table.c.code > last)
            rows = self._ctx.connection.execute(page.limit(min(limit or BATCH, BATCH))).mappings().all()
            if not rows:
                return
            yield rows
            last = rows[-1]["code"]
            limit = None if limit is None else limit - len(rows)


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


def _attribute(name: str, schema: Any) -> Any:
    element = _table.c.attributes[name]
    if schema.get("type") == "boolean":
        return element.as_boolean()
    return element.as_float() if schema.get("type") in {"number", "integer"} else element.as_string()


def _bound(element: Any, kind: str, value: Any) -> Any:
    """Return a value as it is compared with a column."""
    if value is None:
        return None
    if kind:
        return sa.literal(float(value) if kind == "decimal" else value, SQL_TYPES[kind])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(element.type, sa.Date):
        return value if isinstance(value, date) else date.fromisoformat(value)
    return value if isinstance(value, bool) else str(value)
