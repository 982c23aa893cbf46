"""Which rows hang on which: by foreign keys of all tables, and by the columns that plugins declare to hold customers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange.sql import among
from crmcore.db.tables import TableInfo

MOST_HANGING = 20_000
"""So many rows that hang on one row are looked at; more than one transaction of an import makes."""


class Reference(NamedTuple):
    """A column of one table that points to rows of another."""

    table: str
    column: str
    target: str


@dataclass(frozen=True, slots=True)
class Hanging:
    """A row that hangs on another; `number` is 0 where its table has no id."""

    entity: str
    number: int


class References:
    """The references between the tables of a database."""

    def __init__(self, app: App, connection: sa.Connection) -> None:
        self._ids: set[str] = set()
        found: dict[Reference, None] = {}
        inspector = sa.inspect(connection)
        for (_schema, table), keys in inspector.get_multi_foreign_keys().items():
            for key in keys:
                if key["referred_columns"] == ["id"]:
                    found[Reference(table, key["constrained_columns"][0], key["referred_table"])] = None
        for (_schema, table), columns in inspector.get_multi_columns().items():
            if any(column["name"] == "id" for column in columns):
                self._ids.add(table)
        for entity, info in app.tables.items():
            for column in info.spec.customer_references:
                found[Reference(entity, column, "customer")] = None
        self._to: dict[str, list[Reference]] = {}
        self._from: dict[str, list[Reference]] = {}
        for reference in sorted(found):
            self._to.setdefault(reference.target, []).append(reference)
            self._from.setdefault(reference.table, []).append(reference)

    def of(self, entity: str) -> Mapping[str, str]:
        """Return column → table that it points to, of one table."""
        return {reference.column: reference.target for reference in self._from.get(entity, ())}

    def parts(self, info: TableInfo) -> Mapping[str, str]:
        """Return column → table of those rows of which a row is a part: nothing names it without them.

        The line of a document is, or a person's place at a firm; a document or an interaction of a customer is not.
        """
        columns = self.of(info.entity)
        named = [name for name in natural_key(info, columns) if name in columns]
        # Nothing but its references tells a person's place at a firm from others: it goes with the person, its first one.
        return {name: columns[name] for name in (named if unique_keys(info) else named[:1])}

    def hanging(
        self, connection: sa.Connection, entity: str, ids: Collection[int]
    ) -> dict[int, list[Hanging]]:
        """Return id → the rows that hang on it; rows on which nothing hangs are left out."""
        found: dict[int, list[Hanging]] = {}
        for reference in self._to.get(entity, ()):
            column = sa.column(reference.column, sa.BigInteger())
            number = sa.column("id") if reference.table in self._ids else sa.literal(0)
            query = (
                sa.select(column, number)
                .select_from(sa.table(reference.table))
                .where(among(connection, column, ids))
            )
            for target, hanging in connection.execute(query.execution_options(yield_per=1_000)):
                rows = found.setdefault(target, [])
                if len(rows) < MOST_HANGING:
                    rows.append(Hanging(reference.table, hanging))
        return found

    def missing(self, connection: sa.Connection, entity: str, values: Mapping[str, object]) -> str | None:
        """Return the table to which values of a row would point without finding the row there."""
        for column, target in self.of(entity).items():
            number = values.get(column)
            if number is None:
                continue
            query = sa.select(sa.literal(1)).select_from(sa.table(target)).where(sa.column("id") == number)
            if connection.scalar(query) is None:
                return target
        return None


def natural_key(info: TableInfo, references: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns by which people know a row: its code, what is unique of it, or to what it belongs."""
    if "code" in info.columns:
        return ("code",)
    named = unique_keys(info)
    if named:
        return named[0]
    return tuple(name for name in info.columns if name in references and not info.table.c[name].nullable)


def unique_keys(info: TableInfo) -> list[tuple[str, ...]]:
    """Return what a table keeps unique, besides the numbers of its rows."""
    found = {
        tuple(column.name for column in constraint.columns)
        for constraint in info.table.constraints
        if isinstance(constraint, sa.UniqueConstraint)
    }
    found |= {(column.name,) for column in info.table.columns if column.unique}
    return sorted(found - {("uid",)})


def customer_columns(info: TableInfo) -> list[str]:
    """Return the columns of a table that hold customers' ids: those that its plugin declares, and by foreign key."""
    pointing = [
        str(column.name)
        for column in info.table.columns
        if any(key.target_fullname == "customer.id" for key in column.foreign_keys)
    ]
    return list(dict.fromkeys([*info.spec.customer_references, *pointing]))
