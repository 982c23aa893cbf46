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
APPROVERS = frozenset({"boss", "second", ACTOR})
"""Who has the permission `approve`; the administrator has every one."""
HELD = {
    'permission = "approve"': APPROVERS,
    'role = "sales_representative"': frozenset({"clerk", ACTOR}),
    'role = "reader"': frozenset({"second", ACTOR}),
}
"""What a band may ask for → who has it."""
Band = tuple[int | None, str, bool]
"""Up to how many yuan, who decides, whether deputies may."""
BANDS: list[list[Band]] = [
    [],
    [(None, 'permission = "approve"', False)],
    [(100, 'role = "sales_representative"', True), (None, 'permission = "approve"', False)],
    [(100, 'role = "sales_representative"', False), (500, 'role = "reader"', True)],
    [
        (100, 'role = "reader"', False),
        (500, 'role = "sales_representative"', True),
        (None, 'role = "reader"', True),
    ],
]
people = st.sampled_from(list(ROLES))
numbers = st.integers(1, 6)
amounts = st.sampled_from([None, 0, 100, 101, 500, 501])
laws = st.tuples(st.sampled_from(BANDS), st.booleans())
"""Amount bands, and whether who asks may decide."""


def toml(bands: list[Band], *, single_person: bool) -> str:
    """Write what a company decides of approvals for crm.toml."""
    entries = [
        "{"
        + (f'up_to = "{up_to}", ' if up_to is not None else "")
        + f"{holder}, deputies = {str(may).lower()}}}"
        for up_to, holder, may in bands
    ]
    listed = f"bands.general = [{', '.join(entries)}]\n" if entries else ""
    return f"\n[plugins.approvals]\nsingle_person = {str(single_person).lower()}\n{listed}"


def who_decides(bands: list[Band], amount: int | None) -> tuple[frozenset[str], bool]:
    """Return who has what it takes for an amount, and whether deputies may, as the manual says it."""
    reaching = [band for band in bands if band[0] is None or (amount is not None and amount <= band[0])]
    if not reaching:
        return APPROVERS, True
    able = frozenset().union(*(HELD[holder] for _up_to, holder, _may in reaching))
    ends = bands[-1][0] is not None
    return able | (APPROVERS if ends else {ACTOR}), reaching[0][2]


class Life(RuleBasedStateMachine):
    """Requests of one kind, in a company whose people stand in for each other, and which changes its rules, now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StandingClock(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
        self.folder = tempfile.TemporaryDirectory()
        self.app = make_workspace(Path(self.folder.name) / "c", None, ACTOR, self.clock)
        self.model: dict[int, dict[str, Any]] = {}
        self.deputies: list[tuple[str, str, date, date]] = []
        self.file = Path(self.app.config.path)
        self.text = self.file.read_text("utf-8")
        self.bands: list[Band] = []
        self.single_person = False

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

    @initialize(law=laws)
    def found_the_firm(self, law: tuple[list[Band], bool]) -> None:
        self.enact(*law)

    @rule(law=laws)
    def decree(self, law: tuple[list[Band], bool]) -> None:
        self.enact(*law)

    def enact(self, bands: list[Band], single_person: bool) -> None:  # noqa: FBT001  (drawn)
        self.file.write_text(self.text + toml(bands, single_person=single_person), "utf-8")
        self.app.refresh()
        self.bands, self.single_person = bands, single_person

    @rule(
        actor=st.sampled_from(["clerk", "boss", "second"]),
        key=st.sampled_from([None, "a", "b"]),
        amount=amounts,
    )
    def ask(self, actor: str, key: str | None, amount: int | None) -> None:
        about = {} if amount is None else {"amount_minor": amount * 100, "currency": "CNY"}
        with self.app.write(actor) as tx:
            (number,) = request_approvals(tx, [ApprovalRequest("general", "x", key=key, **about)])  # type: ignore[arg-type]
        waiting = [
            n for n, m in self.model.items() if key and m["key"] == key and self.state(n) == "requested"
        ]
        if waiting:
            assert [number] == waiting, "one open request per matter"
        else:
            assert number == len(self.model) + 1
            able, deputies = who_decides(self.bands, amount)
            self.model[number] = {"key": key, "by": actor, "state": "requested", "until": self.today}
            self.model[number] |= {"able": able, "deputies": deputies, "single_person": False}
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
            self.model[number]["single_person"] = actor == self.model[number]["by"]

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
        one = self.model[number]
        held, by = one["able"], one["by"]
        able = set(held)
        for deputy, absent, since, until in self.deputies:
            if one["deputies"] and since <= self.today <= until and absent in held - {by}:
                able.add(deputy)
        return able - {by} | ({by} & held if self.single_person else set())

    # -- and what the database says --------------------------------------------------------------------------

    @invariant()
    def states_and_inboxes_are_those_of_the_model(self) -> None:
        with self.app.read() as ctx:
            found = find_approvals(ctx, range(1, 100))
            assert {n: one.state for n, one in found.items()} == {n: self.state(n) for n in self.model}
            actors = everybody(ctx.connection, self.app.config, ctx.today)
            for number in self.model:
                row = queries.read_row(ctx.connection, number)
                found_able = queries.deciders(row, actors, ctx.today, single_person=self.single_person)
                assert set(found_able) == self.deciders(number)
                assert row["single_person"] == self.model[number]["single_person"]
            for actor in ROLES:
                mine = {n for n in self.model if actor in self.deciders(n)}
                own = standing(ctx.connection, self.app.config, actor)
                absent = stood_in_for(ctx.connection, self.app.config, actor, ctx.today)
                inbox = queries.in_inbox(own, absent, ctx.today, single_person=self.single_person)
                query = queries.select(ctx.today, inbox)
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
