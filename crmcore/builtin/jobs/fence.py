"""A run whose lock was lost, because the server was restarted or a line was cut, writes nothing any more.

On PostgreSQL a lock goes with its connection, and another process may take the job up while the first one goes on with a new
connection. So each of its transactions ends by asking whether its run is still said to run: whoever takes the job up writes
first that it does not, and waits for those that have just asked. A lock of the file system cannot be lost so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App

_STILL = "SELECT 1 FROM job_run WHERE id = %s AND state = 'running' FOR SHARE"


@contextmanager
def fenced(app: App, number: int) -> Iterator[None]:
    """Refuse what is to be committed after another process took the job up from this run."""
    if app.engine.dialect.name != "postgresql":
        yield
        return

    def ask(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        if connection.get_execution_options().get("postgresql_readonly"):
            return
        if driver.execute(_STILL, (number,)).fetchone() is None:
            message = _("another process took the job up meanwhile; nothing more is written by run {run}")
            raise Refused(message.format(run=number))

    sa.event.listen(app.engine, "commit", ask)
    try:
        yield
    finally:
        sa.event.remove(app.engine, "commit", ask)
