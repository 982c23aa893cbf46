"""What an undo puts back and removes, and what it leaves alone, of customers, contacts and interactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Contact, Customer, Interaction
from crmcore.builtin.exchange.runs import load_run
from crmcore.builtin.exchange.undo import undo_import
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR, CommandLine

Make = Callable[..., App]
Import = Callable[..., int]
CUSTOMERS = "code,name,kind,phone,contact,mobile,address,owner\n"
FIRST = (
    f"{CUSTOMERS}K1,Eins,,0571-1,示例甲,13000000001,西湖路1号,\n"
    "K2,Zwei,,0571-2,,,,tester\n"
    "P1,示例乙,个人,0571-3,,,南京路2号,\n"
)
SECOND = (
    f"{CUSTOMERS}K1,Eins AG,,0571-11,示例甲,13000000009,西湖路9号,tester\n"
    "K3,Drei,,0571-33,示例丙,13000000003,,\n"
    "P1,示例乙,个人,0571-39,,,南京路9号,\n"
)


@pytest.fixture
def company(make_app: Make, load: Import, database: str) -> App:
    """Return a company of two firms, a person and a contact."""
    app = make_app(database=database)
    load(app, "customers", FIRST)
    return app


def ids(app: App, model: Any) -> dict[str, int]:
    table = model.__table__
    with app.read() as ctx:
        return {row.code: row.id for row in ctx.connection.execute(table.select())}


def edit(app: App, model: Any, code: str, **values: Any) -> None:
    with app.write(ACTOR, "by hand") as tx:
        tx.update(model, [(ids(app, model)[code], values)])


def lines(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(c["entity"], c["key"], c["field"]) for c in result["conflicts"]]


def test_what_was_made_goes_and_what_was_changed_is_as_before(company: App, load: Import, contents):
    before = contents(company)
    number = load(company, "customers", SECOND)
    assert contents(company) != before
    result = undo_import(company, ACTOR, number)
    assert contents(company) == before
    assert result == {
        "restored": 3,
        "removed": 3,
        "conflicts": [],
    }  # K1, its contact, P1; K3 with its contact
    assert load_run(company, number).state == "undone"


def test_the_history_keeps_all_of_it_and_names_the_import(company: App, load: Import, log_of):
    number = load(company, "customers", SECOND)
    undo_import(company, ACTOR, number)
    entries = log_of(company, f"undo:{number}")
    assert [entry[:2] for entry in entries] == [
        ("update", "contact"),
        ("update", "customer"),
        ("update", "customer"),
        ("delete", "contact_firm"),
        ("delete", "contact"),
        ("delete", "customer"),
    ]
    assert {entry[2:] for entry in entries} == {(ACTOR, f"undo import {number}")}
    assert log_of(company, f"import:{number}"), "what the import did is still told"


def test_an_import_that_changed_nothing_is_undone_to_nothing(company: App, load: Import, contents):
    number = load(company, "customers", FIRST)
    before = contents(company)
    assert undo_import(company, ACTOR, number) == {"restored": 0, "removed": 0, "conflicts": []}
    assert contents(company) == before


def test_contacts_and_interactions_are_taken_back(company: App, load: Import, contents):
    before = contents(company)
    people = load(
        company,
        "contacts",
        "code,name,customer,phone,roles,notes\nC9,示例丁,K2,0571-5,decides,\n,示例甲,K1,0571-6,advises,nice\n",
    )
    with_people = contents(company)
    talks = load(
        company,
        "interactions",
        "code,customer,contact,channel,subject,at\nI1,K2,C9,phone,first,2026-03-01 10:00\nI2,P1,,visit,second,2026-03-02\n",
    )
    again = load(
        company,
        "interactions",
        "code,customer,contact,channel,subject,at\nI1,K2,,phone,other,2026-03-01 11:00\n",
    )
    undo_import(company, ACTOR, again)
    result = undo_import(company, ACTOR, talks)
    assert (result["removed"], result["conflicts"]) == (2, [])
    assert contents(company) == with_people
    assert undo_import(company, ACTOR, people)["conflicts"] == []
    assert contents(company) == before


def test_a_field_changed_since_is_left_and_the_rest_of_the_row_put_back(company: App, load: Import):
    number = load(company, "customers", SECOND)
    edit(company, Customer, "K1", phone="0571-77", attributes={"address": "elsewhere"})
    result = undo_import(company, ACTOR, number)
    assert lines(result) == [("customer", "K1", "phone"), ("customer", "K1", "address")]
    assert result["conflicts"][0]["why"].startswith("changed since by tester on ")
    with company.read() as ctx:
        row = ctx.connection.execute(
            Customer.__table__.select().where(Customer.__table__.c.code == "K1")  # type: ignore[attr-defined]
        ).one()
    assert (row.name, row.owner, row.phone) == ("Eins", None, "0571-77")
    assert row.attributes == {"address": "elsewhere"}
    assert load_run(company, number).state == "partly_undone"


def test_a_field_changed_and_changed_back_counts_as_changed(company: App, load: Import):
    number = load(company, "customers", SECOND)
    edit(company, Customer, "K1", phone="0571-77")
    edit(company, Customer, "K1", phone="0571-11")
    assert lines(undo_import(company, ACTOR, number)) == [("customer", "K1", "phone")]


def test_an_attribute_that_the_import_brought_is_taken_away(company: App, load: Import):
    number = load(company, "customers", "code,name,address\nK2,Zwei,new\n")
    undo_import(company, ACTOR, number)
    with company.read() as ctx:
        rows = ctx.connection.execute(Customer.__table__.select()).all()  # type: ignore[attr-defined]
    assert {row.code: row.attributes for row in rows}["K2"] == {}


def test_a_made_row_that_somebody_changed_stays_whole(company: App, load: Import):
    number = load(company, "customers", SECOND)
    edit(company, Customer, "K3", name="Drei AG", phone="1")
    result = undo_import(company, ACTOR, number)
    assert lines(result) == [("customer", "K3", "name"), ("customer", "K3", "phone")]
    assert "K3" in ids(company, Customer)


def test_a_made_row_that_was_archived_stays_archived(company: App, load: Import):
    number = load(company, "customers", SECOND)
    with company.write(ACTOR) as tx:
        tx.archive(Customer, [ids(company, Customer)["K3"]])
    assert lines(undo_import(company, ACTOR, number)) == [("customer", "K3", "archived_at")]


def test_an_updated_row_that_was_archived_since_is_put_back_and_stays_archived(company: App, load: Import):
    number = load(company, "customers", SECOND)
    with company.write(ACTOR) as tx:
        tx.archive(Customer, [ids(company, Customer)["K1"]])
    assert undo_import(company, ACTOR, number)["conflicts"] == []
    with company.read() as ctx:
        rows = ctx.connection.execute(Customer.__table__.select()).all()  # type: ignore[attr-defined]
    row = next(row for row in rows if row.code == "K1")
    assert row.name == "Eins"
    assert row.archived_at is not None


def test_what_hangs_on_a_made_customer_keeps_it(company: App, load: Import, crm: CommandLine, contents):
    before = contents(company)
    number = load(company, "customers", SECOND)
    talks = load(
        company,
        "interactions",
        "code,customer,channel,subject,at\nI7,K3,phone,one,2026-03-01\nI8,K3,phone,two,2026-03-01\n",
    )
    result = undo_import(company, ACTOR, number)
    assert result["conflicts"] == [
        {
            "entity": "customer",
            "key": "K3",
            "field": "interaction",
            "why": "interaction I7 and 1 more hang on it",
        }
    ]
    undo_import(company, ACTOR, talks)
    again = undo_import(company, ACTOR, number)
    assert (again["removed"], again["conflicts"]) == (1, [])
    assert contents(company) == before


def test_a_contact_somebody_changed_keeps_its_place_and_its_firm(company: App, load: Import):
    number = load(company, "customers", SECOND)
    people = ids(company, Contact)
    with company.read() as ctx:
        codes = {row.name: row.code for row in ctx.connection.execute(Contact.__table__.select())}  # type: ignore[attr-defined]
    edit(company, Contact, codes["示例丙"], email="a@example.com")
    result = undo_import(company, ACTOR, number)
    assert lines(result) == [("contact", codes["示例丙"], "email"), ("customer", "K3", "contact_firm")]
    assert result["removed"] == 0
    with company.read() as ctx:
        places = ctx.connection.execute(ContactFirm.__table__.select()).all()  # type: ignore[attr-defined]
    assert people[codes["示例丙"]] in {place.contact_id for place in places}


def test_a_contact_put_at_a_made_customer_keeps_it(company: App, load: Import):
    number = load(company, "customers", SECOND)
    load(company, "contacts", "code,name,customer\nC8,示例戊,K3\n")
    result = undo_import(company, ACTOR, number)
    assert lines(result) == [("customer", "K3", "contact_firm")]
    assert result["conflicts"][0]["why"].startswith("contact_firm C8 K3")


def test_a_child_from_elsewhere_keeps_its_parent(company: App, load: Import):
    number = load(company, "customers", SECOND)
    load(company, "customers", "code,name,parent\nK4,Vier,K3\n")
    result = undo_import(company, ACTOR, number)
    assert result["conflicts"][0]["why"] == "customer K4 hangs on it"


@pytest.mark.parametrize("order", [("K5", "K6", "K7"), ("K7", "K6", "K5")])
def test_children_and_parents_of_one_file_go_together(
    company: App, load: Import, contents, order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 1)
    before = contents(company)
    parents = {"K5": "", "K6": "K5", "K7": "K6"}
    text = "code,name,parent\nK1,Eins,K7\n" + "".join(f"{c},{c},{parents[c]}\n" for c in order)
    number = load(company, "customers", text)
    result = undo_import(company, ACTOR, number)
    assert (result["removed"], result["conflicts"]) == (3, [])
    assert contents(company) == before


def test_rows_that_several_chunks_changed_go_back_to_the_first_value(
    company: App, load: Import, contents, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 1)
    before = contents(company)
    number = load(company, "customers", "code,name\nK1,a\nK1,b\nK2,c\nK1,d\n")
    assert undo_import(company, ACTOR, number)["conflicts"] == []
    assert contents(company) == before


@pytest.mark.parametrize("first", ["older", "newer"])
def test_two_imports_of_the_same_rows_can_be_undone_in_either_order(
    company: App, load: Import, contents, first: str
):
    before = contents(company)
    older = load(company, "customers", "code,name,phone\nK1,A,1\nK2,Zwei,1\nK3,Drei,3\n")
    between = contents(company)
    newer = load(company, "customers", "code,name,phone\nK1,B,1\nK2,Zwei,2\nK3,Drei,4\n")
    if first == "newer":
        assert undo_import(company, ACTOR, newer)["conflicts"] == []
        assert contents(company) == between
        assert undo_import(company, ACTOR, older)["conflicts"] == []
    else:
        result = undo_import(company, ACTOR, older)
        assert lines(result) == [
            ("customer", "K1", "name"),
            ("customer", "K2", "phone"),
            ("customer", "K3", "phone"),
        ]
        assert result["conflicts"][0]["why"] == f"changed since by import {newer}"
        undo_import(company, ACTOR, newer)
        assert undo_import(company, ACTOR, older)["conflicts"] == []
    assert contents(company) == before


def test_an_import_that_ended_with_the_value_it_found_holds_nothing(company: App, load: Import, contents):
    before = contents(company)
    older = load(company, "customers", "code,name\nK1,A\n")
    load(company, "customers", "code,name\nK1,B\nK1,A\n")
    assert undo_import(company, ACTOR, older)["conflicts"] == []
    assert contents(company) == before


def test_an_import_after_an_undo_is_new(company: App, load: Import, contents):
    number = load(company, "customers", SECOND)
    after = [
        {k: v for k, v in row.items() if k not in ("id", "uid")} for row in contents(company)["customer"]
    ]
    undo_import(company, ACTOR, number)
    again = load(company, "customers", SECOND)
    assert [
        {k: v for k, v in row.items() if k not in ("id", "uid")} for row in contents(company)["customer"]
    ] == after
    assert undo_import(company, ACTOR, number) == {"restored": 0, "removed": 0, "conflicts": []}
    assert undo_import(company, ACTOR, again)["conflicts"] == []


def test_a_change_after_an_undo_is_no_conflict_any_more(company: App, load: Import):
    number = load(company, "customers", SECOND)
    undo_import(company, ACTOR, number)
    edit(company, Customer, "K1", name="Eins GmbH", phone="9")
    assert undo_import(company, ACTOR, number) == {"restored": 0, "removed": 0, "conflicts": []}


def test_a_code_that_somebody_took_since_is_not_put_back(company: App, load: Import):
    load(company, "customers", "code,name,contact\nK2,Zwei,示例庚\n")
    code = max(ids(company, Contact))
    number = load(company, "contacts", "code,name,customer\nC5,示例庚,K2\n")
    assert code not in ids(company, Contact)
    load(company, "contacts", f"code,name,customer\n{code},示例己,K2\n")
    result = undo_import(company, ACTOR, number)
    assert [tuple(c.values()) for c in result["conflicts"]] == [
        ("contact", "C5", "code", f"{code} belongs to another row by now")
    ]


def test_a_parent_that_is_gone_is_not_put_back(company: App, load: Import):
    group = load(company, "customers", "code,name\nG1,Group\n")
    load(company, "customers", "code,name,parent\nK1,Eins,G1\n")
    moved = load(company, "customers", "code,name,parent\nK1,Eins,K2\n")
    with company.write(ACTOR) as tx:
        tx.delete(Customer, [ids(company, Customer)["G1"]])
    result = undo_import(company, ACTOR, moved)
    assert lines(result) == [("customer", "K1", "parent")]
    assert undo_import(company, ACTOR, group)["conflicts"] == []


def test_a_person_s_attribute_that_was_changed_alone_is_no_sign_of_erasing(
    company: App, load: Import, contents, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 1)
    before = contents(company)
    rows = "P1,示例乙,个人,0571-3,,,南京路9号,\nP1,示例丙,个人,0571-3,,,南京路9号,\n"
    number = load(company, "customers", CUSTOMERS + rows)
    assert undo_import(company, ACTOR, number)["conflicts"] == []
    assert contents(company) == before
    made = load(company, "customers", f"{CUSTOMERS}P2,示例丁,个人,0571-4,,,北京路1号,\n")
    edit(company, Customer, "P2", attributes={"address": "北京路2号"})
    assert lines(undo_import(company, ACTOR, made)) == [("customer", "P2", "address")]


def test_values_of_an_erased_person_do_not_come_back(company: App, load: Import):
    number = load(company, "customers", "code,name,phone\nP1,示例乙,0571-99\n")
    with company.write(ACTOR) as tx, company.unguarded(tx.connection):
        tx.connection.exec_driver_sql("UPDATE person_key SET key = NULL WHERE entity = 'customer'")
    assert undo_import(company, ACTOR, number)["restored"] == 0


def test_an_interaction_that_moved_to_another_customer_keeps_that(company: App, load: Import):
    talks = load(company, "interactions", "code,customer,channel,subject,at\nI7,K1,phone,one,2026-03-01\n")
    number = load(company, "customers", SECOND)
    edit(company, Interaction, "I7", customer_id=ids(company, Customer)["K3"])
    assert lines(undo_import(company, ACTOR, number)) == [("customer", "K3", "interaction")]
    assert lines(undo_import(company, ACTOR, talks)) == [("interaction", "I7", "customer")]


def test_what_is_taken_back_is_taken_out_of_the_search_index(company: App, load: Import):
    def documents() -> list[int]:
        column = "rowid" if company.engine.dialect.name == "sqlite" else "doc"
        with company.read() as ctx:
            query = sa.text(f"SELECT {column} FROM search_index ORDER BY 1")  # noqa: S608  (a column of ours)
            return list(ctx.connection.scalars(query))

    before = documents()
    number = load(company, "customers", "code,name,contact,phone\nF1,Findling,Wort,0571-88887777\n")
    assert len(documents()) == len(before) + 2
    undo_import(company, ACTOR, number)
    assert documents() == before
