"""Birthdays: work before them, alerts after them, points meanwhile."""

from crmcore.testing import ACTOR


def test_birthdays_ahead_are_work_and_missed_ones_alerts(company, crm):
    told = crm.lines("work")
    assert [(item["customer"], item["kind"]) for item in told if "gift" in item["key"]] == [
        ("C2", "alert"),
        ("C1", "work_item"),
    ]


def test_a_gift_settles_the_matter(company, crm):
    crm.ok("gift", "give", "C1", "--title", "Tea", "--value", "10")
    assert "C1" not in {item["customer"] for item in crm.lines("work")}


def test_the_month_of_the_birthday_gives_more_points(company):
    from crmcore.api import call_hook

    with company.read("loyalty_club", ACTOR) as ctx:
        rules = call_hook(ctx, "points_rules", customer_ids=[1, 2, 3, 4])
    assert [(rule.customer_id, rule.extra_percent, rule.plugin) for rule in rules] == [
        (1, 100, "birthday_gifts")
    ]
