"""What the tests share: a company in which C1 has 250 points, C2 has 50 and C3 has none."""

from __future__ import annotations

from datetime import date

import pytest

from crmcore.api import App, Customer
from crmcore.testing import ACTOR, AppMaker
from crmcore_loyalty_club.tables import Entry, Reward


@pytest.fixture
def company(make_app: AppMaker, database: str) -> App:
    """Return a workspace on each database, with nothing but this plugin; its clock stands at 2026-03-02."""
    app = make_app(["loyalty_club"], database)
    with app.write(ACTOR) as tx:
        c1, c2, _c3 = tx.insert(Customer, [{"code": f"C{i}", "name": f"Customer {i}"} for i in (1, 2, 3)])
        (kettle,) = tx.insert(Reward, [{"code": "KETTLE", "title": "Kettle", "points": 180}])
        booked = [
            (c1, date(2025, 11, 5), 430, "R-1", None),
            (c1, date(2026, 1, 20), -180, "R-2", kettle),
            (c2, date(2026, 2, 11), 50, "R-3", None),
        ]
        names = ("customer_id", "booked_on", "points", "reference", "reward_id")
        tx.insert(Entry, [dict(zip(names, entry, strict=True)) for entry in booked])
    return app
