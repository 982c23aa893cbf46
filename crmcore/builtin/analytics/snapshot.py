"""The company's database as it is at one moment, read by SQL text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from crmcore.builtin.analytics.bench import python_values
from crmcore.db.engine import database_sentence, gate
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App


class Snapshot:
    """An open read-only transaction that sees what was there when it was first read from."""

    def __init__(self, app: App, plugin: str) -> None:
        """Open it."""
        self._open = ExitStack()
        self.connection = self._open.enter_context(app.read(plugin)).connection
        self.dialect = self.connection.dialect
        if self.dialect.name == "postgresql":
            with gate(self.connection):
                self.connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def rows(self, query: str, kinds: Sequence[str], size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Stream a query's rows as Python values; CrmError where the database refuses."""
        import sqlalchemy as sa

        options = {"no_parameters": True, "stream_results": True, "max_row_buffer": size}
        try:
            with self.connection.exec_driver_sql(query, execution_options=options) as result:
                for part in result.partitions(size):
                    yield python_values(part, kinds, exact=self.dialect.name == "sqlite")
        except sa.exc.OperationalError as error:
            raise CrmError(database_sentence(error)) from error
        except sa.exc.DBAPIError as error:
            raise CrmError(_("the database cannot compute this: {error}").format(error=error.orig)) from error

    def close(self) -> None:
        """End it."""
        self._open.close()
