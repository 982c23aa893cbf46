"""A bench: named tables of one company, and analyses written once that each engine computes in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from crmcore.builtin.analytics import sql

if TYPE_CHECKING:
    from types import TracebackType

    import ibis.expr.types as ir
    import sqlalchemy as sa
    from sqlmodel import SQLModel

    from crmcore.app import App
    from crmcore.changes import LoadedRange

Schema = Mapping[str, str]
"""Column → type, one of int64, string, date, boolean, float64."""

Build = Callable[[Mapping[str, "ir.Table"]], "ir.Table"]
"""Tables of the bench by name → an ibis expression over them."""

BATCH = 5_000


Spread = tuple[str, int, int]
"""An integer column of an index, without NULL, and about its least and greatest value."""


class Bench(ABC):
    """An engine at work for one plugin; what third parties derive theirs from.

    All that is read shows the database as it was at one moment. Nothing outlives the bench.
    """

    dialect: str
    """What ibis calls the engine's SQL: sqlite, postgres, duckdb, pyspark."""

    def __init__(self, app: App, plugin: str) -> None:
        """Take the company and the plugin that asks; what the engine needs is started here or in __enter__."""
        self.app = app
        self.plugin = plugin
        self.schemas: dict[str, dict[str, str]] = {}
        """What was read or defined so far: name → column → type."""
        self.spreads: dict[str, Spread] = {}
        """What may be read in parts: name → how its rows lie."""

    @classmethod
    def missing(cls, app: App) -> str | None:
        """Say in one sentence what the engine lacks here, or None."""
        del app
        return None

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    # -- what an analysis calls ------------------------------------------------------------------------------

    def read(self, name: str, select: sa.Select[Any], schema: Schema, spread: Spread | None = None) -> None:
        """Give rows of the company's database a name; the select's labels are the schema's columns.

        spread: by which column an engine may read them in parts, side by side.
        """
        self._add(name, schema)
        if spread:
            self.spreads[name] = spread
        self.take_rows(name, select, schema)

    def read_files(self, name: str, files: str, schema: Schema) -> None:
        """Give Parquet files (a path, a pattern or an address) a name; they are read where they lie."""
        self._add(name, schema)
        self.take_files(name, files, schema)

    def define(self, name: str, build: Build) -> None:
        """Compute a table and keep it under a name, where the engine can keep one."""
        expression = self._build(build)
        schema = sql.kinds_of(expression)
        self._add(name, schema)
        self.keep(name, sql.of_expression(expression, self.dialect), schema)

    def fetch(self, build: Build) -> list[tuple[Any, ...]]:
        """Return an answer that is small: int, str, date, bool, float, None."""
        return [row for part in self.batches(build) for row in part]

    def batches(self, build: Build, size: int = BATCH) -> Generator[list[tuple[Any, ...]], None, None]:
        """Stream an answer, in the order of its `order_by`."""
        expression = self._build(build)
        kinds = tuple(sql.kinds_of(expression).values())
        with closing(self.answer(sql.of_expression(expression, self.dialect), kinds, size)) as parts:
            yield from parts

    def checksum(self, name: str, columns: Sequence[str]) -> str:
        """Return the sha256 of lines `1 -20 300` in the order of the columns, which hold integers; None for NULL."""
        digest = sha256()
        for part in self.batches(lambda t: t[name].select(*columns).order_by(*columns)):
            digest.update("".join([" ".join(map(str, row)) + "\n" for row in part]).encode())
        return digest.hexdigest()

    def begin_checksum(self, name: str, columns: Sequence[str]) -> Callable[[], str]:
        """Begin a checksum; what comes back waits for it. An engine may compute others meanwhile."""
        return partial(self.checksum, name, columns)

    def load(
        self, model: type[SQLModel], build: Build, *, actor: str, ids_in_order: Sequence[str]
    ) -> list[LoadedRange] | None:
        """Write an answer into a plugin's table past the gate, new rows only; None where there is no quick way.

        model: a table registered with log="range"; the answer has its columns without `id`, those that are left out
        get their defaults. ids_in_order: the columns by which ids rise. Rows are there, and visible, before they are
        logged: let nobody see them until `tx.log_loaded(model, ranges)`, and take what was never logged away with
        `unload`.
        """
        del model, build, actor, ids_in_order
        return None

    # -- what an engine does ---------------------------------------------------------------------------------

    @abstractmethod
    def take_rows(self, name: str, select: sa.Select[Any], schema: Schema) -> None:
        """Make the rows of a select on the company's database known as `name`, in the schema's types."""

    @abstractmethod
    def take_files(self, name: str, files: str, schema: Schema) -> None:
        """Make Parquet files known as `name`; CrmError if the engine has no access to files."""

    @abstractmethod
    def keep(self, name: str, query: str, schema: Schema) -> None:
        """Make the answer of a query in the engine's dialect known as `name`, in the schema's types."""

    @abstractmethod
    def answer(
        self, query: str, kinds: Sequence[str], size: int
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Yield the rows of a query in lists of `size`, in its order, as int, str, date, bool, float, None."""

    # -- for both --------------------------------------------------------------------------------------------

    def _add(self, name: str, schema: Schema) -> None:
        sql.check_name(name, schema)
        if name in self.schemas:
            raise ValueError(f"there is a table {name!r} on the bench already")
        self.schemas[name] = dict(schema)

    def _build(self, build: Build) -> ir.Table:
        import ibis

        return build({name: ibis.table(schema, name=name) for name, schema in self.schemas.items()})


def python_values(
    rows: Sequence[Sequence[Any]], kinds: Sequence[str], *, exact: bool = False
) -> list[tuple[Any, ...]]:
    """Turn what a driver gave into int, date, bool and float; `exact` drivers give int for integers already."""
    wanted = [
        (position, _READ[kind])
        for position, kind in enumerate(kinds)
        if kind in _READ and not (exact and kind == "int64")
    ]
    if not wanted:
        return list(map(tuple, rows))
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for position, read in wanted:
        columns[position] = [None if value is None else read(value) for value in columns[position]]
    return list(zip(*columns, strict=True))


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


_READ: dict[str, Callable[[Any], Any]] = {"int64": int, "date": _date, "boolean": bool, "float64": float}
