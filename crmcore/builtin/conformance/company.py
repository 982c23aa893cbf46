"""Customers for the companies in which a plugin is tried: a few real-looking ones, and many plain ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from crmcore.builtin.conformance.subject import ACTOR
from crmcore.entities.tables import Contact, ContactFirm, Customer, Interaction

if TYPE_CHECKING:
    from pathlib import Path

    from crmcore.app import App
    from crmcore.builtin.conformance.subject import Subject

FEW = 12
"""Organisations of the small company; the generator adds natural persons."""
_SEED = "conformance"


def add_few(app: App, folder: Path, subject: Subject) -> dict[str, Any]:
    """Import the customers of a small demo company; returns what generators of demo data share."""
    from crmcore.builtin.conformance.files import import_file, write_rows
    from crmcore.builtin.demo.companies import customers
    from crmcore.builtin.demo.files import CUSTOMER_HEADERS

    today = subject.now.astimezone(app.config.timezone).date()
    made = customers(random.Random(_SEED), today, FEW)  # noqa: S311  (the same customers each time)
    path = folder / "customers.csv"
    write_rows(path, list(CUSTOMER_HEADERS), [customer.card for customer in made])
    import_file(app, "customers", path)
    shared = sorted((customer.shared() for customer in made), key=lambda c: str(c["code"]))
    return {"today": today, "currency": app.config.currency, "demo.customers": made, "customers": shared}


def add_many(app: App, count: int, first: int = 1) -> list[int]:
    """Add plain customers through the gate, every tenth a person, some with a contact and an interaction; returns their ids."""
    numbers = range(first, first + count)
    customers = [
        {
            "code": f"K{number:06}",
            "name": f"示例客户{number}",
            "kind": "organisation" if number % 10 else "person",
            "phone": f"0571-{number:08}",
            "region": f"R{number % 7}",
            "channel": f"T{number % 3}",
            "owner": ACTOR,
        }
        for number in numbers
    ]
    with app.write(ACTOR, "customers to try a plugin with", bulk=count > 1) as tx:
        ids = tx.insert(Customer, customers)
        some = ids[:: max(1, count // 200)]
        contacts = tx.insert(
            Contact, [{"code": f"P{i:06}", "name": f"示例{i}", "mobile": f"139{i:08}"} for i in some]
        )
        pairs = list(zip(some, contacts, strict=True))
        tx.insert(
            ContactFirm, [{"contact_id": contact, "customer_id": customer} for customer, contact in pairs]
        )
        tx.insert(
            Interaction,
            [
                {
                    "code": f"I{customer:07}",
                    "customer_id": customer,
                    "contact_id": contact,
                    "channel": "phone",
                    "subject": "示例",
                    "at": tx.now,
                    "owner": ACTOR,
                }
                for customer, contact in pairs
            ],
        )
    return ids
