"""Customers read as cards, a thousand at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

import sqlalchemy as sa

from crmcore.builtin.duplicates.cards import Card, Person
from crmcore.builtin.exchange.sql import among
from crmcore.builtin.privacy.restricted import hidden
from crmcore.builtin.search.folding import fold
from crmcore.builtin.search.phones import numbers_in
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer

customers, _people, _places = table_of(Customer), table_of(Contact), table_of(ContactFirm)
_COLUMNS = ("id", "code", "kind", "name", "short_name", "tax_id", "phone", "parent_id")
_NAMES = (*_COLUMNS, "address")
_ADDRESS = sa.type_coerce(customers.c.attributes, sa.JSON)["address"].as_string()


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
    query = sa.select(*(customers.c[name] for name in _COLUMNS), _ADDRESS)
    query = query.where(among(connection, customers.c.id, wanted), *shown)
    query = query if archived else query.where(customers.c.archived_at.is_(None))
    for row in connection.execute(query):
        found[row[0]] = Card(dict(zip(_NAMES, row, strict=True)), people.get(row[0], ()))
    return found


def read_people(connection: sa.Connection, ids: Collection[int], today: date) -> dict[int, list[Person]]:
    """Return customer → the people who are there today."""
    found: dict[int, list[Person]] = {}
    shown = hidden(connection, (_people.c.id, "contact"))
    present = sa.or_(_places.c.until.is_(None), _places.c.until >= today)
    query = (
        sa.select(_places.c.customer_id, _people.c.name, _people.c.phone, _people.c.mobile)
        .join(_people, _people.c.id == _places.c.contact_id)
        .where(
            among(connection, _places.c.customer_id, ids), present, _people.c.archived_at.is_(None), *shown
        )
    )
    for customer, name, phone, mobile in connection.execute(query):
        found.setdefault(customer, []).append(person(name, phone, mobile))
    return found


def person(name: str | None, *numbers: str | None) -> Person:
    """Return somebody as cards compare them."""
    return Person(fold(name or ""), frozenset(n for text in numbers if text for n in numbers_in(text)))
