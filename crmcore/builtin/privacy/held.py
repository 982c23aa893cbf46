"""What is held of persons in columns that are marked personal: read before and after, so that nothing is left by oversight."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy import rules
from crmcore.builtin.privacy.persons import TABLES
from crmcore.builtin.privacy.rows import WHOSE
from crmcore.entities.lookup import batches, table_of
from crmcore.errors import Refused
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App
    from crmcore.db.tables import TableInfo
    from crmcore.plugins.types import Person

_NAMES = ("name", "short_name")
_NUMBERS = frozenset({"phone", "mobile", "email", "tax_id"})
Place = tuple[str, int, str]
"""Table, id of the row, column."""


def traces_of(connection: sa.Connection, persons: Sequence[Person]) -> tuple[str, ...]:
    """Return by which texts these persons are recognised elsewhere: names, and what is nobody else's."""
    found: list[str] = []
    for entity, model in TABLES.items():
        table = table_of(model)
        for part in batches(person.id for person in persons if person.entity == entity):
            for row in connection.execute(sa.select(table).where(table.c.id.in_(part))).mappings():
                found += [row[name] for name in _NAMES if row.get(name)]
                values = {**{name: row.get(name) for name in _NUMBERS}, **(row["attributes"] or {})}
                for name, value in values.items():
                    found += [text for text in rules.traces([value]) if _counts(name, text)]
    return rules.traces(found)


def _counts(name: str, text: str) -> bool:
    return len(text) >= rules.IDENTIFYING if name in _NUMBERS else rules.identifies(name, text)


def held(app: App, connection: sa.Connection, persons: Sequence[Person]) -> dict[Place, Any]:
    """Return the personal values that the marked columns of all tables hold of these persons."""
    found: dict[Place, Any] = {}
    for info in app.tables.values():
        if info.persons:
            for row in _rows(connection, info, persons):
                found.update(_personal(info, row))
    return found


def _rows(connection: sa.Connection, info: TableInfo, persons: Sequence[Person]) -> Iterator[sa.RowMapping]:
    for entity, column in WHOSE.items():
        ids = [person.id for person in persons if person.entity == entity]
        name = "id" if info.entity == entity else column
        if name in info.persons:
            for part in batches(ids):
                query = sa.select(info.table).where(info.table.c[name].in_(part))
                yield from connection.execute(query).mappings()


def _personal(info: TableInfo, row: sa.RowMapping) -> Iterator[tuple[Place, Any]]:
    for name in info.personal_columns:
        if row[name]:
            yield (info.entity, row["id"], name), row[name]
    for name, value in (row.get("attributes") or {}).items():
        if info.is_personal(name) and value not in (None, ""):
            yield (info.entity, row["id"], f"attributes.{name}"), value


def refuse_unchanged(
    app: App,
    connection: sa.Connection,
    persons: Sequence[Person],
    before: dict[Place, Any],
    kept: Collection[str],
) -> None:
    """Raise Refused where a personal value is as it was, but in tables of which a plugin said that they are kept."""
    for place, value in held(app, connection, persons).items():
        table, number, column = place
        if table not in kept and before.get(place) == value and not rules.is_mark(value):
            plugin = app.tables[table].spec.plugin or "records"
            message = _(
                "plugin {plugin!r} left {table}.{column} of row {id} as it was, so nothing was erased"
            )
            raise Refused(message.format(plugin=plugin, table=table, column=column, id=number))
