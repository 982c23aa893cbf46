"""Proposals, decisions, raises that end, orders: whatever is done in whatever order, the books are those of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crmcore.api import CrmError, OrderRelease, ask_holds

pytestmark = pytest.mark.slow
MANAGERS = ("boss", "vice")
PEOPLE = (*MANAGERS, "li")
PLACES = ("TOP", "SUB", "LONE")
NUMBERS = count(1)


@dataclass
class Asked:
    """A request as the model knows it."""

    number: int
    place: str
    amount: int
    by: str
    on: date
    until: date | None
    state: str = "open"


@dataclass
class Model:
    """What should be in the books."""

    requests: list[Asked] = field(default_factory=list)
    decided: list[tuple[str, int, date, date | None]] = field(default_factory=list)
    open: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PLACES, 0))

    def limit(self, place: str, today: date) -> int | None:
        """Return the limit that counts: look through all decisions, the last that holds is it."""
        found = None
        for whose, amount, _on, until in self.decided:
            if whose == place and (until is None or until >= today):
                found = amount
        return found

    def may_release(self, place: str, amount: int, today: date) -> bool:
        """Say whether an order fits into each limit there is."""
        own = self.limit(place, today)
        group = self.limit("TOP", today) if place != "LONE" else None
        used = self.open["TOP"] + self.open["SUB"]
        if own is None and group is None:  # only what a credit note pays for
            return self.open[place] + amount <= 0
        fits_own = own is None or self.open[place] + amount <= own
        return fits_own and (group is None or used + amount <= group)


class Credit(RuleBasedStateMachine):
    """What people may do; `trade` and `clock` are set by the test."""

    trade: Any
    clock: Any

    def __init__(self) -> None:
        """Work with customers of its own: the company is the same in each run."""
        super().__init__()
        run = next(NUMBERS)
        self.codes = {place: f"{place}{run}" for place in PLACES}
        self.trade.add(self.codes["TOP"], self.codes["LONE"])
        self.trade.add(self.codes["SUB"], parent=self.codes["TOP"])
        for code in self.codes.values():
            self.trade.grade(code)
        self.ids = {place: self.trade.id_of(code) for place, code in self.codes.items()}
        self.model = Model()

    @property
    def today(self) -> date:
        """The company's day."""
        with self.trade.app.read() as ctx:
            day: date = ctx.today
        return day

    @rule(
        by=st.sampled_from(PEOPLE),
        place=st.sampled_from(PLACES),
        amount=st.integers(1, 500),
        days=st.none() | st.integers(0, 8),
    )
    def propose(self, by: str, place: str, amount: int, days: int | None) -> None:
        from crmcore_credit_5c.limiting.proposing import Wish, propose

        today = self.today
        until = None if days is None else today + timedelta(days)
        waits = any(one.place == place and self.is_open(one, today) for one in self.model.requests)
        wish = Wish(f"{amount}.00", until)
        if waits:
            with pytest.raises(CrmError):
                propose(self.trade.app, by, self.codes[place], wish)
            return
        made = propose(self.trade.app, by, self.codes[place], wish)
        assert made["amount_minor"] == amount * 100
        self.model.requests.append(Asked(made["request"], place, amount * 100, by, today, until))

    @staticmethod
    def is_open(one: Asked, today: date) -> bool:
        return one.state == "open" and today <= one.on + timedelta(14)

    @precondition(lambda self: self.model.requests)
    @rule(by=st.sampled_from(PEOPLE), approve=st.booleans(), which=st.integers(0, 3))
    def decide(self, by: str, approve: bool, which: int) -> None:  # noqa: FBT001
        from crmcore_credit_5c.limiting.deciding import decide

        asked, today = self.model.requests[-1 - which % len(self.model.requests)], self.today
        may = by in MANAGERS and by != asked.by and self.is_open(asked, today)
        too_late = approve and asked.until is not None and asked.until < today
        decision = "approve" if approve else "reject"
        if not may or too_late:
            with pytest.raises(CrmError):
                decide(self.trade.app, by, asked.number, decision, "because")  # type: ignore[arg-type]
            return
        decide(self.trade.app, by, asked.number, decision, "because")  # type: ignore[arg-type]
        asked.state = decision
        if approve:
            self.model.decided.append((asked.place, asked.amount, today, asked.until))

    @rule(place=st.sampled_from(PLACES), amounts=st.lists(st.integers(1, 20_000), min_size=1, max_size=3))
    def release(self, place: str, amounts: list[int]) -> None:
        today = self.today
        with self.trade.app.write("tester", plugin="fake_trade") as tx:
            orders = [
                OrderRelease(self.ids[place], -1 - n, f"O{n}", amount, "CNY", today, None)
                for n, amount in enumerate(amounts)
            ]
            held = {hold.index for hold in ask_holds(tx, orders)}
        for n, amount in enumerate(amounts):
            free = self.model.may_release(place, amount, today)
            assert free == (n not in held)
            if free:
                self.model.open[place] += amount
                self.trade.row("orders_open", self.codes[place], amount)

    @rule(place=st.sampled_from(PLACES), amount=st.integers(-5_000, 10_000))
    def invoice(self, place: str, amount: int) -> None:
        self.trade.row("receivables", self.codes[place], amount, due="2999-12-31")
        self.model.open[place] += amount

    @rule(days=st.integers(1, 6))
    def wait(self, days: int) -> None:
        self.clock.move(days=days)

    @invariant()
    def books_are_those_of_the_model(self) -> None:
        from crmcore_credit_5c.limiting.current import current_limits
        from crmcore_credit_5c.limiting.exposure import exposures

        with self.trade.app.read("credit_5c") as ctx:
            limits = current_limits(ctx, self.ids.values())
            used = exposures(ctx, self.ids.values())
            groups = exposures(ctx, [self.ids["SUB"]], group=True)
        for place, number in self.ids.items():
            held = limits[number].limit_minor if number in limits else None
            assert held == self.model.limit(place, ctx.today)
            assert used[number].exposure_minor == self.model.open[place]
        both = self.model.open["TOP"] + self.model.open["SUB"]
        assert groups[self.ids["SUB"]].exposure_minor == both


@pytest.fixture
def machine(make_trade: Any, crm: Any, clock: Any, database: str) -> type[Credit]:
    trade = make_trade(database)
    for code in MANAGERS:
        crm.ok("actor", "add", code, "--role", "general_manager")
    crm.ok("actor", "add", "li", "--role", "sales_representative")
    return type("Credit", (Credit,), {"trade": trade, "clock": clock})


def test_limits_orders_and_decisions_are_those_of_the_model(machine: type[Credit]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
