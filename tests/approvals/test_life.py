"""The life of requests, at random: what the database says is what a simple model says, after every step."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crmcore.api import Actor, ApprovalRequest, Refused, find_approvals, request_approvals
from crmcore.builtin.approvals import queries
from crmcore.builtin.approvals.decisions import decide, expire, withdraw
from crmcore.builtin.approvals.standing import everybody, standing, stood_in_for
from crmcore.builtin.approvals.work import work
from crmcore.changes import read_after
from crmcore.entities.tables import ActorDeputy
from crmcore.testing import ACTOR, StandingClock
from crmcore.workspace import make_workspace

ROLES = {
    "rep": [],
    "clerk": ["sales_representative"],
    "boss": ["general_manager"],
    "second": ["general_manager", "reader"],
    ACTOR: ["administrator"],
}
FIRST = date(2026, 3, 2)
people = st.sampled_from(list(ROLES))
numbers = st.integers(1, 6)


class Life(RuleBasedStateMachine):
    """Requests of one kind, in a company whose people stand in for each other now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        self.folder = tempfile.TemporaryDirectory()
        self.app = make_workspace(Path(self.folder.name) / "c", None, ACTOR, self.clock)
        self.model: dict[int, dict[str, Any]] = {}
        self.deputies: list[tuple[str, str, date, date]] = []

    def teardown(self) -> None:
        self.app.close()
        self.folder.cleanup()

    @property
    def today(self) -> date:
        return self.clock().date()

    @initialize()
    def hire(self) -> None:
        with self.app.write(ACTOR) as tx:
            rest = [{"code": c, "name": c, "roles": r} for c, r in ROLES.items() if c != ACTOR]
            tx.insert(Actor, rest)
            rows = tx.connection.execute(sa.text("SELECT code, id FROM actor")).all()
            self.ids: dict[str, int] = {row.code: row.id for row in rows}

    # -- what people do --------------------------------------------------------------------------------------

    @rule(actor=st.sampled_from(["clerk", "boss", "second"]), key=st.sampled_from([None, "a", "b"]))
    def ask(self, actor: str, key: str | None) -> None:
        with self.app.write(actor) as tx:
            (number,) = request_approvals(tx, [ApprovalRequest("general", "x", key=key)])
        waiting = [
            n for n, m in self.model.items() if key and m["key"] == key and self.state(n) == "requested"
        ]
        if waiting:
            assert [number] == waiting, "one open request per matter"
        else:
            assert number == len(self.model) + 1
            self.model[number] = {"key": key, "by": actor, "state": "requested", "until": self.today}
            self.model[number]["until"] += timedelta(days=14)

    @rule(deputy=people, absent=people, shift=st.integers(-3, 10), length=st.integers(0, 10))
    def appoint(self, deputy: str, absent: str, shift: int, length: int) -> None:
        since = self.today + timedelta(days=shift)
        until = since + timedelta(days=length)
        ids = {"deputy_id": self.ids[deputy], "absent_id": self.ids[absent]}
        with self.app.write(ACTOR) as tx:
            tx.insert(ActorDeputy, [{**ids, "since": since, "until": until}])
        self.deputies.append((deputy, absent, since, until))

    @rule(actor=people, number=numbers, decision=st.sampled_from(["approve", "reject"]), reason=st.booleans())
    def decide(self, actor: str, number: int, decision: Any, reason: bool) -> None:  # noqa: FBT001  (drawn)
        if number not in self.model:
            return
        allowed = actor in self.deciders(number) and (reason or decision == "approve")
        try:
            decide(self.app, actor, number, decision, "because" if reason else "")
        except Refused:
            assert not allowed
        else:
            assert allowed
            self.model[number]["state"] = f"{decision}d" if decision == "approve" else "rejected"

    @rule(actor=st.sampled_from(["clerk", "boss", "second"]), number=numbers)
    def withdraw(self, actor: str, number: int) -> None:
        if number not in self.model:
            return
        allowed = self.model[number]["by"] == actor and self.state(number) == "requested"
        try:
            withdraw(self.app, actor, number)
        except Refused:
            assert not allowed
        else:
            assert allowed
            self.model[number]["state"] = "withdrawn"

    @rule(days=st.integers(1, 9))
    def wait(self, days: int) -> None:
        self.clock.move(days=days)

    @rule()
    def tidy(self) -> None:
        expire(self.app, ACTOR)

    # -- what the model says ---------------------------------------------------------------------------------

    def state(self, number: int) -> str:
        one = self.model[number]
        late = one["state"] == "requested" and self.today > one["until"]
        return "expired" if late else one["state"]

    def deciders(self, number: int) -> set[str]:
        if self.state(number) != "requested":
            return set()
        able, by = {"boss", "second", ACTOR}, self.model[number]["by"]
        for deputy, absent, since, until in self.deputies:
            if since <= self.today <= until and absent in {"boss", "second", ACTOR} - {by}:
                able.add(deputy)
        return able - {by}

    # -- and what the database says --------------------------------------------------------------------------

    @invariant()
    def states_and_inboxes_are_those_of_the_model(self) -> None:
        with self.app.read() as ctx:
            found = find_approvals(ctx, range(1, 100))
            assert {n: one.state for n, one in found.items()} == {n: self.state(n) for n in self.model}
            actors = everybody(ctx.connection, self.app.config, ctx.today)
            for number in self.model:
                row = queries.read_row(ctx.connection, number)
                assert set(queries.deciders(row, actors, ctx.today)) == self.deciders(number)
            for actor in ROLES:
                mine = {n for n in self.model if actor in self.deciders(n)}
                own = standing(ctx.connection, self.app.config, actor)
                absent = stood_in_for(ctx.connection, self.app.config, actor, ctx.today)
                query = queries.select(ctx.today, queries.in_inbox(own, absent, ctx.today))
                assert {row.id for row in ctx.connection.execute(query)} == mine
                items = {i.key for i in work(actor, None, ctx) if not i.key.endswith("answer")}
                assert items == {f"approval:{n}" for n in mine}
            for state in queries_states(self.model, self.state):
                rows = ctx.connection.execute(queries.select(ctx.today, state=state))
                assert {row.id for row in rows} == {n for n in self.model if self.state(n) == state}

    @invariant()
    def the_log_tells_each_step(self) -> None:
        with self.app.read() as ctx:
            changes = [
                c for _xid, c in read_after(ctx.connection, 0, 0, 10_000) if c.entity == "approval_request"
            ]
            stored = {
                row.id: row.state
                for row in ctx.connection.execute(sa.text("SELECT id, state FROM approval_request"))
            }
        told = {change.id: (change.after or {}).get("state", "requested") for change in changes}
        assert told == stored


def queries_states(model: Any, state: Any) -> set[str]:
    return {"requested", "expired", *(state(number) for number in model)}


@pytest.mark.slow
def test_the_life_of_requests_is_that_of_the_model():
    run_state_machine_as_test(Life, settings=settings(max_examples=6, stateful_step_count=20, deadline=None))
