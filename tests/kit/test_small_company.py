"""The small company is the same in every run and on either database, and all of it is in order."""

import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.testing import ACTOR, fill_company

SHOWN = "SELECT code, name, kind, owner, region, lifecycle FROM customer ORDER BY code"


def rows(company, query=SHOWN):
    with company.app.read() as ctx:
        return [tuple(row) for row in ctx.connection.execute(sa.text(query))]


def test_it_has_firms_persons_people_and_interactions(small_company, database, crm):
    company = small_company(database=database)
    assert len(company.customers) == 30
    assert company.persons == ("P001", "P002")
    for code in company.persons:
        assert crm.json("customer", "show", code)["kind"] == "person"
    assert crm.json("customer", "show", "K028")["archived"]
    assert crm.json("customer", "show", "K002")["parent"] == "K001"
    (first,) = [c for c in crm.lines("contact", "list") if c["code"] == "C001"]
    assert {firm["customer"] for firm in first["firms"]} == {"K001", "K002"}
    assert len(company.interactions) == len(crm.lines("interaction", "list", "--limit", "100")) == 40
    with company.app.read() as ctx:
        found = {row.code: row.id for row in ctx.connection.execute(sa.text("SELECT code, id FROM customer"))}
    assert found == dict(company.customers)
    assert crm("doctor").exit_code == 0


def test_its_actors_have_work_to_do(small_company, crm):
    company = small_company()
    for actor in company.actors:
        with crm.as_actor(actor):
            assert crm.lines("work")


def test_it_is_the_same_every_time(small_company):
    one, other = small_company(), small_company()
    assert one.app is not other.app
    assert rows(one) == rows(other)
    assert (one.customers, one.contacts, one.interactions) == (
        other.customers,
        other.contacts,
        other.interactions,
    )
    query = "SELECT at, subject FROM interaction ORDER BY id"
    assert rows(one, query) == rows(other, query)


def test_plugins_are_enabled_in_it_when_it_has_worked_for_a_while(small_company, install_plugin, crm):
    install_plugin(
        "census",
        """
from crmcore.api import CardSection, hookimpl

@hookimpl
def card_sections(customer_ids):
    return [CardSection(i, "census", "Census", {"id": i}) for i in customer_ids]

@hookimpl
def validate_changes(changes):
    raise LookupError("it was not asked about the small company itself")
""",
    )
    company = small_company(["census"])
    (section,) = [s for s in crm.json("customer", "show", "K005")["sections"] if s["plugin"] == "census"]
    assert section["data"] == {"id": company.customers["K005"]}


def test_a_workspace_made_otherwise_can_be_filled_too(make_app):
    company = fill_company(make_app(settings='\n[roles]\nporter = ["records.write"]\n'))
    with company.app.write(ACTOR) as tx:
        tx.update(Customer, [(company.customers["K001"], {"phone": "1"})])
