"""What the core gives to plugins that make documents: numbers, and locks on customers with their group."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import BadConfig, Customer, lock_customers, new_number
from crmcore.app import App
from crmcore.testing import ACTOR

PATIENCE = 10
"""Seconds."""


def numbers(
    app: App, count: int, name: str = "order", pattern: str = "SO{year}{seq:04}", plugin: str = "crmcore"
) -> list[str]:
    with app.write(ACTOR, plugin=plugin) as tx:
        return [new_number(tx, name, pattern) for _ in range(count)]


def test_numbers_follow_each_other_in_each_series(make_app: Callable[..., App], database: str) -> None:
    app = make_app(database=database)
    assert numbers(app, 2) == ["SO20260001", "SO20260002"]
    assert numbers(app, 1) == ["SO20260003"]
    assert numbers(app, 1, "quotation") == ["SO20260001"], "each series counts by itself"
    assert numbers(app, 1, plugin="records") == ["SO20260001"], "and those of each plugin"
    assert numbers(app, 1, pattern="R-{seq}") == ["R-1"]


def test_a_rolled_back_transaction_gives_its_numbers_back(
    make_app: Callable[..., App], database: str
) -> None:
    app = make_app(database=database)

    def give_up() -> None:
        with app.write(ACTOR) as tx:
            new_number(tx, "order", "SO{seq}")
            raise LookupError

    with pytest.raises(LookupError):
        give_up()
    assert numbers(app, 1, pattern="SO{seq}") == ["SO1"]


def test_a_pattern_that_is_none_is_named(make_app: Callable[..., App]) -> None:
    with pytest.raises(BadConfig, match=r"the code pattern 'SO\{number\}' is not allowed"):
        numbers(make_app(), 1, pattern="SO{number}")


def test_a_very_long_pattern_still_counts(make_app: Callable[..., App], database: str) -> None:
    app = make_app(database=database)
    pattern = "X" * 40 + "{seq}"
    assert numbers(app, 2, "n" * 100, pattern) == ["X" * 40 + "1", "X" * 40 + "2"]


# -- locks -------------------------------------------------------------------------------------------------------


def group(app: App) -> dict[str, int]:
    """Write a group of four (top ← middle ← leaf, top ← sister) and a stranger; returns their ids."""
    ids: dict[str, int] = {}
    for code, parent in (
        ("top", None),
        ("middle", "top"),
        ("leaf", "middle"),
        ("sister", "top"),
        ("stranger", None),
    ):
        with app.write(ACTOR) as tx:
            row = {"code": code, "name": code, "parent_id": ids.get(parent or "")}
            (ids[code],) = tx.insert(Customer, [row])
    return ids


def waits(app: App, first: int, second: int) -> bool:
    """Say whether who locks a second customer waits for who has locked a first one."""
    order: list[str] = []
    locked, begun = threading.Event(), threading.Event()

    def follow() -> None:
        locked.wait(PATIENCE)
        with app.write(ACTOR) as tx:
            begun.set()
            lock_customers(tx, [second])
            order.append("second")

    thread = threading.Thread(target=follow)
    thread.start()
    with app.write(ACTOR) as tx:
        lock_customers(tx, [first])
        locked.set()
        begun.wait(PATIENCE if tx.connection.dialect.name == "postgresql" else 0.2)
        thread.join(0.5)
        order.append("first")
    thread.join(PATIENCE)
    return order == ["first", "second"]


@pytest.mark.parametrize(
    "others", [("leaf", "sister"), ("sister", "leaf"), ("leaf", "top"), ("top", "middle")]
)
def test_two_of_one_group_wait_for_each_other(
    make_app: Callable[..., App], database: str, others: Any
) -> None:
    app = make_app(database=database)
    ids = group(app)
    assert waits(app, *(ids[code] for code in others))


@pytest.mark.postgres
def test_strangers_do_not_wait_for_each_other(make_app: Callable[..., App]) -> None:
    app = make_app(database="postgres")
    ids = group(app)
    assert not waits(app, ids["leaf"], ids["stranger"])


@pytest.mark.postgres
def test_who_moved_to_another_group_meanwhile_is_locked_with_that_one(make_app: Callable[..., App]) -> None:
    app = make_app(database="postgres")
    ids = group(app)
    moving, done = threading.Event(), threading.Event()

    def move() -> None:
        with app.write(ACTOR) as tx:
            tx.update(Customer, [(ids["leaf"], {"parent_id": ids["stranger"]})])
            moving.set()
            done.wait(0.5)

    thread = threading.Thread(target=move)
    thread.start()
    moving.wait(PATIENCE)
    with app.write(ACTOR) as tx:
        lock_customers(tx, [ids["leaf"]])
        with app.engine.connect() as other, pytest.raises(sa.exc.OperationalError):
            query = sa.text("SELECT id FROM customer WHERE id = :id FOR UPDATE NOWAIT")
            other.execute(query, {"id": ids["stranger"]})
    done.set()
    thread.join(PATIENCE)


def test_parents_in_a_circle_are_no_trap(make_app: Callable[..., App], database: str) -> None:
    app = make_app(database=database)
    ids = group(app)
    with app.write(ACTOR) as tx:
        tx.update(Customer, [(ids["top"], {"parent_id": ids["leaf"]})])
    with app.write(ACTOR) as tx:
        lock_customers(tx, [ids["leaf"], ids["stranger"], 999])
