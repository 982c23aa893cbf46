"""Two people who want the same paper at the same moment: one gets it, the other is told who."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import CrmError
from crmcore.app import App
from crmcore.builtin.approvals.decisions import decide
from crmcore.builtin.documents import loans


def states(app: App) -> list[str]:
    with app.read() as ctx:
        return list(ctx.connection.scalars(sa.text("SELECT state FROM document_loan ORDER BY id")))


class AtOnce:
    """Runs two calls in threads; the first waits inside its transaction until the second has met it."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.results: dict[str, Any] = {}

    def hold(self) -> None:
        if not self.inside.is_set():
            self.inside.set()
            threading.Event().wait(0.4)

    def run(self, first: Any, second: Any) -> dict[str, Any]:
        calls = {"first": first, "second": lambda: (self.inside.wait(10), second())[1]}
        threads = [threading.Thread(target=self._call, args=item) for item in calls.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return self.results

    def _call(self, name: str, call: Any) -> None:
        try:
            self.results[name] = call()
        except CrmError as error:
            self.results[name] = str(error)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> AtOnce:
    """Let the first who borrows or returns stand in the transaction, with the paper's row in hand."""
    meeting, newest = AtOnce(), loans._newest

    def newest_then_wait(*arguments: Any) -> Any:
        found = newest(*arguments)
        meeting.hold()
        return found

    monkeypatch.setattr(loans, "_newest", newest_then_wait)
    return meeting


def test_of_two_who_borrow_at_once_one_is_told_of_the_other(company, reopen, at_once):
    other = reopen(company)
    results = at_once.run(
        lambda: loans.borrow(company, "rep", "D000001"), lambda: loans.borrow(other, "clerk", "D000001")
    )
    assert results["first"] == 1
    assert "asked for by 'rep' already (request 1)" in results["second"]
    assert states(company) == ["requested"]


def test_of_two_who_return_at_once_one_is_told_that_it_is_back(company, reopen, at_once, monkeypatch):
    with monkeypatch.context() as plain:
        plain.setattr(at_once, "hold", lambda: None)
        loans.borrow(company, "rep", "D000001")
        decide(company, "boss", 1, "approve")
        loans.fetch(company, "rep", "D000001")
    other = reopen(company)
    results = at_once.run(
        lambda: loans.give_back(company, "rep", "D000001"), lambda: loans.give_back(other, "boss", "D000001")
    )
    assert results["first"] == 1
    assert "is not lent" in results["second"]
    assert states(company) == ["returned"]


def test_of_two_processes_that_borrow_at_once_one_gets_the_paper(company):
    words = [sys.executable, "-m", "crmcore", "-C", str(company.config.folder), "document", "borrow"]
    running = [
        subprocess.Popen(
            [*words, "D000001", "--actor", actor],
            stderr=subprocess.PIPE,
            env={**os.environ, "CRM_LANG": "en"},
            text=True,
        )
        for actor in ("rep", "clerk")
    ]
    said = [process.communicate(timeout=120)[1] for process in running]
    codes = [process.returncode for process in running]
    assert sorted(codes) == [0, 1], said
    winner = ("rep", "clerk")[codes.index(0)]
    assert f"asked for by {winner!r} already" in said[codes.index(1)]
    assert states(company) == ["requested"]
