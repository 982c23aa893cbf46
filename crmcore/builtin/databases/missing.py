"""Tables that should be there and are not: somebody dropped them by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmcore.db import system
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App


def missing_tables(app: App, connection: sa.Connection) -> list[str]:
    """Return the tables of the core and of the running plugins that a migrated database lacks."""
    wanted = {table.name for table in vars(system).values() if isinstance(table, sa.Table)}
    wanted |= app.core_tables.keys() | _of_the_builtins()
    wanted |= {name for name, info in app.tables.items() if info.spec.plugin not in app.tables_behind}
    return sorted(wanted - set(sa.inspect(connection).get_table_names()))


def _of_the_builtins() -> set[str]:
    from crmcore.builtin.approvals.tables import Approval
    from crmcore.builtin.exchange.tables import ImportRun
    from crmcore.builtin.jobs.tables import JobRun
    from crmcore.plugins.tables import Plugin

    return {str(model.__tablename__) for model in (Approval, ImportRun, JobRun, Plugin)}


def missing_sentence(tables: Iterable[str]) -> str:
    """Say which tables are missing, and what brings them back."""
    message = _(
        "missing tables: {tables}; somebody dropped them; get the newest backup back with: crm db restore"
    )
    return message.format(tables=", ".join(tables))
