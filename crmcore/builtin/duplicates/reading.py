"""Customers read as cards, hundreds at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.duplicates.cards import Card, Person
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.search.folding import fold
from crmcore.builtin.search.phones import numbers_in
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer

customers, _people, _places = table_of(Customer), table_of(Contact), table_of(ContactFirm)
COLUMNS = (
    "id",
    "code",
    "kind",
    "name",
    "short_name",
    "tax_id",
    "phone",
    "parent_id",
    "attributes",
    "version",
)
FROM_THE_CARD = "address"
AMONG: sa.BindParameter[list[int]] = sa.bindparam("among", expanding=True)
"""The ids or keys of one part: a statement is built once, not for each part."""


def read_cards(
    connection: sa.Connection, ids: Iterable[int], today: date, *, archived: bool = False
) -> dict[int, Card]:
    """Return id → card of customers with the people who are there today; archived ones only where asked for.

    Restricted persons are left out: what is kept of them is not compared.
    """
    wanted = sorted(set(ids))
    people = read_people(connection, wanted, today)
    found: dict[int, Card] = {}
    shown = hidden(connection, (customers.c.id, "customer"))
    query = sa.select(*(customers.c[name] for name in COLUMNS)).where(customers.c.id.in_(AMONG), *shown)
    query = query if archived else query.where(customers.c.archived_at.is_(None))
    for part in batches(wanted):
        for row in connection.execute(query, {"among": part}).mappings():
            found[row["id"]] = Card(as_compared(dict(row)), people.get(row["id"], ()))
    return found


def as_compared(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the table as a card takes it."""
    return {**row, FROM_THE_CARD: row["attributes"].get(FROM_THE_CARD)}


def read_people(connection: sa.Connection, ids: Iterable[int], today: date) -> dict[int, list[Person]]:
    """Return customer → the people who are there today."""
    found: dict[int, list[Person]] = {}
    shown = hidden(connection, (_people.c.id, "contact"))
    present = sa.or_(_places.c.until.is_(None), _places.c.until >= today)
    query = (
        sa.select(_places.c.customer_id, _people.c.name, _people.c.phone, _people.c.mobile)
        .join(_people, _people.c.id == _places.c.contact_id)
        .where(_places.c.customer_id.in_(AMONG), present, _people.c.archived_at.is_(None), *shown)
        .order_by(_places.c.id)
    )
    for part in batches(ids):
        for customer, name, *numbers in connection.execute(query, {"among": part}):
            found.setdefault(customer, []).append(person(name, *numbers))
    return found


def person(name: str | None, *numbers: str | None) -> Person:
    """Return somebody as cards compare them."""
    return Person(fold(name or ""), frozenset(n for text in numbers if text for n in numbers_in(text)))
