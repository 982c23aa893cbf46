"""Personal values: readable for who may read, encrypted in the log with the person's key, gone with the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Change, Contact, Customer, Interaction
from crmcore.app import App
from crmcore.changes import read_after
from crmcore.entities.tables import ContactFirm, Document
from crmcore.errors import CrmError
from crmcore.testing import ACTOR

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    return make_app(database=database)


def dump(app: App) -> bytes:
    """Everything that the change log holds, as bytes."""
    with app.read() as ctx:
        rows = ctx.connection.exec_driver_sql("SELECT * FROM change_log").all()
        headers = ctx.connection.exec_driver_sql("SELECT * FROM change_tx").all()
    return repr([tuple(row) for row in [*rows, *headers]]).encode()


def leaks(app: App, *secrets: str) -> list[str]:
    text = dump(app)
    return [s for s in secrets if s.encode() in text or json.dumps(s)[1:-1].encode() in text]


def changes(app: App, entity: str) -> list[Change]:
    from crmcore.changes import seal_pending

    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        seal_pending(connection)
    with app.read() as ctx:
        return [c for _xid, c in read_after(ctx.connection, 0, 0, 1000) if c.entity == entity]


def operate(app: App, statement: str, **values: Any) -> None:
    """Change a table behind the kernel's back."""
    with app.engine.connect() as connection, app.unguarded(connection), connection.begin():
        assert connection.execute(sa.text(statement), values).rowcount > 0


PERSON = {
    "code": "N1",
    "kind": "person",
    "name": "赵一一",
    "short_name": "小赵赵",
    "phone": "13900000001",
    "tax_id": "110101190001010011",
    "attributes": {
        "address": "幸福路99号",
        "bank_account": "6222000011112222",
        "employees": 7,
        "line_of_business": "w.example",
    },
}
SECRETS = ("赵一一", "小赵赵", "13900000001", "110101190001010011", "幸福路99号", "6222000011112222")


def test_a_natural_persons_values_stand_nowhere_in_the_log_but_can_be_read_through_it(app: App) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [PERSON])
    assert leaks(app, *SECRETS) == []
    assert leaks(app, "N1", "w.example") == ["N1", "w.example"], "what is not personal stays readable"
    (created,) = changes(app, "customer")
    assert created.after is not None
    assert {k: created.after[k] for k in PERSON} == PERSON


def test_an_organisations_name_and_phone_stay_plain(app: App) -> None:
    firm = {**PERSON, "code": "F1", "kind": "organisation"}
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [firm])
    assert leaks(app, *SECRETS) == list(SECRETS)
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM person_key")) == 0


def test_updates_archive_and_delete_of_a_person_are_encrypted_too(app: App) -> None:
    with app.write(ACTOR) as tx:
        ids = tx.insert(Customer, [PERSON])
    with app.write(ACTOR) as tx:
        tx.update(
            Customer,
            [(ids[0], {"phone": "13700000007", "attributes": {"address": "新路1号", "employees": 8}})],
        )
    with app.write(ACTOR) as tx:
        tx.archive(Customer, ids)
        tx.delete(Customer, ids)
    assert leaks(app, *SECRETS, "13700000007", "新路1号") == []
    _created, updated, _archived, deleted = changes(app, "customer")
    assert updated.before == {"phone": "13900000001", "attributes": {"address": "幸福路99号", "employees": 7}}
    assert updated.after == {"phone": "13700000007", "attributes": {"address": "新路1号", "employees": 8}}
    assert deleted.before is not None
    assert deleted.before["name"] == "赵一一"


def test_contacts_are_persons_with_all_that_is_kept_of_them(app: App) -> None:
    with app.write(ACTOR) as tx:
        (firm,) = tx.insert(Customer, [{"code": "F", "name": "Firm Ltd"}])
        row = {
            "code": "P1",
            "name": "钱二二",
            "phone": "010-5551",
            "mobile": "13811112222",
            "email": "qian@example.com",
            "attributes": {"birthday": "1980-05-05", "wechat": "qianer"},
        }
        (contact,) = tx.insert(Contact, [row])
        tx.insert(ContactFirm, [{"contact_id": contact, "customer_id": firm, "position": "采购部长"}])
    with app.write(ACTOR) as tx:
        tx.update(Contact, [(contact, {"mobile": "13833334444", "attributes": {"wechat": "new-qianer"}})])
    secrets = (
        "钱二二",
        "010-5551",
        "13811112222",
        "qian@example.com",
        "1980-05-05",
        "qianer",
        "采购部长",
        "13833334444",
    )
    assert leaks(app, *secrets) == []
    created, updated = changes(app, "contact")
    assert created.after is not None
    assert {k: created.after[k] for k in row} == row
    assert updated.after == {"mobile": "13833334444", "attributes": {"wechat": "new-qianer"}}


