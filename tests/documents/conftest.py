"""A company with people who borrow and people who lend, and three papers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import Actor, Contact, Customer
from crmcore.app import App
from crmcore.builtin.records.services.documents import add
from crmcore.builtin.records.services.values import By
from crmcore.entities.tables import ContactFirm
from crmcore.testing import ACTOR, CommandLine

PEOPLE = {
    "rep": "sales_representative",
    "clerk": "service_desk",
    "head": "sales_manager",
    "boss": "general_manager",
    "guest": "reader",
}


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[App], App]:
    """Hire people, and file three papers: D000001 and D000002 (confidential) of C1, D000003 of the person C2."""

    def fill(app: App) -> App:
        with app.write(ACTOR) as tx:
            tx.insert(Actor, [{"code": c, "name": c, "roles": [role]} for c, role in PEOPLE.items()])
            firm = {
                "code": "C1",
                "name": "示例商贸有限公司",
                "short_name": "示例商贸",
                "kind": "organisation",
            }
            one, _two = tx.insert(Customer, [firm, {"code": "C2", "name": "王小明", "kind": "person"}])
            (person,) = tx.insert(Contact, [{"code": "P1", "name": "李小红"}])
            tx.insert(ContactFirm, [{"contact_id": person, "customer_id": one}])
        papers = [
            ("C1", "contracts_orders", "年度合同"),
            ("C1", "basic", "信用评语"),
            ("C2", "basic", "身份证"),
        ]
        for number, (customer, drawer, title) in enumerate(papers, 1):
            file = tmp_path / f"paper{number}.txt"
            file.write_text(f"content {number}\n" * number)
            values = {"drawer": drawer, "title": title, "confidential": number == 2}
            add(app, By(ACTOR), customer, file, values, 10_000)
        return app

    return fill


@pytest.fixture
def company(make_app: Callable[..., App], filled: Callable[[App], App], database: str) -> App:
    """Return the company on either database."""
    return filled(make_app(database=database))


@pytest.fixture
def small(make_app: Callable[..., App], filled: Callable[[App], App]) -> App:
    """Return the company on SQLite, where the database does not matter."""
    return filled(make_app())


@pytest.fixture
def lent(crm: CommandLine) -> Callable[..., Any]:
    """Let `rep` borrow and fetch a paper, approved by `boss`; returns the loan."""

    def lend(code: str = "D000001", *words: str, by: str = "boss") -> Any:
        asked = crm.json("document", "borrow", code, *words, "--actor", "rep")
        crm.ok("approvals", "approve", asked["request"], "--actor", by)
        return crm.json("document", "fetch", code, "--actor", "rep")

    return lend
