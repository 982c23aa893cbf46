"""The customers, contacts and questions of the tables beside this file, among generated customers."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Customer
from crmcore.app import App
from crmcore.entities.tables import Contact, ContactFirm
from crmcore.testing import ACTOR

FOLDER = Path(__file__).parent
GENERATED = 400


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the tables beside this file."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def generated() -> list[dict[str, Any]]:
    """Return customers of other towns and trades than those that the questions are about."""
    chance = random.Random(7)
    rows = []
    for number in range(GENERATED):
        name = "".join(chance.choices("桐槐榆桦枫杨柳松桂榕", k=2))
        place, trade = chance.choice(("绍兴", "无锡", "保定")), chance.choice(("纺织", "印刷", "陶瓷"))
        form = chance.choice(("有限公司", "有限责任公司", "厂"))
        rows.append(
            {
                "code": f"G{number:05}",
                "name": f"{place}{name}{trade}{form}",
                "short_name": f"{name}{trade}",
                "phone": f"0377-77{number:06}",
                "tax_id": f"92{number:016}",
            }
        )
    return rows


def fill(app: App) -> None:
    """Write all of them."""
    rows = [{**row, "archived": bool(row["archived"])} for row in read_table("customers.csv")]
    gone = [str(row["code"]) for row in rows if row.pop("archived")]
    with app.write(ACTOR) as tx:
        tx.insert(Customer, generated())
        values = [{name: value or None for name, value in row.items()} for row in rows]
        ids = dict(zip((str(row["code"]) for row in rows), tx.insert(Customer, values), strict=True))
        tx.archive(Customer, [ids[code] for code in gone])
        people: dict[str, int] = {}
        for row in read_table("contacts.csv"):
            if row["code"] not in people:
                person = {name: row[name] or None for name in ("code", "name", "phone", "mobile", "email")}
                people[row["code"]] = tx.insert(Contact, [person])[0]
            until = date.fromisoformat(row["until"]) if row["until"] else None
            place = {"contact_id": people[row["code"]], "customer_id": ids[row["customer"]], "until": until}
            tx.insert(ContactFirm, [{**place, "roles": []}])
            if row["archived"]:
                tx.archive(Contact, [people[row["code"]]])


@pytest.fixture
def company(make_app: Callable[..., App], database: str) -> App:
    app = make_app(database=database)
    fill(app)
    return app