@pytest.mark.parametrize("whose", ["contact", "person", "firm"])
def test_an_interaction_is_encrypted_when_it_is_about_a_person(app: App, whose: str) -> None:
    with app.write(ACTOR) as tx:
        kind = "person" if whose == "person" else "organisation"
        (customer,) = tx.insert(Customer, [{"code": "C", "name": "客户", "kind": kind}])
        (contact,) = tx.insert(Contact, [{"code": "P", "name": "联系"}])
        tx.insert(
            Interaction,
            [
                {
                    "code": "I1",
                    "customer_id": customer,
                    "contact_id": contact if whose == "contact" else None,
                    "channel": "phone",
                    "subject": "谈到健康",
                    "notes": "住院三周",
                    "at": NOW,
                }
            ],
        )
    plain = leaks(app, "谈到健康", "住院三周")
    assert plain == (["谈到健康", "住院三周"] if whose == "firm" else [])
    (created,) = changes(app, "interaction")
    assert created.after is not None
    assert (created.after["subject"], created.after["notes"]) == ("谈到健康", "住院三周")


def test_an_edit_that_makes_it_personal_is_itself_encrypted(app: App) -> None:
    with app.write(ACTOR) as tx:
        (firm,) = tx.insert(Customer, [{"code": "F", "name": "Firm"}])
        (contact,) = tx.insert(Contact, [{"code": "P", "name": "联系"}])
        row = {"code": "I", "customer_id": firm, "channel": "phone", "subject": "s", "at": NOW}
        (note,) = tx.insert(Interaction, [row])
    with app.write(ACTOR) as tx:
        tx.update(Interaction, [(note, {"contact_id": contact, "notes": "离婚了"})])
        tx.update(Customer, [(firm, {"kind": "person", "name": "孙三三", "phone": "13612345678"})])
    assert leaks(app, "离婚了", "孙三三", "13612345678") == []
    with app.read() as ctx:
        query = "SELECT before FROM change_log WHERE entity = 'customer' ORDER BY seq DESC LIMIT 1"
        assert "Firm" not in ctx.connection.scalar(sa.text(query)), (
            "what stood there before is theirs now, too"
        )
    assert changes(app, "interaction")[-1].after == {"contact_id": contact, "notes": "离婚了"}
    assert changes(app, "customer")[-1].after == {"kind": "person", "name": "孙三三", "phone": "13612345678"}


def test_an_edit_that_takes_a_contact_away_keeps_the_old_values_encrypted(app: App) -> None:
    with app.write(ACTOR) as tx:
        (firm,) = tx.insert(Customer, [{"code": "F", "name": "Firm"}])
        (contact,) = tx.insert(Contact, [{"code": "P", "name": "联系"}])
        row = {
            "code": "I",
            "customer_id": firm,
            "contact_id": contact,
            "channel": "phone",
            "subject": "私事一",
            "at": NOW,
        }
        (note,) = tx.insert(Interaction, [row])
    with app.write(ACTOR) as tx:
        tx.update(Interaction, [(note, {"contact_id": None, "subject": "general"})])
    assert leaks(app, "私事一") == []
    assert changes(app, "interaction")[-1].before == {"contact_id": contact, "subject": "私事一"}


def test_documents_about_a_person_are_encrypted(app: App) -> None:
    with app.write(ACTOR) as tx:
        (person,) = tx.insert(Customer, [{"code": "N", "name": "人", "kind": "person"}])
        row = {
            "code": "D",
            "customer_id": person,
            "drawer": "contracts",
            "title": "体检报告",
            "file_name": "体检.pdf",
            "sha256": "0" * 64,
            "size": 1,
        }
        tx.insert(Document, [row])
    assert leaks(app, "体检") == []
    (created,) = changes(app, "document")
    assert created.after is not None
    assert created.after["title"] == "体检报告"


def test_each_person_has_a_key_of_their_own_and_keeps_it(app: App) -> None:
    with app.write(ACTOR) as tx:
        ids = tx.insert(Contact, [{"code": f"P{i}", "name": "same name"} for i in range(3)])
    with app.read() as ctx:
        before = {r.entity_id: r.key for r in ctx.connection.execute(sa.text("SELECT * FROM person_key"))}
    assert set(before) == set(ids)
    assert len({bytes(key) for key in before.values()}) == 3
    assert all(len(key) == 32 for key in before.values())
    with app.write(ACTOR) as tx:
        tx.update(Contact, [(i, {"phone": "1"}) for i in ids])
    with app.read() as ctx:
        after = {r.entity_id: r.key for r in ctx.connection.execute(sa.text("SELECT * FROM person_key"))}
    assert after == before


def test_the_same_value_is_never_encrypted_to_the_same_text(app: App) -> None:
    with app.write(ACTOR) as tx:
        (number,) = tx.insert(Contact, [{"code": "P", "name": "same"}])
        for phone in ("1", "2", "1", "2"):
            tx.update(Contact, [(number, {"phone": phone})])
    with app.read() as ctx:
        texts = ctx.connection.scalars(
            sa.text("SELECT after FROM change_log WHERE operation = 'update'")
        ).all()
    assert len(set(texts)) == 4


