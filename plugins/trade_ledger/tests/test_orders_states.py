"""Whatever people do with orders, in whatever sequence: states, what is open, holds and steps stay in step with a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crmcore.api import App, Customer, Refused
from crmcore.testing import ACTOR, PluginInstaller
from crmcore_trade_ledger.listing import Wanted
from crmcore_trade_ledger.ordering.adding import NewOrder, add_order
from crmcore_trade_ledger.ordering.cancelling import cancel_order
from crmcore_trade_ledger.ordering.held import release_held
from crmcore_trade_ledger.ordering.listing import list_orders, show_order
from crmcore_trade_ledger.ordering.releasing import release_order
from crmcore_trade_ledger.rules_orders import cancel_obstacle, lacking, release_obstacle
from plugins.trade_ledger.tests import ordering

STATES = ("draft", "released", "delivered", "invoiced", "cancelled")


@pytest.mark.parametrize("state", STATES)
def test_only_a_draft_can_be_released(state: str):
    assert (release_obstacle(state) is None) == (state == "draft")


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_not_begun_can_be_cancelled(state: str):
    assert (cancel_obstacle(state, begun=False) is None) == (state in {"draft", "released"})
    assert cancel_obstacle(state, begun=True) is not None


@pytest.mark.parametrize("state", STATES)
def test_only_of_what_is_begun_and_not_done_the_rest_can_be_cancelled(state: str):
    assert (cancel_obstacle(state, begun=True, rest=True) is None) == (state == "released")
    assert cancel_obstacle(state, begun=False, rest=True) is not None


@given(st.lists(st.sampled_from([None, "a", "b"])), st.sets(st.sampled_from(["a", "b", "c"])))
def test_each_permission_is_needed_and_what_is_nobodys_is_nobodys(
    permissions: list[str | None], own: set[str]
):
    allowed = lacking(permissions, own.__contains__) is None
    assert allowed == all(one is not None and one in own for one in permissions)


@dataclass
class Model:
    """An order as the office remembers it."""

    amount: int
    state: str = "draft"
    held: bool = False
    steps: list[str] = field(default_factory=lambda: ["add"])


class Office(RuleBasedStateMachine):
    """Orders of one customer with a warden over what is open, who may be gone over."""

    app: App

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, Model] = {}
        self.limit = 0

    @initialize(limit=st.integers(0, 30))
    def begin(self, limit: int) -> None:
        with self.app.read() as ctx:
            left = [
                row["number"]
                for row in list_orders(ctx.connection, Wanted("order", None, None), 1_000, None)
                if row["state"] in {"draft", "released"}
            ]
        for number in left:
            cancel_order(self.app, ACTOR, number, "a new round")
        self.set_limit(limit)

    @rule(limit=st.integers(0, 30))
    def set_limit(self, limit: int) -> None:
        self.limit = limit
        ordering.rule(self.app.config.folder, limit * 100)

    @rule(amount=st.integers(1, 20))
    def add(self, amount: int) -> None:
        number = add_order(self.app, ACTOR, NewOrder("C1", amount=Decimal(amount)))
        assert number not in self.orders
        self.orders[number] = Model(amount)

    def open(self) -> int:
        return sum(one.amount for one in self.orders.values() if one.state == "released")

    def fits(self, order: Model) -> bool:
        return self.open() + order.amount <= self.limit

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.orders)))
        order = self.orders[number]
        if order.state != "draft":
            with pytest.raises(Refused):
                release_order(self.app, ACTOR, number)
            return
        order.held = not self.fits(order)
        assert bool(release_order(self.app, ACTOR, number)) == order.held
        if not order.held:
            order.state = "released"
            order.steps.append("release")

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def release_over_hold(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.orders)))
        order = self.orders[number]
        if order.state != "draft":
            return
        step = "release" if self.fits(order) else "release_over_hold"
        assert release_order(self.app, ACTOR, number, over_hold="as I say") == []
        order.state, order.held = "released", False
        order.steps.append(step)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.orders)))
        order = self.orders[number]
        if order.state == "cancelled":
            with pytest.raises(Refused):
                cancel_order(self.app, ACTOR, number, "twice")
            return
        cancel_order(self.app, ACTOR, number, "no need")
        order.state, order.held = "cancelled", False
        order.steps.append("cancel")

    @rule()
    def ask_again(self) -> None:
        held = {number: one for number, one in self.orders.items() if one.held}
        released = 0
        for order in held.values():  # in the order they were added, for they are of one day
            if self.fits(order):
                order.state, order.held = "released", False
                order.steps.append("release")
                released += 1
        assert release_held(self.app, ACTOR) == {"asked": len(held), "released": released}

    def teardown(self) -> None:
        with self.app.read("trade_ledger") as ctx:
            fact = ctx.facts.select("orders_open").subquery()
            open_minor = {row.document: row.open_minor for row in ctx.connection.execute(fact.select())}
            for number, order in self.orders.items():
                shown = show_order(ctx.connection, number)
                steps = [one["step"] for one in shown["steps"]]
                assert (shown["state"], shown["held"], steps) == (order.state, order.held, order.steps)
                left = order.amount * 100 if order.state == "released" else 0
                assert shown["open_minor"] == open_minor.get(number, 0) == left
                assert all(one["ended_at"] for one in shown["holds"]) != order.held or not shown["holds"]


@pytest.fixture
def office(make_app: Callable[..., App], install_plugin: PluginInstaller, database: str) -> type[Office]:
    """Return the machine over a company on each kind of database."""
    install_plugin("warden", ordering.WARDEN)
    app = make_app(["trade_ledger", "warden"], database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": "C1", "name": "Firm"}])
    return type("OfficeHere", (Office,), {"app": app})


@pytest.mark.slow
def test_orders_stay_in_step_with_a_model(office: Any):
    quick = settings(
        max_examples=15,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(office, settings=quick)
