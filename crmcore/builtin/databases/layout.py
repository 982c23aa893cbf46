"""What there is in a table, said in words that both kinds of database understand."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.db.engine import gate

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.JSON, "json"),
    (sa.Boolean, "boolean"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.Time, "time"),
    (sa.LargeBinary, "bytes"),
    (sa.Integer, "integer"),
    (sa.Float, "number"),
    (sa.Numeric, "decimal"),
    (sa.Uuid, "uuid"),
    (sa.String, "text"),
)
OTHER = "other"
"""A type of the database's own; its values go as the text that the database makes of them."""

SERVERS_OWN = {"change_tx": frozenset({"xid"})}
"""Columns that mean something on one server only: they are neither copied nor compared."""


@dataclass(frozen=True)
class Layout:
    """A table: its columns in the order of their names, and its key."""

    name: str
    columns: dict[str, str]
    """Column → what kind of values it holds."""
    key: tuple[str, ...]

    @cached_property
    def counter(self) -> str | None:
        """The column whose numbers the database may count on by itself."""
        single = self.key[0] if len(self.key) == 1 else ""
        return single if self.columns.get(single) == "integer" else None

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The columns by which rows are read; without a key all whose values have an order everywhere."""
        return self.key or tuple(name for name, kind in self.columns.items() if kind not in {"json", OTHER})

    @cached_property
    def summed(self) -> tuple[int, ...]:
        """The places of the columns that the checksum covers."""
        own = SERVERS_OWN.get(self.name, frozenset[str]())
        return tuple(place for place, name in enumerate(self.columns) if name not in own)


def kind_of(given: sa.types.TypeEngine[Any]) -> str:
    """Return the kind of a type."""
    return next((name for known, name in _KINDS if isinstance(given, known)), OTHER)


def layouts(connection: sa.Connection, names: Iterable[str]) -> list[Layout]:
    """Describe tables as the database has them."""
    with gate(connection), warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # of types that SQLAlchemy does not know
        inspector = sa.inspect(connection)
        return [_layout(inspector, name) for name in names]


def _layout(inspector: sa.Inspector, name: str) -> Layout:
    kinds = {column["name"]: kind_of(column["type"]) for column in inspector.get_columns(name)}
    key = tuple(inspector.get_pk_constraint(name)["constrained_columns"])
    return Layout(name, dict(sorted(kinds.items())), key)


def quoted(name: str) -> str:
    """Quote a name, for both kinds of database."""
    return '"' + name.replace('"', '""') + '"'
