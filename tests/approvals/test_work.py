"""`crm work`: what waits for whom, and who is told of what became of it."""

from __future__ import annotations

from datetime import date

import pytest

from crmcore.builtin.approvals.decisions import decide, expire, withdraw
from crmcore.builtin.approvals.work import work


@pytest.fixture
def waiting(company):
    """Return what the built-in tells an actor: key → (title, severity, due)."""

    def ask(actor, since=None):
        with company.read("approvals", actor) as ctx:
            return {
                item.key.removeprefix("approval:"): (item.title, item.severity, item.due)
                for item in work(actor, since, ctx)
            }

    return ask


def test_a_request_waits_for_everybody_who_may_decide_and_for_nobody_else(company, wish, waiting, deputy):
    wish(company, customer_id=1)
    item = {"1": ("Decide: 8% off", "info", date(2026, 3, 16))}
    assert waiting("boss") == waiting("second") == waiting("tester") == item
    for actor in ("rep", "clerk", "guest", "head", "nobody"):
        assert waiting(actor) == {}, actor
    deputy("guest", "boss")
    assert waiting("guest") == {"1": ("Decide for boss: 8% off", "info", date(2026, 3, 16))}
    wish(company, "boss")
    assert waiting("guest").keys() == {"1"}, "not what was asked for by the one for whom they stand in"
    deputy("guest", "second")
    assert waiting("guest")["2"][0] == "Decide for second: 8% off"


def test_it_is_urgent_on_the_last_two_days_and_gone_after_them(company, wish, waiting, clock):
    wish(company)
    severities = []
    for _day in range(16):
        severities.append(waiting("boss").get("1", ("", "gone"))[1])
        clock.move(days=1)
    assert severities == ["info"] * 13 + ["warning"] * 2 + ["gone"]


def test_whoever_asked_is_told_for_a_week_what_others_decided(company, wish, waiting, clock):
    yes, no, back, late = (wish(company, subject=f"wish {n}") for n in range(4))
    decide(company, "boss", yes, "approve")
    decide(company, "second", no, "reject", "no")
    withdraw(company, "rep", back)
    told = {
        f"{yes}:answer": ("Approved by boss: wish 0", "info", None),
        f"{no}:answer": ("Rejected by second: wish 1", "info", None),
    }
    assert waiting("rep") == told
    assert waiting("boss").keys() == {str(late)}
    clock.move(days=7)
    assert waiting("rep") == told
    clock.move(days=1)
    assert waiting("rep") == {}
    clock.move(days=7)
    lapsed = {f"{late}:answer": ("Nobody decided in time: wish 3", "info", None)}
    assert waiting("rep") == lapsed
    expire(company, "tester")
    assert waiting("rep") == lapsed, "whether it is written down or not"
    clock.move(days=7)
    assert waiting("rep") == lapsed
    clock.move(days=1)
    assert waiting("rep") == {}


def test_since_leaves_out_what_arose_before_that_day_of_the_company(company, wish, waiting, clock):
    wish(company)
    clock.now = clock.now.replace(hour=16)  # midnight in Shanghai: the 3rd begins
    wish(company)
    assert waiting("boss", date(2026, 3, 2)).keys() == {"1", "2"}
    assert waiting("boss", date(2026, 3, 3)).keys() == {"2"}
    assert waiting("boss", date(2026, 3, 4)) == {}
    decide(company, "boss", 1, "approve")
    assert waiting("rep", date(2026, 3, 3)).keys() == {"1:answer"}
    assert waiting("rep", date(2026, 3, 4)) == {}


def test_what_a_rule_settled_at_once_is_no_news(bonus_company, points, clock):
    points(bonus_company, 5)
    clock.move(hours=1)
    with bonus_company.read("approvals", "rep") as ctx:
        assert work("rep", None, ctx) == []
