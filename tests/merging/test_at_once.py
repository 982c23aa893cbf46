"""Two who merge at the same moment, and one who writes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from crmcore.api import App, Customer, Interaction
from crmcore.builtin.duplicates import asking
from crmcore.builtin.records.services import interactions
from crmcore.builtin.records.services.values import By
from crmcore.errors import CrmError
from crmcore.testing import ACTOR, AppOpener
from tests.merging.conftest import merged, unmerged

TURNS = 6


def together(*calls: Callable[[], Any]) -> list[Any]:
    results: dict[int, Any] = {}

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            results[place] = call()
        except CrmError as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [results[place] for place in range(len(calls))]


@pytest.fixture
def app(make_app: Callable[..., App], database: str) -> App:
    """Return a company of many pairs."""
    app = make_app((), database)
    with app.write(ACTOR) as tx:
        tx.insert(Customer, [{"code": f"{side}{n}", "name": side} for n in range(TURNS) for side in "AB"])
    return app


def test_of_two_who_merge_the_same_pair_one_does_and_one_is_told(app: App, reopen: AppOpener):
    other = reopen(app)
    for n in range(TURNS):
        done = together(partial(merged, app, f"A{n}", f"B{n}"), partial(merged, other, f"A{n}", f"B{n}"))
        told = [str(result) for result in done if isinstance(result, CrmError)]
        assert told == [f"'A{n}' was merged into 'B{n}' already"]
    with app.read() as ctx:
        assert ctx.connection.scalar(sa.text("SELECT count(*) FROM customer_merge")) == TURNS


def test_of_two_who_merge_both_ways_one_does_and_one_is_told(app: App, reopen: AppOpener):
    other = reopen(app)
    for n in range(TURNS):
        done = together(partial(merged, app, f"A{n}", f"B{n}"), partial(merged, other, f"B{n}", f"A{n}"))
        assert sum(isinstance(result, CrmError) for result in done) == 1


def test_of_two_who_take_the_same_merge_back_one_does(app: App, reopen: AppOpener):
    other = reopen(app)
    for n in range(TURNS):
        merged(app, f"A{n}", f"B{n}")
        done = together(partial(unmerged, app, f"A{n}"), partial(unmerged, other, f"A{n}"))
        assert sum(isinstance(result, CrmError) for result in done) == 1


def test_what_is_written_meanwhile_is_never_left_with_who_is_gone(
    app: App, reopen: AppOpener, monkeypatch: pytest.MonkeyPatch
):
    """The merge stands still after it has asked the plugins; who writes then waits and finds the remaining customer."""
    other = reopen(app)
    asked, written = threading.Event(), threading.Event()
    ask = asking.ask_all

    def slowly(*arguments: Any) -> Any:
        moved = ask(*arguments)
        asked.set()
        written.wait(0.5)
        return moved

    monkeypatch.setattr(asking, "ask_all", slowly)

    def talk() -> str:
        assert asked.wait(30)
        try:
            return str(interactions.add(other, By(ACTOR), "A0", {"channel": "phone", "subject": "s"}))
        finally:
            written.set()

    done = together(lambda: merged(app, "A0", "B0"), talk)
    assert not [result for result in done if isinstance(result, CrmError)]
    table, customers = Interaction.__table__, Customer.__table__  # type: ignore[attr-defined]
    query = sa.select(customers.c.code).join(table, table.c.customer_id == customers.c.id)
    with app.read() as ctx:
        assert ctx.connection.scalars(query).all() == ["B0"]
