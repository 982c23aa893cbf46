"""What plugins answer with: their rows of persons, and those rows without personal values.

A table says in its TableSpec which of its columns are personal and which name the person; that is all these need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from crmcore.builtin.privacy.rules import ERASED, erased_word
from crmcore.entities.lookup import batches, codes_of, table_of
from crmcore.entities.tables import Contact, Customer
from crmcore.plugins.types import ErasedData, PersonData

if TYPE_CHECKING:
    from datetime import date

    from crmcore.plugins.types import Context, Person
    from crmcore.tx import Tx

WHOSE = {"contact": "contact_id", "customer": "customer_id"}
_MODELS: dict[str, type[SQLModel]] = {"contact": Contact, "customer": Customer}
_OF_THE_ROW = frozenset({"id", "uid", "version", *WHOSE.values()})


def person_rows(
    ctx: Context, model: type[SQLModel], persons: Sequence[Person], purpose: str = ""
) -> list[PersonData]:
    """Return the rows of a table that name these persons in `contact_id` or `customer_id`, with all their columns."""
    return rows_in(ctx.connection, table_of(model), persons, purpose)


def rows_in(
    connection: sa.Connection,
    table: sa.Table,
    persons: Sequence[Person],
    purpose: str = "",
    whose: Mapping[str, str] = WHOSE,
) -> list[PersonData]:
    """Return the rows of any table that name these persons; `whose`: kind of person → column."""
    found: list[PersonData] = []
    for entity, column in whose.items():
        uids = {person.id: person.uid for person in persons if person.entity == entity}
        if column not in table.c or not uids:
            continue
        rows: list[sa.RowMapping] = []
        for part in batches(uids):
            query = sa.select(table).where(table.c[column].in_(part)).order_by(*table.primary_key)
            rows += connection.execute(query).mappings().all()
        codes = _others(connection, entity, rows)
        by_person: dict[int, list[Mapping[str, Any]]] = {}
        for row in rows:
            by_person.setdefault(row[column], []).append(_told(row, codes))
        found += [
            PersonData(uids[number], table.name, tuple(by_person[number]), purpose)
            for number in sorted(by_person)
        ]
    return found


def _others(
    connection: sa.Connection, entity: str, rows: Sequence[sa.RowMapping]
) -> dict[str, dict[int, str]]:
    """Return the codes of the contacts or customers that rows name besides the person."""
    others = {one: column for one, column in WHOSE.items() if one != entity and rows and column in rows[0]}
    return {
        one: codes_of(connection, _MODELS[one], [row[column] for row in rows if row[column]])
        for one, column in others.items()
    }


def _told(row: sa.RowMapping, codes: Mapping[str, Mapping[int, str]]) -> Mapping[str, Any]:
    values = {name: value for name, value in row.items() if name not in _OF_THE_ROW and value is not None}
    named = {one: found[row[WHOSE[one]]] for one, found in codes.items() if row[WHOSE[one]] in found}
    return {**named, **values}


def row_ids(connection: sa.Connection, model: type[SQLModel], persons: Sequence[Person]) -> list[int]:
    """Return the ids of the rows that name these persons in `contact_id` or `customer_id`."""
    table, found = table_of(model), set[int]()
    for entity, column in WHOSE.items():
        if column in table.c:
            for part in batches(person.id for person in persons if person.entity == entity):
                found.update(connection.scalars(sa.select(table.c.id).where(table.c[column].in_(part))))
    return sorted(found)


def erase_person_rows(
    tx: Tx, model: type[SQLModel], persons: Sequence[Person], values: Mapping[str, Any] | None = None
) -> ErasedData:
    """Set columns of the rows that name these persons, such as `{"note": None}`; without values delete the rows.

    A column that may not be empty takes `"(erased)"`, which is written in the language of who erases.
    """
    ids = row_ids(tx.connection, model, persons)
    values = values and {name: erased_word() if v == ERASED else v for name, v in values.items()}
    if values is None:
        tx.delete(model, ids)
    else:
        tx.update(model, [(number, dict(values)) for number in ids])
    return ErasedData(table_of(model).name, len(ids))


def kept_person_rows(
    tx: Tx, model: type[SQLModel], persons: Sequence[Person], why: str, until: date | None = None
) -> ErasedData:
    """Say that the rows that name these persons stay under their pseudonym, and why."""
    return ErasedData(table_of(model).name, 0, len(row_ids(tx.connection, model, persons)), why, until)
