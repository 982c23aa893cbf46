"""What the gate knows of each table: columns, how it is logged, whose personal values it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.base import JsonText, dumps
from crmcore.plugins.types import TableSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crmcore.builtin.columns import Columns


@dataclass(frozen=True)
class TableInfo:
    """A tracked table, with what of it is personal."""

    spec: TableSpec
    is_personal: Callable[[str], bool] = frozenset[str]().__contains__
    """Whether a single attribute is."""
    personal_columns: frozenset[str] = frozenset()
    persons: tuple[str, ...] = ()
    """Columns that name the person, the first that is set counts; `id` = the row itself."""
    _statements: dict[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def table(self) -> sa.Table:
        """The SQLAlchemy table."""
        table: sa.Table = self.spec.table.__table__  # type: ignore[attr-defined]
        return table

    @cached_property
    def entity(self) -> str:
        """The name under which its changes are logged; a plain str: SQLite's driver asks subclasses for an adapter."""
        return "".join(self.table.name)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Its columns in order."""
        return tuple(column.key for column in self.table.columns)

    @cached_property
    def editable(self) -> frozenset[str]:
        """The columns that an update may name: all but those that are the gate's own."""
        return frozenset(self.columns) - {"id", "uid"} - ({"version"} if self.versioned else set())

    @cached_property
    def versioned(self) -> bool:
        """Whether its rows count their edits."""
        return "version" in self.columns and isinstance(self.table.c.version.type, sa.Integer)

    @cached_property
    def defaults(self) -> dict[str, Callable[[], Any]]:
        """What an absent column gets, where that is not NULL."""
        fields = self.spec.table.model_fields
        made = {name: _default(fields[name]) for name in self.columns if name != "id"}
        return {name: default for name, default in made.items() if default() is not None}

    def stored(
        self, ids: Sequence[int], columns: Columns, dialect: sa.Dialect
    ) -> dict[str, Sequence[Any] | None]:
        """Turn rows into what the driver takes, column by column; None for a column that is NULL in all."""
        stored = {**dict.fromkeys(self.columns), **columns.values, "id": ids}
        for name, processor in self._processors(dialect):
            if name == "attributes" and columns.attributes is not None:
                stored[name] = columns.attributes
            elif name in columns.values:
                stored[name] = list(map(processor, columns.values[name]))
        return stored

    def _processors(self, dialect: sa.Dialect) -> list[tuple[str, Callable[[Any], Any]]]:
        if dialect.name not in self._statements:
            # SQLAlchemy's own processor for JSON calls the same function after several checks per value.
            found = [
                (
                    column.key,
                    _json_or_null
                    if column.type is JsonText
                    else column.type.dialect_impl(dialect).bind_processor(dialect),
                )
                for column in self.table.columns
            ]
            self._statements[dialect.name] = [(name, p) for name, p in found if p is not None]
        processors: list[tuple[str, Callable[[Any], Any]]] = self._statements[dialect.name]
        return processors


def _json_or_null(value: Any) -> str | None:
    return None if value is None else dumps(value)


def _default(model_field: Any) -> Callable[[], Any]:
    if model_field.default_factory is not None:
        factory: Callable[[], Any] = model_field.default_factory
        return factory
    value = None if model_field.is_required() else model_field.default
    return lambda: value
