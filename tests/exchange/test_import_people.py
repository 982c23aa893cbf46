"""Contacts and interactions from files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.app import App
from crmcore.builtin.exchange.mapping import ColumnMapping
from crmcore.builtin.exchange.understanding import Options
from crmcore.entities.tables import Contact, ContactFirm, Customer, Interaction
from crmcore.errors import CrmError

Take = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Make = Callable[..., App]


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected"))


def all_of(app: App, model: Any) -> list[dict[str, Any]]:
    with app.read() as ctx:
        query = sa.select(model.__table__).order_by(model.__table__.c.id)
        return [dict(row) for row in ctx.connection.execute(query).mappings()]


def reasons(result: dict[str, Any]) -> str:
    return Path(result["rejects_file"]).read_text(encoding="utf-8-sig")


@pytest.fixture
def company(make_app: Make, take: Take, write: Write, database: str) -> App:
    """Make a company with customers C1 甲 and C2 乙, C3 and C4 both called 丙."""
    app = make_app(database=database)
    take(app, "customers", write("code,name\nC1,甲\nC2,乙\nC3,丙\nC4,丙\n"))
    return app


def test_contacts_come_in_with_their_place(company: App, take: Take, write: Write):
    path = write(
        "联系人编码,姓名,客户编码,手机,座机,邮箱,职务,角色,任职日期,备注\n"
        "K1,李四,C1,138,010,li@x.cn,经理,决策者、key person,2020-01-01,n\n"
        "K1,李四,C2,,,,顾问,,,\n"
        "K2,王五,,,,,,,,\n"
    )
    assert counts(take(company, "contacts", path)) == (3, 2, 1, 0, 0)
    first = all_of(company, Contact)[0]
    assert (first["name"], first["mobile"], first["phone"], first["email"]) == (
        "李四",
        "138",
        "010",
        "li@x.cn",
    )
    assert first["attributes"] == {"notes": "n"}
    places = all_of(company, ContactFirm)
    assert [(p["position"], p["roles"], p["since"]) for p in places] == [
        ("经理", ["decides", "key_person"], date(2020, 1, 1)),
        ("顾问", [], None),
    ]
    assert counts(take(company, "contacts", path)) == (3, 0, 0, 3, 0)


def test_contacts_without_a_code_are_known_by_firm_and_name(company: App, take: Take, write: Write):
    path = write("客户名称,联系人,手机\n甲,李四,138\n乙,李四,139\n丙,李四,1\n丁,李四,1\n")
    result = take(company, "contacts", path)
    assert counts(result) == (4, 2, 0, 0, 2)
    assert "several customers have this name" in reasons(result)
    assert "there is no customer of this name" in reasons(result)
    again = take(company, "contacts", write("客户名称,联系人,手机\n甲,李四,138\n乙,李四,200\n"))
    assert counts(again) == (2, 0, 1, 1, 0)
    assert [row["code"] for row in all_of(company, Contact)] == ["P000001", "P000002"]


def test_a_code_never_changes_hands(company: App, take: Take, write: Write):
    take(company, "contacts", write("code,name,customer\nK1,李四,C1\n"))
    result = take(company, "contacts", write("code,name,customer\nK1,王五,C2\n"))
    assert counts(result) == (1, 0, 0, 0, 1)
    assert "belongs to 李四, who is not at this customer" in reasons(result)
    renamed = take(company, "contacts", write("code,name,customer\nK1,李思,C1\n"))
    assert counts(renamed) == (1, 0, 1, 0, 0)


def test_contacts_that_cannot_be_placed_are_rejected(company: App, take: Take, write: Write):
    result = take(
        company,
        "contacts",
        write(
            "code,name,customer,roles,since,until\nK1,a,C9,,,\nK2,b,C1,boss,,\nK3,c,C1,,2024-02-01,2024-01-01\n,d,,,,\n,e,C1,,,\n"
        ),
    )
    assert counts(result) == (5, 1, 0, 0, 4)
    for reason in (
        "no customer with this code",
        "is none of: decides",
        "is before since",
        "there is no code either",
    ):
        assert reason in reasons(result)


def test_a_namesake_at_the_same_customer_is_a_possible_duplicate(company: App, take: Take, write: Write):
    take(company, "contacts", write("code,name,customer,mobile\nK1,李四,C1,138\n"))
    result = take(company, "contacts", write("code,name,customer,mobile\nK2,李四,C1,139\n"))
    assert (result["created"], result["possible_duplicates"]) == (1, 1)
    assert "K2 may be K1: the same name '李四' at the same customer" in result["warnings"]


def test_people_of_customer_cards_get_their_codes_from_the_contacts_file(
    company: App, take: Take, write: Write
):
    cards = write("code,name,contact,contact_phone,legal_representative\nC1,甲,李四,1,王五\nC2,乙,赵六,2,\n")
    take(company, "customers", cards)
    people = write(
        "code,name,customer,mobile\nK1,李四,C1,138\nK2,王五,C1,139\nP000001,赵六,C2,\nK4,李四,C1,\n",
        "people.csv",
    )
    assert counts(take(company, "contacts", people)) == (4, 1, 2, 1, 0)
    assert [(c["code"], c["name"]) for c in all_of(company, Contact)] == [
        ("K1", "李四"),
        ("K2", "王五"),
        ("P000003", "赵六"),
        ("K4", "李四"),
    ]
    assert counts(take(company, "customers", cards)) == (2, 0, 0, 2, 0)
    assert counts(take(company, "contacts", people)) == (4, 0, 1, 3, 0)
    assert all_of(company, Contact)[2]["code"] == "P000001"


def test_a_person_whose_card_has_the_mobile_gets_its_code_from_the_contacts_file(
    company: App, take: Take, write: Write
):
    take(company, "customers", write("code,name,contact,contact_mobile\nC1,甲,李四,138\nC2,乙,赵六,139\n"))
    people = write("code,name,customer,mobile\nK1,李四,C1,138\nK2,赵六,C2,140\n")
    assert counts(take(company, "contacts", people)) == (2, 1, 1, 0, 0)
    assert [(c["code"], c["mobile"]) for c in all_of(company, Contact)] == [
        ("K1", "138"),
        ("P000002", "139"),
        ("K2", "140"),
    ]


def test_customers_are_made_where_that_was_asked_for(company: App, take: Take, write: Write):
    path = write("code,name,customer,customer_name\nK1,a,C9,己公司\n")
    assert counts(take(company, "contacts", path, options=Options(create_customers=True))) == (1, 1, 0, 0, 0)
    assert [(c["code"], c["name"]) for c in all_of(company, Customer)][-1] == ("C9", "己公司")


def test_interactions_come_in_from_a_visit_log(company: App, take: Take, write: Write):
    take(company, "contacts", write("code,name,customer\nK1,李四,C1\n"))
    path = write(
        "客户编码,拜访时间,拜访方式,拜访对象,拜访内容,下次拜访日期,拜访人\n"
        'C1,2024-03-05 09:30,上门拜访,李四,"谈了价格\n下周再来",2024-03-12,tester\n'
        "C2,2024/3/6 14:00,企业微信,钱七,问候,,王小二\n"
    )
    result = take(company, "interactions", path)
    assert counts(result) == (2, 2, 0, 0, 0)
    assert any("钱七" in warning for warning in result["warnings"])
    assert any("王小二" in warning for warning in result["warnings"])
    first, second = all_of(company, Interaction)
    assert first["at"] == datetime(2024, 3, 5, 1, 30, tzinfo=UTC)
    assert (first["channel"], first["subject"], first["notes"]) == ("visit", "谈了价格", "谈了价格\n下周再来")
    assert (first["due_on"], first["owner"], first["direction"]) == (date(2024, 3, 12), "tester", "out")
    assert first["contact_id"] == all_of(company, Contact)[0]["id"]
    assert (second["channel"], second["contact_id"]) == ("wecom", None)
    assert counts(take(company, "interactions", path)) == (2, 0, 0, 2, 0)


def test_interactions_are_edited_by_their_code(company: App, take: Take, write: Write):
    take(
        company,
        "interactions",
        write("code,customer,at,channel,subject,due_on\nI1,C1,2024-03-05,phone,a,2024-03-06\n"),
    )
    result = take(
        company,
        "interactions",
        write(
            "code,customer,at,channel,subject,done_at,direction\nI1,C1,2024-03-05,phone,b,2024-03-06 10:00,呼入\n"
        ),
    )
    assert counts(result) == (1, 0, 1, 0, 0)
    row = all_of(company, Interaction)[0]
    assert (row["subject"], row["direction"], row["due_on"]) == ("b", "in", date(2024, 3, 6))
    cleared = take(
        company,
        "interactions",
        write("code,customer,at,channel,subject,due_on\nI1,C1,2024-03-05,phone,b,\n"),
        options=Options(clear_empty=True),
    )
    assert counts(cleared) == (1, 0, 1, 0, 0)
    assert all_of(company, Interaction)[0]["due_on"] is None


def test_interactions_that_cannot_be_placed_are_rejected(company: App, take: Take, write: Write):
    result = take(
        company,
        "interactions",
        write(
            "customer,contact,at,channel,subject\nC9,,2024-03-05,phone,a\nC1,K9,2024-03-05,phone,a\nC1,,03/04/2024,phone,a\nC1,,2024-03-05,phone,a\n,,2024-03-05,phone,b\n"
        ),
    )
    assert counts(result) == (5, 1, 0, 0, 4)
    assert "there is no contact with this code" in reasons(result)
    with pytest.raises(CrmError, match="no column for channel"):
        take(company, "interactions", write("customer,at,subject\nC1,2024-03-05,x\n"))
    constant = ColumnMapping(constants={"channel": "电话"})
    assert counts(
        take(company, "interactions", write("customer,at,subject\nC1,2024-03-05,x\n"), mapping=constant)
    ) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize("entity", ["contacts", "interactions"])
def test_dry_runs_count_like_real_ones(
    make_app: Make, take: Take, write: Write, entity: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.builtin.exchange.engine.CHUNK_ROWS", 2)
    app = make_app()
    take(app, "customers", write("code,name\nC1,甲\nC2,乙\n"))
    content = {
        "contacts": "code,name,customer,phone\nK1,a,C1,1\nK2,b,C1,\nK1,a,C1,1\nK1,a,C1,2\nK3,c,C9,\n",
        "interactions": "customer,at,channel,subject,notes\nC1,2024-03-05,phone,a,\nC1,2024-03-06,phone,a,\n"
        "C1,2024-03-05,phone,a,\nC1,2024-03-05,phone,a,n\nC9,2024-03-05,phone,a,\n",
    }[entity]
    dry = take(app, entity, write(content), dry_run=True)
    assert counts(dry) == counts(take(app, entity, write(content))) == (5, 2, 1, 1, 1)
