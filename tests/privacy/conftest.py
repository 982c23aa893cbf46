"""Companies with people in them, and an oracle that reads every byte that is kept of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import ApprovalRequest, Contact, Customer, Interaction, request_approvals
from crmcore.app import App
from crmcore.db.system import plugin_health
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR, CommandLine

SECRETS: dict[str, dict[str, Any]] = {
    "contact": {
        "name": "龘靐齉",
        "phone": "0571-86664321",
        "mobile": "13987654321",
        "email": "longlong@geheim.example",
        "attributes": {"hobby": "收藏鼻烟壶四十年"},
    },
    "customer": {
        "name": "爨邯郸",
        "short_name": "爨老板",
        "tax_id": "330106199912310099",
        "phone": "13712349876",
        "attributes": {"address": "杭州市不存在路九百九十九号", "bank_account": "6222000011112222"},
    },
}
WORDS = {
    "subject": "谈她的离婚官司",
    "notes": "她说下个月搬去海南岛",
    "position": "首席秘密官",
    "firm_subject": "他父亲病危通知",
    "wish": "爨老板要求延期付款",
    "why": "住院治疗费用",
    "old_mobile": "13600001234",
    "title": "病历复印件",
    "paper": "诊断证明：不宜外传",
    "rejected": "龘靐齉的被拒行",
    "consent": "在她家里签的字",
}


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, str):
        yield value


def secret_texts() -> list[str]:
    return [*texts_of(SECRETS), *WORDS.values()]


@pytest.fixture
def people(make_app: Callable[..., App], database: str, crm: CommandLine) -> App:
    """Return a company on either database with a contact P1 at two firms, and a person C1 with a contact of its own."""
    return fill(make_app(database=database))


def fill(app: App) -> App:
    with app.write(ACTOR, "fill", permission=None) as tx:
        firms = tx.insert(Customer, [{"code": "F1", "name": "示例商贸"}, {"code": "F2", "name": "样本食品"}])
        (person,) = tx.insert(Customer, [{"code": "C1", "kind": "person", **SECRETS["customer"]}])
        one, own = tx.insert(
            Contact, [{"code": "P1", **SECRETS["contact"]}, {"code": "P2", "name": "爨小妹"}]
        )
        tx.insert(
            ContactFirm,
            [{"contact_id": one, "customer_id": f, "position": WORDS["position"]} for f in firms]
            + [{"contact_id": own, "customer_id": person, "position": "家属"}],
        )
        talk = {"channel": "phone", "at": tx.now}
        tx.insert(
            Interaction,
            [
                {
                    "code": "I1",
                    "customer_id": firms[0],
                    "contact_id": one,
                    "subject": WORDS["subject"],
                    "notes": WORDS["notes"],
                    **talk,
                },
                {"code": "I2", "customer_id": person, "subject": WORDS["firm_subject"], **talk},
                {"code": "I3", "customer_id": firms[1], "subject": "样本食品的年度合同", **talk},
            ],
        )
    request: dict[str, Any] = {"kind": "general", "customer_id": person}
    with app.write(ACTOR, "ask", plugin="approvals") as tx:
        request_approvals(
            tx,
            [
                ApprovalRequest(
                    **request,
                    subject=WORDS["wish"],
                    reason=WORDS["why"],
                    payload={"phone": SECRETS["customer"]["phone"]},
                )
            ],
        )
    with app.write(ACTOR, "moved", permission=None) as tx:
        tx.update(Contact, [(one, {"mobile": WORDS["old_mobile"]})])
        tx.update(Contact, [(one, {"mobile": SECRETS["contact"]["mobile"]})])
    return app


def more_traces(app: App, crm: CommandLine, tmp_path: Path) -> None:
    """Leave traces of both persons wherever the product leaves some: drawers, rejected rows, consents, reads, kept errors."""
    paper = tmp_path / "病历复印件.txt"
    paper.write_text(WORDS["paper"], encoding="utf-8")
    crm.ok("document", "add", "C1", paper, "--drawer", "basic", "--title", WORDS["title"])
    rejected = tmp_path / f"{SECRETS['contact']['name']}.csv"
    line = f"P9,{WORDS['rejected']},{SECRETS['contact']['mobile']},nobody"
    rejected.write_text(
        f"code,name,mobile,customer\n{line}\nP8,周一一,13900000000,nobody\nP7,周七七,,F1\n", encoding="utf-8"
    )
    assert crm("import", "contacts", rejected).exit_code in {0, 1}
    crm.ok("consent", "give", "P1", "--purpose", "advertising", "--how", WORDS["consent"])
    app.log_read(ACTOR, "list", "contact", 101, f'{{"text":"{SECRETS["contact"]["name"]}"}}')
    with app.operations() as connection:
        connection.execute(
            sa.insert(plugin_health),
            {
                "name": "gone",
                "failures": 1,
                "quarantined": False,
                "error": {"message": SECRETS["customer"]["name"]},
            },
        )


def places_with(app: App, texts: list[str]) -> list[str]:
    """Return where any of these texts still stands: bytes of all files of the company, every value of PostgreSQL."""
    found = []
    for path in sorted(p for p in app.config.folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        found += [f"{path.name}: {text}" for text in texts if text.encode() in content]
    if app.engine.dialect.name == "postgresql":
        with app.engine.connect() as connection:
            for table in sa.inspect(connection).get_table_names():
                whole = connection.exec_driver_sql(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')  # noqa: S608
                values = str(whole.scalar())
                found += [f"{table}: {text}" for text in texts if text in values]
    return found


def words_of_index(path: Path) -> list[str]:
    """Return the words that SQLite's full-text index still knows, by its own virtual table."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'search_index', 'row')")
        return [row[0] for row in connection.execute("SELECT term FROM temp.words")]
