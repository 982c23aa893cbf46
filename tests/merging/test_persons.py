"""Merging beside restricted and erased persons: they are not merged, and hold no firm back."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.entities.lookup import table_of
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.errors import Refused
from crmcore.testing import ACTOR, CommandLine, SmallCompany
from tests.merging.conftest import merged, unmerged

WAYS = pytest.mark.parametrize(
    ("way", "said"),
    [(("restrict",), "is restricted: kept, not used"), (("erase", "--yes"), "was erased")],
    ids=["restricted", "erased"],
)


@pytest.fixture
def people(company: SmallCompany) -> SmallCompany:
    """Return the company with two persons, and a contact who works at both firms."""
    with company.app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"Q{n}", "kind": "person", "name": f"爨{n}"} for n in (1, 2)])
        (contact,) = tx.insert(Contact, [{"code": "W1", "name": "somebody"}])
        firms = [company.customers[code] for code in ("K005", "K004")]
        places = [{"contact_id": contact, "customer_id": firm, "roles": ["uses"]} for firm in firms]
        tx.insert(ContactFirm, [{**place, "position": f"爨爨{n}"} for n, place in enumerate(places)])
    return company


def firms_of(company: SmallCompany, code: str) -> list[tuple[str, Any]]:
    """Return at which firms a person is, and as what."""
    people, places, firms = table_of(Contact), table_of(ContactFirm), table_of(Customer)
    query = (
        sa.select(firms.c.code, places.c.position)
        .join(places, places.c.customer_id == firms.c.id)
        .join(people, people.c.id == places.c.contact_id)
        .where(people.c.code == code)
        .order_by(firms.c.code)
    )
    with company.app.read() as ctx:
        return [tuple(row) for row in ctx.connection.execute(query)]


def person(crm: CommandLine, code: str, way: str, *options: str) -> None:
    crm.ok("person", way, code, "--reason", "asked", *options)


@WAYS
@pytest.mark.parametrize("turn", [("Q1", "Q2"), ("Q2", "Q1")])
def test_such_persons_are_not_merged(people: SmallCompany, crm: CommandLine, contents, way, said, turn):
    person(crm, "Q1", *way)
    before = contents(people.app)
    with pytest.raises(Refused, match=f"'Q1' {said}"):
        merged(people.app, *turn)
    assert contents(people.app) == before


@WAYS
def test_such_persons_are_not_taken_out_of_a_merge(
    people: SmallCompany, crm: CommandLine, contents, way, said
):
    merged(people.app, "Q1", "Q2")
    person(crm, "Q2", *way)
    before = contents(people.app)
    with pytest.raises(Refused, match=said):
        unmerged(people.app, "Q1")
    assert contents(people.app) == before


@WAYS
def test_who_works_at_a_firm_holds_its_merge_not_back(
    people: SmallCompany, crm: CommandLine, contents, way, said
):
    person(crm, "W1", *way)
    before, places = contents(people.app), firms_of(people, "W1")
    merged(people.app, "K005", "K004")
    assert [firm for firm, _position in firms_of(people, "W1")] == ["K004"]
    assert unmerged(people.app, "K005")["conflicts"] == []
    assert contents(people.app) == before
    assert firms_of(people, "W1") == places
    assert said


@WAYS
def test_who_is_so_since_the_merge_goes_back_to_where_they_were(
    people: SmallCompany, crm: CommandLine, way, said
):
    merged(people.app, "K005", "K004")
    person(crm, "W1", *way)
    unmerged(people.app, "K005")
    found = firms_of(people, "W1")
    assert [firm for firm, _position in found] == ["K004", "K005"]
    assert "erased" not in said or not any(position for _firm, position in found)
