"""The company's own database as the source of a backup or a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.audit.anchor import newest
from crmcore.builtin.databases.plan import Plan, plan_of
from crmcore.builtin.databases.reading import one_moment
from crmcore.builtin.databases.telling import told
from crmcore.changes import seal_pending, unsealed
from crmcore.db.base import text_of_time
from crmcore.db.engine import gate
from crmcore.entities.actors import require_permission
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

PERMISSION = "database.manage"


@contextmanager
def opened(app: App, actor: str) -> Iterator[tuple[sa.Connection, Plan]]:
    """Open the database as it is at this moment, for whoever may read all of it; says what of it is copied."""
    with app.read(actor=actor) as ctx:
        require_permission(ctx.connection, app.config, actor, PERMISSION)
    if app.engine.dialect.name == "postgresql":
        with app.operations() as connection, app.unguarded(connection):
            seal_pending(connection)
    with told(app.config.database_url), one_moment(app.engine) as connection:
        plan = plan_of(connection, tables_of(connection), plugins=not app.no_plugins)
        if plan.left_out:
            message = _("left out, since they belong to nothing that crm knows: {names}")
            app.warn(message.format(names=", ".join(plan.left_out)))
        yield connection, plan


def tables_of(connection: sa.Connection) -> list[str]:
    """Return the names of all plain tables."""
    if connection.dialect.name == "sqlite":
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%'"
            " ESCAPE '\\'"
        )
        return [name for (name,) in connection.exec_driver_sql(query)]
    with gate(connection):
        return sa.inspect(connection).get_table_names()


def anchor(connection: sa.Connection) -> dict[str, Any]:
    """Return the head of the change log: what stands before it can be proved later to be as it was."""
    found = newest(connection)
    at = found["at"]
    return {**found, "at": at and text_of_time(at), "unsealed": unsealed(connection)}
