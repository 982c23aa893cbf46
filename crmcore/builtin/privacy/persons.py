"""Who is meant: a code of a contact, or of a customer that is a natural person, and those who are the same person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.builtin.privacy.tables import DONE, Erasure
from crmcore.entities.lookup import batches, table_of
from crmcore.entities.tables import Contact, ContactFirm, Customer
from crmcore.errors import NotFound, Refused
from crmcore.i18n import _
from crmcore.plugins.types import Person

if TYPE_CHECKING:
    from sqlmodel import SQLModel

TABLES: dict[str, type[SQLModel]] = {"contact": Contact, "customer": Customer}
erasures = table_of(Erasure)


def find_person(connection: sa.Connection, code: str) -> Person:
    """Return the person with a code; NotFound where there is none, Refused for a firm."""
    found: list[Person] = []
    for entity, model in TABLES.items():
        table = table_of(model)
        kind = table.c.kind if "kind" in table.c else sa.literal("person").label("kind")
        query = sa.select(table.c.id, table.c.uid, table.c.code, kind).where(table.c.code == code)
        row = connection.execute(query).first() if code.isprintable() else None
        if row is not None and row.kind != "person":
            message = _("{code} is an organisation, no natural person; name one of its contacts")
            raise Refused(message.format(code=code))
        if row is not None:
            found.append(_person(entity, row))
    if not found:
        message = _("there is no contact and no customer {code!r}; look for it with: crm find")
        raise NotFound(message.format(code=code))
    if len(found) > 1:
        message = _("{code} is a contact and a customer; say which: contact:{code} or customer:{code}")
        raise Refused(message.format(code=code))
    return found[0]


def _person(entity: Any, row: Any) -> Person:
    return Person(entity, row.id, row.uid, row.code)


def by_code(connection: sa.Connection, given: str) -> Person:
    """Return the person that a command names: CODE, or contact:CODE, customer:CODE where both have it."""
    entity, colon, code = given.partition(":")
    if not colon or entity not in TABLES:
        return find_person(connection, given)
    table = table_of(TABLES[entity])
    row = connection.execute(sa.select(table).where(table.c.code == code)).first()
    if row is None or getattr(row, "kind", "person") != "person":
        message = _("there is no person {code!r}; look for it with: crm find")
        raise NotFound(message.format(code=given))
    return _person(entity, row)


def by_uid(connection: sa.Connection, uids: Iterable[str]) -> list[Person]:
    """Return the persons with these uids that are there."""
    found: list[Person] = []
    for entity, model in TABLES.items():
        c = table_of(model).c
        for part in batches(uids):
            rows = connection.execute(sa.select(c.id, c.uid, c.code).where(c.uid.in_(part)).order_by(c.id))
            found += [_person(entity, row) for row in rows]
    return found


def same_persons(connection: sa.Connection, persons: Sequence[Person]) -> list[Person]:
    """Add the customers that were merged into these, and those into whom these were merged."""
    contacts = {person.id for person in persons if person.entity == "contact"}
    customers = _merged(connection, {person.id for person in persons if person.entity == "customer"})
    return [*_of(connection, "contact", contacts), *_of(connection, "customer", customers)]


def with_their_own(connection: sa.Connection, persons: Sequence[Person]) -> list[Person]:
    """Add who goes with these as they are erased: customers merged with them, contacts who are at no other customer.

    Of those who go along none is restricted: what is restricted is kept until its person, or who lifts that, says otherwise.
    """
    from crmcore.builtin.privacy.restricted import ids_of

    customers = _merged(connection, {person.id for person in persons if person.entity == "customer"})
    contacts = {person.id for person in persons if person.entity == "contact"}
    contacts |= _only_at(connection, customers) - ids_of(connection, "contact")
    return [*_of(connection, "contact", contacts), *_of(connection, "customer", customers)]


def _of(connection: sa.Connection, entity: str, ids: Iterable[int]) -> list[Person]:
    c, found = table_of(TABLES[entity]).c, []
    for part in batches(ids):
        query = sa.select(c.id, c.uid, c.code).where(c.id.in_(part)).order_by(c.id)
        if entity == "customer":
            query = query.where(c.kind == "person")
        found += [_person(entity, row) for row in connection.execute(query)]
    return found


def _merged(connection: sa.Connection, customers: set[int]) -> set[int]:
    """Return who was merged into these customers, and who of them holds what a merged one had."""
    from crmcore.builtin.duplicates.heirs import heirs, merged_into

    whole = customers | set(heirs(connection, customers).values())
    return whole.union(*merged_into(connection, whole).values())


def _only_at(connection: sa.Connection, customers: set[int]) -> set[int]:
    """Return the contacts who are, and were, at these customers and at no other."""
    firm = table_of(ContactFirm).c
    here: set[int] = set()
    for part in batches(customers):
        here.update(connection.scalars(sa.select(firm.contact_id).where(firm.customer_id.in_(part))))
    elsewhere: set[int] = set()
    for part in batches(here):
        query = sa.select(firm.contact_id, firm.customer_id).where(firm.contact_id.in_(part))
        elsewhere.update(
            row.contact_id for row in connection.execute(query) if row.customer_id not in customers
        )
    return here - elsewhere


def erasure_of(connection: sa.Connection, person: Person) -> Any:
    """Return the row of a person's erasure, or None."""
    return connection.execute(sa.select(erasures).where(erasures.c.person_uid == person.uid)).first()


def refuse_erased(connection: sa.Connection, person: Person) -> None:
    """Raise Refused where a person was erased: there is nothing left to work with."""
    row = erasure_of(connection, person)
    if row is not None:
        done = (
            _("{code} was erased on {day}") if row.state == DONE else _("{code} is being erased since {day}")
        )
        raise Refused(done.format(code=person.code, day=f"{row.started_at:%Y-%m-%d}"))
