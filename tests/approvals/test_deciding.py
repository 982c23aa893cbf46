"""People decide: who, in whose name, with which reason, until when; and what they read if they may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import NotFound, Refused, find_approvals, latest_approvals
from crmcore.builtin.approvals.decisions import decide, expire, withdraw
from crmcore.testing import CommandLine


def read(app, number):
    with app.read() as ctx:
        return find_approvals(ctx, [number])[number]


def log(app, number):
    with app.read() as ctx:
        query = sa.text(
            "SELECT l.operation, t.actor FROM change_log l JOIN change_tx t ON t.id = l.tx_id"
            " WHERE l.entity = 'approval_request' AND l.entity_id = :number ORDER BY l.seq"
        )
        return [tuple(one) for one in ctx.connection.execute(query, {"number": number})]


def test_the_general_manager_approves_and_rejects_and_all_is_logged(company, wish, columns):
    yes, no = wish(company), wish(company)
    decide(company, "boss", yes, "approve")
    decide(company, "boss", no, "reject", "not this year")
    assert (read(company, yes).state, read(company, no).state) == ("approved", "rejected")
    who = columns(company, no, "decided_by", "decided_for", "decision_reason", "version")
    assert who == ("boss", None, "not this year", 2)
    assert log(company, yes) == [("create", "rep"), ("update", "boss")]


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_nobody_decides_their_own_request(small, decision, wish):
    number = wish(small, "boss")
    with pytest.raises(Refused, match=f"request {number} is your own; somebody else must decide on it"):
        decide(small, "boss", number, decision, "I like it")
    decide(small, "second", number, decision, "so do I")


def test_who_lacks_the_permission_may_not_decide(small, wish):
    number = wish(small)
    for actor in ("clerk", "guest", "nobody at all"):
        with pytest.raises(
            Refused, match=f"'{actor}' may not decide on request 1: it needs the permission 'approve'"
        ):
            decide(small, actor, number, "approve")
    assert read(small, number).state == "requested"


def test_a_deputy_decides_in_the_name_of_somebody_absent_and_only_on_those_days(
    company, clock, wish, columns, deputy
):
    deputy("guest", "boss", until="2026-03-02")
    first, second = wish(company), wish(company)
    decide(company, "guest", first, "approve")
    assert columns(company, first, "state", "decided_by", "decided_for") == ("approved", "guest", "boss")
    clock.move(days=1)
    with pytest.raises(Refused, match="'guest' may not decide"):
        decide(company, "guest", second, "approve")


def test_a_deputy_is_not_asked_before_the_first_day(small, wish, deputy):
    deputy("clerk", "boss", since="2026-03-03")
    number = wish(small)
    with pytest.raises(Refused, match="may not decide"):
        decide(small, "clerk", number, "approve")


def test_a_deputy_decides_neither_for_whoever_asked_nor_on_the_own_request(small, wish, columns, deputy):
    deputy("clerk", "boss")
    own, boss = wish(small, "clerk"), wish(small, "boss")
    with pytest.raises(Refused, match="is your own"):
        decide(small, "clerk", own, "approve")
    with pytest.raises(Refused, match="was made by 'boss', for whom you stand in; somebody else must decide"):
        decide(small, "clerk", boss, "approve")
    deputy("clerk", "second")
    decide(small, "clerk", boss, "approve")
    assert columns(small, boss, "decided_for") == ("second",)


def test_who_may_decide_anyway_does_so_in_the_own_name_though_a_deputy_of_whoever_asked(
    small, wish, columns, deputy
):
    deputy("second", "boss")
    number = wish(small, "boss")
    decide(small, "second", number, "approve")
    assert columns(small, number, "decided_by", "decided_for") == ("second", None)


@pytest.mark.parametrize("gone", ["boss", "clerk"])
def test_neither_who_is_archived_nor_their_deputy_decides(small, crm, gone, wish, deputy):
    deputy("clerk", "boss")
    number = wish(small)
    crm.ok("actor", "archive", gone)
    with pytest.raises(Refused, match="may not decide"):
        decide(small, "clerk", number, "approve")


def test_a_rejection_without_a_reason_is_refused(small, wish):
    number = wish(small)
    for reason in ("", "  \n\t "):
        with pytest.raises(Refused, match="a rejection needs a reason; say with --reason why request 1"):
            decide(small, "boss", number, "reject", reason)


def test_what_was_decided_stays_decided_and_says_by_whom(small, wish):
    approved, rejected, withdrawn = wish(small), wish(small), wish(small)
    decide(small, "boss", approved, "approve")
    decide(small, "boss", rejected, "reject", "no")
    withdraw(small, "rep", withdrawn)
    sentences = {
        approved: "was approved by boss on 2026-03-02; nothing more can be decided on it",
        rejected: "was rejected by boss on 2026-03-02; nothing more",
        withdrawn: "was withdrawn by rep on 2026-03-02; nothing more",
    }
    for number, sentence in sentences.items():
        with pytest.raises(Refused, match=f"request {number} {sentence}"):
            decide(small, "second", number, "approve")
        with pytest.raises(Refused, match=sentence):
            withdraw(small, "rep", number)


def test_a_day_is_the_companys_day(small, clock, wish):
    number = wish(small)
    clock.now = clock.now.replace(hour=17)  # 1 o'clock of the next day in Shanghai
    decide(small, "boss", number, "approve")
    with pytest.raises(Refused, match="approved by boss on 2026-03-03"):
        decide(small, "boss", number, "approve")


def test_only_whoever_asked_withdraws(company, wish, columns):
    number = wish(company)
    with pytest.raises(Refused, match="was made by 'rep', who alone may withdraw it; you may reject it"):
        withdraw(company, "boss", number)
    withdraw(company, "rep", number, "settled otherwise")
    assert columns(company, number, "state", "decided_by", "decision_reason") == (
        "withdrawn",
        "rep",
        "settled otherwise",
    )


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 2**70])
def test_a_number_that_is_none_is_not_found(small, number):
    with pytest.raises(NotFound, match=f"there is no request {number}; list them"):
        decide(small, "boss", number, "approve")


def test_a_request_expires_after_its_last_day(company, clock, wish, columns):
    number = wish(company)
    assert columns(company, number, "expires_on") == ("2026-03-16",)
    clock.move(days=14)
    assert read(company, number).state == "requested", "the last day counts"
    clock.move(days=1)
    assert read(company, number).state == "expired", "nobody had to write it down"
    with pytest.raises(Refused, match="request 1 has expired, its last day was 2026-03-16; whoever made it"):
        decide(company, "boss", number, "approve")
    with pytest.raises(Refused, match="has expired"):
        withdraw(company, "rep", number)


def test_the_job_writes_down_what_expired_and_leaves_the_rest(company, clock, monkeypatch, wish, columns):
    monkeypatch.setattr("crmcore.builtin.approvals.decisions._CHUNK", 2)
    late = [wish(company) for _ in range(5)]
    decided = wish(company)
    decide(company, "boss", decided, "approve")
    clock.move(days=10)
    fresh = wish(company)
    clock.move(days=5)
    assert expire(company, "tester") == 5
    assert expire(company, "tester") == 0
    assert [columns(company, n, "state", "version") for n in late] == [("expired", 2)] * 5
    assert columns(company, decided, "state") == ("approved",)
    assert columns(company, fresh, "state") == ("requested",)
    with company.read() as ctx:
        query = sa.text("SELECT DISTINCT source FROM change_tx WHERE reason = 'expire requests'")
        assert ctx.connection.scalars(query).all() == ["job:expire_approvals"]


def test_the_job_is_one_of_those_that_a_worker_runs(small, crm: CommandLine):
    assert crm.json("jobs", "run", "expire_approvals")["summary"] == {"expired": 0}


def test_the_same_matter_asked_again_is_the_same_request_while_it_is_open(company, clock, wish, columns):
    first = wish(company, key="fair")
    assert wish(company, "clerk", key="fair", subject="another") == first
    assert wish(company, key="other fair") != first
    assert wish(company) != wish(company), "without a key each is its own"
    decide(company, "boss", first, "reject", "no")
    second = wish(company, key="fair")
    assert second != first
    clock.move(days=15)
    third = wish(company, key="fair")
    assert third not in {first, second}, "what expired makes room"
    assert columns(company, second, "state") == ("expired",)
    with company.read() as ctx:
        found = latest_approvals(ctx, "general", ["fair", "no such matter"])
        assert {key: one.id for key, one in found.items()} == {"fair": third}
        assert latest_approvals(ctx, "bonus", ["fair"]) == {}


def test_what_is_read_is_what_was_asked(company, wish):
    values: dict[str, Any] = {
        "subject": "  8%\n off\u202e ",
        "reason": "old\r\nfriend ",
        "key": "fair",
        "customer_id": 1,
        "amount_minor": 12_345,
        "currency": "CNY",
        "payload": {"a": [1, "二", None]},
    }
    number = wish(company, **values)
    found = read(company, number)
    cleaned = {**values, "subject": "8% off", "reason": "old\nfriend"}
    assert {name: getattr(found, name) for name in values} == cleaned
    assert (found.id, found.state, found.requested_by) == (number, "requested", "rep")


def test_nobody_asks_in_the_name_of_another_or_brings_a_decision_along(small, wish):
    number = wish(small, requested_by="boss", state="approved", id=7)
    found = read(small, number)
    assert (found.id, found.requested_by, found.state) == (1, "rep", "requested")


def test_a_long_wait_is_counted_in_days_of_the_company(small, clock, wish):
    clock.now = clock.now.replace(hour=17)  # already the 3rd in Shanghai
    number = wish(small)
    clock.now += timedelta(days=14, hours=6)  # the 17th, 7 o'clock
    decide(small, "boss", number, "approve")
