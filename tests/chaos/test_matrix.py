"""Every hook, every fault, one at a time: the house stands, the fault is shown, and nothing goes past a broken guard.

One hook of each family tries all faults, the others the sample and each another part of the rest: the host calls all
hooks of a family alike. CRM_TEST_EVERY_POINT=1 tries every fault in every hook.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from crmcore.api import ApprovalRequest, CrmError, OrderRelease, ask_holds, collect_evidence, next_workday
from crmcore.builtin.duplicates import merging
from crmcore.builtin.privacy import erasing
from crmcore.builtin.privacy.persons import by_code
from crmcore.hookspecs import FAMILIES
from crmcore.plugins import host
from crmcore.testing import ACTOR
from tests.chaos.conftest import World, end_world, make_world, process_state
from tests.chaos.faults import FAULTS, ON_POSTGRES, Fault, apply

FEW = 300
"""How many results are too many here: the true number takes seconds."""
QUICK = {"validate_changes", "work_items"}
"""A decision and a contribution, with all faults in every run of the tests; the others take their time."""
SAMPLED = {"observe_changes", "reports", "code_generator"}
SAMPLE = {
    "raises",
    "exits",
    "recurses",
    "cannot_say_why",
    "is_interrupted",
    "returns_nothing",
    "returns_a_number",
    "fails_at_the_second",
    "returns_without_end",
    "updates",
    "breaks_the_connection",
    "prints",
    "asks",
    "changes_the_environment",
}
"""Of the other families one hook, and these faults."""
EVERY = os.environ.get("CRM_TEST_EVERY_POINT") == "1"
WHOLE = {*QUICK, "reports", "code_generator"}
"""A hook of each family."""
PARTS = 5
"""Of the faults outside of the sample, every other hook tries one of so many parts."""


def _quick(hook: str, name: str) -> bool:
    return hook in QUICK or (hook in SAMPLED and name in SAMPLE)


def _tried(hook: str, name: str) -> bool:
    part = (list(FAMILIES).index(hook) + list(FAULTS).index(name)) % PARTS
    rare = FAULTS[name].hooks is not None
    return EVERY or hook in WHOLE or name in SAMPLE or rare or part == 0


CASES = [
    pytest.param(hook, name, id=f"{hook}-{name}", marks=() if _quick(hook, name) else pytest.mark.slow)
    for hook, family in FAMILIES.items()
    for name, fault in FAULTS.items()
    if apply(fault, hook, family) and _tried(hook, name)
]


@dataclass
class Asked:
    """What came of asking a hook: whose answers there are, what was refused, what was told."""

    plugins: set[str] = field(default_factory=set)
    refused: str = ""
    told: str = ""


@contextmanager
def opened(world: World, asked: Asked) -> Iterator[Any]:
    """Ask in this process where no command asks yet."""
    with world.app() as app:
        try:
            yield app
        except CrmError as error:
            asked.refused = str(error)
        asked.told = "\n".join(app.warnings)


def typed(world: World, *words: object, kind: str = "") -> Asked:
    done = world.crm(*words, "--json")
    lines = done.lines() if done.exit_code == 0 else []
    found = {one["plugin"] for line in lines for one in line.get("sections", ())}
    found |= {line["plugin"] for line in lines if line.get("kind") == kind}
    return Asked(found, done.stderr if done.exit_code else "", done.stderr)


def ask_generally(hook: str) -> Callable[[World], Asked]:
    """Ask a hook through the host, as whoever uses it does."""

    def ask(world: World) -> Asked:
        asked, family = Asked(), FAMILIES[hook]
        with opened(world, asked) as app, app.read(actor=ACTOR) as ctx:
            if family == "registration":
                asked.plugins = {spec.plugin for spec in app.host.registered(hook)}
            elif family == "strategy":
                asked.plugins = {plugin for plugin, _offer in app.host.offers(hook).values()}
            else:
                raise AssertionError(f"say in ASK how {hook} is asked: {ctx}")
        return asked

    return ask


def ask_decision(hook: str, batch: str, of: Callable[[], list[Any]]) -> Callable[[World], Asked]:
    def ask(world: World) -> Asked:
        asked = Asked()
        with opened(world, asked) as app, app.write(ACTOR) as tx:
            app.host.decide(hook, tx, **{batch: of()})
        return asked

    return ask


def ask_to_release(world: World) -> Asked:
    """Ask whether an order may be delivered, as whoever releases one does."""
    asked = Asked()
    order = OrderRelease(1, 1, "SO1", 100, "CNY", date(2026, 3, 1), None)
    with opened(world, asked) as app, app.write(ACTOR) as tx:
        ask_holds(tx, [order])
    return asked


def ask_for_evidence(world: World) -> Asked:
    asked = Asked()
    with opened(world, asked) as app, app.read(actor=ACTOR) as ctx:
        asked.plugins = {one.plugin for one in collect_evidence(ctx, [1], ["chaos"])}
    return asked


def ask_policies(world: World) -> Asked:
    asked = Asked()
    with opened(world, asked) as app, app.read(actor=ACTOR) as ctx:
        asked.plugins = {p.plugin for p in app.host.service_policies([1], ctx.connection, ACTOR)}
    return asked


def ask_rate(world: World) -> Asked:
    asked = Asked()
    with opened(world, asked) as app, app.read(actor=ACTOR) as ctx:
        asked.plugins = {"chaos"} if ctx.facts.rate("USD", "CNY", date(2026, 3, 1)) == 7 else set()
    return asked


def ask_workday(world: World) -> Asked:
    asked = Asked()
    with opened(world, asked) as app, app.read(actor=ACTOR) as ctx:
        asked.plugins = {"chaos"} if next_workday(ctx, date(2026, 3, 1)) == date(2026, 3, 7) else set()
    return asked


def ask_for_a_person(world: World) -> Asked:
    return typed(world, "person", "export", "P1")


def ask_to_erase(world: World) -> Asked:
    """Ask for the plan of an erasure, which is its rehearsal, taken back."""
    asked = Asked()
    with opened(world, asked) as app:
        with app.read(actor=ACTOR) as ctx:
            person = by_code(ctx.connection, "P1")
        erasing.plan(app, ACTOR, [person])
    return asked


def ask_to_merge(world: World) -> Asked:
    """Ask for the plan of a merge, which is the merge, taken back."""
    asked = Asked()
    with opened(world, asked) as app:
        merging.plan_merge(app, ACTOR, merging.Wish("K2", "K1", "the same firm"))
    return asked


ASK: dict[str, Callable[[World], Asked]] = {
    "move_references": ask_to_merge,
    "export_persons": ask_for_a_person,
    "erase_persons": ask_to_erase,
    "card_sections": lambda world: typed(world, "customer", "show", "K1"),
    "work_items": lambda world: typed(world, "work", kind="work_item"),
    "alerts": lambda world: typed(world, "work", kind="alert"),
    "validate_changes": lambda world: typed(world, "customer", "add", "--name", "new", "--set", "fax=1"),
    "observe_changes": lambda world: typed(world, "customer", "add", "--name", "new"),
    "code_generator": lambda world: typed(world, "customer", "add", "--name", "new"),
    "currency_rates": ask_rate,
    "workdays": ask_workday,
    "service_policies": ask_policies,
    "release_orders": ask_to_release,
    "evidence": ask_for_evidence,
    "approve_requests": ask_decision(
        "approve_requests", "requests", lambda: [ApprovalRequest("witness", "Please")]
    ),
}
"""How a user comes to a hook; the others are asked through the host."""


@pytest.fixture(autouse=True)
def few_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MOST_RESULTS", FEW)


@pytest.mark.parametrize(("hook", "name"), CASES)
def test_one_fault_in_one_hook(world: World, hook: str, name: str) -> None:
    try_fault(world, hook, name, FAULTS[name])


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("hook", ["validate_changes", "work_items", "observe_changes"])
def test_faults_in_one_hook_on_postgresql(postgres_url: str, tmp_path: Path, hook: str) -> None:
    world = make_world(tmp_path, postgres_url)
    try:
        for name, fault in ON_POSTGRES.items():
            if apply(fault, hook, FAMILIES[hook]):
                try_fault(world, hook, name, fault)
    finally:
        end_world(world)


def try_fault(world: World, hook: str, name: str, fault: Fault) -> None:
    """Let a hook misbehave once, use it as a user does, and look at all that may have suffered."""
    ask = ASK.get(hook, ask_generally(hook))
    with world.misdeed(hook, name):
        if fault.end == "interrupts":
            it_is_the_users(world, ask)
            return
        state, facts = process_state(), world.facts()
        asked = ask(world)
        assert process_state() == state, "the process is as it was"
        assert "stolen" not in world.names()
        if fault.end == "works":
            answer_is_taken(world, hook, asked)
        elif FAMILIES[hook] == "decision":
            write_is_refused(world, hook, fault, asked, facts)
        elif fault.end == "breaks":
            nobody_can_go_on(world, hook, fault, asked)
            return
        elif FAMILIES[hook] == "strategy":
            who_asked_is_told(world, hook, fault, asked)
        else:
            part_is_missing(world, hook, fault, asked)
        the_house_stands(world, everything=FAMILIES[hook] == "registration")


def it_is_the_users(world: World, ask: Callable[[World], Asked]) -> None:
    try:
        asked = ask(world)
    except KeyboardInterrupt:
        asked = Asked(refused="crm: interrupted\n")
    assert asked.refused.endswith("crm: interrupted\n")
    with world.app() as app:
        assert "chaos" not in app.health


def answer_is_taken(world: World, hook: str, asked: Asked) -> None:
    assert not asked.refused
    assert "chaos" not in asked.told
    shown = world.listed()
    assert (shown["state"], shown["error"]) == ("enabled", None)


def is_kept(world: World, hook: str, fault: Fault, states: set[str]) -> None:
    shown = world.listed()
    assert shown["state"] in states
    assert shown["error"]["hook"] == hook
    assert shown["error"]["type"] in fault.error.split("|")
    assert fault.message in shown["error"]["message"]
    assert len(shown["error"]["message"]) <= 500
    assert shown["error"]["at"].startswith("20")


def write_is_refused(world: World, hook: str, fault: Fault, asked: Asked, facts: dict[str, int]) -> None:
    assert f"plugin 'chaos' failed in {hook} (" in asked.refused
    assert "so nothing was written; repair it or run: crm plugins disable chaos" in asked.refused
    assert world.facts() == facts, "nothing was written, nothing was logged"
    is_kept(world, hook, fault, {"enabled", "quarantined"})


def nobody_can_go_on(world: World, hook: str, fault: Fault, asked: Asked) -> None:
    sentence = (
        f"plugin 'chaos' broke the connection to the database in {hook}; run: crm plugins disable chaos"
    )
    assert sentence in asked.refused + asked.told
    assert asked.refused or hook == "observe_changes", "what was written is written, its changes wait"
    is_kept(world, hook, fault, {"enabled"})


def who_asked_is_told(world: World, hook: str, fault: Fault, asked: Asked) -> None:
    assert "chaos" in asked.refused + asked.told
    assert "chaos" not in asked.plugins
    is_kept(world, hook, fault, {"enabled", "quarantined"})


def part_is_missing(world: World, hook: str, fault: Fault, asked: Asked) -> None:
    assert not asked.refused
    assert "plugin 'chaos'" in asked.told
    assert "chaos" not in asked.plugins
    broken = FAMILIES[hook] == "registration"
    is_kept(world, hook, fault, {"broken", "quarantined"} if broken else {"enabled", "quarantined"})


def the_house_stands(world: World, *, everything: bool = True) -> None:
    """Use the rest while the fault goes on: other plugins' parts are there, and stdout is what was asked for."""
    work = world.crm.lines("work")
    assert {"before", "behind"} <= {one["plugin"] for one in work}
    (card,) = world.crm.lines("customer", "show", "K1")
    parts = {one["plugin"]: one["data"] for one in card["sections"]}
    assert parts["before"] == parts["behind"] == {"decimal": "0.3333333333333333333333333333"}
    if not everything:
        return
    reports = {one["name"] for one in world.crm.lines("report", "list")}
    assert {"witnessed_before", "witnessed_behind"} <= reports
    assert world.crm.lines("customer", "list")[0]["name"] == "first"


def test_every_hook_is_in_the_matrix() -> None:
    cases = {(str(case.values[0]), str(case.values[1])) for case in CASES}
    assert {hook for hook, _name in cases} == set(FAMILIES)
    assert {(FAMILIES[hook], name) for hook, name in cases} == {
        (family, name)
        for hook, family in FAMILIES.items()
        for name, fault in FAULTS.items()
        if apply(fault, hook, family)
    }, "each fault that makes sense in a family is tried in a hook of it"
    for hook, family in FAMILIES.items():
        if family in {"decision", "contribution"}:
            assert hook in ASK, f"say in ASK how a user comes to {hook}"


def test_a_chaos_plugin_that_behaves_is_no_chaos(world: World) -> None:
    the_house_stands(world)
    assert world.crm.ok("customer", "add", "--name", "well", "--json").json()["code"].startswith("M")
    assert world.names()[-1] == "well"
