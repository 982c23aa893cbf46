"""What a customer gets who asks, and what is left of one who is erased."""

from __future__ import annotations

NOTE = "likes orchids since her operation"


def test_gifts_are_given_to_a_person_who_asks_and_forgotten_with_them(company, crm):
    crm.ok("gift", "give", "C1", "--title", "Orchid", "--value", "50", "--note", NOTE)
    parts = crm.json("person", "export", "C1")["parts"]
    (gifts,) = [part["rows"] for part in parts if part["table"] == "gift_given"]
    assert [(row["title"], row["note"]) for row in gifts] == [("Orchid", NOTE)]
    crm.ok("person", "erase", "C1", "--reason", "asked", "--yes")
    with company.read() as ctx:
        rows = ctx.connection.exec_driver_sql("SELECT title, note, value_minor FROM gift_given").all()
    assert [tuple(row) for row in rows] == [("(erased)", None, 5000)]
