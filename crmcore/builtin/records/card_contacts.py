"""The people on the customer card: contact with phone and mobile (联络人, 联络电话, 手机), legal representative (法定代表).

The card shows them as fields of the customer; they live in the tables contact and contact_firm. The first contact is
the firm's first present link that is not a legal representative alone; the legal representative is the first with
that role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from crmcore.builtin.privacy.restricted import hidden
from crmcore.entities.lookup import batches
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.errors import CrmError
from crmcore.i18n import _
from crmcore.plugins.types import Refusal
from crmcore.tx import Tx

OnRefusal = Callable[[int, Refusal], None]
"""Told of a customer whose person a decision plugin refuses."""

CONTACT_NUMBERS = ("contact_phone", "contact_mobile")
CONTACT_FIELDS = ("contact", *CONTACT_NUMBERS, "legal_representative")
CODE_FIELDS = ("contact_code", "legal_representative_code")
"""Which person it is, so that an export of customers and one of contacts speak of the same people."""
_OF_CONTACT = {"contact": "name", "contact_phone": "phone", "contact_mobile": "mobile"}
LEGAL_REPRESENTATIVE = "legal_representative"
KEY_PERSON = "key_person"

_contact: sa.Table = Contact.__table__  # type: ignore[attr-defined]
_firm: sa.Table = ContactFirm.__table__  # type: ignore[attr-defined]


@dataclass(slots=True)
class CardContacts:
    """The two people of one card, as rows (contact id, code, name, phone, mobile), None where there is none."""

    first: Any = None
    legal: Any = None

    def value(self, name: str) -> str | None:
        """Return one of CONTACT_FIELDS or CODE_FIELDS."""
        row = self.legal if name.startswith(LEGAL_REPRESENTATIVE) else self.first
        if row is None:
            return None
        column = name.rpartition("_")[2] if name.endswith(("_phone", "_mobile", "_code")) else "name"
        found: str | None = getattr(row, column)
        return found


def read_card_contacts(connection: sa.Connection, customer_ids: Iterable[int]) -> dict[int, CardContacts]:
    """Return customer id → the people of its card; customers without any are left out."""
    cards: dict[int, CardContacts] = {}
    of_contact = [_contact.c[name] for name in ("id", "code", "name", "phone", "mobile")]
    shown = hidden(connection, (_contact.c.id, "contact"))
    for part in batches(customer_ids):
        query = (
            sa.select(_firm.c.customer_id, _firm.c.roles, *of_contact)
            .join(_contact, _contact.c.id == _firm.c.contact_id)
            .where(_firm.c.customer_id.in_(part), _firm.c.until.is_(None), _contact.c.archived_at.is_(None))
            .where(*shown)
            .order_by(_firm.c.customer_id, _firm.c.id)
        )
        for row in connection.execute(query):
            card = cards.setdefault(row.customer_id, CardContacts())
            if card.legal is None and LEGAL_REPRESENTATIVE in row.roles:
                card.legal = row
            if card.first is None and row.roles != [LEGAL_REPRESENTATIVE]:
                card.first = row
    return cards


@dataclass(slots=True)
class _Plan:
    """What is to be written for a batch of cards."""

    edits: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    edited: list[int] = field(default_factory=list)
    """Customer id of each edit."""
    people: list[dict[str, Any]] = field(default_factory=list)
    places: list[tuple[int, list[str]]] = field(default_factory=list)
    """Customer id and roles of each new person, in the order of `people`."""
    changed: set[int] = field(default_factory=set)


def write_card_contacts(
    tx: Tx, wanted: Mapping[int, Mapping[str, Any]], refused: OnRefusal | None = None
) -> set[int]:
    """Make or update the people of cards: customer id → some of CONTACT_FIELDS. Returns the ids that changed.

    CODE_FIELDS name the code of a person who is made; who has that code already joins the firm instead. A new name
    for a person who is there renames that person; None erases a number and never a person. CrmError for a number
    of a contact who is not there and has no name. `refused(customer_id, Refusal)` is told of people whom a decision
    plugin refuses; without it Refused is raised.
    """
    cards = read_card_contacts(tx.connection, wanted)
    plan = _Plan()
    for customer_id, values in wanted.items():
        _plan_card(plan, customer_id, values, cards.get(customer_id, CardContacts()))
    _write(tx, plan, refused)
    return plan.changed


def _plan_card(plan: _Plan, customer_id: int, values: Mapping[str, Any], card: CardContacts) -> None:
    first = {column: values[name] for name, column in _OF_CONTACT.items() if name in values}
    if not first.get("name"):
        first.pop("name", None)
    legal = values.get(LEGAL_REPRESENTATIVE)
    if card.first is not None:
        _plan_edit(plan, customer_id, card.first, first)
    elif "name" in first:
        # One person who is both is one contact with both roles.
        both = legal is not None and legal == first.get("name") and card.legal is None
        roles = [LEGAL_REPRESENTATIVE, KEY_PERSON] if both else []
        person = {"phone": None, "mobile": None, **first, "code": values.get("contact_code")}
        _plan_person(plan, customer_id, person, roles)
        legal = None if both else legal
    else:
        _refuse_number_of_nobody(values)
    if card.legal is not None and legal:
        _plan_edit(plan, customer_id, card.legal, {"name": legal})
    elif legal:
        code = values.get("legal_representative_code")
        person = {"name": legal, "phone": None, "mobile": None, "code": code}
        _plan_person(plan, customer_id, person, [LEGAL_REPRESENTATIVE])


def _refuse_number_of_nobody(values: Mapping[str, Any]) -> None:
    for name in CONTACT_NUMBERS:
        if values.get(name):
            message = _(
                "{field} is a contact's number and there is no contact; give contact too, or phone for the customer's own"
            )
            raise CrmError(message.format(field=name))


def _plan_edit(plan: _Plan, customer_id: int, person: Any, values: dict[str, Any]) -> None:
    changed = {column: value for column, value in values.items() if getattr(person, column) != value}
    if changed:
        plan.edits.append((person.id, changed))
        plan.edited.append(customer_id)
        plan.changed.add(customer_id)


def _plan_person(plan: _Plan, customer_id: int, person: dict[str, Any], roles: list[str]) -> None:
    plan.people.append(person)
    plan.places.append((customer_id, roles))
    plan.changed.add(customer_id)


def _write(tx: Tx, plan: _Plan, refused: OnRefusal | None) -> None:
    if plan.edits:
        tx.update(Contact, plan.edits, refused=_of_customer(plan.edited, refused))
    if not plan.people:
        return
    known = _ids_of(tx.connection, {person["code"] for person in plan.people} - {None})
    unnamed = iter(tx.new_codes("contact", sum(1 for person in plan.people if person["code"] is None)))
    people = [{**person, "code": person["code"] or next(unnamed)} for person in plan.people]
    homes = [customer_id for customer_id, _roles in plan.places]
    # One person may stand on several cards of a batch.
    new = {person["code"]: (person, home) for person, home in zip(people, homes, strict=True)}
    new = {code: entry for code, entry in new.items() if code not in known}
    made = tx.insert(
        Contact,
        [person for person, _home in new.values()],
        refused=_of_customer([home for _person, home in new.values()], refused),
    )
    known.update(zip(new, made, strict=True))
    links: list[dict[str, Any]] = [
        {"contact_id": known[person["code"]], "customer_id": customer_id, "roles": roles}
        for person, (customer_id, roles) in zip(people, plan.places, strict=True)
        if known[person["code"]]
    ]
    tx.insert(ContactFirm, links, refused=_of_customer([link["customer_id"] for link in links], refused))


def _ids_of(connection: sa.Connection, codes: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in batches(codes):
        rows = connection.execute(sa.select(_contact.c.code, _contact.c.id).where(_contact.c.code.in_(part)))
        found.update((row.code, row.id) for row in rows)
    return found


def _of_customer(customers: Sequence[int], refused: OnRefusal | None) -> OnRefusal | None:
    """Turn a place in a batch into the customer concerned."""
    if refused is None:
        return None
    return lambda index, refusal: refused(customers[index], refusal)
