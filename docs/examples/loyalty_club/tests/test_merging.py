"""Points of customers who are merged."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from crmcore.testing import ACTOR
from crmcore_loyalty_club.tables import Entry, entries


def points(crm, code):
    return crm.json("loyalty", "show", code)["points"]


def references(company):
    with company.read() as ctx:
        return list(ctx.connection.scalars(sa.select(entries.c.reference).order_by(entries.c.id)))


def test_points_add_up_and_come_back(company, crm):
    crm.ok("duplicates", "merge", "C2", "C1", "--reason", "one", "--yes")
    assert points(crm, "C1") == points(crm, "C2") == 300
    assert crm.lines("find", "r-3")[0]["code"] == "C1"
    crm.ok("duplicates", "unmerge", "C2", "--reason", "two")
    assert (points(crm, "C1"), points(crm, "C2")) == (250, 50)


def test_an_entry_for_a_purchase_is_known_by_who_has_the_purchase_now(company, crm):
    """Else the job would find the purchase of the other customer without points, and give them once more."""
    with company.write(ACTOR) as tx:
        values = {"booked_on": date(2026, 1, 1), "points": 1}
        names = ("purchase 7/2", "purchase 7/12", "purchase 8/2", "purchase 8/1")
        tx.insert(Entry, [{**values, "customer_id": 2, "reference": name} for name in names[:3]])
        tx.insert(Entry, [{**values, "customer_id": 1, "reference": names[3]}])
    before = references(company)
    crm.ok("duplicates", "merge", "C2", "C1", "--reason", "one", "--yes")
    assert references(company)[3:] == ["purchase 7/1", "purchase 7/12", "purchase 8/2", "purchase 8/1"]
    crm.ok("duplicates", "unmerge", "C2", "--reason", "two")
    assert references(company) == before
