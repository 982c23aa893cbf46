"""Customers from files, into a real SQLite and a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.understanding import Options
from crmcore.entities.tables import Contact, ContactFirm, Customer
from crmcore.errors import CrmError, UsageProblem

Take = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Make = Callable[..., App]


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


def all_of(app: App, model: Any) -> list[dict[str, Any]]:
    with app.read() as ctx:
        query = sa.select(model.__table__).order_by(model.__table__.c.id)
        return [dict(row) for row in ctx.connection.execute(query).mappings()]


def customer(app: App, code: str) -> dict[str, Any]:
    return next(row for row in all_of(app, Customer) if row["code"] == code)


def test_customers_come_in_with_all_their_fields(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    result = take(
        app,
        "customers",
        write(
            "客户编码,客户名称,企业/个人,电话,联系电话,联络人,法定代表,注册资本（元）,成立时间,员工人数,备注,店面\n"
            'C1," 甲\n公司 ",企业,０２１-1,+86 138,李四,王五,"5,000,000",2009年5月18日,40,"a\nb",租赁\n'
            "C2,张三,个人,,,,,,,,,\n"
        ),
    )
    assert counts(result) == (2, 2, 0, 0, 0)
    row = customer(app, "C1")
    assert (row["name"], row["kind"], row["phone"], row["lifecycle"]) == (
        "甲 公司",
        "organisation",
        "021-1",
        "active",
    )
    assert row["attributes"] == {
        "registered_capital": 500,
        "founded_on": "2009-05-18",
        "employees": 40,
        "notes": "a\nb",
        "premises": "rented",
    }
    assert customer(app, "C2")["kind"] == "person"
    assert [(c["name"], c["phone"]) for c in all_of(app, Contact)] == [("李四", "+86 138"), ("王五", None)]
    assert [link["roles"] for link in all_of(app, ContactFirm)] == [[], ["legal_representative"]]


def test_the_same_file_again_changes_nothing(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    path = write(
        "code,name,phone,since,registered_capital,contact,contact_phone,legal_representative,parent\n"
        "C1,甲,010,2024-03-05,1.5,李,1,王,\nC2,乙,,,,,,,C1\n"
    )
    first = take(app, "customers", path)
    assert counts(first) == (2, 2, 0, 0, 0)
    again = take(app, "customers", path)
    assert counts(again) == (2, 0, 0, 2, 0)
    assert again["import"] == first["import"] + 1
    assert {row["version"] for row in all_of(app, Customer)} == {1}


def test_only_what_the_file_says_is_touched(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    take(
        app,
        "customers",
        write("code,name,phone,region,notes,contact,contact_phone\nC1,甲,010,华东,n,李,1\nC2,乙,,,,,\n"),
    )
    result = take(app, "customers", write("code,name,phone,notes\nC1,甲,,\nC2,乙丙,020,\n"))
    assert counts(result) == (2, 0, 1, 1, 0)
    assert (customer(app, "C1")["phone"], customer(app, "C1")["region"]) == ("010", "华东")
    assert (customer(app, "C2")["name"], customer(app, "C2")["version"]) == ("乙丙", 2)
    cleared = take(
        app,
        "customers",
        write("code,name,phone,notes,contact_phone\nC1,甲,,,\n"),
        options=Options(clear_empty=True),
    )
    assert counts(cleared) == (1, 0, 1, 0, 0)
    row = customer(app, "C1")
    assert (row["phone"], row["region"], row["attributes"]) == (None, "华东", {})
    assert all_of(app, Contact)[0]["phone"] is None


def test_contact_columns_make_and_change_the_first_contact(make_app: Make, take: Take, write: Write):
    app = make_app()
    take(
        app,
        "customers",
        write("code,name,contact,contact_phone,legal_representative\nC1,甲,李,1,李\nC2,乙,,2,\nC3,丙,,,赵\n"),
    )
    people = {c["code"]: (c["name"], c["phone"]) for c in all_of(app, Contact)}
    assert sorted(people.values()) == [("李", "1"), ("赵", None)]
    assert [link["roles"] for link in all_of(app, ContactFirm)] == [
        ["legal_representative", "key_person"],
        ["legal_representative"],
    ]
    result = take(
        app,
        "customers",
        write("code,name,contact,contact_phone,legal_representative\nC1,甲,李小明,1,李小明\nC3,丙,钱,3,\n"),
    )
    assert counts(result) == (2, 0, 2, 0, 0)
    assert sorted((c["name"], c["phone"]) for c in all_of(app, Contact)) == [
        ("李小明", "1"),
        ("赵", None),
        ("钱", "3"),
    ]


def test_a_mobile_is_its_contacts_and_not_the_phone(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    path = write("客户编码,客户名称,联系人,联系电话,手机\nC1,甲,李四,021-1,138\nC2,乙,王五,,139\n")
    assert counts(take(app, "customers", path)) == (2, 2, 0, 0, 0)
    people = [(c["name"], c["phone"], c["mobile"]) for c in all_of(app, Contact)]
    assert people == [("李四", "021-1", "138"), ("王五", None, "139")]
    assert counts(take(app, "customers", path)) == (2, 0, 0, 2, 0)
    changed = write("客户编码,客户名称,手机\nC1,甲,1380\nC2,乙,\n")
    assert counts(take(app, "customers", changed)) == (2, 0, 1, 1, 0)
    assert [c["mobile"] for c in all_of(app, Contact)] == ["1380", "139"]
    take(app, "customers", changed, options=Options(clear_empty=True))
    assert [(c["phone"], c["mobile"]) for c in all_of(app, Contact)] == [("021-1", "1380"), (None, None)]


def test_a_number_without_a_name_is_the_customers_own_and_makes_nobody(
    make_app: Make, take: Take, write: Write, database: str
):
    app = make_app(database=database)
    path = write("code,name,联络电话,手机\nC1,甲,021-1,\nC2,乙,,138\nC3,丙,021-3,139\nC4,丁,021-4,021-4\n")
    result = take(app, "customers", path)
    assert counts(result) == (4, 4, 0, 0, 0)
    assert [row["phone"] for row in all_of(app, Customer)] == ["021-1", "138", "021-3", "021-4"]
    assert all_of(app, Contact) == []
    assert result["warnings"] == [
        "numbers of contacts without a name were taken as the customers' own phones",
        "C3: a contact's number was left out, since it has no name and the customer has another phone; name the contact",
    ]
    assert counts(take(app, "customers", path)) == (4, 0, 0, 4, 0)


def test_a_number_without_a_name_changes_no_phone_that_is_there(
    make_app: Make, take: Take, write: Write, database: str
):
    app = make_app(database=database)
    take(app, "customers", write("code,name,phone,contact\nC1,甲,010,\nC2,乙,020,李四\nC3,丙,,\n"))
    result = take(app, "customers", write("code,name,contact_phone\nC1,甲,1\nC2,乙,2\nC3,丙,3\n"))
    assert counts(result) == (3, 0, 2, 1, 0)
    assert [row["phone"] for row in all_of(app, Customer)] == ["010", "020", "3"]
    assert [(c["name"], c["phone"]) for c in all_of(app, Contact)] == [("李四", "2")]
    told = "code,name,phone,contact_phone,contact\nC1,甲,010,1,\nC3,丙,3,3,\n"
    assert counts(take(app, "customers", write(told))) == (2, 0, 0, 2, 0)


def test_a_second_row_of_a_code_is_an_edit_of_the_first(
    make_app: Make, take: Take, write: Write, database: str
):
    app = make_app(database=database)
    result = take(app, "customers", write("code,name,phone\nC1,甲,1\nC1,甲,1\nC1,甲,2\nC2,乙,\nC1,甲,2\n"))
    assert counts(result) == (5, 2, 1, 2, 0)
    assert customer(app, "C1")["phone"] == "2"


def test_parents_may_come_before_or_after_their_children(
    make_app: Make, take: Take, write: Write, database: str
):
    app = make_app(database=database)
    path = write("code,name,parent\nA,a,B\nB,b,C\nC,c,\nD,d,X\nE,e,E\n")
    result = take(app, "customers", path)
    assert counts(result) == (5, 4, 0, 0, 1)
    assert "there is no customer 'X' to be the parent of 'D'" in result["warnings"]
    ids = {row["code"]: row["id"] for row in all_of(app, Customer)}
    parents = {row["code"]: row["parent_id"] for row in all_of(app, Customer)}
    assert parents == {"A": ids["B"], "B": ids["C"], "C": None, "D": None}
    assert counts(take(app, "customers", path)) == (5, 0, 0, 4, 1)
    circle = take(app, "customers", write("code,name,parent\nC,c,A\n"))
    assert counts(circle) == (1, 0, 0, 0, 1)


def test_new_customers_who_name_each_other_as_parent_are_told_of(make_app: Make, take: Take, write: Write):
    app = make_app()
    result = take(app, "customers", write("code,name,parent\nA,a,B\nB,b,A\n"))
    assert counts(result) == (2, 2, 0, 0, 0)
    assert any("its own ancestor" in warning for warning in result["warnings"])


def test_parents_in_another_chunk_are_linked_in_a_second_pass(
    make_app: Make, take: Take, write: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 2)
    app = make_app()
    rows = [("C1", "C7"), ("C2", "C6"), ("C3", ""), ("C4", ""), ("C5", "C1"), ("C6", ""), ("C7", "")]
    result = take(app, "customers", write("code,name,parent\n" + "".join(f"{c},n{c},{p}\n" for c, p in rows)))
    assert counts(result) == (7, 7, 0, 0, 0)
    ids = {row["id"]: row["code"] for row in all_of(app, Customer)}
    assert {row["code"]: ids.get(row["parent_id"], "") for row in all_of(app, Customer)} == dict(rows)


def test_possible_duplicates_are_counted_and_named(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    take(app, "customers", write("code,name,tax_id\nC1,甲（上海）公司,91A\n"))
    result = take(
        app,
        "customers",
        write("code,name,tax_id\nC2,甲(上海)公司,\nC3,乙,91A\nC4,丙,\nC5,丙,\nC6,甲（上海） 公司,\n"),
    )
    assert result["possible_duplicates"] == 4
    assert "C2 may be C1: the same name '甲(上海)公司'" in result["warnings"]
    assert "C3 may be C1: the same tax id '91A'" in result["warnings"]
    assert "C5 may be C4: the same name '丙'" in result["warnings"]


def test_codes_are_made_where_that_was_asked_for(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    path = write("客户名称\n甲\n乙\n")
    with pytest.raises(CrmError, match="no column for code"):
        take(app, "customers", path)
    result = take(app, "customers", path, options=Options(generate_codes=True))
    assert counts(result) == (2, 2, 0, 0, 0)
    assert [row["code"] for row in all_of(app, Customer)] == ["C000001", "C000002"]


def test_archived_customers_are_found_by_their_codes_too(make_app: Make, take: Take, write: Write):
    app = make_app()
    take(app, "customers", write("code,name\nC1,甲\n"))
    with app.write("tester") as tx:
        tx.archive(Customer, [customer(app, "C1")["id"]])
    result = take(app, "customers", write("code,name\nC1,乙\n"))
    assert counts(result) == (1, 0, 1, 0, 0)
    assert customer(app, "C1")["archived_at"] is not None


def test_bad_rows_are_rejected_and_good_ones_taken(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    result = take(
        app,
        "customers",
        write(
            "code,name,kind,registered_capital,employees,since\nC1,甲,政府,1,1,2024-01-01\nC2,,,-5,1.5,01/02/2024\nC3,丙,person,5,2,20240102\nC4,丁,,-1,,\n"
        ),
    )
    assert counts(result) == (4, 1, 0, 0, 3)
    rejects = Path(result["rejects_file"]).read_text(encoding="utf-8-sig").splitlines()
    assert rejects[0] == "code,name,kind,registered_capital,employees,since,_line,_column,_value,_reason"
    assert "is none of" in rejects[1]
    assert rejects[2].startswith(
        'C2,,,-5,1.5,01/02/2024,3,registered_capital,-5,"must be at least 0; employees: is not'
    )
    assert "must be at least 0" in rejects[3]


def test_every_created_customer_is_in_the_change_log_with_its_values(
    make_app: Make, take: Take, write: Write, database: str
):
    app = make_app(database=database)
    result = take(app, "customers", write("code,name,phone\nC1,甲,010\nC2,乙,020\n"))
    with app.read() as ctx:
        rows = ctx.connection.execute(
            sa.text(
                'SELECT l."after" AS "after", t.source AS source, t.actor AS actor FROM change_log l '
                "JOIN change_tx t ON t.id = l.tx_id WHERE l.entity = 'customer' ORDER BY l.seq"
            )
        ).all()
    assert [json.loads(row.after)["name"] for row in rows] == ["甲", "乙"]
    assert {(row.source, row.actor) for row in rows} == {(f"import:{result['import']}", "tester")}


def test_a_dry_run_counts_like_the_real_one_and_writes_nothing(
    make_app: Make, take: Take, write: Write, database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 2)
    app = make_app(database=database)
    path = write("code,name,phone\nC1,甲,1\nC2,乙,2\nC1,甲,1\nC1,甲,9\nC3,,\nC4,甲,\n")
    dry = take(app, "customers", path, dry_run=True)
    assert dry["import"] is None
    assert all_of(app, Customer) == []
    assert "C3" in Path(dry["rejects_file"]).read_text(encoding="utf-8-sig")
    real = take(app, "customers", path)
    assert counts(dry) == counts(real) == (6, 3, 1, 1, 1)
    assert dry["possible_duplicates"] == real["possible_duplicates"] == 1


def test_owners_who_are_no_actors_are_warned_of(make_app: Make, take: Take, write: Write):
    app = make_app()
    result = take(app, "customers", write("code,name,owner\nC1,甲,王小二\nC2,乙,tester\n"))
    assert counts(result) == (2, 2, 0, 0, 0)
    assert [w for w in result["warnings"] if "owner" in w] == [
        "owner '王小二' is no actor yet; add one with: crm actor add 王小二"
    ]


def test_a_companys_own_fields_are_importable(make_app: Make, take: Take, write: Write):
    app = make_app()
    own = {
        "properties": {
            "member_no": {"title": "Member number", "type": "string", "pattern": "^M[0-9]+$"},
            "fee": {"title": "Fee", "type": "number"},
        }
    }
    (app.config.folder / "customer_card.schema.json").write_text(json.dumps(own), encoding="utf-8")
    result = take(app, "customers", write("code,name,Member number,fee\nC1,a,M1,12.5\nC2,b,X1,\n"))
    assert counts(result) == (2, 1, 0, 0, 1)
    assert customer(app, "C1")["attributes"] == {"member_no": "M1", "fee": 12.5}


def test_an_unknown_entity_names_those_that_there_are(make_app: Make, take: Take, write: Write):
    with pytest.raises(
        UsageProblem, match=r"did you mean 'customers'.*known are contacts, customers, interactions"
    ):
        take(make_app(), "customer", write("code,name\n"))


def test_an_actor_without_the_right_imports_nothing(make_app: Make, write: Write, crm: Any):
    make_app()
    crm.ok("actor", "add", "rep", "--name", "Rep", "--role", "reader")
    crm.actor = "rep"
    result = crm("import", "customers", write("code,name\nC1,a\n"), "--json")
    assert result.exit_code == 1
    crm.actor = "tester"
    assert crm.lines("imports", "list") == []


def test_numbers_keep_all_their_digits(make_app: Make, take: Take, write: Write, database: str):
    app = make_app(database=database)
    mapping = ColumnMapping(decimal_style="1.234,56")
    take(app, "customers", write("code;name;annual_turnover\nC1;a;1.234.567,89\n"), mapping=mapping)
    assert Decimal(str(customer(app, "C1")["attributes"]["annual_turnover"])) == Decimal("1234567.89")
