"""The columns that plugins add to lists of customers: found by name, each of them isolated from the others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

from crmcore.entities.lookup import batches
from crmcore.errors import CrmError
from crmcore.i18n import _, translate
from crmcore.plugins.isolation import only_reading, set_apart

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.host import Host
    from crmcore.plugins.types import Context, ListColumn

HOOK = "list_columns"
SQL_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.String(),
    "integer": sa.BigInteger(),
    "amount": sa.BigInteger(),
    "decimal": sa.Float(),
    "date": sa.Date(),
}
"""The types in SQL of what plugins' columns give."""
_LOOKS_UP = re.compile(r"(?!.*AUTOMATIC)(?:SEARCH|COMPOUND QUERY|LEFT-MOST SUBQUERY|UNION)")
_WANTED = ("customer_id", "value")
_IDS = "crm_list_ids"
"""A parameter whose name no select of a plugin has."""
_SEEKABLE: WeakKeyDictionary[Host, dict[str, bool]] = WeakKeyDictionary()
"""What SQLite said of the columns; asked once, for it takes longer than reading a page."""


class _Plan(Executable, ClauseElement):
    """How SQLite would run a query."""

    inherit_cache = False

    def __init__(self, query: sa.Select[Any]) -> None:
        """Take the query."""
        self.query = query


@compiles(_Plan)
def _explain(plan: _Plan, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(plan.query, **options)}"


def select_of(spec: ListColumn, settings: Mapping[str, Any], today: date) -> sa.Select[Any]:
    """Return the query of a column; one that asks for it gets the company's day, while the database's may be yesterday."""
    day = {"today": today} if "today" in signature(spec.select).parameters else {}
    return spec.select(settings, **day)


class PluginColumns:
    """The plugins' columns in one reading of a list; one that fails is left out of the rest of it."""

    def __init__(self, app: App, ctx: Context) -> None:
        """Ask nobody yet: a list of the core's own columns needs no plugin."""
        self._app, self._ctx = app, ctx
        self._rows: dict[str, sa.Subquery | None] = {}

    @cached_property
    def specs(self) -> Mapping[str, ListColumn]:
        """The columns that are registered, by `<table prefix>.<name>`."""
        host = self._app.host
        return {
            f"{host.get(spec.plugin).manifest.table_prefix}.{spec.name}": spec
            for spec in host.registered(HOOK)
        }

    def __contains__(self, name: str) -> bool:
        """Say whether a name is that of a plugin's column."""
        return "." in name and name in self.specs

    def title(self, name: str) -> str:
        """Return what people call a column, in their language."""
        spec = self.specs[name]
        return translate(self._app.host.get(spec.plugin).manifest.package, spec.title)

    def rows(self, name: str) -> sa.Subquery | None:
        """Return the rows of a column, `customer_id` and `value`, to join; None if the plugin fails to say them."""
        if name not in self._rows:
            self._rows[name] = self._attempt(name, lambda: self._select(name), nullcontext())
        return self._rows[name]

    def values(self, name: str, ids: Iterable[int]) -> dict[int, Any] | None:
        """Return customer id → value, typed as the column says; None if the plugin fails."""
        rows = self.rows(name)
        if rows is None:
            return None
        found: dict[int, Any] | None = self._attempt(name, lambda: self._read(name, rows, ids))
        if found is None:
            self._rows[name] = None
        return found

    def seekable(self, name: str) -> bool:
        """Say whether SQLite looks up one customer in a column by an index, and reads nothing else for it."""
        known = _SEEKABLE.setdefault(self._app.host, {})
        rows = self.rows(name)
        if name not in known and rows is not None:
            found = self._attempt(name, lambda: self._plan(rows))
            known[name] = bool(found) and all(map(_LOOKS_UP.match, found))
        return rows is not None and known[name]

    def misfits(self, name: str, value: sa.ColumnElement[Any]) -> Sequence[sa.ColumnElement[bool]]:
        """Return what is true of values that are not what the column says, where the database compares them all the same.

        Who lists by a column lists those too, and `check` finds them.
        """
        kind = self.specs[name].type
        if self._ctx.connection.dialect.name == "sqlite":
            return [_MISFITS_ON_SQLITE[kind](value)]
        return [sa.cast(value, sa.Date()).is_distinct_from(value)] if kind == "date" else []

    def check(self, name: str, values: Iterable[Any]) -> bool:
        """Read values as a list shows them; what is wrong with one is raised."""
        read = _READERS[self.specs[name].type]
        for value in values:
            if value is not None:
                read(value)
        return True

    def refuse(self, names: Sequence[str], error: BaseException) -> NoReturn:
        """Refuse a list that is chosen or ordered by columns: CrmError names those whose rows cannot be read."""
        guilty = [
            n for n in names if (rows := self.rows(n)) is None or self._attempt(n, self._all(n, rows)) is None
        ]
        if not guilty:
            raise error
        message = _(
            "customers cannot be listed by {name}: its plugin {plugin!r} fails; see: crm plugins list"
        )
        raise CrmError(message.format(name=guilty[0], plugin=self.specs[guilty[0]].plugin)) from error

    # -- inside ----------------------------------------------------------------------------------------------

    def _select(self, name: str) -> sa.Subquery:
        spec = self.specs[name]
        select = select_of(spec, self._app.settings(spec.plugin), self._ctx.today)
        got = tuple(column.key for column in select.selected_columns)
        if got != _WANTED:
            message = _("the list column {name} selects {got}; it must be {wanted}")
            raise TypeError(
                message.format(name=name, got=", ".join(map(str, got)), wanted=", ".join(_WANTED))
            )
        return _subquery(select, name.replace(".", "_"))

    def _plan(self, rows: sa.Subquery) -> list[str]:
        """Return the steps by which SQLite finds one customer in a column."""
        found = self._ctx.connection.execute(_Plan(sa.select(rows.c.value).where(rows.c.customer_id == 0)))
        return [row.detail for row in found]

    def _read(self, name: str, rows: sa.Subquery, ids: Iterable[int]) -> dict[int, Any]:
        read = _READERS[self.specs[name].type]
        return {
            number: None if value is None else read(value)
            for part in batches(ids)
            for number, value in self._ctx.connection.execute(_of_customers(rows), {_IDS: part}).all()
        }

    def _all(self, name: str, rows: sa.Subquery) -> Callable[[], bool]:
        """Read a whole column, each value compared with one of its type."""
        value = rows.c.value
        query = sa.select(value, value == sa.cast(sa.null(), SQL_TYPES[self.specs[name].type]))
        return lambda: self.check(name, self._ctx.connection.scalars(query))

    def _attempt(
        self, name: str, call: Callable[[], Any], lent: AbstractContextManager[None] | None = None
    ) -> Any:
        """Do what may run a plugin's code or query; a failure is kept and shown as that of a contribution.

        lent: what guards the connection; that of one that is lent for reading by default.
        """
        host, connection = self._app.host, self._ctx.connection
        hosted = host.get(self.specs[name].plugin)
        started = time.monotonic()
        try:
            with set_apart(), lent or only_reading(connection):
                found = call()
            host.charge(hosted, HOOK, started)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (a plugin may raise anything; the list stands)
            host.failed(hosted, HOOK, error, connection)
            return None
        return found


