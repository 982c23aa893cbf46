"""The engine `duckdb`: rows go over ADBC into DuckDB, in a process of their own; answers come back as lines."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Self

from crmcore.builtin.analytics import loading, sql
from crmcore.builtin.analytics.bench import Bench, Build, Schema, python_values
from crmcore.builtin.analytics.requirements import lacking
from crmcore.changes import LoadedRange
from crmcore.db.engine import sqlite_path
from crmcore.entities.actors import require_permission

if TYPE_CHECKING:
    from types import TracebackType

    import sqlalchemy as sa
    from sqlmodel import SQLModel

    from crmcore.app import App

_NEEDED = ("ibis", "duckdb", "pyarrow", "adbc_driver_manager", "adbc_driver_sqlite", "adbc_driver_postgresql")


class DuckBench(Bench):
    """DuckDB in a child process; what is defined is kept as a table there."""

    dialect = "duckdb"

    def __init__(self, app: App, plugin: str) -> None:
        """Start the process: it imports its libraries while we import ours."""
        from crmcore.builtin.analytics.duck_process import Child

        super().__init__(app, plugin)
        self.sqlite = sqlite_path(app.config) is not None
        self.child = Child(app.config)
        self._answers = 0

    @classmethod
    def missing(cls, app: App) -> str | None:
        """Want the whole extra."""
        del app
        return lacking("duckdb", "analytics", _NEEDED)

    def __enter__(self) -> Self:
        try:
            with self.app.read(self.plugin):
                """The database is there, and its tables are those of this program."""
        except BaseException:
            self.child.close(at_once=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.close(at_once=kind is not None)

    def take_rows(self, name: str, select: sa.Select[Any], schema: Schema) -> None:
        """Have them read into a table; who asks goes on meanwhile."""
        query = sql.of_select(name, select, schema, self.app.engine.dialect)
        if not self.sqlite:
            query = sql.cast(query, schema, "postgres")
        columns = [(column, sql.type_of(kind, "duckdb")) for column, kind in schema.items()]
        spread = (
            None if self.sqlite else self.spreads.get(name)
        )  # SQLite's connections would share one disk and lock
        self.child.send("read", name=name, query=query, columns=columns, spread=spread)

    def take_files(self, name: str, files: str, schema: Schema) -> None:
        """Make a view of them."""
        query = sql.cast(f"SELECT * FROM read_parquet({sql.text(files)})", schema, "duckdb")
        self.child.send("run", statement=f"CREATE VIEW {sql.quoted(name)} AS {query}")

    def keep(self, name: str, query: str, schema: Schema) -> None:
        """Have a table made."""
        query = sql.cast(query, schema, "duckdb")
        self.child.send("run", statement=f"CREATE TABLE {sql.quoted(name)} AS {query}")

    def answer(
        self, query: str, kinds: Sequence[str], size: int
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Fetch rows, the next ones while these are worked with."""
        self._answers += 1
        number = self._answers
        coming = self.child.send("rows", number=number, query=query, size=size)
        try:
            while True:
                self.child.expect(coming)
                rows = self.child.result(coming)
                if len(rows) == size:  # the next ones are on their way while these are worked with
                    coming = self.child.send("more", number=number, size=size)
                    self.child.expect(coming)
                if rows:
                    yield python_values(rows, kinds, exact=True)
                if len(rows) < size:
                    return
        except GeneratorExit:
            self.child.send("forget", number=number)
            raise

    def checksum(self, name: str, columns: Sequence[str]) -> str:
        """Hash where the rows are."""
        return self.begin_checksum(name, columns)()

    def begin_checksum(self, name: str, columns: Sequence[str]) -> Callable[[], str]:
        """Have it hashed beside what else is asked for."""
        names = ", ".join(map(sql.quoted, columns))
        texts = ", ".join(f"coalesce(CAST({sql.quoted(c)} AS VARCHAR), 'None')" for c in columns)
        ordered = (
            f"(SELECT {names} FROM {sql.quoted(name)} ORDER BY {names})"  # integers sort faster than texts
        )
        query = f"SELECT concat_ws(' ', {texts}) || chr(10) FROM {ordered}"
        self._answers += 1
        number = self._answers
        self.child.send("begin_checksum", number=number, query=query)

        def found() -> str:
            return str(self.child.ask("end_checksum", number=number))

        return found

    def load(
        self, model: type[SQLModel], build: Build, *, actor: str, ids_in_order: Sequence[str]
    ) -> list[LoadedRange] | None:
        """Write where the rows are."""
        info = self.app.table(model)
        columns = loading.targets(info, self.app.engine.dialect.name)
        if info.spec.log != "range" or columns is None or self.app.host.decides("validate_changes", info):
            return None
        self.app.check_enabled_set()
        with self.app.read(self.plugin) as ctx:
            require_permission(ctx.connection, self.app.config, actor, "records.write")
        expression = self._build(build)
        left_out = loading.with_defaults(info, expression.schema())
        constants = "".join(f", {loading.literal(value)} AS {sql.quoted(c)}" for c, value in left_out.items())
        query = f"SELECT *{constants} FROM ({sql.of_expression(expression, self.dialect)})"
        ranges = self.child.ask(
            "load",
            query=query,
            table=info.entity,
            columns=columns,
            order=list(ids_in_order),
            chunk=loading.CHUNK,
            at_once=loading.AT_ONCE,
        )
        return [LoadedRange(*found) for found in ranges]
