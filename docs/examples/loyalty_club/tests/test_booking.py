"""Points for purchases: the job, and what other plugins say to it."""

import pytest

PURCHASES = """
import datetime
import sqlalchemy as sa
from crmcore.api import FactProvider, hookimpl

DAY = datetime.date(2026, 2, 1)

def purchases(settings):
    rows = [(1, 1, 1, 30_000), (1, 1, 2, 25_000), (2, 2, 1, 9_900), (3, 1, 1, -25_000)]
    selects = [
        sa.select(
            sa.literal(customer).label("customer_id"), sa.literal(DAY, sa.Date()).label("occurred_on"), sa.literal("CNY").label("currency"),
            sa.literal(amount).label("amount_minor"), sa.null().label("cost_minor"), sa.null().label("quantity_micro"),
            sa.null().label("product_id"), sa.literal(document).label("document_id"), sa.literal(line).label("line"),
        )
        for document, customer, line, amount in rows
    ]
    return sa.select(sa.union_all(*selects).subquery())

@hookimpl
def facts():
    return [FactProvider("purchases", purchases)]
"""
DOUBLE = """
from crmcore.api import hookimpl
from crmcore_loyalty_club.api import PointsRule

@hookimpl
def points_rules(customer_ids, ctx):
    return [PointsRule(customer_ids[0], 100, "a good start")]
"""


@pytest.fixture
def shop(company, crm, install_plugin):
    install_plugin("shop", PURCHASES)
    crm.ok("plugins", "enable", "shop")
    return company


def points(crm, code):
    return crm.json("loyalty", "show", code)["points"]


def test_the_job_books_each_purchase_once(shop, crm):
    assert crm.json("jobs", "run", "loyalty_book")["summary"] == {"booked": 2, "points": 3}
    assert points(crm, "C1") == 250 + 5 - 2
    assert points(crm, "C2") == 50, "less than one point is none"
    assert crm.json("jobs", "run", "loyalty_book")["summary"] == {"booked": 0, "points": 0}


def test_a_plugin_that_requires_the_club_adds_a_rule(shop, crm, install_plugin):
    install_plugin("doubling", DOUBLE, {"requires": ["loyalty_club"]})
    crm.ok("plugins", "enable", "doubling")
    crm.ok("jobs", "run", "loyalty_book")
    assert points(crm, "C1") == 250 + 11 - 5


def test_without_purchases_the_job_says_what_is_missing(company, crm):
    failed = crm("jobs", "run", "loyalty_book")
    assert failed.exit_code == 1
    assert "purchases" in failed.stderr


def test_rewards_come_with_the_demo(tmp_path):
    import random

    from crmcore_loyalty_club.demo import write_rewards

    write_rewards(tmp_path / "rewards.csv", random.Random(1), {})
    assert len((tmp_path / "rewards.csv").read_text(encoding="utf-8-sig").splitlines()) == 4