def test_a_destroyed_key_leaves_values_unreadable_and_is_never_made_again(app: App) -> None:
    with app.write(ACTOR) as tx:
        (one, two) = tx.insert(Contact, [{"code": "P1", "name": "周六六"}, {"code": "P2", "name": "郑七七"}])
    operate(app, "UPDATE person_key SET key = NULL WHERE entity_id = :id", id=one)
    erased, kept = changes(app, "contact")
    assert erased.after is not None
    assert erased.after["code"] == "P1"
    assert "name" not in erased.after
    assert kept.after is not None
    assert kept.after["name"] == "郑七七"
    with app.write(ACTOR) as tx:
        tx.update(Contact, [(one, {"phone": "13555556666"}), (two, {"phone": "13577778888"})])
        tx.insert(Interaction, [])
    assert leaks(app, "13555556666", "13577778888") == []
    with app.read() as ctx:
        query = sa.text("SELECT key FROM person_key WHERE entity_id = :id")
        assert ctx.connection.scalar(query, {"id": one}) is None
    assert changes(app, "contact")[-2].after == {}, "of who was erased nothing is kept, not even encrypted"
    assert changes(app, "contact")[-1].after == {"phone": "13577778888"}


def test_sealed_values_put_on_another_row_are_found_out(app: App) -> None:
    with app.write(ACTOR) as tx:
        tx.insert(Contact, [{"code": "P1", "name": "一"}, {"code": "P2", "name": "二"}])
    with app.read() as ctx:
        query = "SELECT seq, after FROM change_log WHERE entity = 'contact' ORDER BY seq"
        (first, one), (second, two) = ctx.connection.execute(sa.text(query)).all()
    a, b = json.loads(one), json.loads(two)
    a["$personal"], b["$personal"] = b["$personal"], a["$personal"]
    operate(app, "UPDATE change_log SET after = :after WHERE seq = :seq", after=json.dumps(a), seq=first)
    operate(app, "UPDATE change_log SET after = :after WHERE seq = :seq", after=json.dumps(b), seq=second)
    with pytest.raises(CrmError, match=rf"entry {first} of the change log .*changed"):
        changes(app, "contact")


@pytest.mark.parametrize(
    "sealed",
    [
        {"of": "contact:1", "sealed": "AAAA"},
        {"of": "contact:1", "sealed": "not base64 ✗"},
        {"of": "contact:1"},
        {"of": "nonsense", "sealed": ""},
        "text",
        [1],
    ],
)
def test_a_sealed_part_that_was_tampered_with_is_told_in_one_sentence(
    make_app: Callable[..., App], sealed: Any
) -> None:
    app = make_app()
    with app.write(ACTOR) as tx:
        tx.insert(Contact, [{"code": "P1", "name": "一"}])
    operate(
        app,
        "UPDATE change_log SET after = :after WHERE entity = 'contact'",
        after=json.dumps({"$personal": sealed}),
    )
    with pytest.raises(CrmError, match="of the change log"):
        changes(app, "contact")


def test_values_of_a_plugins_table_are_encrypted_for_whom_they_are_about(
    make_app: Callable[..., App], database: str, install_plugin: Any
) -> None:
    plugin = install_plugin(
        "visits",
        """
from crmcore.api import TableSpec, hookimpl

@hookimpl
def models():
    from .tables import Note
    return [TableSpec(Note, customer_references=("customer_id",), personal=("text",), person="customer_id")]
""",
        {"table_prefix": "visits", "migrations": "migrations"},
        files={
            "tables.py": """
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from crmcore.api import BigId, metadata

class VisitsModel(SQLModel, registry=registry(metadata=metadata)):
    pass

class Note(VisitsModel, table=True):
    __tablename__ = "visits_note"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(sa_type=BigId)
    text: str
""",
            "migrations/0001_visits.py": """
import sqlalchemy as sa
from alembic import op
from crmcore.api import BigId
revision = "visits_0001"
down_revision = None

def upgrade():
    op.create_table("visits_note", sa.Column("id", BigId, primary_key=True), sa.Column("customer_id", BigId),
                    sa.Column("text", sa.String()), sqlite_autoincrement=True)

def downgrade():
    op.drop_table("visits_note")
""",
        },
    )
    import importlib

    app = make_app(["visits"], database)
    note = importlib.import_module(f"{plugin.package}.tables").Note
    with app.write(ACTOR) as tx:
        firm, person = tx.insert(
            Customer, [{"code": "F", "name": "f"}, {"code": "N", "name": "n", "kind": "person"}]
        )
        tx.insert(
            note, [{"customer_id": firm, "text": "公司要扩张"}, {"customer_id": person, "text": "孩子上学"}]
        )
    assert leaks(app, "公司要扩张", "孩子上学") == ["公司要扩张"]
    assert [c.after["text"] for c in changes(app, "visits_note") if c.after] == ["公司要扩张", "孩子上学"]
