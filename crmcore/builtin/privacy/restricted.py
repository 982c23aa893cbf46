"""Who is restricted (限制处理): kept and shown to who may, not changed, not listed, not handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.rows import WHOSE
from crmcore.builtin.privacy.tables import Restriction
from crmcore.entities.lookup import table_of

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.plugins.types import Context

_table = table_of(Restriction)
_NOW = _table.c.lifted_at.is_(None)
_ANYBODY = sa.select(sa.exists().where(_NOW))


def log_read(ctx: Context, what: str, entity: str, count: int, whose: str) -> None:
    """Record that sensitive data was read (查阅记录), also where what reads it can write nothing, as a report.

    what: `sensitive`, `list` or `export`; whose: code and subject for who looks through the record, no values.
    """
    ctx._app.log_read(ctx.actor, what, entity, count, whose)  # noqa: SLF001  (the kernel's own way back)


def restricted_ids(ctx: Context, entity: str = "customer") -> frozenset[int]:
    """Return the ids of the customers, or of the contacts, that are restricted: leave them out of what you do.

    entity: `customer` or `contact`. What is about persons leaves them out: lists, classes, rankings, counts of customers,
    what is sent or printed. The books go on: sums of sales, receivables, what a law or a claim asks for.
    """
    return ids_of(ctx.connection, entity)


def ids_of(connection: sa.Connection, entity: str) -> frozenset[int]:
    """Return the ids of the customers, or of the contacts, that are restricted."""
    column = _table.c[WHOSE[entity]]
    return frozenset(connection.scalars(sa.select(column).where(_NOW, column.is_not(None))))


def not_restricted(column: sa.ColumnElement[Any], entity: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column with ids names nobody who is restricted, for lists and exports."""
    whose = _table.c[WHOSE[entity]]
    return sa.or_(column.is_(None), column.not_in(sa.select(whose).where(_NOW, whose.is_not(None))))


def unrestricted(
    connection: sa.Connection, column: sa.ColumnElement[Any], entity: str = "customer"
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions, none or one, under which a column with ids names nobody who is restricted.

    For statements, `query.where(*unrestricted(ctx.connection, table.c.customer_id))`; mostly nobody is restricted, and
    then it costs nothing.
    """
    return hidden(connection, (column, entity))


def hidden(
    connection: sa.Connection, *columns: tuple[sa.ColumnElement[Any], str]
) -> list[sa.ColumnElement[bool]]:
    """Return conditions that leave restricted persons out of a list; mostly nobody is, then there are none.

    columns: those with ids, each with whose they are, `contact` or `customer`.
    """
    if not connection.scalar(_ANYBODY):
        return []
    return [not_restricted(column, entity) for column, entity in columns]


def require_shown(app: App, ctx: Context, entity: str, number: int) -> bool:
    """Say whether a person is restricted; Refused then for who may not look at those."""
    from crmcore.entities.actors import require_permission

    if not is_restricted(ctx.connection, entity, number):
        return False
    require_permission(ctx.connection, app.config, ctx.actor, "privacy.manage")
    return True


def require_about_shown(app: App, ctx: Context, row: Any) -> None:
    """Raise Refused where a row is about a restricted person, for who may not look at those."""
    for entity, column in WHOSE.items():
        if row.get(column):
            require_shown(app, ctx, entity, row[column])


def is_restricted(connection: sa.Connection, entity: str, number: int) -> bool:
    """Say whether one person is."""
    query = sa.select(sa.exists().where(_NOW, _table.c[WHOSE[entity]] == number))
    return bool(connection.scalar(query))
