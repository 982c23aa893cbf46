"""Two people at the same moment: one decides, one request is made; nothing is done twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from crmcore.api import ApprovalRequest, CrmError
from crmcore.builtin.approvals import decisions, kinds, requests
from crmcore.builtin.approvals.decisions import decide, withdraw
from crmcore.tx import Tx


class AtOnce:
    """Runs two calls in threads; the first waits inside its transaction until the second has begun to wait for it."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.results: dict[str, Any] = {}

    def hold(self, *_arguments: object) -> None:
        """Stand in the transaction of whoever comes here first, for long enough that the other meets it."""
        if not self.inside.is_set():
            self.inside.set()
            threading.Event().wait(0.4)

    def run(self, first: Any, second: Any) -> dict[str, Any]:
        """Return what each call returned or raised."""
        threads = [
            threading.Thread(target=self._call, args=("first", first)),
            threading.Thread(target=self._wait_and_call, args=(second,)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return self.results

    def _wait_and_call(self, second: Any) -> None:
        self.inside.wait(10)
        self._call("second", second)

    def _call(self, name: str, call: Any) -> None:
        try:
            self.results[name] = call()
        except CrmError as error:
            self.results[name] = error


@pytest.fixture
def at_once(monkeypatch):
    return AtOnce()


@pytest.mark.parametrize("second", ["reject", "approve", "withdraw"])
def test_of_two_who_decide_at_once_the_second_is_told_of_the_first(
    bonus_company, reopen, points, given, columns, monkeypatch, at_once, second
):
    number = points(bonus_company, 50)
    carry_out = kinds.carry_out
    monkeypatch.setattr(decisions, "carry_out", lambda *a: (carry_out(*a), at_once.hold()))
    other = reopen(bonus_company)

    def follow() -> None:
        if second == "withdraw":
            withdraw(other, "rep", number)
        else:
            decide(other, "second", number, second, "me too")

    results = at_once.run(lambda: decide(bonus_company, "boss", number, "approve"), follow)
    assert results["first"] is None
    assert "request 1 was approved by boss on 2026-03-02; nothing more" in str(results["second"])
    assert given(bonus_company) == [50]
    assert columns(bonus_company, number, "state", "decided_by", "version") == ("approved", "boss", 2)


def test_one_matter_asked_for_at_once_by_two_is_one_request(company, reopen, wish, monkeypatch, at_once):
    make = requests._make
    monkeypatch.setattr(requests, "_make", lambda *a: (make(*a), at_once.hold())[0])
    other = reopen(company)
    results = at_once.run(lambda: wish(company, key="fair"), lambda: wish(other, "clerk", key="fair"))
    assert results == {"first": 1, "second": 1}


def test_what_expires_while_somebody_withdraws_it_is_withdrawn(
    company, reopen, wish, columns, clock, monkeypatch, at_once
):
    number = wish(company)
    close = decisions._close
    monkeypatch.setattr(decisions, "_close", lambda *a, **k: (close(*a, **k), at_once.hold()))
    other = reopen(company)

    def late() -> int:
        clock.move(days=15)
        return decisions.expire(other, "tester")

    results = at_once.run(lambda: withdraw(company, "rep", number), late)
    assert results == {"first": None, "second": 0}
    assert columns(company, number, "state") == ("withdrawn",)


@pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("step", ["decide", "withdraw", "ask"])
def test_who_meets_another_in_a_deadlock_decides_once_that_one_is_done(
    bonus_company, reopen, points, given, columns, monkeypatch, step
):
    number = points(bonus_company, 50)
    reached, tries = threading.Event(), []
    held = {
        "decide": (decisions, "carry_out"),
        "withdraw": (decisions, "_close"),
        "ask": (requests, "_make"),
    }[step]
    real = getattr(*held)

    def waiting(*arguments, **values):
        tx = next(one for one in arguments if isinstance(one, Tx))
        tries.append(step)
        tx.connection.exec_driver_sql("SELECT id FROM approval_request WHERE id = 1 FOR UPDATE")
        reached.set()
        tx.connection.exec_driver_sql("SELECT id FROM customer ORDER BY id LIMIT 1 FOR UPDATE")
        return real(*arguments, **values)

    monkeypatch.setattr(*held, waiting)
    calls = {
        "decide": lambda: decide(bonus_company, "boss", number, "approve"),
        "withdraw": lambda: withdraw(bonus_company, "rep", number),
        "ask": lambda: requests.ask(bonus_company, "rep", ApprovalRequest(kind="bonus_wish", subject="x")),
    }
    failed = []

    def call() -> None:
        try:
            calls[step]()
        except Exception as error:  # noqa: BLE001  (whatever it is)
            failed.append(error)

    with reopen(bonus_company).engine.connect() as other:
        other.exec_driver_sql("SELECT id FROM customer ORDER BY id LIMIT 1 FOR UPDATE")
        thread = threading.Thread(target=call)
        thread.start()
        assert reached.wait(10)
        threading.Event().wait(0.2)  # now it waits for the customer: who waits first gives up first
        other.exec_driver_sql("SELECT id FROM approval_request WHERE id = 1 FOR UPDATE")
        other.rollback()
    thread.join(30)
    assert failed == []
    assert len(tries) == 2
    state = {"decide": "approved", "withdraw": "withdrawn", "ask": "requested"}[step]
    assert columns(bonus_company, number, "state") == (state,)
    assert given(bonus_company) == ([50] if step == "decide" else [])
