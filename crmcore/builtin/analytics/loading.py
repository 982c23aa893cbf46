"""Rows that are written past the gate: what the child must know of the table, and how to take them away again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from crmcore.db.engine import gate
from crmcore.db.system import change_log
from crmcore.errors import GateError
from crmcore.i18n import _

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.db.tables import TableInfo

CHUNK = 5_000
"""Rows of one entry in the change log, as the gate's callers insert them."""

AT_ONCE = 50_000
"""Rows of one transaction, after which other writers get their turn: a quarter of a second's work."""

_INTEGERS = ((sa.BigInteger, "BIGINT"), (sa.SmallInteger, "SMALLINT"), (sa.Integer, "INTEGER"))


class Target(NamedTuple):
    """A column as `child_load.Column` takes it."""

    name: str
    kind: str
    kept: str
    wanted: str
    parent: str | None = None


def targets(info: TableInfo, dialect: str) -> list[Target] | None:
    """Return the columns of a table; None if it has one, or a foreign key, that the quick way does not know."""
    found = [_target(column, dialect) for column in info.table.columns]
    keys = [key for constraint in info.table.foreign_key_constraints for key in constraint.elements]
    if None in found or any(
        len(key.constraint.elements) > 1 or key.column.key != "id" for key in keys if key.constraint
    ):
        return None
    parents = {key.parent.key: key.column.table.name for key in keys}
    return [target._replace(parent=parents.get(target.name)) for target in found if target]


def _target(column: sa.Column[Any], dialect: str) -> Target | None:
    sqlite = dialect == "sqlite"
    name, kind = column.key, column.type
    if isinstance(kind, sa.TypeDecorator):  # such as SQLModel's own string
        kind = kind.impl_instance
    if isinstance(kind, sa.Boolean):
        return Target(name, "boolean", "BOOLEAN", "BIGINT" if sqlite else "BOOLEAN")
    for integer, wanted in _INTEGERS:
        if isinstance(kind, integer):
            return Target(name, "integer", "BIGINT", "BIGINT" if sqlite else wanted)
    if isinstance(kind, sa.Date):
        return Target(name, "date", "DATE", "VARCHAR" if sqlite else "DATE")
    if isinstance(kind, sa.String):
        return Target(name, "text", "VARCHAR", "VARCHAR")
    return None


def with_defaults(info: TableInfo, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the columns that an answer leaves out; ValueError for columns that do not fit."""
    if unknown := given.keys() - set(info.columns) | given.keys() & {"id"}:
        raise ValueError(f"{info.entity}: {', '.join(sorted(unknown))} cannot be loaded")
    if "uid" in info.columns and "uid" not in given:
        raise ValueError(f"{info.entity}: rows with a uid cannot be loaded")
    defaults = {name: default() for name, default in info.defaults.items()}
    return {name: defaults.get(name) for name in info.columns if name not in given and name != "id"}


def literal(value: Any) -> str:
    """Write a default value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def unload(app: App, model: type[SQLModel], where: sa.ColumnElement[bool]) -> int:
    """Delete rows that a bench loaded and that were never logged, in short transactions; returns how many.

    where: a condition over the table's columns. GateError, with nothing deleted of the part at hand, for rows that
    the change log knows: those are deleted with `tx.delete`.
    """
    info = app.table(model)
    if info.spec.log != "range":
        raise GateError(
            _("rows of {table} are logged one by one and cannot be unloaded").format(table=info.entity)
        )
    deleted = 0
    while True:
        with app.operations() as connection:
            ids = _some(connection, info, where)
            _check_unlogged(connection, info.entity, ids)
            with gate(connection):
                for start in range(0, len(ids), 500):
                    part = ids[start : start + 500]
                    connection.execute(sa.delete(info.table).where(info.table.c.id.in_(part)))
        deleted += len(ids)
        if len(ids) < CHUNK:
            return deleted


def _some(connection: sa.Connection, info: TableInfo, where: sa.ColumnElement[bool]) -> list[int]:
    c = info.table.c
    return list(connection.scalars(sa.select(c.id).where(where).order_by(c.id).limit(CHUNK)))


def _check_unlogged(connection: sa.Connection, entity: str, ids: Sequence[int]) -> None:
    if not ids:
        return
    c = change_log.c
    query = sa.select(c.after).where(c.entity == entity, c.operation == "append").order_by(c.seq.desc())
    with connection.execute(query.execution_options(yield_per=1000)) as found:
        for (text,) in found:
            after = json.loads(text)
            if ids[0] <= after["last"] and ids[-1] >= after["first"]:
                raise GateError(
                    _(
                        "rows {first} to {last} of {table} are in the change log; delete them through the gate"
                    ).format(first=after["first"], last=after["last"], table=entity)
                )
