"""The engine `database`: analyses as SQL in the company's own database; needs no other program and copies nothing."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.builtin.analytics import sql
from crmcore.builtin.analytics.bench import Bench, Schema
from crmcore.builtin.analytics.requirements import lacking
from crmcore.builtin.analytics.snapshot import Snapshot
from crmcore.errors import CrmError
from crmcore.i18n import _

if TYPE_CHECKING:
    from types import TracebackType

    import sqlalchemy as sa

    from crmcore.app import App


class DatabaseBench(Bench):
    """Each table is a query under a name; what is defined is computed anew by whatever uses it."""

    def __init__(self, app: App, plugin: str) -> None:
        """Open the database."""
        super().__init__(app, plugin)
        self._queries: dict[str, str] = {}
        self._snapshot = Snapshot(app, plugin)
        self.dialect = "sqlite" if self._snapshot.dialect.name == "sqlite" else "postgres"

    @classmethod
    def missing(cls, app: App) -> str | None:
        """Want ibis alone."""
        del app
        return lacking("database", "analytics", ("ibis",))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._snapshot.close()

    def take_rows(self, name: str, select: sa.Select[Any], schema: Schema) -> None:
        """Keep the select itself."""
        self.keep(name, sql.of_select(name, select, schema, self._snapshot.dialect), schema)

    def take_files(self, name: str, files: str, schema: Schema) -> None:
        """Refuse: neither SQLite nor PostgreSQL reads Parquet."""
        del name, schema
        raise CrmError(
            _("the engine database cannot read files ({files}); choose the engine duckdb or spark").format(
                files=files
            )
        )

    def keep(self, name: str, query: str, schema: Schema) -> None:
        """Keep the query, to be put in front of those that speak of it."""
        # SQLite has no types to turn values into, and a CAST would keep it from its indexes.
        self._queries[name] = query if self.dialect == "sqlite" else sql.cast(query, schema, self.dialect)

    def answer(
        self, query: str, kinds: Sequence[str], size: int
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Ask the database."""
        yield from self._snapshot.rows(sql.with_tables(query, self._queries), kinds, size)
