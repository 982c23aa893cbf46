"""What a database still holds of rows that are gone: free pages, the -wal file, dead rows, old words of the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.mentions import OPERATIONAL
from crmcore.builtin.search.rebuilding import forget_deleted
from crmcore.builtin.search.tables import INDEX
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App


def clear_pages(app: App, tables: Iterable[str]) -> None:
    """Have the database give up what it keeps of deleted values; CrmError where others hold it back.

    SQLite writes its file anew. PostgreSQL clears the dead rows of these tables; its disk blocks, archived logs and
    replicas are its administrator's (docs/explanation/privacy.md).
    """
    if app.engine.dialect.name == "postgresql":
        _vacuum_tables(app, {*tables, "person_key", INDEX, *(table.name for table, _columns in OPERATIONAL)})
        return
    forget_deleted(app)
    with app.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("VACUUM").close()
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            busy = True
    if busy:
        message = _(
            "other processes read the database, so it still holds free pages with values of the person; when they have ended, run: crm privacy go-on"
        )
        raise CrmError(message)


def _vacuum_tables(app: App, tables: set[str]) -> None:
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        known = set(sa.inspect(connection).get_table_names())
        with app.unguarded(connection):
            for name in sorted(tables & known):
                connection.exec_driver_sql(f'VACUUM "{name}"')
