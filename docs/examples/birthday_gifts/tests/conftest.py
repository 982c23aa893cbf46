"""What the tests share: birthdays around 2 March 2026, on which the clock stands."""

from __future__ import annotations

import pytest

from crmcore.api import App, Customer
from crmcore.testing import ACTOR, AppMaker

BIRTHDAYS = {"C1": "1980-03-05", "C2": "1992-02-29", "C3": "1971-08-20", "C4": None}


@pytest.fixture
def company(make_app: AppMaker, database: str) -> App:
    """Return a workspace on each database with natural persons; who gives is not who approves."""
    app = make_app(["loyalty_club", "birthday_gifts"], database)
    with app.write(ACTOR) as tx:
        rows = [
            {
                "code": code,
                "name": f"Customer {code}",
                "kind": "person",
                "attributes": {"gift_birthday": born_on} if born_on else {},
            }
            for code, born_on in BIRTHDAYS.items()
        ]
        tx.insert(Customer, rows)
    return app
