"""The life of loans, at random: what the commands' services say is what a simple model says, after every step."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crmcore.api import Actor, CrmError, Customer
from crmcore.builtin.approvals.decisions import decide, withdraw
from crmcore.builtin.documents import loan_reading, loans
from crmcore.builtin.documents.rules import STATES
from crmcore.builtin.documents.work import work
from crmcore.builtin.records.services.documents import add
from crmcore.builtin.records.services.values import By
from crmcore.testing import ACTOR, StandingClock
from crmcore.workspace import make_workspace

ROLES = {"rep": "sales_representative", "clerk": "service_desk", "head": "sales_manager"}
PAPERS = ("D000001", "D000002")
people = st.sampled_from(list(ROLES))
papers = st.sampled_from(PAPERS)
REQUEST_DAYS, REMINDER_DAYS = 14, 3


class Life(RuleBasedStateMachine):
    """Two papers, two who may only borrow and one who may lend; a loan of the model is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        self.folder = tempfile.TemporaryDirectory()
        self.app = make_workspace(Path(self.folder.name) / "c", None, ACTOR, self.clock)
        self.loans: list[dict[str, Any]] = []

    def teardown(self) -> None:
        self.app.close()
        self.folder.cleanup()

    @property
    def today(self) -> date:
        return self.clock().date()

    @initialize()
    def fill(self) -> None:
        with self.app.write(ACTOR) as tx:
            tx.insert(Actor, [{"code": c, "name": c, "roles": [role]} for c, role in ROLES.items()])
            tx.insert(Customer, [{"code": "C1", "name": "x"}])
        for paper in PAPERS:
            file = Path(self.folder.name) / paper
            file.write_text(paper)
            add(self.app, By(ACTOR), "C1", file, {"drawer": "basic"}, 1_000)

    # -- what the model says ---------------------------------------------------------------------------------

    def state(self, loan: dict[str, Any]) -> str:
        if loan["state"] == "requested" and self.today > loan["asked"] + timedelta(days=REQUEST_DAYS):
            return "expired"
        if self.today > loan["due"]:
            return {"approved": "expired", "lent": "overdue"}.get(loan["state"], str(loan["state"]))
        return str(loan["state"])

    def open(self, paper: str) -> dict[str, Any] | None:
        found = [
            one
            for one in self.loans
            if one["paper"] == paper and self.state(one) in {"requested", "approved", "lent", "overdue"}
        ]
        assert len(found) <= 1, "a paper is with one at a time"
        return found[0] if found else None

    @contextmanager
    def happens(self, *, allowed: bool) -> Any:
        try:
            yield
        except CrmError:
            assert not allowed
        else:
            assert allowed

    # -- what people do --------------------------------------------------------------------------------------

    @rule(who=people, paper=papers, days=st.integers(-1, 20))
    def borrow(self, who: str, paper: str, days: int) -> None:
        free = self.open(paper) is None and days >= 0
        due = self.today + timedelta(days=days)
        with self.happens(allowed=free):
            loans.borrow(self.app, who, paper, due)
            self.loans.append(
                {"paper": paper, "who": who, "state": "requested", "due": due, "asked": self.today}
            )

    @rule(who=people, paper=papers, yes=st.booleans())
    def decide(self, who: str, paper: str, yes: bool) -> None:  # noqa: FBT001  (drawn)
        places = [n for n, one in enumerate(self.loans, 1) if one["paper"] == paper]
        if not places:
            return
        loan = self.loans[places[-1] - 1]
        able = who == "head" != loan["who"] and self.state(loan) == "requested"
        in_time = loan["due"] >= self.today or not yes
        with self.happens(allowed=able and in_time):
            decide(self.app, who, places[-1], "approve" if yes else "reject", "because")
            loan["state"], loan["by"] = ("approved" if yes else "rejected"), who

    @rule(who=people, paper=papers)
    def withdraw(self, who: str, paper: str) -> None:
        places = [n for n, one in enumerate(self.loans, 1) if one["paper"] == paper]
        if places:
            loan = self.loans[places[-1] - 1]
            with self.happens(allowed=who == loan["who"] and self.state(loan) == "requested"):
                withdraw(self.app, who, places[-1])
                loan["state"] = "withdrawn"

    @rule(who=people, paper=papers)
    def fetch(self, who: str, paper: str) -> None:
        loan = self.open(paper)
        theirs = loan is not None and who in {loan["who"], "head"} and self.state(loan) == "approved"
        with self.happens(allowed=theirs):
            loans.fetch(self.app, who, paper)
            assert loan is not None
            loan["state"] = "lent"

    @rule(who=people, paper=papers)
    def give_back(self, who: str, paper: str) -> None:
        loan = self.open(paper)
        theirs = loan is not None and who in {loan["who"], "head"} and self.state(loan) != "requested"
        with self.happens(allowed=theirs):
            loans.give_back(self.app, who, paper)
            assert loan is not None
            loan["state"] = "returned"

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.clock.move(days=days)

    # -- and what the database says --------------------------------------------------------------------------

    @invariant()
    def lists_are_those_of_the_model(self) -> None:
        with self.app.read("documents") as ctx:
            rows = ctx.connection.execute(loan_reading.select(ctx, everything=True)).mappings().all()
            told = [one["state"] for one in loan_reading.as_json(ctx, rows)]
            assert told == [self.state(one) for one in self.loans]
            for state in STATES:
                found = ctx.connection.execute(loan_reading.select(ctx, state=state)).all()
                wanted = [n for n, one in enumerate(self.loans, 1) if self.state(one) == state]
                assert [row.id for row in found] == wanted, state
            for who in ROLES:
                keys = [int(item.key.split(":")[1]) for item in work(who, None, ctx)]
                assert sorted(keys) == [n for n, one in enumerate(self.loans, 1) if self.waits(who, one)]

    def waits(self, who: str, loan: dict[str, Any]) -> bool:
        state, soon = self.state(loan), loan["due"] <= self.today + timedelta(days=REMINDER_DAYS)
        if state == "approved":
            return bool(who == loan["who"])
        return state in {"lent", "overdue"} and soon and who in {loan["who"], loan["by"]}


@pytest.mark.slow
def test_the_life_of_loans_is_that_of_the_model():
    run_state_machine_as_test(Life, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))


def test_a_short_life_of_loans_is_that_of_the_model():
    run_state_machine_as_test(Life, settings=settings(max_examples=3, stateful_step_count=12, deadline=None))