@lru_cache(maxsize=64)
def _subquery(select: sa.Select[Any], name: str) -> sa.Subquery:
    """Name a select; a plugin that always gives the same one lets what is made of it be kept, too."""
    return select.subquery(name)


@lru_cache(maxsize=64)
def _of_customers(rows: sa.Subquery) -> sa.Select[Any]:
    return sa.select(rows).where(rows.c.customer_id.in_(sa.bindparam(_IDS, expanding=True)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(_("{value!r} is no text").format(value=value))
    return value


def _whole(value: Any) -> int:
    """Take a whole number; PostgreSQL gives sums of them as decimals."""
    if isinstance(value, str) or value != int(value):
        raise TypeError(_("{value!r} is no whole number").format(value=value))
    return int(value)


def _number(value: Any) -> Decimal:
    if isinstance(value, str) or not (number := Decimal(str(value))).is_finite():
        raise TypeError(_("{value!r} is no number").format(value=value))
    return number


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError(_("{value} is no day").format(value=value))
    return value if isinstance(value, date) else date.fromisoformat(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "integer": _whole,
    "amount": _whole,
    "decimal": _number,
    "date": _day,
}


def _no_number(value: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return value >= _LEAST_TEXT


# SQLite orders what is of different types: numbers come before texts, texts before bytes.
_LEAST_TEXT: sa.ColumnElement[Any] = sa.literal_column("''")
_LEAST_BYTES: sa.ColumnElement[Any] = sa.literal_column("x''")
_MISFITS_ON_SQLITE: dict[str, Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]] = {
    "text": lambda value: sa.or_(value < _LEAST_TEXT, value >= _LEAST_BYTES),
    "integer": _no_number,
    "amount": _no_number,
    "decimal": _no_number,
    "date": lambda value: sa.func.date(value).is_distinct_from(value),
}
