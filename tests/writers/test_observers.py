"""Observers learn of each change once in effect and in order: of late commits too, after kills, with several at it."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import Customer
from crmcore.app import App
from crmcore.plugins import observers
from crmcore.plugins.observers import deliver
from crmcore.testing import ACTOR
from tests.writers.conftest import logged

DELIVER = """
import sys
from crmcore.app import create_app
from crmcore.plugins import observers
observers.BATCH = 7
app = create_app(sys.argv[1])
observers.deliver(app)
app.close()
"""
WRITE = """
import sys
from crmcore.api import Customer
from crmcore.app import create_app
app = create_app(sys.argv[1])
for turn in range(int(sys.argv[3])):
    with app.write("tester") as tx:
        tx.insert(Customer, [{"code": f"{sys.argv[2]}{turn}-{n}", "name": "x"} for n in range(3)])
app.close()
"""


def add(tx: Any, *codes: str) -> None:
    """Insert customers."""
    tx.insert(Customer, [{"code": code, "name": code} for code in codes])


@pytest.fixture
def apps(watched: App, reopen: Any) -> list[App]:
    """Return the company as four processes have it open."""
    return [watched, *(reopen(watched) for _ in range(3))]


on_postgres = pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)])
"""On SQLite a transaction that is open lets nobody else write."""


def begun(app: App, **options: Any) -> tuple[ExitStack, Any]:
    """Open a transaction that is ended later, by `end`."""
    stack = ExitStack()
    return stack, stack.enter_context(app.write(ACTOR, **options))


def end(stack: ExitStack, *, well: bool) -> None:
    """Commit a transaction, or roll it back."""
    if well:
        stack.close()
        return
    with pytest.raises(ZeroDivisionError), stack:
        raise ZeroDivisionError


# -- a transaction that commits late ----------------------------------------------------------------------------------


@on_postgres
@pytest.mark.parametrize("small", [1, 40])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_changes_behind_a_long_transaction_wait_for_its_end(
    apps: list[App], seen: Any, small: int, ending: str
) -> None:
    long, *others = apps
    transaction, tx = begun(long)
    add(tx, "LATE-1")
    for n in range(small):
        with others[n % 3].write(ACTOR) as other:
            add(other, f"SMALL-{n}")
        deliver(others[0])
    assert seen() == []
    add(tx, "LATE-2")
    end(transaction, well=ending == "commit")
    deliver(others[0])
    assert seen() == logged(long)
    assert len(seen()) == small + 2 * (ending == "commit")


@on_postgres
def test_changes_of_a_savepoint_come_with_their_transaction(apps: list[App], seen: Any) -> None:
    with apps[0].write(ACTOR) as tx:
        with tx.connection.begin_nested():
            add(tx, "INNER-1")
            with apps[1].write(ACTOR) as other:
                add(other, "BETWEEN")
        with tx.connection.begin_nested():
            add(tx, "INNER-2")
        with apps[2].write(ACTOR) as other, other.connection.begin_nested():
            add(other, "LAST")
        deliver(apps[3])
        assert seen() == []
    assert seen() == logged(apps[0])
    assert len(seen()) == 4


@on_postgres
def test_who_only_reads_for_long_holds_nothing_up(apps: list[App], seen: Any) -> None:
    with apps[0].read() as ctx, apps[1].write(ACTOR) as idle:
        ctx.connection.scalar(sa.text("SELECT count(*) FROM customer"))
        idle.connection.scalar(sa.text("SELECT count(*) FROM customer"))
        with apps[2].write(ACTOR) as tx:
            add(tx, "A")
        assert seen() == logged(apps[0])
        assert len(seen()) == 1


@on_postgres
@pytest.mark.parametrize("seed", range(6))
def test_however_transactions_interleave_each_change_is_told_once_and_in_order(
    apps: list[App], seen: Any, seed: int
) -> None:
    chance = random.Random(seed)
    open_ones: dict[int, tuple[ExitStack, Any]] = {}
    for step in range(60):
        number = chance.randrange(3)
        if number not in open_ones:
            open_ones[number] = begun(apps[number], bulk=True)
        elif chance.random() < 0.5:
            add(open_ones[number][1], f"K{step}")
        else:
            end(open_ones.pop(number)[0], well=chance.random() < 0.7)
        if chance.random() < 0.3:
            deliver(apps[3])
            assert seen() == logged(apps[3])[: len(seen())]
    for transaction, _tx in open_ones.values():
        end(transaction, well=True)
    deliver(apps[3])
    assert seen() == logged(apps[3])


def test_of_writers_who_wait_for_each_other_each_change_is_told_once(apps: list[App], seen: Any) -> None:
    held, told = threading.Event(), threading.Event()

    def late() -> None:
        with apps[0].write(ACTOR) as tx:
            add(tx, "LATE-1")
            held.set()
            told.wait(0.3)
            add(tx, "LATE-2")

    thread = threading.Thread(target=late)
    thread.start()
    held.wait(10)
    with apps[1].write(ACTOR) as tx:
        add(tx, "OTHER")
    told.set()
    thread.join()
    deliver(apps[2])
    assert seen() == logged(apps[0])
    assert len(seen()) == 3


# -- observers that are killed, and several of them --------------------------------------------------------------------


def test_an_observer_that_is_killed_goes_on_where_it_was(watched: App, seen: Any, start_code: Any) -> None:
    with watched.write(ACTOR, bulk=True) as tx:
        add(tx, *(f"K{n}" for n in range(30)))
    places = logged(watched)
    for at in (places[0], places[10], places[22]):
        process = start_code(DELIVER, watched.config.folder, CRM_TEST_KILL_AT=str(at))
        process.communicate(timeout=60)
        assert process.returncode == -9
    process = start_code(DELIVER, watched.config.folder)
    assert process.communicate(timeout=60)[1] == ""
    told = seen()
    assert list(dict.fromkeys(told)) == places, "each at least once, and for the first time in order"
    assert len(told) <= len(places) + 3 * 7, "no more again than the batch that was under way"


def test_several_who_deliver_at_once_tell_each_change_once(watched: App, seen: Any, start_code: Any) -> None:
    folder = watched.config.folder
    slow = {"CRM_TEST_SLOW": "0.02"}
    running = [start_code(WRITE, folder, name, 6, **slow) for name in "AB"]
    running += [start_code(DELIVER, folder, **slow) for _ in range(2)]
    for process in running:
        assert process.communicate(timeout=120)[1] == ""
        assert process.returncode == 0
    deliver(watched)
    assert seen() == logged(watched)
    assert len(seen()) == 36


def test_what_is_written_while_another_is_just_done_delivering_is_told_by_that_one(
    apps: list[App], seen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, late = observers._deliver_batch, iter([True])

    def batch(app: App, hosted: Any) -> bool:
        more = original(app, hosted)
        if not more and app is apps[0] and next(late, False):
            with apps[1].write(ACTOR) as tx:  # which finds that somebody is delivering
                add(tx, "LATE")
            assert len(seen()) == 1
        return more

    monkeypatch.setattr(observers, "_deliver_batch", batch)
    with apps[0].write(ACTOR) as tx:
        add(tx, "FIRST")
    assert seen() == logged(apps[0])
    assert len(seen()) == 2
